"""Messages and their parts.

Source: A2A 4.1.4 to 4.1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from interloom.runtime.model.fields import Base64, Many, Name, Some, Text, WireEnum, broken
from interloom.runtime.model.freeform import UNSET, Struct, Value
from interloom.runtime.model.wiremodel import OneOf, WireModel


class Role(WireEnum):
    """Which side wrote a message."""

    UNSPECIFIED = "ROLE_UNSPECIFIED"
    USER = "ROLE_USER"
    AGENT = "ROLE_AGENT"


class Part(OneOf):
    """A piece of content: text, a file by value or by address, or JSON.

    `data` is UNSET where the part is of another kind; None there is the JSON null, sent as content.
    """

    ONEOF: ClassVar[Mapping[str, object]] = {"text": None, "raw": None, "url": None, "data": UNSET}

    text: Text | None = None
    raw: Base64 | None = None
    url: Text | None = None
    data: Value = UNSET
    metadata: Struct | None = None
    filename: Text = ""
    media_type: Text = ""


def _sender(role: Role) -> Role:
    if role is Role.UNSPECIFIED:
        raise broken("must be ROLE_USER or ROLE_AGENT")
    return role


class Message(WireModel):
    """One turn, by either side."""

    message_id: Name
    context_id: Text = ""
    task_id: Text = ""
    role: Annotated[Role, AfterValidator(_sender)]
    parts: Some[Part]
    metadata: Struct | None = None
    extensions: Many[Text] = ()
    reference_task_ids: Many[Text] = ()
