"""Holds what goes to a tool, and what comes back, against the tool's own schemas. No I/O.

Source: MCP 2026-07-28, server/tools "Output Schema" (clients validate structured results),
basic/index "JSON Schema Usage"; ours: arguments are checked before a byte leaves, so that a mistake
of the agent is told to the agent, and not after a round trip.
"""

from __future__ import annotations

from typing import Final

from interloom.bridges.mcp.core.errors import BadResult, BadTool
from interloom.bridges.mcp.core.schemas import Schemas, UnusableSchema
from interloom.bridges.mcp.core.tools import Tool
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

_schemas: Final = Schemas()


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
