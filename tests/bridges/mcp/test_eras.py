"""Which era a server is of, and what tells.

Source: MCP 2026-07-28, basic/versioning "Backward Compatibility with Initialization-Based
Versions", basic/transports/streamable-http and stdio "Backward Compatibility".
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import (
    HeaderMismatch,
    InvalidParams,
    McpPeerError,
    MethodNotFound,
    MissingCapability,
    UnsupportedVersion,
)
from interloom.bridges.mcp.eras import (
    Era,
    Eras,
    http_in_any_era,
    lines_in_any_era,
    stdio_in_any_era,
)
from interloom.bridges.mcp.http import ServerSpec
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import BrokenOff, TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import Depot, Reply, body, depot, fails, gives, says
from tests.bridges.mcp.legacy.elder import Elder, lines_to, methods
from tests.bridges.mcp.legacy.parlour import visiting
from tests.bridges.mcp.spoken import NO_HEADERS, Frame, Server, framed, result_of, silence, stamped
from tests.bridges.mcp.test_stdio import spec
from tests.runtime.net.hostile import serving

DISCOVERY: JsonObject = {"supportedVersions": ["2026-07-28"], "capabilities": {}}
TOOLS: JsonObject = {"tools": []}
LISTEN = stamped("l1", "subscriptions/listen")
JSON = "application/json"
UNKNOWN = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request"}}'


@asynccontextmanager
async def eras_of(script: Depot) -> AsyncGenerator[Eras]:
    with anyio.fail_after(20):
        async with serving(script.answer) as server, aclosing(PooledHttp()) as port:
            eras = http_in_any_era(ServerSpec("depot", server.url, timeout_s=5.0), port)
            async with eras.open():
                yield eras


LEGACY: dict[str, Reply] = {
    "400 without a body": says(body(400, b"", None)),
    "400 with a page": says(body(400, b"<html>", "text/html")),
    "400 with an error of its own": says(body(400, UNKNOWN, JSON)),
    "400 with a common error": fails(-32602),
    "404": says(body(404, b"", None)),
    "405": says(body(405, b"", None)),
    "406": says(body(406, b"", None)),
    "415": says(body(415, b"{}", JSON)),
    "a version of ours that is older": fails(-32022, data={"supported": ["2025-11-25"]}),
}


@pytest.mark.parametrize("name", LEGACY)
async def test_refusal_that_is_not_modern_is_followed_by_the_handshake(name: str) -> None:
    """streamable-http: an empty or unrecognized body means to fall back to initialize."""
    async with visiting(refuse=LEGACY[name]) as (eras, parlour):
        for request_id in ("r1", "r2"):
            result = await eras.request(stamped(request_id, "tools/list"), NO_HEADERS)
            assert result["tools"] == []
        lines = [line for line in parlour.lines if line != "GET"]

    assert eras.era is Era.LEGACY
    assert lines == [
        "POST tools/list",
        "POST initialize",
        "POST notifications/initialized",
        "POST tools/list",
        "POST tools/list",
    ]


MODERN: dict[str, tuple[Reply, type[McpPeerError], bool]] = {
    "version": (fails(-32022, data={"supported": ["2099-01-01"]}), UnsupportedVersion, True),
    "headers": (fails(-32020), HeaderMismatch, True),
    "capability": (fails(-32021), MissingCapability, True),
    "method": (fails(-32601, status=404), MethodNotFound, True),
    "in place of a result": (fails(-32603, status=200), McpPeerError, False),
    "no credentials": (says(body(401, b"", None)), McpPeerError, False),
    "forbidden": (says(body(403, b"", None)), McpPeerError, False),
    "busy": (says(body(429, b"", None)), McpPeerError, False),
    "broken": (says(body(500, b"", None)), McpPeerError, False),
}


@pytest.mark.parametrize("name", MODERN)
async def test_other_refusals_are_the_callers_to_see(name: str) -> None:
    """streamable-http: a recognized modern error means not to fall back."""
    reply, kind, settles = MODERN[name]
    script = depot(tools_list=reply)
    async with eras_of(script) as eras:
        with pytest.raises(kind):
            await eras.request(stamped("r1", "tools/list"), NO_HEADERS)

    assert script.methods == ["tools/list"]
    assert eras.era is (Era.MODERN if settles else None)


async def test_success_settles_the_era_and_costs_nothing() -> None:
    """versioning: discover is optional; the first request succeeds."""
    script = depot(resources_read=gives({"contents": []}), server_discover=gives(DISCOVERY))
    async with eras_of(script) as eras:
        await eras.request(stamped("r1"), {"Mcp-Method": "resources/read"})

    assert eras.era is Era.MODERN
    assert script.methods == ["resources/read"]


async def test_server_that_is_rolled_back_is_spoken_to_in_its_older_way() -> None:
    """versioning: re-probing if the cached assumption later fails; its refusal did nothing."""
    async with visiting(refuse=gives(TOOLS)) as (eras, parlour):
        await eras.request(stamped("r1", "tools/list"), NO_HEADERS)
        before = eras.era
        parlour.refuse = LEGACY["400 with an error of its own"]
        for request_id in ("r2", "r3"):
            result = await eras.request(stamped(request_id, "tools/list"), NO_HEADERS)
            assert result["tools"] == []
        lines = [line for line in parlour.lines if line != "GET"]

    assert (before, eras.era) == (Era.MODERN, Era.LEGACY)
    assert lines == [
        "POST tools/list",
        "POST tools/list",
        "POST server/discover",
        "POST initialize",
        "POST notifications/initialized",
        "POST tools/list",
        "POST tools/list",
    ]


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (gives(DISCOVERY), ["server/discover"]),
        (fails(-32022, data={"supported": ["2099-01-01"]}), ["server/discover"]),
        (says(body(503, b"", None)), ["server/discover"]),
        (says(body(404, b"", None)), ["server/discover", "initialize"]),
    ],
)
async def test_modern_server_whose_refusals_look_older_stays_modern(
    found: Reply, asked: list[str]
) -> None:
    """ours: every modern server answers `server/discover`; DOUBT_S, so it is asked once."""
    script = depot(
        resources_read=[gives({"contents": []}), says(body(400, b"", None))],
        server_discover=found,
        initialize=says(body(400, b"", None)),
    )
    async with eras_of(script) as eras:
        await eras.request(stamped("r1"), {"Mcp-Method": "resources/read"})
        for request_id in ("r2", "r3"):
            with pytest.raises(McpPeerError, match="resources/read: answered HTTP 400"):
                await eras.request(stamped(request_id), NO_HEADERS)

    assert eras.era is Era.MODERN
    assert script.methods == ["resources/read", "resources/read", *asked, "resources/read"]


async def test_refusal_of_parameters_raises_no_doubt() -> None:
    """ours: a modern server answers it every day, with a 400 as older ones do."""
    script = depot(resources_read=[gives({"contents": []}), fails(-32602)])
    async with eras_of(script) as eras:
        await eras.request(stamped("r1"), {"Mcp-Method": "resources/read"})
        with pytest.raises(InvalidParams):
            await eras.request(stamped("r2"), NO_HEADERS)

    assert script.methods == ["resources/read", "resources/read"]


async def test_child_that_takes_the_place_of_a_modern_one_is_asked_again(tmp_path: Path) -> None:
    """versioning: an era is cached for the lifetime of the server process (stdio)."""
    mark = str(tmp_path / "mark")
    eras = stdio_in_any_era(spec("rolls_back", env={"HEARD": mark}))
    found: list[Era | None] = []
    with anyio.fail_after(30):
        async with eras.open():
            await eras.request(stamped("r1", "tools/list"), NO_HEADERS)
            found.append(eras.era)
            with pytest.raises(BrokenOff):
                await eras.request(stamped("r2"), NO_HEADERS)
            for request_id in ("r3", "r4"):
                result = await eras.request(stamped(request_id, "tools/list"), NO_HEADERS)
                assert result["tools"] == []
            found.append(eras.era)

    assert found == [Era.MODERN, Era.LEGACY]
    assert eras.version == "2025-11-25"


async def test_server_that_refuses_the_handshake_too_is_told_by_its_first_error() -> None:
    """versioning: a server of no era; nothing is remembered."""
    script = depot(tools_list=says(body(405, b"", None)), initialize=fails(-32601, status=404))
    async with eras_of(script) as eras:
        with pytest.raises(McpPeerError, match="tools/list: answered HTTP 405"):
            await eras.request(stamped("r1", "tools/list"), NO_HEADERS)

    assert eras.era is None


async def test_era_that_turns_out_wrong_is_found_out_anew() -> None:
    """versioning: re-probing if the cached assumption later fails."""
    async with visiting() as (eras, parlour):
        await eras.request(stamped("r1", "tools/list"), NO_HEADERS)
        parlour.gone.add("s1")
        parlour.is_modern = True
        with pytest.raises(McpPeerError, match="initialize: "):
            await eras.request(stamped("r2", "tools/list"), NO_HEADERS)
        parlour.refuse = gives(TOOLS)
        assert await eras.request(stamped("r3", "tools/list"), NO_HEADERS) == TOOLS

    assert eras.era is Era.MODERN


async def test_era_that_turns_out_wrong_for_a_subscription_is_found_out_anew() -> None:
    """versioning: re-probing if the cached assumption later fails."""
    async with visiting() as (eras, parlour):
        parlour.is_modern = True
        eras.known.era = Era.LEGACY  # as of a session that is gone meanwhile
        with pytest.raises(McpPeerError, match="initialize: "):
            async with eras.listen(LISTEN, NO_HEADERS):
                pass

    assert eras.era is None


async def test_probe_on_lines_comes_before_anything_else_and_once() -> None:
    """stdio: SHOULD probe with server/discover before sending any other request."""

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            empty: JsonObject = {str(frame["method"]).split("/")[0]: []}
            result = DISCOVERY if frame["method"] == "server/discover" else empty
            await server.say(result_of(frame, **result))

    server = Server(react)
    patience = Patience(5.0, 10.0)
    eras = lines_in_any_era(InMemory("depot", server.serve, patience=patience), patience)
    with anyio.fail_after(20):
        async with eras.open():
            client = McpClient(eras)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.list_tools)
                tasks.start_soon(client.list_prompts)

    assert eras.era is Era.MODERN
    assert methods(server)[0] == "server/discover"
    assert methods(server).count("server/discover") == 1
    assert "io.modelcontextprotocol/protocolVersion" in json.dumps(server.frames[0])


async def test_subscriptions_that_begin_together_probe_once() -> None:
    """stdio: the era is the server's, whoever asks first."""

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            probed.set()
            await asked.wait()
            await server.say(result_of(frame, **DISCOVERY))

    async def listen(request_id: str) -> None:
        sent = stamped(request_id, "subscriptions/listen")
        async with eras.listen(sent, NO_HEADERS) as news:
            assert [notice async for notice in news] == []

    probed, asked = anyio.Event(), anyio.Event()
    server = Server(react)
    patience = Patience(5.0, 10.0)
    eras = lines_in_any_era(InMemory("depot", server.serve, patience=patience), patience)
    with anyio.fail_after(20):
        async with eras.open(), anyio.create_task_group() as tasks:
            tasks.start_soon(listen, "l1")
            await probed.wait()
            tasks.start_soon(listen, "l2")
            await anyio.wait_all_tasks_blocked()
            asked.set()

    assert methods(server) == ["server/discover", "subscriptions/listen", "subscriptions/listen"]


