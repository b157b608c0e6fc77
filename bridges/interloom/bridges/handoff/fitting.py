"""Calls and results held against their tool, which is listed again before an old list refuses one.

Source: MCP 2026-07-28, server/utilities/caching: a list without `ttlMs` is stale at once, and one
may be fetched again on a sign that it has changed. What does not fit it is such a sign.
"""

from __future__ import annotations

from interloom.bridges.handoff.checking import BadArguments, check_arguments, check_result
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import BadResult, BadTool
from interloom.bridges.mcp.core.tools import Tool
from interloom.runtime.errors import InterloomError
from interloom.runtime.values import Json, JsonObject


async def tool_for(client: McpClient, name: str, arguments: Json, *, server: str) -> Tool | None:
    """The tool that is called, listed anew when these arguments do not fit what was listed.

    Whether they fit it then is not said; None for a tool the server does not list.

    Raises:
        BadTool: It was left out of the list.
        McpPeerError | TransportError: There is no list; `delivered` is False.
    """
    try:
        tool = await client.find_tool(name)
        if tool is not None:
            check_arguments(tool, arguments, server=server)
            return tool
    except (BadTool, BadArguments):
        pass
    return await client.find_tool(name, is_doubted=True)


async def check_outcome(client: McpClient, name: str, result: JsonObject, *, server: str) -> None:
    """Hold a result against the tool's output schema: as it was called, or as it is listed now.

    Nobody is asked while the result fits. A tool that nobody remembers has promised nothing.

    Raises:
        BadResult: It fits neither, or is missing.
        BadTool: The schema is of no use.
    """
    tool = client.remembered_tool(name)
    if tool is None:
        return
    try:
        check_result(tool, result, server=server)
    except (BadResult, BadTool):
        newer = await _listed_now(client, name)
        if newer is None or newer.digest == tool.digest:
            raise
        check_result(newer, result, server=server)


async def _listed_now(client: McpClient, name: str) -> Tool | None:
    try:
        return await client.find_tool(name, is_doubted=True)
    except InterloomError:  # the result is here; what it is held against can only be the old list
        return None
