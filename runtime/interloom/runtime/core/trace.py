"""W3C trace context as a value that travels: headers or metadata in, headers or `_meta` out.

Source: W3C Trace Context (Recommendation 2021-11-23) sections 3.2 and 3.3, W3C Baggage section
3; MCP 2026-07-28 basic `_meta` (the three unprefixed keys). Order of trust, ours: transport
headers, then message metadata, then a new root.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_VERSION_00_LENGTH: Final = 55
_TRACE_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}(?!0{16})[0-9a-f]{16}")
_SAMPLED: Final = 1
MAX_TRACESTATE: Final = 512
"""Characters of tracestate carried on; the Recommendation asks for at least 512."""
MAX_BAGGAGE: Final = 8192
"""Characters of baggage read; W3C Baggage asks for at least 8192 bytes."""


class Trace(NamedTuple):
    """Where in which trace we are.

    Attributes:
        traceparent: `version-traceid-parentid-flags`, lower-case hex.
        tracestate: Vendor entries, unread; empty when there are none.
        baggage: `key=value` entries whose keys are on the allow-list; empty when there are none.
    """

    traceparent: str
    tracestate: str = ""
    baggage: str = ""

    @property
    def trace_id(self) -> str:
        """The 32 hex digits every span of the trace shares."""
        return self.traceparent[3:35]

    def carrier(self) -> dict[str, str]:
        """The non-empty fields by their W3C names, for headers, gRPC metadata or `_meta`."""
        fields = {"traceparent": self.traceparent}
        if self.tracestate:
            fields["tracestate"] = self.tracestate
        if self.baggage:
            fields["baggage"] = self.baggage
        return fields


def read(
    fields: Mapping[str, object], *, baggage_keys: frozenset[str] = frozenset()
) -> Trace | None:
    """Read the three fields from headers or metadata with lower-case names.

    A parent of a later version is carried on as version 00: of its flags only the one that
    version 00 knows, `sampled` (section 3.2.4).

    Returns:
        None when there is no valid traceparent: a broken one is dropped with its tracestate and
        never repaired (section 3.3.3).
    """
    parent = fields.get("traceparent")
    if not isinstance(parent, str):
        return None
    if len(parent) != _VERSION_00_LENGTH and (
        parent.startswith("00") or len(parent) < _VERSION_00_LENGTH
    ):
        return None
    found = _TRACEPARENT.fullmatch(parent)
    if found is None:
        return None
    if not parent.startswith("00"):
        parent = f"00-{found[1]}-{int(found[2], 16) & _SAMPLED:02x}"
    return Trace(
        parent,
        _bounded(fields.get("tracestate"), MAX_TRACESTATE),
        _allowed(_bounded(fields.get("baggage"), MAX_BAGGAGE), baggage_keys),
    )


def root(seed: str) -> Trace:
    """Begin a trace, not sampled; the same seed, say a task's id, begins the same trace.

    Args:
        seed: 32 random hex digits, which become the trace id as they are; any other text is
            hashed into some.
    """
    if _TRACE_ID.fullmatch(seed) is None:
        seed = hashlib.sha256(seed.encode()).hexdigest()[:32]
    return Trace(f"00-{seed}-{seed[16:]}-00")


def _bounded(value: object, limit: int) -> str:
    fits = isinstance(value, str) and len(value) <= limit and value.isascii()
    return value if fits and isinstance(value, str) and value.isprintable() else ""


def _allowed(baggage: str, keys: frozenset[str]) -> str:
    entries = (entry.strip() for entry in baggage.split(","))
    return ",".join(entry for entry in entries if entry.partition("=")[0].strip() in keys)
