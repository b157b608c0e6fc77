"""A tool server of an older revision asks in the middle of a call, and waits for the answer.

Source: MCP 2025-11-25, client/elicitation; DESIGN section 5 (`ours`): a question held open on its
connection says so, outlives parking, and is in doubt when the connection is gone.
"""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer, ToolUnanswered
from interloom.bridges.mcp import Bounds, Eras, InMemory, McpClient, Pool
from interloom.bridges.mcp.eras import lines_in_any_era
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.rows import RunState
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.legacy.elder import FORM, Elder, ask
from tests.bridges.mcp.spoken import Frame, Server, result_of
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, message, open_questions, result, send, until

PATIENCE = Patience(5.0, 9.0)
COLD = Settings(warm_s=0.0, grace_s=1.0)


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Books a seat, and says what is known when nobody knows."""
    try:
        return (await ctx.tool("flights", "book", {"to": ctx.text})).text
    except ToolUnanswered as unanswered:
        return str(unanswered)


async def books(server: Server, frame: Frame) -> None:
    """A tool that asks for a seat while it works."""
    match frame.get("method"):
        case "tools/list":
            tool: JsonObject = {"name": "book", "inputSchema": {"type": "object"}}
            await server.say(result_of(frame, tools=[tool]))
        case "tools/call":
            await ask(server, f"seat of {frame['id']}", FORM)
        case None:
            call = [each for each in server.frames if each.get("method") == "tools/call"][-1]
            said = str(frame["result"])
            await server.say(result_of(call, content=[{"type": "text", "text": said}]))
        case _:
            pass


def flights() -> Eras:
    transport = InMemory("flights", Elder(books).serve, patience=PATIENCE)
    return lines_in_any_era(transport, PATIENCE)


async def test_question_that_is_held_live_says_so_and_outlives_parking(stage: Stage) -> None:
    """Ours: the run is dropped and replayed, the call goes on where it was."""
    eras = flights()
    tools = {"flights": ToolServer(McpClient(eras))}
    async with stage.play(concierge, tools=tools, settings=COLD) as world, eras.open():
        client = stage.client(world, "concierge")
        asked = await send(client, "Oslo")
        done = await send(client, message("4A", task=asked))

    assert asked.status.state is TaskState.INPUT_REQUIRED
    assert [each.get("heldLive") for each in open_questions(asked).values()] == [True]
    assert result(done) == "{'action': 'accept', 'content': {'seat': '4A'}}"


async def test_answer_after_the_connection_is_gone_is_in_doubt(stage: Stage) -> None:
    """Ours: the server may have gone on without an answer; nothing is repeated."""
    eras = flights()
    tools = {"flights": ToolServer(McpClient(eras))}
    async with stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        async with eras.open():
            asked = await send(client, "Oslo")
        async with eras.open():  # as in the next process
            await world.crash()
            done = await send(client, message("4A", task=asked))

    assert "held open by a connection that is gone" in result(done)
    assert "may have taken effect" in result(done)


async def test_callers_do_not_share_what_an_older_server_keeps(stage: Stage) -> None:
    """Ours: the session, and the question held open in it, are those of the task's owner."""
    elders: list[Elder] = []

    def connect(_: str) -> Eras:
        elders.append(Elder(books))
        return lines_in_any_era(InMemory("flights", elders[-1].serve, patience=PATIENCE), PATIENCE)

    pool = Pool(connect)
    tools = {"flights": ToolServer(pool.shared, pool=pool)}
    async with stage.play(concierge, tools=tools, settings=COLD) as world, pool.open():
        async with pool.client("somebody else") as theirs:
            await theirs.list_tools()
        client = stage.client(world, "concierge")
        asked = await send(client, "Oslo")
        done = await send(client, message("4A", task=asked))
        canceled = await send(client, "Bergen")
        await client.cancel(canceled.id)
        await elders[1].server.until("notifications/cancelled")

    assert result(done) == "{'action': 'accept', 'content': {'seat': '4A'}}"
    calls = [[f["method"] for f in each.server.frames if "method" in f] for each in elders]
    assert [each.count("tools/call") for each in calls] == [0, 2]


async def test_call_that_finds_no_room_is_made_when_there_is_some(stage: Stage) -> None:
    """docs/tool-servers.md: nothing was stored that a replay would not meet, nothing was sent."""
    full, elders = anyio.Event(), list[Elder]()

    @agent(name="concierge")
    async def waits(ctx: Context) -> str:
        try:
            return str(await concierge(ctx))
        except Unavailable:
            full.set()
            raise

    def connect(_: str) -> Eras:
        elders.append(Elder(books))
        return lines_in_any_era(InMemory("flights", elders[-1].serve, patience=PATIENCE), PATIENCE)

    pool = Pool(connect, bounds=Bounds(clients=1))
    tools = {"flights": ToolServer(pool.shared, pool=pool)}
    async with stage.play(waits, tools=tools) as world, pool.open():
        client = stage.client(world, "concierge")
        async with pool.client("ada") as first, pool.client("bob"):
            await first.list_tools()
            task = await send(client, "Oslo", AT_ONCE)
            await full.wait()
            assert not (await world.ledger.journal(task.id)).calls
        asked = await until(client, task, TaskState.INPUT_REQUIRED)
        done = await send(client, message("4A", task=asked))

    assert result(done) == "{'action': 'accept', 'content': {'seat': '4A'}}"
    calls = [[f["method"] for f in each.server.frames if "method" in f] for each in elders]
    assert [each.count("tools/call") for each in calls] == [0, 0, 1]


@pytest.mark.parametrize("settings", [COLD, Settings(grace_s=1.0)], ids=["parked", "warm"])
async def test_cancel_reaches_the_server_that_waits_for_an_answer(
    stage: Stage, settings: Settings
) -> None:
    """MCP 2025-11-25 cancellation; A2A 3.1.5: at once, not when the server gives up waiting."""
    elder = Elder(books)
    eras = lines_in_any_era(InMemory("flights", elder.serve, patience=PATIENCE), PATIENCE)
    tools = {"flights": ToolServer(McpClient(eras))}
    async with stage.play(concierge, tools=tools, settings=settings) as world, eras.open():
        client = stage.client(world, "concierge")
        task = await send(client, "Oslo")
        if settings is COLD:
            while [row.state for row in await world.ledger.runs()] != [RunState.PARKED]:
                await anyio.lowlevel.checkpoint()
        canceled = await client.cancel(task.id)
        with anyio.fail_after(20):
            told = await elder.server.until("notifications/cancelled")

    (call,) = [frame for frame in elder.server.frames if frame.get("method") == "tools/call"]
    assert canceled.status.state is TaskState.CANCELED
    assert told["params"] == {"requestId": call["id"]}


async def test_question_that_nobody_can_be_asked_lets_go_of_its_call(stage: Stage) -> None:
    """Ours: a call that has failed here is not held open there."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            await ask(server, "q", {"message": "?", "requestedSchema": {"type": "array"}})
        else:
            await books(server, frame)

    elder = Elder(react)
    eras = lines_in_any_era(InMemory("flights", elder.serve, patience=PATIENCE), PATIENCE)
    tools = {"flights": ToolServer(McpClient(eras))}
    async with stage.play(concierge, tools=tools) as world, eras.open():
        failed = await send(stage.client(world, "concierge"), "Oslo")
        with anyio.fail_after(20):
            await elder.server.until("notifications/cancelled")

    assert failed.status.state is TaskState.FAILED
