"""What of a request is mirrored into HTTP headers, and how a value is made safe there. No I/O.

Source: MCP 2026-07-28, basic/transports/streamable-http "Request Metadata"; server/tools
`x-mcp-header`; Tasks extension "Routing Headers"; RFC 9110 sections 5.1 and 5.5.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from interloom.bridges.mcp.core.errors import BadTool
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

ANNOTATION: Final = "x-mcp-header"
"""The schema keyword that asks for a parameter to be mirrored."""

MAX_SUBSCHEMAS: Final = 4096
"""Schemas inside one tool's input schema; ours, a bound for every walk over it."""

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer a double holds exactly together with its neighbours."""

_NAME_PARAM: Final = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# A tab inside a value would be legal too; encoding it is safe everywhere.
_PLAIN: Final = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_PRIMITIVES: Final = frozenset({"string", "integer", "boolean"})
# Keywords whose value is data, so that an annotation's name inside is not an annotation.
_DATA: Final = frozenset({"default", "const", "enum", "examples", "required", ANNOTATION})
_NAMED: Final = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})


@dataclass(frozen=True, slots=True)
class Mirror:
    """One tool parameter that is mirrored into a header.

    Attributes:
        header: Full header name, `Mcp-Param-{name}`.
        path: Property names that lead to it from the arguments' root.
    """

    header: str
    path: tuple[str, ...]


def standard(method: str, params: JsonObject, *, version: str) -> dict[str, str]:
    """The headers every request carries: version, method, and the name where there is one.

    Raises:
        LocalError: The method needs a name or URI and `params` has none.
    """
    headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    key = _NAME_PARAM.get(method)
    if key is not None:
        name = params.get(key)
        if not isinstance(name, str):
            raise LocalError(f"{method}: params.{key} must be a string")
        headers["Mcp-Name"] = encode(name)
    return headers


def mirrored(mirrors: tuple[Mirror, ...], arguments: Json) -> dict[str, str]:
    """The `Mcp-Param-*` headers for one call.

    An absent or null value has no header; neither has one that is not a string, an integer or a
    boolean, which the server's own schema refuses.

    Raises:
        LocalError: An integer is beyond what a double holds exactly.
    """
    headers: dict[str, str] = {}
    for mirror in mirrors:
        text = _text(_value_at(arguments, mirror.path), mirror)
        if text is not None:
            headers[mirror.header] = encode(text)
    return headers


def encode(value: str) -> str:
    """A header value: as it is where that is safe, else `=?base64?…?=` over its UTF-8."""
    is_sentinel = value.startswith("=?base64?") and value.endswith("?=")
    if not is_sentinel and _PLAIN.fullmatch(value):
        return value
    return f"=?base64?{b64encode(value.encode()).decode()}?="


def read_mirrors(schema: JsonObject, *, server: str, tool: str) -> tuple[Mirror, ...]:
    """The `x-mcp-header` annotations of an input schema.

    Raises:
        BadTool: One breaks a rule of the page; the whole tool is then to be left out.
    """
    mirrors: dict[str, Mirror] = {}
    for path, node in _subschemas(schema, server, tool):
        if ANNOTATION not in node:
            continue
        rule = _broken_rule(path, node, mirrors)
        if rule is not None:
            raise BadTool(server, tool, f"{ANNOTATION} {rule}")
        name = str(node[ANNOTATION])
        mirrors[name.lower()] = Mirror(f"Mcp-Param-{name}", path or ())
    return tuple(mirrors.values())


def _broken_rule(
    path: tuple[str, ...] | None, node: JsonObject, taken: Mapping[str, Mirror]
) -> str | None:
    name = node[ANNOTATION]
    if not path:
        return "may stand only where a chain of properties leads from the root"
    if not isinstance(name, str) or not name:
        return "must be a string that is not empty"
    if not _TOKEN.fullmatch(name):
        return "must be an HTTP field-name token"
    kind = node.get("type")
    if not isinstance(kind, str) or kind not in _PRIMITIVES:
        return "may stand only on a string, integer or boolean"
    if name.lower() in taken:
        return "must be unique in the schema, whatever its case"
    return None


def _subschemas(
    schema: JsonObject, server: str, tool: str
) -> Iterator[tuple[tuple[str, ...] | None, JsonObject]]:
    """Every schema inside, with its path of property names, or None off that chain."""
    queue: list[tuple[tuple[str, ...] | None, Json]] = [((), schema)]
    for path, node in queue:
        if len(queue) > MAX_SUBSCHEMAS:
            raise BadTool(server, tool, f"inputSchema holds more than {MAX_SUBSCHEMAS} schemas")
        if isinstance(node, list):
            queue.extend((None, child) for child in node)
        elif isinstance(node, dict):
            yield path, node
            queue.extend(_children(path, node))


def _children(
    path: tuple[str, ...] | None, node: JsonObject
) -> Iterator[tuple[tuple[str, ...] | None, Json]]:
    for key, value in node.items():
        if key in _DATA:
            continue
        if key == "properties" and isinstance(value, dict):
            for name, child in value.items():
                yield (None if path is None else (*path, name)), child
        elif key in _NAMED and isinstance(value, dict):
            for child in value.values():
                yield None, child
        elif isinstance(value, dict | list):
            yield None, value


def _value_at(arguments: Json, path: tuple[str, ...]) -> Json:
    node = arguments
    for name in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(name)
    return node


def _text(value: Json, mirror: Mirror) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float() if not value.is_integer():
            return None
        case int() | float():
            if abs(value) > MAX_SAFE_INTEGER:
                where = ".".join(mirror.path)
                raise LocalError(f"argument {where}: the integer is too large for {mirror.header}")
            return str(int(value))
        case _:
            return None
