"""How long an answer may be used again, by its HTTP headers. No I/O.

Source: RFC 9111 sections 4.2 (freshness), 4.2.4 (serving stale), 5.1 (Age), 5.2.2 (Cache-Control),
5.3 (Expires), as a private cache has it; A2A 1.0.1 section 8.6.2. The bounds are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import inf
from typing import Final

UNSAID_S: Final = 300.0
"""Freshness of an answer that says nothing about it (8.6.2 leaves it to us)."""
MAX_FRESH_S: Final = 86_400.0
"""Nothing is fresh for longer, whatever it says."""
MAX_STALE_S: Final = 3600.0
"""Beyond its freshness an answer may stand in for this long while its server cannot be reached."""

_DIRECTIVE: Final = re.compile(r'\s*([\w-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]+))?\s*(?:,|$)')
_TENTH: Final = 0.1
"""Share of its age, since Last-Modified, that an answer is fresh for (4.2.2)."""


@dataclass(frozen=True, slots=True)
class Validity:
    """What an answer's headers say about using it again.

    Attributes:
        is_kept: False when it may not be used again at all.
        fresh_until: Until then it is used as it is; on the clock of `at`, seconds.
        stale_until: Until then it may stand in when its server cannot be reached.
        etag: Its entity tag, or empty.
        last_modified: As sent, or empty.
    """

    is_kept: bool
    fresh_until: float
    stale_until: float
    etag: str = ""
    last_modified: str = ""

    def conditions(self) -> dict[str, str]:
        """The headers that ask whether it has changed (RFC 9110 section 13.1)."""
        found: dict[str, str] = {}
        if self.etag:
            found["if-none-match"] = self.etag
        if self.last_modified:
            found["if-modified-since"] = self.last_modified
        return found


def judge(headers: Mapping[str, str], *, at: float) -> Validity:
    """How long an answer may be used again.

    Args:
        headers: Of the answer, by lower-case name; of a 304, over those of what it confirms.
        at: When it came, seconds on the caller's monotonic clock.
    """
    said = directives(headers.get("cache-control", ""))
    lifetime_s = 0.0 if "no-cache" in said else _lifetime_s(headers, said)
    fresh_until = at + max(0.0, min(lifetime_s, MAX_FRESH_S) - _seconds(headers.get("age", "0"), 0))
    must_ask = bool(said.keys() & {"no-cache", "must-revalidate", "no-store"})
    return Validity(
        is_kept="no-store" not in said and headers.get("vary", "").strip() != "*",
        fresh_until=fresh_until,
        stale_until=fresh_until if must_ask else fresh_until + MAX_STALE_S,
        etag=headers.get("etag", ""),
        last_modified=headers.get("last-modified", ""),
    )


def directives(text: str) -> dict[str, str]:
    """The directives of a `Cache-Control` field; the first of a name that is there twice."""
    found: dict[str, str] = {}
    for name, value in _DIRECTIVE.findall(text):
        found.setdefault(name.lower(), value.strip('"'))
    return found


def _lifetime_s(headers: Mapping[str, str], said: Mapping[str, str]) -> float:
    if "max-age" in said:
        return _seconds(said["max-age"], 0)
    date = _moment(headers.get("date", ""))
    if "expires" in headers:
        expires = _moment(headers["expires"])
        return 0.0 if expires is None or date is None else (expires - date).total_seconds()
    changed = _moment(headers.get("last-modified", ""))
    if date is not None and changed is not None and changed < date:
        return (date - changed).total_seconds() * _TENTH
    return UNSAID_S


def _seconds(text: str, otherwise: float) -> float:
    """A delta-seconds; what is none counts as stale (4.2.1), what is huge as for ever (1.2.2)."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        return otherwise
    return float(digits) if len(digits) <= len("2147483648") else inf


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
