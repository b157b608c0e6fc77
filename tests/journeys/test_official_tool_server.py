"""The whole bridge once more, with a tool server built with the official MCP SDK, over TCP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from socket import socket

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context as ToolContext
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    TextContent,
)

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.core.trace import Trace
from interloom.runtime.model import TaskState
from interloom.runtime.net.pooled import PooledHttp
from tests.journeys.matrix import Stage
from tests.journeys.words import message, question, result, send

TRACE = Trace(f"00-{'c' * 32}-{'3' * 16}-01")


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Books a flight."""
    flight = await ctx.tool("flights", "book", {"to": ctx.text})
    return f"Booked: {flight.text}"


class Flights:
    """The server.

    Attributes:
        states: The `requestState` of each call, as the SDK unsealed it.
        traces: The `traceparent` of each call.
    """

    def __init__(self) -> None:
        self.states: list[str | None] = []
        self.traces: list[object] = []
        self.mcp = MCPServer("flights", log_level="ERROR")
        self.mcp.tool()(self.book)
        self.mcp.prompt()(self.greet)
        self.mcp.resource("flights://{place}/board")(self.board)

    async def book(self, to: str, ctx: ToolContext) -> CallToolResult | InputRequiredResult:
        """Asks for the seat, then for the bags."""
        self.states.append(ctx.request_state)
        self.traces.append((ctx.request_context.meta or {}).get("traceparent"))
        answers = ctx.input_responses or {}
        seat, bags = answers.get("seat"), answers.get("bags")
        if isinstance(bags, ElicitResult) and bags.content:
            text = f"{to}, {ctx.request_state}, {bags.content['bags']} bags"
            return CallToolResult(content=[TextContent(text=text)])
        if isinstance(seat, ElicitResult) and seat.content:
            wanted = _form("How many bags?", "bags", "integer")
            state = str(seat.content["seat"])
            return InputRequiredResult(input_requests={"bags": wanted}, request_state=state)
        return InputRequiredResult(input_requests={"seat": _form("Which seat?", "seat", "string")})

    def greet(self, ctx: ToolContext) -> str | InputRequiredResult:
        """Asks for the name."""
        answer = (ctx.input_responses or {}).get("name")
        if isinstance(answer, ElicitResult) and answer.content:
            return f"Welcome {answer.content['name']} {ctx.request_state}"
        wanted = _form("Who travels?", "name", "string")
        return InputRequiredResult(input_requests={"name": wanted}, request_state="aboard")

    def board(self, place: str, ctx: ToolContext) -> str | InputRequiredResult:
        """Asks for the gate."""
        answer = (ctx.input_responses or {}).get("gate")
        if isinstance(answer, ElicitResult) and answer.content:
            return f"{place}: gate {answer.content['gate']}"
        return InputRequiredResult(input_requests={"gate": _form("Which gate?", "gate", "string")})


def _form(text: str, field: str, kind: str) -> ElicitRequest:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {field: {"type": kind}},
        "required": [field],
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=text, requested_schema=schema))


@asynccontextmanager
async def served(flights: Flights) -> AsyncGenerator[dict[str, ToolServer]]:
    """Serve it on a loopback port, for an agent's toolbox."""
    app, port = flights.mcp.streamable_http_app(), PooledHttp()
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_level="error"))
        spec = ServerSpec("flights", f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            try:
                yield {"flights": ToolServer(McpClient(StreamableHttp(spec, port)))}
            finally:
                server.should_exit = True
                await port.aclose()


async def test_question_of_the_official_sdk_outlives_a_crash(stage: Stage) -> None:
    """DESIGN 2 and 5: two rounds, three calls, one trace, a wrong answer and two crashes."""
    flights = Flights()
    async with served(flights) as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        first = await send(client, "Lisbon", trace=TRACE)
        await world.crash()
        second = await send(client, message("4A", task=first))
        await world.crash()
        refused = await send(client, message("a few", task=first))
        done = await send(client, message("2", task=first))

    assert question(first).startswith("flights asks: Which seat?")
    assert question(second).startswith("flights asks: How many bags?")
    assert refused.status.state is TaskState.INPUT_REQUIRED
    assert result(done) == "Booked: Lisbon, 4A, 2 bags"
    assert flights.states == [None, None, "4A"]
    assert flights.traces == [TRACE.traceparent] * 3


async def test_prompt_and_resource_of_the_official_sdk_ask_and_outlive_a_crash(
    stage: Stage,
) -> None:
    """MCP 2026-07-28 mrtr "Supported Requests": all three methods may ask back."""

    @agent(name="host")
    async def host(ctx: Context) -> str:
        welcome = await ctx.prompt("flights", "greet")
        (board,) = await ctx.resource("flights", "flights://Lisbon/board")
        return f"{welcome.messages[0].content['text']}; {board.data!s}"

    async with served(Flights()) as tools, stage.play(host, tools=tools) as world:
        client = stage.client(world, "host")
        first = await send(client, "go")
        await world.crash()
        second = await send(client, message("Ada", task=first))
        await world.crash()
        done = await send(client, message("B7", task=first))

    assert question(first).startswith("flights asks: Who travels?")
    assert question(second).startswith("flights asks: Which gate?")
    assert result(done) == "Welcome Ada aboard; Lisbon: gate B7"
