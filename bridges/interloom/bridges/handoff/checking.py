"""Holds what goes to a tool, and what comes back, against the tool's own schemas. No I/O.

Source: MCP 2026-07-28, server/tools "Output Schema" (clients validate structured results),
basic/index "JSON Schema Usage"; ours: arguments are checked before a byte leaves, so that a mistake
of the agent is told to the agent, and not after a round trip.
"""

from __future__ import annotations

from typing import Final

import orjson

from interloom.bridges.mcp.core.errors import BadResult, BadTool
from interloom.bridges.mcp.core.schemas import Schemas, UnusableSchema
from interloom.bridges.mcp.core.tools import Tool
from interloom.runtime.errors import InterloomError, LocalError
from interloom.runtime.values import Json, JsonObject

_schemas: Final = Schemas()


class NotAResult(InterloomError):
    """What a person states is no result of the tool; the text says why, for that person."""

    code = "NOT_A_RESULT"


class BadArguments(LocalError):
    """The arguments do not fit the tool's own schema; the text says where and why."""

    code = "BAD_ARGUMENTS"


def check_arguments(tool: Tool, arguments: Json, *, server: str) -> None:
    """Hold arguments against a tool's input schema.

    Raises:
        BadArguments: They do not fit.
        BadTool: The schema is of no use.
    """
    try:
        schema = _schemas.get(f"{tool.digest}/input", tool.input_schema)
    except UnusableSchema as error:
        raise BadTool(server, tool.name, f"inputSchema: {error}") from None
    rule = schema.broken_rule(arguments, "arguments")
    if rule is not None:
        raise BadArguments(f"MCP server {server}: tools/call: {tool.name}: {rule}")


def check_result(tool: Tool, result: JsonObject, *, server: str) -> None:
    """Hold a result's structured content against a tool's output schema, where it has one.

    A tool that failed owes nobody a structure.

    Raises:
        BadResult: It does not fit, or is missing.
        BadTool: The schema is of no use.
    """
    if tool.output_schema is None or result.get("isError") is True:
        return
    try:
        schema = _schemas.get(f"{tool.digest}/output", tool.output_schema)
    except UnusableSchema as error:
        raise BadTool(server, tool.name, f"outputSchema: {error}") from None
    if "structuredContent" not in result:
        raise BadResult(server, "tools/call", "structuredContent is missing, though promised")
    rule = schema.broken_rule(result["structuredContent"], "structuredContent")
    if rule is not None:
        raise BadResult(server, "tools/call", rule)


def stated_result(tool: Tool | None, said: str, *, server: str) -> JsonObject:
    """What a person says a tool answered, as a `CallToolResult`.

    Args:
        tool: The tool, if its server still lists it; a structure it promises must be there.
        said: Text, or JSON as text; a JSON object or list is the structured content, too.
        server: Our name for the server.

    Raises:
        NotAResult: The tool would not answer that.
    """
    result: dict[str, Json] = {"content": [{"type": "text", "text": said}] if said else []}
    promises = tool is not None and tool.output_schema is not None
    try:
        value: Json = orjson.loads(said)
    except orjson.JSONDecodeError:
        if promises:
            raise NotAResult("The result must be JSON, as the tool promises.") from None
        value = None
    if promises or isinstance(value, dict | list):
        result["structuredContent"] = value
    if tool is None:
        return result
    try:
        check_result(tool, result, server=server)
    except BadTool:
        pass  # nothing can be held against its schema; what a person knows is all there is
    except BadResult as error:
        raise NotAResult(f"The result is not as the tool promises: {error.rule}.") from None
    return result
