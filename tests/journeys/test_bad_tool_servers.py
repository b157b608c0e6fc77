"""A tool server that misbehaves: the task fails in words, within a time, and nothing hangs.

Over TCP, with the HTTP client the product uses. Source: DESIGN of this project, "Bad input".
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from interloom.agents import Context, ToolResult, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.bridges.mcp.core.listing import MAX_TOOLS
from interloom.bridges.mcp.core.rounds import MAX_ROUNDS
from interloom.runtime.client import A2AClient
from interloom.runtime.model import TaskState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import SHIP, Reply, depot, fails, gives, says, streams
from tests.journeys.desk import Desk, Seen, asks, form
from tests.journeys.matrix import Stage
from tests.journeys.words import message, question, send
from tests.runtime.net import hostile
from tests.runtime.net.hostile import Answer, head

JSON = {"Content-Type": "application/json"}
SSE = {"Content-Type": "text/event-stream"}
SWORDFISH = "swordfish"
MAX_BYTES = 200_000


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Ships."""
    return (await ctx.tool("flights", "ship", {"to": ctx.text})).text


@asynccontextmanager
async def calling(stage: Stage, url: str) -> AsyncGenerator[A2AClient]:
    """A client of an agent whose tool server is at `url`."""
    port = PooledHttp()
    spec = ServerSpec("flights", url, timeout_s=0.3, total_s=2.0, max_bytes=MAX_BYTES)
    tools = {"flights": ToolServer(McpClient(StreamableHttp(spec, port)))}
    async with stage.play(concierge, tools=tools) as world:
        yield stage.client(world, "concierge")
        assert await world.ledger.runs() == []
    await port.aclose()


def on_call(answer: Answer) -> Answer:
    """A server that lists its tool properly and answers `tools/call` with `answer`."""
    proper = depot()

    async def both(seen: hostile.Seen) -> None:
        is_call = json.loads(seen.body)["method"] == "tools/call"
        await (answer if is_call else proper.answer)(seen)

    return both


def in_reply(reply: Reply) -> Answer:
    """A server that answers `tools/call` with a JSON-RPC frame."""
    return depot(tools_call=reply).answer


NO_SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "shoe"}}}
QUESTION: JsonObject = {
    "method": "elicitation/create",
    "params": {"message": "?", "requestedSchema": NO_SCHEMA},
}
MAYBE = "the call of ship may have taken effect."
NOT = "the call of ship did not take place."
BOMB: JsonObject = {
    "method": "elicitation/create",
    "params": {
        "message": "?",
        "requestedSchema": {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/d0"}},
            "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)},
        },
    },
}
"""A billion checks in two kilobytes."""
DEEP: JsonObject = json.loads('{"a":' * 100 + "1" + "}" * 100)

BAD = {
    "garbage": (
        on_call(hostile.reply(b"<h1>swordfish", headers=JSON)),
        "MCP server flights: tools/call: the reply is not JSON",
    ),
    "another content type": (
        on_call(hostile.reply(b"<h1>swordfish", headers={"Content-Type": "text/html"})),
        (
            "MCP server flights: tools/call: content type must be application/json or"
            " text/event-stream"
        ),
    ),
    "no HTTP": (
        on_call(hostile.sends_and_hangs_up(b"swordfish\r\n\r\n")),
        f"MCP server flights: tools/call: the answer is not HTTP; {MAYBE}",
    ),
    "HTTP 500": (
        on_call(hostile.reply(b"swordfish", status=500)),
        "MCP server flights: tools/call: answered HTTP 500",
    ),
    **{
        f"HTTP {status} of a gateway": (
            on_call(hostile.reply(b"swordfish", status=status)),
            f"MCP server flights: tools/call: answered HTTP {status}; {MAYBE}",
        )
        for status in (502, 503, 504)
    },
    "HTTP 429": (
        on_call(hostile.reply(b"swordfish", status=429)),
        "MCP server flights: tools/call: answered HTTP 429",
    ),
    "an error": (
        in_reply(fails(-32603, data={"why": SWORDFISH})),
        "MCP server flights: tools/call: answered error -32603 (internal error)",
    ),
    "silence": (
        on_call(hostile.never),
        f"MCP server flights: tools/call: silent for 0.3 s; {MAYBE}",
    ),
    "bytes for ever": (
        on_call(hostile.endless(head(200, JSON), b"9" * 1000)),
        f"MCP server flights: tools/call: the body is over {MAX_BYTES} bytes; {MAYBE}",
    ),
    "a question with an invalid schema": (
        in_reply(gives(asks(None, seat=QUESTION))),
        (
            "MCP server flights: tools/call: requestedSchema of 'seat': field 'a': type must be one"
            " of string, integer, number, boolean, array"
        ),
    ),
    "a question with a schema that refers to itself": (
        in_reply(gives(asks(None, seat=BOMB))),
        (
            "MCP server flights: tools/call: requestedSchema of 'seat': the form: '$defs' is not"
            " supported in a question"
        ),
    ),
    "a question of an unknown kind": (
        in_reply(gives(asks(None, seat={"method": "sampling/imagine"}))),
        (
            "MCP server flights: tools/call: inputRequests['seat']: method must be one of"
            " elicitation/create, sampling/createMessage, roots/list"
        ),
    ),
    "an unknown kind of result": (
        in_reply(gives({"resultType": "maybe"})),
        "MCP server flights: tools/call: resultType 'maybe' is not one we know",
    ),
    "a result of the wrong shape": (
        in_reply(gives({"content": "swordfish"})),
        "MCP server flights: tools/call: content must be an array",
    ),
    "nesting": (
        in_reply(gives(DEEP)),
        "MCP server flights: tools/call: the reply is nested deeper than 64",
    ),
    "a stream without an answer": (
        in_reply(streams({"method": "notifications/message", "params": {"level": "info"}})),
        f"MCP server flights: tools/call: the stream ended without a response; {MAYBE}",
    ),
    "a stream that breaks off": (
        on_call(
            hostile.sends_and_hangs_up(head(200, {**SSE, "Content-Length": "99"}) + b"data: {")
        ),
        f"MCP server flights: tools/call: the body broke off or does not decode; {MAYBE}",
    ),
    "a body that breaks off": (
        on_call(
            hostile.sends_and_hangs_up(head(200, {**JSON, "Connection": "close"}) + b'{"id": "')
        ),
        f"MCP server flights: tools/call: the body broke off; {MAYBE}",
    ),
    "no tool list": (
        depot(tools_list=gives({"tools": SWORDFISH})).answer,
        "MCP server flights: tools/list: tools must be an array",
    ),
    "a tool list that is refused": (
        depot(tools_list=says(head(403, {"Content-Length": "0"}))).answer,
        "MCP server flights: tools/list: answered HTTP 403",
    ),
    "a tool list that a gateway is asked for": (
        depot(tools_list=says(head(503, {"Content-Length": "0"}))).answer,
        f"MCP server flights: tools/list: answered HTTP 503; {NOT}",
    ),
    "a tool list that is too long": (
        depot(tools_list=gives({"tools": [SHIP] * (MAX_TOOLS + 1)})).answer,
        f"MCP server flights: tools/list: has more than {MAX_TOOLS} tools",
    ),
    "silence about its tools": (
        hostile.never,
        f"MCP server flights: tools/list: silent for 0.3 s; {NOT}",
    ),
    "a tool definition that breaks a rule": (
        depot(tools_list=gives({"tools": [{**SHIP, "inputSchema": SWORDFISH}]})).answer,
        "MCP server flights: tools/list: tool 'ship': inputSchema must be a schema of type object",
    ),
}


