"""How our own targets are put together: the echo agent and the bridge, on each store.

Every builder serves its target until the process is told to end, as `bench.floors` does with
`on_uvicorn`. The echo agent emits the task, WORKING, one artifact with the message's text, and
COMPLETED; the bridge agent's artifact is the text of one call of `bench.canned_mcp.TOOL` with
`{"text": <the message's text>}` at `place.tools_url`. Stores live in `place.scratch`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

from bench.callers import Call as CallTool
from bench.callers import on_orders
from bench.canned_mcp import TOOL
from bench.serving import Place
from interloom.agents import AgentDefinition, Context, agent
from interloom.bridges import McpClient, ServerSpec, StreamableHttp
from interloom.bridges.handoff import Toolbox, ToolServer
from interloom.bridges.mcp.core.rounds import Call, Done
from interloom.bridges.mcp.core.tools import read_tool_result
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.serve.body import BodyLimits
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
    _serve(echo, MemoryLedger, place)


def sqlite(place: Place) -> None:
    """The echo agent, every event on disk before the reply."""
    _serve(echo, lambda: _on_disk(place), place)


def bridge(place: Place) -> None:
    """The bridge agent on the memory store."""
    _serve(bridged, MemoryLedger, place)


def bridge_sqlite(place: Place) -> None:
    """The bridge agent, every event and call on disk."""
    _serve(bridged, lambda: _on_disk(place), place)


def tools_call(place: Place) -> None:
    """Our MCP client taking orders; see `bench.callers.on_orders`."""
    on_orders(_client(place), place)


def _on_disk(place: Place) -> Ledger:
    return SqliteLedger(place.scratch / "tasks.db")


def _serve(definition: AgentDefinition, open_ledger: OpenLedger, place: Place) -> None:
    http = PooledHttp()
    servers: dict[str, ToolServer] = {}
    if place.tools_port:
        servers[SERVER] = ToolServer(
            McpClient(StreamableHttp(ServerSpec(SERVER, place.tools_url), http))
        )
    served = definition.bind(Toolbox(servers))
    runtime = Runtime([served], open_ledger, Settings(around=lambda: aclosing(http)))
    serving = server(runtime.app(), BodyLimits())  # as `interloom run` serves
    listener = place.listen()
    calm_collector()
    serving.run(sockets=[listener])


@asynccontextmanager
async def _client(place: Place) -> AsyncGenerator[CallTool]:
    http = PooledHttp()
    client = McpClient(StreamableHttp(ServerSpec(SERVER, place.tools_url), http))

    async def call(text: str) -> str:
        value = Call(SERVER, "tools/call", {"name": TOOL, "arguments": {"text": text}})
        _, step = value.receive(await client.exchange(value.send()))
        match step:
            case Done(result=result):
                return read_tool_result(result, server=SERVER).text
            case _:
                raise LookupError("the canned server asks nothing")

    try:
        yield call
    finally:
        await http.aclose()
