"""A tool server of an older revision asks in the middle of a call, and waits for the answer.

Source: MCP 2025-11-25, client/elicitation; DESIGN section 5 (`ours`): a question held open on its
connection says so, outlives parking, and is in doubt when the connection is gone.
"""

from __future__ import annotations

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer, ToolUnanswered
from interloom.bridges.mcp import Eras, InMemory, McpClient
from interloom.bridges.mcp.eras import lines_in_any_era
from interloom.bridges.mcp.port import Patience
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.legacy.elder import FORM, Elder, ask
from tests.bridges.mcp.spoken import Frame, Server, result_of
from tests.journeys.matrix import Stage
from tests.journeys.words import message, open_questions, result, send

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
