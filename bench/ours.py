"""How our own targets are put together: the echo agent and the bridge, on each store.

Every builder serves its target until the process is told to end, as `bench.floors` does with
`on_uvicorn`. The echo agent emits the task, WORKING, one artifact with the message's text, and
COMPLETED; the bridge agent's artifact is the text of one call of `bench.canned_mcp.TOOL` with
`{"text": <the message's text>}` at `place.tools_url`. Stores live in `place.scratch`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import anyio

from bench.callers import Call as CallTool
from bench.callers import on_calls
from bench.canned_mcp import TOOL
from bench.raw_stdio import ROOT, canned
from bench.serving import Place, tell
from interloom.agents import AgentDefinition, Context, agent
from interloom.bridges import CommandSpec, McpClient, ServerSpec, Stdio, StreamableHttp
from interloom.bridges.handoff import Toolbox, ToolServer
from interloom.bridges.mcp.core.rounds import Call, Done
from interloom.bridges.mcp.core.tools import read_tool_result
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.door import Served
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.grpc_port import GrpcPort
from interloom.runtime.serve.runtime import OpenLedger, Runtime, Settings
from interloom.runtime.serve.server import calm_collector, server

SERVER = "canned"


@agent(description="Says what it hears.")
async def echo(ctx: Context) -> str:
    """Say what it hears."""
    return ctx.text


@agent(description="Says what its tool says.", tools=[SERVER])
async def bridged(ctx: Context) -> str:
    """Say what its tool says."""
    result = await ctx.tool(SERVER, TOOL, {"text": ctx.text})
    return result.text


def memory(place: Place) -> None:
    """The echo agent on the memory store."""
    serve(echo, MemoryLedger, place)


def sqlite(place: Place) -> None:
    """The echo agent, every event on disk before the reply."""
    serve(echo, lambda: _on_disk(place), place)


def bridge(place: Place) -> None:
    """The bridge agent on the memory store."""
    serve(bridged, MemoryLedger, place)


def bridge_sqlite(place: Place) -> None:
    """The bridge agent, every event and call on disk."""
    serve(bridged, lambda: _on_disk(place), place)


def grpc(place: Place) -> None:
    """The echo agent on the memory store, over gRPC alone."""
    anyio.run(_serve_grpc, place)


def tools_call(place: Place) -> None:
    """Our MCP client taking orders; see `bench.callers.on_calls`."""
    on_calls(_client(place), place)


def tools_call_on_stdio(place: Place) -> None:
    """The same, the server being a child of ours."""
    on_calls(_stdio_client(place), place)


def _on_disk(place: Place) -> Ledger:
    return SqliteLedger(place.scratch / "tasks.db")


def serve(definition: AgentDefinition, open_ledger: OpenLedger, place: Place) -> None:
    """Serve an agent over HTTP."""
    http = PooledHttp()
    servers: dict[str, ToolServer] = {}
    if place.tools_port:
        servers[SERVER] = ToolServer(
            McpClient(StreamableHttp(ServerSpec(SERVER, place.tools_url), http))
        )
    served = definition.bind(Toolbox(servers))
    runtime = Runtime([served], open_ledger, Settings(around=lambda _: aclosing(http)))
    serving = server(runtime.app(), BodyLimits())  # as `interloom run` serves
    listener = place.listen()
    calm_collector()
    serving.run(sockets=[listener])


async def _serve_grpc(place: Place) -> None:
    port = GrpcPort("127.0.0.1", place.port)
    runtime = Runtime([echo.bind(Toolbox({}))], MemoryLedger)
    calm_collector()
    async with (
        runtime.open() as operations,
        port.open(Served(operations, Gate([echo.about]), [echo.about.name], runtime.health)),
    ):
        tell(int(port.address.rpartition(":")[2]))
        await anyio.sleep_forever()


@asynccontextmanager
async def _client(place: Place) -> AsyncGenerator[CallTool]:
    http = PooledHttp()
    try:
        yield _caller(McpClient(StreamableHttp(ServerSpec(SERVER, place.tools_url), http)))
    finally:
        await http.aclose()


@asynccontextmanager
async def _stdio_client(place: Place) -> AsyncGenerator[CallTool]:
    command, *args = canned(place)
    stdio = Stdio(CommandSpec(SERVER, command, tuple(args), cwd=str(ROOT)))
    async with stdio.open():
        yield _caller(McpClient(stdio))


def _caller(client: McpClient) -> CallTool:
    async def call(text: str) -> str:
        value = Call(SERVER, "tools/call", {"name": TOOL, "arguments": {"text": text}})
        _, step = value.receive(await client.exchange(value.send()))
        match step:
            case Done(result=result):
                return read_tool_result(result, server=SERVER).text
            case _:
                raise LookupError("the canned server asks nothing")

    return call
