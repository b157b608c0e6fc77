"""Media types: which parts of a message an agent takes, which answers a caller takes.

Source: A2A 1.0.1 sections 3.1.1 (a type that is not supported is an error), 4.1.6 (`mediaType`) and
4.4.1 (`defaultInputModes`); RFC 9110 sections 8.3.1 (types, parameters) and 12.5.1 (ranges).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from interloom.runtime.errors import BadConfig, ContentTypeNotSupported, Violation
from interloom.runtime.model import UNSET, Part

TEXT: Final = "text/plain"
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
ANY: Final = "*/*"

_WEIGHT: Final = re.compile(r"q=([01](?:\.[0-9]{0,3})?)")
_RANGE: Final = re.compile(r"\*/\*|[\w!#$&^.+-]+/(\*|[\w!#$&^.+-]+)", re.ASCII)


def accepted(accept: bytes, offered: Sequence[str]) -> str | None:
    """The media type of an answer that a caller likes best (RFC 9110 12.5.1).

    Args:
        accept: The `Accept` field as received; empty for anything.
        offered: What there is, the one preferred first.

    Returns:
        One of `offered`; None when the caller takes none of them.
    """
    if not accept or accept == b"*/*":
        return offered[0]
    wanted = dict(map(_weighed, accept.decode("latin-1").split(",")))
    best, most = None, 0.0
    for each in offered:
        ranges = (each, f"{each.partition('/')[0]}/*", ANY)
        weight = next((wanted[name] for name in ranges if name in wanted), 0.0)
        if weight > most:
            best, most = each, weight
    return best


def _weighed(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    weights = (_WEIGHT.fullmatch(each) for each in parameters)
    return name, next((float(found[1]) for found in weights if found), 1.0)


class Modes:
    """Media types and ranges of them (`image/*`, `*/*`); parameters do not matter.

    Args:
        modes: As an agent's card lists them.

    Raises:
        BadConfig: One of them is no media type.
    """

    __slots__ = ("_listed", "_takes_text")

    def __init__(self, modes: Iterable[str]) -> None:
        self._listed = frozenset(_bare(mode) for mode in modes)
        wrong = sorted(mode for mode in self._listed if _RANGE.fullmatch(mode) is None)
        if wrong:
            raise BadConfig(f"{wrong[0]!r}: is no media type, like {TEXT!r}, 'image/*' or {ANY!r}")
        self._takes_text = self.take(TEXT)

    def take(self, media_type: str) -> bool:
        """Whether a type is one of these."""
        bare = _bare(media_type)
        listed = self._listed
        return bare in listed or f"{bare.partition('/')[0]}/*" in listed or ANY in listed

    def check(self, parts: Sequence[Part]) -> None:
        """Refuse a message with a part of another type.

        Raises:
            ContentTypeNotSupported: The first such part, by its place.
        """
        for part in parts:
            if part.text is None or part.media_type or not self._takes_text:
                break
        else:
            return  # nearly every message there is
        for index, part in enumerate(parts):
            if not self.take(part.media_type or _implied(part)):
                place, rule = f"message.parts[{index}]", "is of a type the agent does not take"
                raise ContentTypeNotSupported(
                    f"{place}: {rule}", violations=(Violation(place, rule),)
                )

    def check_accepted(self, accepted: Sequence[str]) -> None:
        """Refuse a caller who accepts nothing of these; what is no media type says nothing.

        Raises:
            ContentTypeNotSupported: As an artifact of a type it accepts cannot come.
        """
        ranges = [bare for each in accepted if _RANGE.fullmatch(bare := _bare(each))]
        if ranges and not any(_meet(one, other) for one in ranges for other in self._listed):
            place, rule = "configuration.acceptedOutputModes", "has no type the agent gives"
            raise ContentTypeNotSupported(f"{place}: {rule}", violations=(Violation(place, rule),))


def _meet(one: str, other: str) -> bool:
    """Whether some type is in both ranges."""
    pairs = zip(one.split("/"), other.split("/"), strict=True)
    return all(mine == theirs or "*" in {mine, theirs} for mine, theirs in pairs)


def _implied(part: Part) -> str:
    if part.text is not None:
        return TEXT
    return BYTES if part.data is UNSET else JSON


def _bare(media_type: str) -> str:
    """A type without its parameters, in the letters it is compared in."""
    return media_type.partition(";")[0].strip().lower()