@pytest.mark.parametrize("code", [-32022, -32021, -32020])
async def test_modern_error_to_the_probe_is_no_reason_to_fall_back(code: int) -> None:
    """stdio: do not fall back to initialize on a recognized modern error."""

    async def react(server: Server, frame: Frame) -> None:
        error: Json = {"code": code, "message": "x", "data": {"supported": ["2025-11-25"]}}
        await server.say(framed(id=frame["id"], error=error))

    server = Server(react)
    patience = Patience(5.0, 10.0)
    eras = lines_in_any_era(InMemory("depot", server.serve, patience=patience), patience)
    with anyio.fail_after(20):
        async with eras.open():
            with pytest.raises(McpPeerError):
                await eras.request(stamped("r1", "tools/list"), NO_HEADERS)

    assert methods(server) == ["server/discover", "tools/list"]


@pytest.mark.parametrize("code", [-32601, -32602, -32603, -32600, -32000, -32002, 1])
async def test_any_other_error_to_the_probe_means_an_older_server(code: int) -> None:
    """stdio: the fallback MUST NOT be keyed to one specific error code."""

    class Gruff(Elder):
        async def _take(self, server: Server, frame: Frame) -> None:
            if frame.get("method") == "server/discover":
                await server.say(framed(id=frame["id"], error={"code": code, "message": "x"}))
            else:
                await super()._take(server, frame)

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            await server.say(result_of(frame, **TOOLS))

    async with lines_to(Gruff(react)) as eras:
        assert await McpClient(eras).list_tools() == ()

    assert eras.era is Era.LEGACY


