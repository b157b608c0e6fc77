"""One client for everybody, or one for each principal where that matters (ours)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import pytest

from interloom.bridges.mcp import Bounds, Eras, InMemory, Known, McpClient, Pool, Reached
from interloom.bridges.mcp.core.breaker import FAILURES
from interloom.bridges.mcp.core.rounds import Ask, Call
from interloom.bridges.mcp.eras import lines_in_any_era
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import LocalError, TransportError
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import FakeClock
from tests.bridges.mcp.legacy.elder import Elder, ask, methods
from tests.bridges.mcp.spoken import Frame, Server, result_of

PATIENCE = Patience(5.0, 9.0)
HASTY = Patience(0.01, 1.0)
BOUNDS = Bounds()
CALL = Call("depot", "tools/call", {"name": "ship", "arguments": {}})
LISTED: JsonObject = {"name": "ship", "inputSchema": {"type": "object"}}
React = Callable[[Server, Frame], Coroutine[object, object, None]]


async def ships(server: Server, frame: Frame) -> None:
    """A server of either era that has one tool."""
    match frame.get("method"):
        case "tools/list":
            await server.say(result_of(frame, tools=[LISTED], ttlMs=60_000, cacheScope="public"))
        case "tools/call":
            await server.say(result_of(frame, content=[]))
        case _:
            pass


async def is_modern(server: Server, frame: Frame) -> None:
    """`ships`, of this revision."""
    if frame.get("method") == "server/discover":
        versions = ["2026-07-28"]
        found: JsonObject = {"supportedVersions": list(versions), "capabilities": {}}
        info: JsonObject = {"name": "depot", "version": "1"}
        await server.say(result_of(frame, **found, serverInfo=info))
    await ships(server, frame)


async def asks(server: Server, frame: Frame) -> None:
    """`ships`, of an older revision, whose tool asks and waits."""
    if frame.get("method") == "tools/call":
        await ask(server, f"q {frame['id']}")
    else:
        await ships(server, frame)


class Depots:
    """Every way that was connected leads to a depot of its own.

    Attributes:
        whose: For whom each was connected, in turn.
        servers: The depots.
    """

    def __init__(self, react: React, *, is_elder: bool, patience: Patience = PATIENCE) -> None:
        self.whose: list[str] = []
        self.servers: list[Server] = []
        self._react, self._is_elder, self._patience = react, is_elder, patience
        self._known = Known()

    def connect(self, principal: str) -> Eras:
        self.whose.append(principal)
        elder = Elder(self._react)
        self.servers.append(elder.server if self._is_elder else Server(self._react))
        serve = elder.serve if self._is_elder else self.servers[-1].serve
        transport = InMemory("depot", serve, patience=self._patience)
        return lines_in_any_era(transport, self._patience, self._known)


@asynccontextmanager
async def pooled(
    depots: Depots, bounds: Bounds = BOUNDS, clock: FakeClock | None = None
) -> AsyncGenerator[Pool]:
    pool = Pool(depots.connect, bounds=bounds, clock=clock)
    with anyio.fail_after(30):
        async with pool.open():
            yield pool


async def call(pool: Pool, principal: str) -> McpClient:
    async with pool.client(principal) as client:
        await client.exchange(CALL.send())
        return client


async def test_modern_server_is_reached_by_one_client() -> None:
    """MCP 2026-07-28: it keeps nothing between requests, so there is nothing to keep apart."""
    depots = Depots(is_modern, is_elder=False)
    async with pooled(depots) as pool:
        used = [await call(pool, principal) for principal in ("ada", "bob", "ada")]

    assert used == [pool.shared] * 3
    assert depots.whose == [""]
    assert (pool.health().era, pool.health().version) == ("modern", "2026-07-28")


async def test_older_server_has_a_session_for_each_principal() -> None:
    """MCP 2025-11-25 "Session Management"; whoever comes first has the one that is there."""
    depots = Depots(ships, is_elder=True)
    async with pooled(depots) as pool:
        used = [await call(pool, principal) for principal in ("ada", "bob", "ada", "bob", "cat")]
        health = pool.health()

    assert used[0] is used[2] is pool.shared
    assert used[1] is used[3]
    assert [each.principal for each in used[1::3]] == ["bob", "cat"]
    assert depots.whose == ["", "bob", "cat"]
    assert (health.era, health.version, health.clients) == ("legacy", "2025-11-25", 3)


async def test_calls_of_one_principal_at_once_have_one_session() -> None:
    depots = Depots(ships, is_elder=True)
    async with pooled(depots) as pool:
        await call(pool, "ada")
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(call, pool, "bob")

    assert depots.whose == ["", "bob"]


async def test_client_that_was_not_used_for_longest_makes_room() -> None:
    """ours: a pool is bounded."""
    depots = Depots(ships, is_elder=True)
    async with pooled(depots, Bounds(clients=2)) as pool:
        for principal in ("ada", "bob", "cat", "bob", "dan", "bob", "cat"):
            await call(pool, principal)

    assert depots.whose == ["", "bob", "cat", "dan", "cat"]


async def test_more_callers_than_it_holds_are_told_so_before_anything_is_sent() -> None:
    """ours: the call did not take place."""
    depots = Depots(ships, is_elder=True)
    async with pooled(depots, Bounds(clients=1)) as pool:
        await call(pool, "ada")
        async with pool.client("bob"):
            with pytest.raises(TransportError, match="1 callers use it at a time") as refused:
                await call(pool, "cat")
        await call(pool, "cat")

    assert not refused.value.delivered


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await anyio.lowlevel.checkpoint()


async def test_idle_client_is_closed() -> None:
    """ours: a session and a child process are not kept for somebody who is gone."""
    depots, clock = Depots(ships, is_elder=True), FakeClock()
    async with pooled(depots, Bounds(idle_s=0.001), clock) as pool:
        for principal in ("ada", "bob"):
            await call(pool, principal)
        clock.now_s += 1
        await until(lambda: pool.health().clients == 1)
        await call(pool, "bob")

    assert depots.whose == ["", "bob", "bob"]


async def test_client_that_holds_a_question_is_not_closed() -> None:
    """ours: its answer comes on the same connection, perhaps days later."""
    depots, clock = Depots(asks, is_elder=True), FakeClock()
    async with pooled(depots, Bounds(clients=1, idle_s=0.001), clock) as pool:
        async with pool.client("ada") as first:
            await first.list_tools()
        async with pool.client("bob") as client:
            asked, step = CALL.receive(await client.exchange(CALL.send()))
        assert isinstance(step, Ask)
        clock.now_s += 1
        with pytest.raises(TransportError, match="no more may"):
            await call(pool, "cat")
        held = pool.health().clients
        pool.leave(asked.state)
        await until(lambda: pool.health().clients == 1)

    assert held == 2


class Fragile:
    """A way to a server of an older revision whose background breaks down when told."""

    def __init__(self) -> None:
        self.depots = Depots(ships, is_elder=True)
        self.breaks: list[anyio.Event] = []

    def connect(self, principal: str) -> Eras:
        eras, index = self.depots.connect(principal), len(self.breaks)
        self.breaks.append(anyio.Event())
        opened = eras.open

        @asynccontextmanager
        async def open_() -> AsyncGenerator[None]:
            async with opened(), anyio.create_task_group() as group:
                group.start_soon(self._break, index)
                yield
                group.cancel_scope.cancel()

        eras.open = open_  # type: ignore[method-assign]  # a bug of ours that we do not have yet
        return eras

    async def _break(self, index: int) -> None:
        await self.breaks[index].wait()
        self.breaks[index] = anyio.Event()
        raise RuntimeError("a bug")


async def test_client_that_breaks_down_takes_no_other_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """ours: the next call has a new one."""
    fragile = Fragile()
    pool = Pool(fragile.connect)
    with anyio.fail_after(30):
        async with pool.open():
            for principal in ("ada", "bob", "cat"):
                await call(pool, principal)
            fragile.breaks[1].set()
            await until(lambda: pool.health().clients == 2)
            for principal in ("ada", "bob", "cat"):
                await call(pool, principal)

    assert fragile.depots.whose == ["", "bob", "cat", "bob"]
    assert "mcp.client_broke" in caplog.text


async def test_shared_client_that_breaks_down_takes_nothing_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """ours: it is opened again for whoever needs it next; the session of others goes on."""
    fragile = Fragile()
    pool = Pool(fragile.connect)
    with anyio.fail_after(30):
        async with pool.open():
            for principal in ("ada", "bob"):
                await call(pool, principal)
            fragile.breaks[0].set()
            await until(lambda: "mcp.client_broke" in caplog.text)
            used = [await call(pool, principal) for principal in ("ada", "bob")]

    assert used[0] is pool.shared
    assert fragile.depots.whose == ["", "bob"]
    sessions = [methods(server).count("initialize") for server in fragile.depots.servers]
    assert sessions == [2, 1]


async def test_pool_that_is_not_open_has_no_clients_of_single_principals() -> None:
    pool = Pool(Depots(ships, is_elder=True).connect)
    async with pool.client("ada"):
        with pytest.raises(LocalError, match="its clients are not open"):
            await call(pool, "bob")


async def keeps_silent(server: Server, frame: Frame) -> None:
    """Lists one tool, and says nothing when it is called."""
    if frame.get("method") != "tools/call":
        await ships(server, frame)


async def test_health_is_one_for_all_who_talk_to_a_server() -> None:
    """ours: whoever finds out that it is down, the others do not wait for it either."""
    depots, clock = Depots(keeps_silent, is_elder=True, patience=HASTY), FakeClock()
    async with pooled(depots, clock=clock) as pool:
        before = pool.health()
        async with pool.client("ada") as ada:
            await ada.list_tools()
        well = pool.health()
        for number in range(FAILURES):
            with pytest.raises(TransportError):
                await call(pool, f"caller {number}")
        down = pool.health()
        with pytest.raises(TransportError, match="was not tried"):
            await call(pool, "bob")

    assert (before.reached, before.answered, before.problem) == (Reached.UNTRIED, None, "")
    assert (well.reached, well.answered) == (Reached.YES, datetime.fromtimestamp(1000, UTC))
    assert (down.reached, down.failures, down.rests_for_s) == (Reached.RESTING, FAILURES, 1.0)
    assert down.problem.startswith("MCP server depot: tools/call: ")
    assert down.to_json() == {
        "server": "depot",
        "era": "legacy",
        "version": "2025-11-25",
        "reached": "resting",
        "problem": down.problem,
        "failures": FAILURES,
        "restsForS": 1.0,
        "answered": "1970-01-01T00:16:40+00:00",
        "clients": 1 + FAILURES,
        "cache": {"hits": FAILURES, "misses": 1, "kept": 1, "purged": 0},
        "changedTools": [],
    }
