"""What a tool says on its way is told to the caller (MCP 2026-07-28 progress, DESIGN section 5)."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.handoff.telling import LOG_LINES
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import depot, progress, streams
from tests.journeys.matrix import Stage
from tests.journeys.words import collect, message, send, status
from tests.runtime.net import hostile

DONE: JsonObject = {"content": [{"type": "text", "text": "shipped"}]}


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Ships, then says so."""
    shipped = await ctx.tool("flights", "ship", {})
    await ctx.status("Nearly there.")
    return shipped.text


@agent(name="shipper")
async def shipper(ctx: Context) -> str:
    """Ships to where the message says."""
    return (await ctx.tool("flights", "ship", {"to": ctx.text})).text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (progress(1, total=4, message="packing"), "ship: packing"),
        (progress(1, total=4), "ship: 1 of 4"),
        (progress(0.5), "ship: 0.5"),
    ],
)
async def test_progress_becomes_a_working_update(stage: Stage, said: JsonObject, told: str) -> None:
    """ours: the first is told at once, what follows soon is not; an agent's own words always."""
    many = [progress(n, message="more") for n in range(2, 200)]
    script = depot(tools_call=streams(said, *many, result=DONE))
    http = PooledHttp()
    async with hostile.serving(script.answer) as server, aclosing(http):
        spec = ServerSpec("flights", server.url, timeout_s=5.0)
        tools = {"flights": ToolServer(McpClient(StreamableHttp(spec, http)))}
        async with (
            stage.play(concierge, tools=tools) as world,
            aclosing(stage.client(world, "concierge").stream(message("x"))) as events,
        ):
            seen = [status(each) for each in await collect(events)]

    said_to_caller = [each.message.parts[0].text for each in seen if each and each.message]
    assert said_to_caller == [told, "Nearly there."]


LOGGED = [
    {"level": level, "logger": "dock", "data": f"crane {level}, for Oslo"}
    for level in ("debug", "error")
]
OF_LOG = "io.modelcontextprotocol/logLevel"


@pytest.mark.parametrize("is_debugging", [True, False])
async def test_log_of_a_server_is_ours_where_ours_is_at_debug(
    stage: Stage, caplog: pytest.LogCaptureFixture, is_debugging: bool
) -> None:
    """server/utilities/logging: asked for per request; ours: of no use to anybody else."""
    caplog.set_level("DEBUG" if is_debugging else "INFO", "interloom.handoff")
    lines: list[JsonObject] = [{"method": "notifications/message", "params": p} for p in LOGGED]
    script = depot(tools_call=streams(*lines, *lines * LOG_LINES, result=DONE))
    http = PooledHttp()
    async with hostile.serving(script.answer) as server, aclosing(http):
        spec = ServerSpec("flights", server.url, timeout_s=5.0)
        tools = {"flights": ToolServer(McpClient(StreamableHttp(spec, http)))}
        async with stage.play(shipper, tools=tools) as world:
            task = await send(stage.client(world, "shipper"), "Oslo")

    params = script.frames[-1]["params"]
    assert isinstance(params, dict)
    assert isinstance(params["_meta"], dict)
    assert params["_meta"].get(OF_LOG) == ("debug" if is_debugging else None)
    said = [each.__dict__ for each in caplog.records if each.msg == "call.logged"]
    assert len(said) == (LOG_LINES if is_debugging else 0)
    for each, level in zip(said, ("debug", "error"), strict=False):
        assert (each["task_id"], each["tool"], each["part"]) == (task.id, "ship", "dock")
        assert (each["severity"], each["said"]) == (level, f"crane {level}, for […]")