async def test_request_waits_for_others_that_probe_no_longer_than_for_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ours: each of them would spend the whole patience on a server that is not there."""
    monkeypatch.setattr("interloom.bridges.mcp.eras.PROBE_S", 0.5)
    server, patience = Server(silence), Patience(0.5, 5.0)
    eras = lines_in_any_era(InMemory("depot", server.serve, patience=patience), patience)
    failed: list[str] = []

    async def ask(number: int) -> None:
        with pytest.raises(TransportError) as caught:
            await eras.request(stamped(f"r{number}"), NO_HEADERS)
        assert not caught.value.delivered
        failed.append(str(caught.value))

    with anyio.fail_after(20):
        async with eras.open(), anyio.create_task_group() as asking:
            for number in range(4):
                asking.start_soon(ask, number)

    waited = "MCP server depot: resources/read: others have tried to reach it for 0.5 s"
    assert failed[:3] == [waited] * 3
    assert methods(server).count("server/discover") == 1


async def test_silence_to_the_probe_means_an_older_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """stdio: does not respond within a reasonable timeout; its answer may still come."""
    monkeypatch.setattr("interloom.bridges.mcp.eras.PROBE_S", 0.2)

    class Silent(Elder):
        async def _take(self, server: Server, frame: Frame) -> None:
            if frame.get("method") != "server/discover":
                await super()._take(server, frame)

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            await server.say(result_of(frame, **TOOLS))

    async with lines_to(Silent(react)) as eras:
        assert await McpClient(eras).list_tools() == ()

    assert eras.era is Era.LEGACY
