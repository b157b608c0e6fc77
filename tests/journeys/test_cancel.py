"""A cancel reaches the tool: its connection is closed, and nothing it says counts any more."""

from __future__ import annotations

import json

import anyio
import pytest

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.errors import TaskNotCancelable
from interloom.runtime.model import Task, TaskState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import depot
from tests.journeys.desk import Desk, Seen
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, collect, message, send, state
from tests.runtime.net import hostile

CANCELED = TaskState.CANCELED


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Books a flight."""
    return (await ctx.tool("flights", "ship", {})).text


class Hanging:
    """A tool server whose one tool never answers."""

    def __init__(self) -> None:
        self.arrived = anyio.Event()
        self.desk = Desk(ship=self.ship)

    async def ship(self, _: Seen) -> JsonObject:
        """Never answers."""
        self.arrived.set()
        await anyio.sleep_forever()
        return {}


async def test_cancel_by_another_client_hangs_up_on_the_tool(stage: Stage) -> None:
    """MCP 2026-07-28 basic/patterns/cancellation: closing the stream is the cancel signal."""
    hanging, answers, canceled = Hanging(), list[Task](), list[Task]()
    async with hanging.desk.open() as tools, stage.play(concierge, tools=tools) as world:

        async def wait_for_it() -> None:
            answers.append(await send(stage.client(world, "concierge"), "Lisbon"))

        async with anyio.create_task_group() as group:
            group.start_soon(wait_for_it)
            await hanging.arrived.wait()
            other = stage.client(world, "concierge")
            (task,) = (await other.list()).tasks
            canceled.append(await other.cancel(task.id))
            await hanging.desk.hung_up.wait()
        assert await world.ledger.runs() == []

    assert [each.status.state for each in canceled] == [CANCELED]
    assert answers == canceled


async def test_cancel_ends_the_stream_of_everybody(stage: Stage) -> None:
    """A2A 3.1.5 and 3.5.2."""
    hanging = Hanging()
    seen: list[TaskState | None] = []
    async with hanging.desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")

        async def watch() -> None:
            events = await collect(client.stream(message("Lisbon")))
            seen.extend(state(each) for each in events)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await hanging.arrived.wait()
            (task,) = (await client.list()).tasks
            await client.cancel(task.id)

    assert seen == [TaskState.SUBMITTED, TaskState.WORKING, CANCELED]


async def test_canceled_task_stays_canceled_after_a_crash(stage: Stage) -> None:
    """A2A 3.1.5: and cannot be canceled twice."""
    hanging = Hanging()
    async with hanging.desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await hanging.arrived.wait()
        canceled = await client.cancel(task.id)
        await world.crash()
        kept = await client.get(task.id)
        with pytest.raises(TaskNotCancelable, match="the task is already CANCELED"):
            await client.cancel(task.id)

    assert kept == canceled
    assert len(hanging.desk.calls) == 1


async def test_cancel_closes_a_real_connection(stage: Stage) -> None:
    """The same over TCP, with the client the product uses."""
    called, tools_server = anyio.Event(), depot()

    async def answer(seen: hostile.Seen) -> None:
        if json.loads(seen.body)["method"] == "tools/call":
            called.set()
            await hostile.never(seen)
        await tools_server.answer(seen)

    port = PooledHttp()
    async with hostile.serving(answer) as server:
        tools = {
            "flights": ToolServer(
                McpClient(StreamableHttp(ServerSpec("flights", server.url), port))
            )
        }
        async with stage.play(concierge, tools=tools) as world:
            client = stage.client(world, "concierge")
            task = await send(client, "Lisbon", AT_ONCE)
            await called.wait()
            before = server.hung_up.is_set()
            await client.cancel(task.id)
            await server.hung_up.wait()
        await port.aclose()

    assert not before
