"""Free-form JSON: metadata, data parts, extension parameters.

Source: `google.protobuf.Struct` and `Value` in a2a.proto. What is let in can be carried by every
binding and written by every writer behind us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Annotated, Final, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeAliasType

from interloom.runtime.model.fields import broken
from interloom.runtime.values import Json, JsonObject

MAX_DEPTH: Final = 30
"""Containers one inside another in a free-form value, the outermost included.

Source: protobuf's readers stop at 100 messages in one another (protobuf.dev, "Proto Limits"); an
object takes three of them, and six are around a part's data. Deep enough for what people write.
"""


class Unset(Enum):
    """The absence of a value where JSON null is a value."""

    UNSET = "UNSET"


UNSET: Final = Unset.UNSET

_PLAIN: Final = frozenset({bool, int, type(None)})

_Container: TypeAlias = dict[str, Json] | list[Json] | tuple[Json, ...]


def _check_items(items: Iterable[Json], room: int) -> None:
    """Hold values to what every binding can carry.

    Args:
        items: The values.
        room: Levels of containers that may still open; never more than `MAX_DEPTH`, so that no
            peer decides how deep we recurse.

    Raises:
        PydanticCustomError: Not JSON, not finite, not Unicode, or nested too deep.
    """
    for item in items:
        if type(item) in _PLAIN:
            continue
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list | tuple):
            _check_items(_inside(item, room), room - 1)
        elif not isinstance(item, float):
            raise broken("must be JSON")
        elif not isfinite(item):
            raise broken("must not contain NaN or Infinity")


def _inside(container: _Container, room: int) -> Iterable[Json]:
    if not room:
        raise broken("is nested too deep")
    if isinstance(container, dict):
        _check_keys(container)
        return container.values()
    return container


def _check_keys(table: JsonObject) -> None:
    try:
        _check_text("".join(table))
    except TypeError:
        raise broken("must have strings as keys") from None


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise broken("must not contain lone surrogates") from None


def _read_value(value: Json | Unset) -> Json | Unset:
    if value is not UNSET:
        _check_items((value,), MAX_DEPTH)
    return value


def _read_struct(value: Json) -> JsonObject:
    if not isinstance(value, dict):
        raise broken("must be an object")
    _check_items((value,), MAX_DEPTH)
    return value


@dataclass(frozen=True, slots=True)
class _ReadBy:
    """Puts a function in place of the validator that the type's own declaration would give."""

    read: Callable[[Json], object]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """What the function lets through is kept as it is, and written as JSON."""
        return core_schema.no_info_plain_validator_function(self.read)


# Opaque names: pydantic would otherwise build a validator for the recursive type behind them.
_Json = TypeAliasType("_Json", Json)
_JsonObject = TypeAliasType("_JsonObject", JsonObject)

Value: TypeAlias = Annotated[_Json | Unset, _ReadBy(_read_value)]
"""`google.protobuf.Value`: any JSON, null included."""

Struct: TypeAlias = Annotated[_JsonObject, _ReadBy(_read_struct)]
"""`google.protobuf.Struct`: a JSON object."""
