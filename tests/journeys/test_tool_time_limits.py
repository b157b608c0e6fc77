"""A tool call with a time limit of its own (MCP 2026-07-28 cancellation, "Timeouts")."""

from __future__ import annotations

import anyio
import pytest

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolUnanswered
from interloom.runtime.values import JsonObject
from tests.journeys.desk import Desk, Seen
from tests.journeys.matrix import Stage
from tests.journeys.words import result, send


async def test_call_may_have_a_time_limit_of_its_own(stage: Stage) -> None:
    """basic/patterns/cancellation "Timeouts": the server is told, the agent sees what is known."""

    async def sleep(_: Seen) -> JsonObject:
        await anyio.sleep_forever()
        raise AssertionError

    @agent(name="hasty")
    async def hasty(ctx: Context) -> str:
        try:
            return (await ctx.tool("flights", "ship", timeout_s=0.05)).text
        except ToolUnanswered as unanswered:
            return str(unanswered)

    desk = Desk(ship=sleep)
    async with desk.open() as tools, stage.play(hasty, tools=tools) as world:
        task = await send(stage.client(world, "hasty"), "x")
        await desk.hung_up.wait()

    assert result(task).endswith("the call of ship may have taken effect.")


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
async def test_time_limit_that_is_none_is_told_before_anything_is_sent(
    stage: Stage, timeout_s: float
) -> None:
    """ours: a mistake of the agent's."""

    @agent(name="hasty")
    async def hasty(ctx: Context) -> str:
        return (await ctx.tool("flights", "ship", timeout_s=timeout_s)).text

    desk = Desk()
    async with desk.open() as tools, stage.play(hasty, tools=tools) as world:
        task = await send(stage.client(world, "hasty"), "x")

    assert task.status.message is not None
    assert task.status.message.parts[0].text == "timeout_s: must be above 0"
    assert desk.calls == []
