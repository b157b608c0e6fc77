"""What goes to a tool and what comes back is held against its schemas (server/tools)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from interloom.agents import Context, ToolFailed, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.errors import LocalError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import Depot, depot, gives
from tests.journeys.matrix import Stage
from tests.journeys.words import result, send
from tests.runtime.net import hostile

SHIP: JsonObject = {
    "name": "ship",
    "inputSchema": {
        "type": "object",
        "properties": {"to": {"type": "string"}},
        "required": ["to"],
    },
    "outputSchema": {"type": "object", "properties": {"days": {"type": "integer"}}},
}
SAYS: JsonObject = {"content": [{"type": "text", "text": "shipped"}]}


@agent(name="shipper")
async def shipper(ctx: Context) -> str:
    """Ships to where the message says; nowhere when it says nothing of use."""
    arguments: JsonObject = {} if ctx.text == "nowhere" else {"to": ctx.text}
    try:
        return (await ctx.tool("depot", "ship", arguments)).text
    except (ToolFailed, LocalError) as error:
        return f"{type(error).__name__}: {error}"


@asynccontextmanager
async def tools(script: Depot) -> AsyncGenerator[dict[str, ToolServer]]:
    http = PooledHttp()
    async with hostile.serving(script.answer) as server, aclosing(http):
        spec = ServerSpec("depot", server.url, timeout_s=5.0)
        yield {"depot": ToolServer(McpClient(StreamableHttp(spec, http)))}


def script_of(tool: JsonObject, **more: Json) -> Depot:
    return depot(tools_list=gives({"tools": [tool]}), tools_call=gives({**SAYS, **more}))


async def test_arguments_that_do_not_fit_are_told_before_anything_is_sent(stage: Stage) -> None:
    """ours: the mistake is the agent's, and is told to it."""
    script = script_of(SHIP)
    async with tools(script) as found, stage.play(shipper, tools=found) as world:
        task = await send(stage.client(world, "shipper"), "nowhere")

    assert result(task) == (
        'LocalError: MCP server depot: tools/call: ship: arguments: "to" is a required property'
    )
    assert "tools/call" not in script.methods


@pytest.mark.parametrize(
    ("structured", "says"),
    [
        ({"structuredContent": {"days": 3}}, "shipped"),
        ({"isError": True}, "shipped"),
        ({}, "ToolFailed: MCP server depot: tools/call: structuredContent is missing"),
        (
            {"structuredContent": {"days": "secret"}},
            "ToolFailed: MCP server depot: tools/call: structuredContent.days: the value is not",
        ),
    ],
)
async def test_structured_content_is_held_against_the_output_schema(
    stage: Stage, structured: JsonObject, says: str
) -> None:
    """server/tools "Output Schema": clients validate structured results."""
    script = script_of(SHIP, **structured)
    async with tools(script) as found, stage.play(shipper, tools=found) as world:
        task = await send(stage.client(world, "shipper"), "Oslo")

    assert result(task).startswith(says)
    assert "secret" not in result(task)


async def test_tool_whose_schema_is_of_no_use_cannot_be_called(stage: Stage) -> None:
    """basic/index "`$ref` Resolution": rejected rather than taken for permissive; never fetched."""
    bad: JsonObject = {
        "name": "ship",
        "inputSchema": {"type": "object", "$ref": "https://schemas.example/ship"},
    }
    script = script_of(bad)
    async with tools(script) as found, stage.play(shipper, tools=found) as world:
        task = await send(stage.client(world, "shipper"), "Oslo")

    assert "tool 'ship': inputSchema: it is not valid, or refers to what is not in it" in result(
        task
    )
    assert "tools/call" not in script.methods
