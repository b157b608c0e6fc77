"""What every A2A message can do: keep the wire's names, and be written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from interloom.runtime.model.fields import RULE
from interloom.runtime.values import Json


def json_name(field: str) -> str:
    """The JSON name protoc gives a field: `context_id` becomes `contextId` (A2A 5.5)."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


class WireModel(BaseModel):
    """A message of a2a.proto: frozen, named as in the proto, spelled in JSON as ProtoJSON does.

    Written are the REQUIRED fields, and of the others those that differ from their default. The
    text of a validation error never shows the value.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=json_name,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    def to_json(self) -> bytes:
        """Compact JSON in UTF-8."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_defaults=True)

    def to_dict(self) -> dict[str, Json]:
        """What `to_json` writes, as Python values."""
        wire: dict[str, Json] = self.__pydantic_serializer__.to_python(
            self, mode="json", by_alias=True, exclude_defaults=True
        )
        return wire


class OneOf(WireModel):
    """A message with a `oneof`: never more than one of its members is set.

    Attributes:
        ONEOF: The members, each with what it is while it is not set.
        NEEDED: False where none may be set, which is how a kind newer than this code looks.
    """

    ONEOF: ClassVar[Mapping[str, object]]
    NEEDED: ClassVar[bool] = True

    @property
    def kind(self) -> str | None:
        """The member that is set; None when none is."""
        values = self.__dict__
        chosen = (name for name, unset in self.ONEOF.items() if values[name] is not unset)
        return next(chosen, None)

    @model_validator(mode="after")
    def _hold_to_one(self) -> Self:
        # Spelled out, for it runs for each part: a comprehension takes twice as long.
        values = self.__dict__
        chosen = 0
        for name, unset in self.ONEOF.items():
            if values[name] is not unset:
                chosen += 1
        if chosen > 1 or (self.NEEDED and not chosen):
            members = ", ".join(map(json_name, self.ONEOF))
            number = "exactly" if self.NEEDED else "at most"
            raise PydanticCustomError(
                RULE, "must have {number} one of {members}", {"number": number, "members": members}
            )
        return self
