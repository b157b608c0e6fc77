"""The scalar kinds of the wire: how each is read from JSON and written to it.

Source: the ProtoJSON rules that A2A 5.5 and 5.6 adopt. What the compiled validator can check alone
is left to it; a Python function runs only for times, bytes and integers, and only when such a
field is there.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Final, LiteralString, Never, TypeAlias, TypeVar

import orjson
from pydantic import (
    FailFast,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
)
from pydantic_core import PydanticCustomError

from interloom.runtime.values import Json

INT32: Final = range(-(2**31), 2**31)

RULE: Final = "rule"
"""Type of the validation errors whose text is a rule of ours, fit for a peer's eyes."""


def broken(rule: LiteralString) -> PydanticCustomError:
    """The error for a value that breaks `rule`: a sentence without its subject."""
    return PydanticCustomError(RULE, rule)


# ---- Text, numbers, lists ------------------------------------------------------------------------

# Any limit on the length makes the validator look at the characters, and so refuse lone
# surrogates, which no writer behind us could encode.
Text: TypeAlias = Annotated[str, Strict(), Field(min_length=0)]
"""A string, possibly empty."""

Name: TypeAlias = Annotated[str, Strict(), Field(min_length=1)]
"""A REQUIRED string that says nothing when empty: an id, an address, a scheme."""

Flag: TypeAlias = Annotated[bool, Strict()]
"""true or false, and nothing that resembles them."""

_Item = TypeVar("_Item")

# A list stops at its first bad element: a million bad parts would otherwise be a million errors
# (measured: two seconds and 400 MB for a 2 MB body).
Many: TypeAlias = Annotated[tuple[_Item, ...], FailFast()]
"""A list, possibly empty."""

Some: TypeAlias = Annotated[tuple[_Item, ...], Field(min_length=1), FailFast()]
"""A REQUIRED list: at least one element (A2A 5.7)."""

Table: TypeAlias = Annotated[Mapping[Text, _Item], FailFast()]
"""A map with strings as keys."""

EMPTY: Final[Mapping[str, Never]] = {}
"""The default of every map; nobody writes to it."""


@dataclass(frozen=True, slots=True)
class AbsentMeans:
    """Marks a REQUIRED field that may be empty: always written, and read as empty when absent.

    Source: A2A 8.4.1 writes empty REQUIRED fields out, 3.1.4 does so with `nextPageToken`;
    protobuf's own JSON writer leaves them out, and its cards and pages have to be readable.

    Attributes:
        empty: Makes the empty value.
    """

    empty: Callable[[], Json]


def _read_int32(value: object) -> int:
    number = value
    if (isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}", value)) or (
        isinstance(value, float) and value.is_integer()
    ):
        number = int(value)
    if not isinstance(number, int) or isinstance(number, bool):
        raise broken("must be a whole number")
    if number not in INT32:
        raise broken("must fit in 32 bits")
    return number


Int32: TypeAlias = Annotated[int, PlainValidator(_read_int32)]
"""A whole number of 32 bits; JSON may also spell it 5.0 or "5"."""


# ---- Bytes and times -----------------------------------------------------------------------------

_URL_SAFE_TO_STANDARD: Final = str.maketrans("-_", "+/")
_MAX_PADDING: Final = 2


def _read_base64(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise broken("must be a base64 string")
    digits = value.rstrip("=")
    if len(value) - len(digits) > _MAX_PADDING:
        raise broken("must be base64")
    padding = "=" * (-len(digits) % 4)
    try:
        return b64decode(digits.translate(_URL_SAFE_TO_STANDARD) + padding, validate=True)
    except ValueError:
        raise broken("must be base64") from None


def _write_base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


Base64: TypeAlias = Annotated[
    bytes,
    PlainValidator(_read_base64),
    PlainSerializer(_write_base64, return_type=str, when_used="json"),
]
"""Bytes; read from either base64 alphabet, padded or not, written in the standard one."""

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3])(:[0-9]{2}){2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _read_timestamp(value: object) -> datetime:
    try:
        if isinstance(value, str) and _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; year 0 after the shift to UTC
        raise broken("must be a moment that exists") from None
    raise broken("must be an RFC 3339 time with an offset")


def _write_timestamp(value: datetime) -> str:
    # orjson takes a quarter of `isoformat`'s time, but writes six digits or none.
    text = orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()
    return f"{text[1:24]}Z" if value.microsecond else f"{text[1:20]}.000Z"


Timestamp: TypeAlias = Annotated[
    datetime,
    PlainValidator(_read_timestamp),
    PlainSerializer(_write_timestamp, return_type=str, when_used="json"),
]
"""A moment, aware, UTC; written with milliseconds, the rest cut off (A2A 5.6.1)."""


# ---- Enums ---------------------------------------------------------------------------------------


class WireEnum(Enum):
    """A protobuf enum: the value is the wire's name, the order gives the wire's number."""

    # Members are singletons, so identity hashes them; Enum's own hashes the name, in Python, at
    # each look-up of a state in a set.
    __hash__ = object.__hash__

    @property
    def number(self) -> int:
        """The number protobuf sends."""
        return list(type(self)).index(self)

    @classmethod
    def _missing_(cls, value: object) -> WireEnum | None:
        members = list(cls)
        if type(value) is int and value in range(len(members)):
            return members[value]
        return None