@pytest.mark.parametrize(("answer", "reason"), BAD.values(), ids=BAD)
async def test_task_fails_with_a_reason_that_names_server_and_rule(
    stage: Stage, answer: Answer, reason: str
) -> None:
    """Ours: what a server sends is not repeated, what it did wrong is; where it is, is not told."""
    async with hostile.serving(answer) as server, calling(stage, server.url) as client:
        task = await send(client, "Lisbon")

    assert task.status.state is TaskState.FAILED
    assert question(task) == reason
    assert SWORDFISH not in task.to_json().decode()
    assert "127.0.0.1" not in task.to_json().decode()


async def test_server_that_is_down_is_tried_again_and_then_named(stage: Stage) -> None:
    """Ours: a refused connection repeats nothing, so it may be tried again."""
    async with hostile.serving(hostile.never) as server:
        url = server.url
    async with calling(stage, url) as client:
        task = await send(client, "Lisbon")

    assert task.status.state is TaskState.FAILED
    assert question(task) == (
        f"MCP server flights: tools/list: no connection: refused or unreachable; {NOT}"
    )


async def test_server_that_asks_for_ever_is_cut_off(stage: Stage) -> None:
    """Ours: a limit on rounds; MCP mrtr sets none."""

    async def ship(seen: Seen) -> JsonObject:
        return asks(f"round {len(desk.calls)}", more=form("More?", more={"type": "boolean"}))

    desk, answers = Desk(ship=ship), 0
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        while task.status.state is TaskState.INPUT_REQUIRED:
            task, answers = await send(client, message("yes", task=task)), answers + 1

    assert answers == MAX_ROUNDS
    assert task.status.state is TaskState.FAILED
    assert question(task) == (
        f"MCP server flights: tools/call: asks for more input after {MAX_ROUNDS} rounds"
    )


async def test_tool_of_a_server_the_agent_lacks_is_named(stage: Stage) -> None:
    """Ours: an author's mistake is told in words too."""
    async with stage.play(concierge) as world:
        task = await send(stage.client(world, "concierge"), "Lisbon")

    assert question(task) == "this agent has no tool server 'flights'; it has: none"


async def test_failure_of_a_tool_is_a_value_its_agent_sees(stage: Stage) -> None:
    """MCP server/tools, error handling: isError is for the model, not the end of the task."""
    seen: list[ToolResult] = []

    @agent(name="concierge")
    async def careful(ctx: Context) -> str:
        seen.append(await ctx.tool("flights", "ship", {}))
        return "never mind"

    async def ship(_: Seen) -> JsonObject:
        return {"content": [{"type": "text", "text": "sold out"}], "isError": True}

    async with Desk(ship=ship).open() as tools, stage.play(careful, tools=tools) as world:
        task = await send(stage.client(world, "concierge"), "Lisbon")

    assert task.status.state is TaskState.COMPLETED
    assert [(each.is_error, each.text) for each in seen] == [(True, "sold out")]
