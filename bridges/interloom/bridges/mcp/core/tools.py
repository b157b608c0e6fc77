"""Tools and their results, read from foreign JSON. No I/O.

Source: MCP 2026-07-28, server/tools; `Tool`, `ToolAnnotations`, `CallToolResult` in schema.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from interloom.bridges.mcp.core.errors import BadResult, BadTool
from interloom.bridges.mcp.core.fields import as_text, first_text
from interloom.bridges.mcp.core.headers import Mirror, read_mirrors
from interloom.bridges.mcp.core.pins import fingerprint
from interloom.runtime.values import Json, JsonObject

_NOTHING: Final[JsonObject] = {}


@dataclass(frozen=True, slots=True)
class Hints:
    """A tool's annotations with the schema's defaults; untrusted unless the server is trusted.

    Attributes:
        is_read_only: It changes nothing.
        is_destructive: A change it makes may take something away.
        is_idempotent: Calling it again with the same arguments changes nothing more.
        is_open_world: It reaches beyond the server.
    """

    is_read_only: bool = False
    is_destructive: bool = True
    is_idempotent: bool = False
    is_open_world: bool = True


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of a server.

    Attributes:
        name: Its name, unique within the server.
        title: Its name for people: `title`, else `annotations.title`, else `name`.
        description: What it does, in the server's words.
        input_schema: JSON Schema of the arguments, unresolved.
        output_schema: JSON Schema of `ToolResult.structured`; None when the tool names none.
        hints: Its annotations.
        mirrors: The arguments mirrored into HTTP headers.
        raw: The definition as sent, icons and `_meta` included.
        digest: SHA-256 of the definition, see `pins`; empty for a tool nobody listed.
    """

    name: str
    title: str
    description: str
    input_schema: JsonObject
    output_schema: JsonObject | None = None
    hints: Hints = Hints()
    mirrors: tuple[Mirror, ...] = ()
    raw: JsonObject = field(default_factory=dict[str, Json], repr=False)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered; a tool's own failure is a value, not an exception.

    Attributes:
        content: Content blocks as sent, each with a `type`; types we do not know are kept.
        structured: `structuredContent`; None when absent.
        is_error: The tool failed; the text says why and is meant for the model.
        meta: The result's `_meta`.
    """

    content: tuple[JsonObject, ...] = ()
    structured: Json = None
    is_error: bool = False
    meta: JsonObject = field(default_factory=dict[str, Json], repr=False)

    @property
    def text(self) -> str:
        """The text blocks, joined by line ends."""
        return "\n".join(str(block["text"]) for block in self.content if block["type"] == "text")


def read_tool(value: Json, *, server: str) -> Tool:
    """Read one entry of `tools/list`.

    Raises:
        BadTool: A field has the wrong shape, or an `x-mcp-header` breaks a rule.
    """
    if not isinstance(value, Mapping):
        raise BadTool(server, "", "the definition must be an object")
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise BadTool(server, "", "name must be a string that is not empty")
    schema = value.get("inputSchema")
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise BadTool(server, name, "inputSchema must be a schema of type object")
    output = value.get("outputSchema")
    if not (output is None or isinstance(output, Mapping)):
        raise BadTool(server, name, "outputSchema must be an object")
    annotations = value.get("annotations", _NOTHING)
    if not isinstance(annotations, Mapping):
        raise BadTool(server, name, "annotations must be an object")
    return Tool(
        name=name,
        title=first_text(value.get("title"), annotations.get("title"), name),
        description=as_text(value.get("description")),
        input_schema=schema,
        output_schema=output,
        hints=_read_hints(annotations),
        mirrors=read_mirrors(schema, server=server, tool=name),
        raw=value,
        digest=fingerprint(value),
    )


def read_tool_result(result: JsonObject, *, server: str) -> ToolResult:
    """Read the final result of `tools/call`.

    An absent `content` is read as empty, though the schema wants it: the call has happened, and
    refusing its result would lose what the server did send.

    Raises:
        BadResult: `content`, `isError` or `_meta` has the wrong shape.
    """
    content = result.get("content", [])
    if not isinstance(content, list):
        raise BadResult(server, "tools/call", "content must be an array")
    is_error = result.get("isError", False)
    if not isinstance(is_error, bool):
        raise BadResult(server, "tools/call", "isError must be a boolean")
    meta = result.get("_meta", _NOTHING)
    if not isinstance(meta, Mapping):
        raise BadResult(server, "tools/call", "_meta must be an object")
    blocks = tuple(_read_block(block, i, server) for i, block in enumerate(content))
    return ToolResult(blocks, result.get("structuredContent"), is_error, meta)


def _read_block(block: Json, index: int, server: str) -> JsonObject:
    if not isinstance(block, Mapping) or not isinstance(block.get("type"), str):
        rule = f"content[{index}] must be an object with a type"
        raise BadResult(server, "tools/call", rule)
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        raise BadResult(server, "tools/call", f"content[{index}].text must be a string")
    return block


def _read_hints(annotations: JsonObject) -> Hints:
    def hint(key: str, default: bool) -> bool:
        value = annotations.get(key)
        return value if isinstance(value, bool) else default

    return Hints(
        is_read_only=hint("readOnlyHint", default=False),
        is_destructive=hint("destructiveHint", default=True),
        is_idempotent=hint("idempotentHint", default=False),
        is_open_world=hint("openWorldHint", default=True),
    )
