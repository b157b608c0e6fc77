"""Prompts and what they come to, read from foreign JSON. No I/O.

Source: MCP 2026-07-28, server/prompts; `Prompt`, `GetPromptResult` in schema.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from interloom.bridges.mcp.core.errors import BadEntry, BadResult
from interloom.bridges.mcp.core.fields import as_text, first_text
from interloom.runtime.values import Json, JsonObject

LIST: Final = "prompts/list"
GET: Final = "prompts/get"
_ROLES: Final = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """One argument of a prompt.

    Attributes:
        name: Its name.
        title: Its name for people.
        description: What it is for; empty when the server does not say.
        is_required: The prompt cannot be had without it.
    """

    name: str
    title: str
    description: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a server.

    Attributes:
        name: Its name, unique within the server.
        title: Its name for people.
        description: What it gives; empty when the server does not say.
        arguments: What may be given to it.
        raw: The definition as sent, icons and `_meta` included.
    """

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message of a prompt: who says it, and a content block with a `type`."""

    role: str
    content: JsonObject


@dataclass(frozen=True, slots=True)
class PromptResult:
    """What a prompt came to.

    Attributes:
        description: What it is; empty when the server does not say.
        messages: Its messages, in order.
    """

    description: str
    messages: tuple[PromptMessage, ...]


def read_prompt(value: Json, *, server: str) -> Prompt:
    """Read one entry of `prompts/list`.

    Raises:
        BadEntry: A field has the wrong shape.
    """
    if not isinstance(value, Mapping):
        raise BadEntry(server, LIST, "", "the prompt must be an object")
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise BadEntry(server, LIST, "", "name must be a string that is not empty")
    arguments = value.get("arguments")
    if not (arguments is None or isinstance(arguments, list)):
        raise BadEntry(server, LIST, name, "arguments must be an array")
    return Prompt(
        name=name,
        title=first_text(value.get("title"), name),
        description=as_text(value.get("description")),
        arguments=tuple(_read_argument(each, server, name) for each in arguments or ()),
        raw=value,
    )


def read_prompt_result(result: JsonObject, *, server: str) -> PromptResult:
    """Read the final result of `prompts/get`.

    Raises:
        BadResult: `messages` has the wrong shape.
    """
    messages = result.get("messages")
    if not isinstance(messages, list):
        raise BadResult(server, GET, "messages must be an array")
    read = tuple(_read_message(each, server) for each in messages)
    return PromptResult(as_text(result.get("description")), read)


def _read_argument(value: Json, server: str, prompt: str) -> PromptArgument:
    name = value.get("name") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(name, str) or not name:
        raise BadEntry(server, LIST, prompt, "every argument needs a name")
    return PromptArgument(
        name=name,
        title=first_text(value.get("title"), name),
        description=as_text(value.get("description")),
        is_required=value.get("required") is True,
    )


def _read_message(value: Json, server: str) -> PromptMessage:
    role = value.get("role") if isinstance(value, Mapping) else None
    content = value.get("content") if isinstance(value, Mapping) else None
    if role not in _ROLES:
        raise BadResult(server, GET, f"messages: role must be one of {', '.join(_ROLES)}")
    if not isinstance(content, Mapping) or not isinstance(content.get("type"), str):
        raise BadResult(server, GET, "messages: content must be an object with a type")
    return PromptMessage(str(role), content)
