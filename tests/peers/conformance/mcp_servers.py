"""MCP servers for Node.js as judges of our client, over HTTP and stdio.

The TypeScript SDK v2 (`@modelcontextprotocol/server` 2.4.0) is strict: it refuses whatever is not
of 2026-07-28. `@modelcontextprotocol/server-everything` speaks 2025-11-25 and nothing newer, so it
is reached through the handshake. Both are other people's; what each check is about is in the
specification of its revision.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial
from typing import Final, TypeAlias

import anyio
from anyio.abc import Process, TaskStatus

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.asks import Elicit
from interloom.bridges.mcp.core.notices import Notice, Progress
from interloom.bridges.mcp.core.rounds import Ask, Call, Done
from interloom.bridges.mcp.core.subscriptions import Filter
from interloom.bridges.mcp.core.tools import ToolResult, read_tool_result
from interloom.bridges.mcp.eras import Era, Eras, http_in_any_era, stdio_in_any_era
from interloom.bridges.mcp.http import ServerSpec
from interloom.bridges.mcp.stdio import CommandSpec
from interloom.bridges.mcp.wire import Wishes
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.peers.conformance.score import Score
from tests.peers.nodejs import node, peer

SERVER: Final = "peer"
CHECK_S: Final = 30.0
"""Seconds one check may take."""
EVERYTHING: Final = "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
LISTENING: Final = b"listening on port "

Check: TypeAlias = Callable[[Eras], Awaitable[None]]
Reach: TypeAlias = Callable[[], AbstractAsyncContextManager[Eras]]


class Talk:
    """One call from its first request to its result, and what was heard and asked on the way."""

    def __init__(self, eras: Eras) -> None:
        self.client = McpClient(eras)
        self.heard: list[float] = []
        self.asked: list[str] = []
        self.states: list[str | None] = []
        self.result: JsonObject = {}

    async def call(
        self, tool: str, arguments: JsonObject, answers: Mapping[str, JsonObject] | None = None
    ) -> ToolResult:
        """Call a tool, answering its questions by key; `*` answers any."""
        call = Call(SERVER, "tools/call", {"name": tool, "arguments": arguments})
        send = call.send()
        while True:
            ready = await self.client.prepare(
                send, meta={"traceparent": "00-1-2-01"}, wishes=Wishes(progress=True)
            )
            result = await self.client.perform(ready, heard=self._note)
            call, step = call.receive(result)
            self.states.append(call.state)
            if isinstance(step, Done):
                self.result = step.result
                return read_tool_result(step.result, server=SERVER)
            assert isinstance(step, Ask)
            given = answers or {}
            for request in step.requests.values():
                assert isinstance(request, Elicit)
                self.asked.append(request.message)
            said = {key: given.get(key, given.get("*", {})) for key in step.requests}
            send = call.answer({key: _accepted(content) for key, content in said.items()})

    async def _note(self, notice: Notice) -> None:
        assert isinstance(notice, Progress)
        self.heard.append(notice.value)


def _accepted(content: JsonObject) -> JsonObject:
    return {"action": "accept", "content": content}


# --- the TypeScript SDK v2 ---


async def discovers(eras: Eras) -> None:
    """server/discover; the era is the modern one."""
    found = await McpClient(eras).discover()
    assert found.versions == ("2026-07-28",)
    assert found.info["name"] == "depot"
    assert eras.era is Era.MODERN


async def structured(eras: Eras) -> None:
    """server/tools "Structured Content"."""
    assert (await Talk(eras).call("add", {"a": 2, "b": 3})).structured == {"sum": 5}


async def two_rounds(eras: Eras) -> None:
    """basic/patterns/mrtr: two questions, the state back byte for byte."""
    talk = Talk(eras)
    answers: dict[str, JsonObject] = {"name": {"name": "Ada"}, "seat": {"seat": "4A"}}
    result = await talk.call("book", {"to": "Oslo"}, answers)
    assert result.text == "Oslo: Ada é\u2028 in 4A"
    assert talk.asked == ["Who?", "Which seat?"]


async def progress(eras: Eras) -> None:
    """basic/patterns/progress."""
    talk = Talk(eras)
    assert (await talk.call("count", {})).text == "counted"
    assert talk.heard == [1, 2, 3]


async def tool_error(eras: Eras) -> None:
    """server/tools "Error Handling"."""
    result = await Talk(eras).call("fail", {})
    assert (result.is_error, result.text) == (True, "the shelf is empty")


async def cached(eras: Eras) -> None:
    """server/utilities/caching: a list is not asked for again while it is fresh."""
    client = McpClient(eras)
    first = await client.list_tools()
    kept = await client.cache.look(SERVER, "tools/list", {}, principal="")
    assert kept.entry is not None
    assert await client.list_tools() == first
    assert {tool.name for tool in first} == {"add", "book", "count", "fail", "meta"}


async def meta_returned(eras: Eras) -> None:
    """basic/index `_meta`: the trace goes there, and what the tool adds comes back."""
    talk = Talk(eras)
    result = await talk.call("meta", {})
    assert '"traceparent":"00-1-2-01"' in result.text
    meta = talk.result["_meta"]
    assert isinstance(meta, dict)
    assert meta["example.com/seen"] == "00-1-2-01"


async def side_by_side(eras: Eras) -> None:
    """Many calls at once, each with its own answer."""
    sums: list[Json] = []

    async def add(a: int) -> None:
        result = await Talk(eras).call("add", {"a": a, "b": 0})
        assert result.structured == {"sum": a}
        sums.append(a)

    async with anyio.create_task_group() as tasks:
        for a in range(20):
            tasks.start_soon(add, a)
    assert len(sums) == 20


MODERN: Final[tuple[Check, ...]] = (
    discovers,
    structured,
    two_rounds,
    progress,
    tool_error,
    cached,
    meta_returned,
    side_by_side,
)

# --- server-everything, 2025-11-25 ---


async def greeted(eras: Eras) -> None:
    """2025-11-25 lifecycle: the fallback, and the version agreed on."""
    await McpClient(eras).discover()
    assert (eras.era, eras.version) == (Era.LEGACY, "2025-11-25")


async def lists(eras: Eras) -> None:
    """server/tools, prompts, resources."""
    client = McpClient(eras)
    assert "echo" in {tool.name for tool in await client.list_tools()}
    assert "simple-prompt" in {prompt.name for prompt in await client.list_prompts()}
    assert await client.list_resources()
    assert await client.list_templates()


async def echoes(eras: Eras) -> None:
    """server/tools."""
    assert (await Talk(eras).call("echo", {"message": "hi"})).text == "Echo: hi"


async def structured_before(eras: Eras) -> None:
    """server/tools "Structured Content"."""
    result = await Talk(eras).call("get-structured-content", {"location": "Chicago"})
    assert isinstance(result.structured, dict)


async def progress_before(eras: Eras) -> None:
    """basic/utilities/progress."""
    talk = Talk(eras)
    await talk.call("trigger-long-running-operation", {"duration": 0.2, "steps": 2})
    assert talk.heard == [1, 2]


async def elicited(eras: Eras) -> None:
    """client/elicitation: asked in the middle of the call, which is held open meanwhile."""
    talk = Talk(eras)
    result = await talk.call("trigger-elicitation-request", {}, {"*": {"name": "Ada"}})
    assert "- Name: Ada" in result.text
    assert len(talk.asked) == 1


async def reads(eras: Eras) -> None:
    """server/resources, server/prompts."""
    client = McpClient(eras)
    first = (await client.list_resources())[0]
    read = Call(SERVER, "resources/read", {"uri": first.uri})
    assert (await client.exchange(read.send()))["contents"]
    prompt = Call(SERVER, "prompts/get", {"name": "simple-prompt"})
    assert (await client.exchange(prompt.send()))["messages"]


async def subscribes(eras: Eras) -> None:
    """server/resources "Subscriptions": agreed on with the server, and left again."""
    client = McpClient(eras)
    first = (await client.list_resources())[0]
    async with client.listen(Filter(uris=frozenset({first.uri}))) as (_subscription, said):
        acknowledged = await anext(said)
    assert acknowledged.params["notifications"] == {"resourceSubscriptions": [first.uri]}


BEFORE: Final[tuple[Check, ...]] = (
    greeted,
    lists,
    echoes,
    structured_before,
    progress_before,
    elicited,
    reads,
    subscribes,
)

# --- the judges ---


def modern_http() -> Score:
    """The TypeScript SDK v2 server over HTTP."""
    return anyio.run(_judged, MODERN, partial(_over_http, "depot.mjs", "http"))


def modern_stdio() -> Score:
    """The TypeScript SDK v2 server over stdio."""
    return anyio.run(_judged, MODERN, partial(_over_stdio, "depot.mjs", "stdio"))


def everything_http() -> Score:
    """server-everything over HTTP, with a session."""
    return anyio.run(_judged, BEFORE, partial(_over_http, EVERYTHING, "streamableHttp"))


def everything_stdio() -> Score:
    """server-everything over stdio."""
    return anyio.run(_judged, BEFORE, partial(_over_stdio, EVERYTHING, "stdio"))


async def _judged(checks: tuple[Check, ...], reach: Reach) -> Score:
    faults: dict[str, str] = {}
    async with reach() as eras:
        for check in checks:
            try:
                with anyio.fail_after(CHECK_S):
                    await check(eras)
            except Exception as error:  # noqa: BLE001  whatever went wrong is the finding
                faults[check.__name__] = f"{type(error).__name__}: {error}"
    return Score(len(checks) - len(faults), len(checks), faults)


@asynccontextmanager
async def _over_stdio(program: str, mode: str) -> AsyncGenerator[Eras]:
    command = CommandSpec(SERVER, str(node()), (str(peer(program)), mode), timeout_s=CHECK_S)
    eras = stdio_in_any_era(command)
    async with eras.open():
        yield eras


@asynccontextmanager
async def _over_http(program: str, mode: str) -> AsyncGenerator[Eras]:
    number = _free_port()
    words = [str(node()), str(peer(program)), mode]
    process = await anyio.open_process(
        words, stderr=subprocess.STDOUT, env={**os.environ, "PORT": str(number)}
    )
    async with process, aclosing(PooledHttp()) as port:
        spec = ServerSpec(SERVER, f"http://127.0.0.1:{number}/mcp", timeout_s=CHECK_S)
        eras = http_in_any_era(spec, port)
        async with anyio.create_task_group() as tasks:
            with anyio.fail_after(CHECK_S):
                await tasks.start(_listen, process)
            async with eras.open():
                yield eras
            process.terminate()


async def _listen(
    process: Process, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Read what a server prints, so that it can go on printing; started once it is up."""
    said, is_up = b"", False
    assert process.stdout is not None
    async for chunk in process.stdout:
        said = said[-len(LISTENING) :] + chunk
        if LISTENING in said and not is_up:
            is_up = True
            task_status.started()
    if not is_up:
        raise RuntimeError("the server ended before it listened")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
