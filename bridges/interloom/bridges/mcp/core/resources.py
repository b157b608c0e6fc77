"""Resources, their templates and their contents, read from foreign JSON. No I/O.

Source: MCP 2026-07-28, server/resources; `Resource`, `ResourceTemplate`, `ReadResourceResult` in
schema.ts.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from interloom.bridges.mcp.core.errors import BadEntry, BadResult, McpError
from interloom.bridges.mcp.core.fields import as_text, first_text
from interloom.runtime.values import Json, JsonObject

LIST: Final = "resources/list"
TEMPLATES: Final = "resources/templates/list"
READ: Final = "resources/read"

GONE: Final = frozenset({-32602, -32002})
"""Error codes that say there is no such resource; the second is an older revision's."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a server.

    Attributes:
        uri: Where it is, unique within the server; opened by the server alone.
        name: Its name.
        title: Its name for people.
        description: What it is; empty when the server does not say.
        mime_type: Its type; empty when the server does not say.
        size_bytes: Its size before any encoding; None when the server does not say.
        raw: The definition as sent, icons, annotations and `_meta` included.
    """

    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    size_bytes: int | None
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A family of resources.

    Attributes:
        uri_template: RFC 6570 template of their URIs, as sent.
        name: Its name.
        title: Its name for people.
        description: What it is; empty when the server does not say.
        mime_type: The type of all its resources; empty when they differ or it is not said.
        raw: The definition as sent.
    """

    uri_template: str
    name: str
    title: str
    description: str
    mime_type: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a resource holds, or a part of it.

    Attributes:
        uri: Of the resource, or of the part.
        mime_type: Its type; empty when the server does not say.
        data: Text, or bytes of what is no text.
    """

    uri: str
    mime_type: str
    data: str | bytes = field(repr=False)


def read_resource(value: Json, *, server: str) -> Resource:
    """Read one entry of `resources/list`.

    Raises:
        BadEntry: A field has the wrong shape.
    """
    entry, uri, name = _named(value, "uri", server, LIST)
    size = entry.get("size")
    return Resource(
        uri=uri,
        name=name,
        title=first_text(entry.get("title"), name),
        description=as_text(entry.get("description")),
        mime_type=as_text(entry.get("mimeType")),
        size_bytes=size if isinstance(size, int) and not isinstance(size, bool) else None,
        raw=entry,
    )


def read_template(value: Json, *, server: str) -> Template:
    """Read one entry of `resources/templates/list`.

    Raises:
        BadEntry: A field has the wrong shape.
    """
    entry, uri_template, name = _named(value, "uriTemplate", server, TEMPLATES)
    return Template(
        uri_template=uri_template,
        name=name,
        title=first_text(entry.get("title"), name),
        description=as_text(entry.get("description")),
        mime_type=as_text(entry.get("mimeType")),
        raw=entry,
    )


def read_contents(result: JsonObject, *, server: str) -> tuple[Contents, ...]:
    """Read the final result of `resources/read`.

    Raises:
        BadResult: `contents` has the wrong shape, or a blob is not Base64.
    """
    contents = result.get("contents")
    if not isinstance(contents, list):
        raise BadResult(server, READ, "contents must be an array")
    return tuple(_read_part(part, server) for part in contents)


def is_gone(error: McpError) -> bool:
    """True when a read failed because there is no such resource ("Error Handling")."""
    return error.method == READ and error.error_code in GONE


def _named(value: Json, key: str, server: str, method: str) -> tuple[JsonObject, str, str]:
    if not isinstance(value, Mapping):
        raise BadEntry(server, method, "", "the entry must be an object")
    name, address = value.get("name"), value.get(key)
    if not isinstance(name, str):
        raise BadEntry(server, method, "", "name must be a string")
    if not isinstance(address, str) or not address:
        raise BadEntry(server, method, name, f"{key} must be a string that is not empty")
    return value, address, name


def _read_part(part: Json, server: str) -> Contents:
    if not isinstance(part, Mapping) or not isinstance(part.get("uri"), str):
        raise BadResult(server, READ, "contents: every part needs a uri")
    return Contents(str(part["uri"]), as_text(part.get("mimeType")), _data(part, server))


def _data(part: JsonObject, server: str) -> str | bytes:
    text, blob = part.get("text"), part.get("blob")
    if isinstance(text, str):
        return text
    if not isinstance(blob, str):
        raise BadResult(server, READ, "contents: every part needs a text or a blob")
    try:
        return b64decode(blob, validate=True)
    except binascii.Error:
        raise BadResult(server, READ, "contents: a blob must be Base64") from None
