"""What the blocks of `interloom.yaml` share: how they are read, and the kinds of their values."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from interloom.apps import config_rules as rules

WebUrl: TypeAlias = Annotated[str, BeforeValidator(rules.web_url)]
Whole: TypeAlias = Annotated[int, BeforeValidator(rules.not_boolean)]
Seconds: TypeAlias = Annotated[float, BeforeValidator(rules.not_boolean), Field(gt=0, le=3600)]
Port: TypeAlias = Annotated[Whole, Field(ge=0, le=rules.MAX_PORT)]


class Block(BaseModel):
    """What every block shares: frozen, camelCase in the file, no unknown key, silent values."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )
