"""The clients of one server: one for everybody, or one for each principal where that matters.

Source: ours; MCP 2026-07-28 server/utilities/caching (never across authorization contexts), MCP
2025-11-25 basic/transports "Session Management" (a session is state of one user).

A modern server keeps nothing between two requests, so whoever has the same credentials can share a
client. A server of an older revision has a session, what one caller did in it another would find,
and the questions it holds open are somebody's: there every principal has a client of its own. So it
has until the era is known; whoever comes first has the one that is there already.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from interloom.bridges.mcp.cache import ResultCache
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.contained import Contained
from interloom.bridges.mcp.core.frames import Profile
from interloom.bridges.mcp.eras import Era, Eras
from interloom.bridges.mcp.guarded import Guarded
from interloom.bridges.mcp.health import Condition, Health, Reached
from interloom.bridges.mcp.port import Transport
from interloom.runtime.errors import LocalError, TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, Json, SystemClock

Connect: TypeAlias = Callable[[str], Eras]
"""Describes the way to the server for a principal, with its credentials; connects nothing."""

_log = logger("mcp")


class Bounds(NamedTuple):
    """How many clients a pool holds.

    Attributes:
        clients: Clients beside the first; the least recently used idle one goes first.
        idle_s: Seconds after which one that nobody uses is closed.
    """

    clients: int = 64
    idle_s: float = 300.0


BOUNDS: Final = Bounds()


@dataclass(slots=True)
class _Own:
    """A principal's own client."""

    client: McpClient
    eras: Eras
    used_s: float
    users: int = 0
    life: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    @property
    def is_idle(self) -> bool:
        """Nobody uses it, and no question is held open in it."""
        return self.users == 0 and not self.eras.is_holding


class Crowded(TransportError):
    """A pool has no room for the client of another principal; nothing was sent."""

    code = "MCP_CROWDED"


class Pool:
    """All that talks to one server.

    Args:
        connect: The way there.
        profile: Who we say we are; None for the defaults.
        cache: Where results are kept, the one of the process; None for one of its own.
        clock: What tells how long something was not used; None for the machine's.
        bounds: How many clients there may be.

    Attributes:
        shared: The client of everybody, where one client will do, and of whoever came first.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        profile: Profile | None = None,
        cache: ResultCache | None = None,
        clock: Clock | None = None,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._connect, self._profile, self._bounds = connect, profile, bounds
        self._clock = clock or SystemClock()
        self._cache = cache or ResultCache(clock=self._clock)
        self._condition = Condition()
        self._first = connect("")
        self._first_of: str | None = None
        self._lasting = Contained(self._first)
        self.shared = self._client(self._lasting, "")
        self._own: OrderedDict[str, _Own] = OrderedDict()
        self._opening = anyio.Lock()
        self._group: TaskGroup | None = None

    @property
    def server(self) -> str:
        """Our name for the server."""
        return self._first.server

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let the server be used while the block runs; see `Transport.open`."""
        async with self._lasting.open(), anyio.create_task_group() as group:
            self._group = group
            group.start_soon(self._close_idle)
            try:
                yield
            finally:
                self._group = None
                group.cancel_scope.cancel()

    @asynccontextmanager
    async def client(self, principal: str) -> AsyncGenerator[McpClient]:
        """The client of a principal; it is not closed while the block runs.

        Raises:
            LocalError: The pool is not open.
            Crowded: Too many principals use the server at this moment.
        """
        if self._is_shared_with(principal):
            yield self.shared
            return
        own = await self._own_of(principal)
        own.users += 1
        try:
            yield own.client
        finally:
            own.users -= 1
            own.used_s = self._clock.monotonic()

    def leave(self, state: Json) -> None:
        """Let go of a call that asked and will get no answers, whosever it is."""
        self.shared.leave(state)
        for own in self._own.values():
            own.client.leave(state)

    def health(self) -> Health:
        """How the server does; asks nobody."""
        known, breaker = self._condition, self._condition.breaker
        rests_until_s, era = breaker.rests_until_s, self._first.era
        is_well = known.reached in {Reached.YES, Reached.UNTRIED}
        rests_for_s = None
        if rests_until_s is not None:
            rests_for_s = max(rests_until_s - self._clock.monotonic(), 0.0)
        return Health(
            self.server,
            era=None if era is None else era.value,
            version=self._version(era),
            reached=known.reached,
            problem="" if is_well else known.problem,
            failures=breaker.failures,
            rests_for_s=rests_for_s,
            answered=known.answered,
            clients=1 + len(self._own),
            cache=replace(self._cache.counts_of(self.server)),  # as of now
        )

    def _version(self, era: Era | None) -> str | None:
        if era is Era.MODERN:
            return self.shared.version
        talking = (self._first, *(own.eras for own in self._own.values()))
        return next((each.version for each in talking if each.version is not None), None)

    def _is_shared_with(self, principal: str) -> bool:
        if self._first.era is Era.MODERN:
            return True
        if self._first_of is None:
            self._first_of = principal
        return self._first_of == principal

    def _client(self, transport: Transport, principal: str) -> McpClient:
        guarded = Guarded(transport, condition=self._condition, clock=self._clock)
        profile, cache, clock = self._profile, self._cache, self._clock
        return McpClient(guarded, principal=principal, profile=profile, cache=cache, clock=clock)

    async def _own_of(self, principal: str) -> _Own:
        async with self._opening:  # two calls of one principal have one session
            own = self._own.get(principal)
            if own is None:
                own = await self._begin(principal)
            self._own.move_to_end(principal)
            return own

    async def _begin(self, principal: str) -> _Own:
        if self._group is None:
            raise LocalError(f"MCP server {self.server}: its clients are not open")
        self._make_room()
        eras = self._connect(principal)
        own = _Own(self._client(eras, principal), eras, self._clock.monotonic())
        self._own[principal] = own
        await self._group.start(self._live, principal, own)
        return own

    def _make_room(self) -> None:
        if len(self._own) < self._bounds.clients:
            return
        idle = next((name for name, own in self._own.items() if own.is_idle), None)
        if idle is None:
            rule = f"{self._bounds.clients} callers use it at a time; no more may"
            raise Crowded(f"MCP server {self.server}: {rule}", delivered=False)
        self._close(idle)

    def _close(self, principal: str) -> None:
        own = self._own.pop(principal)
        own.life.cancel()
        _log.info("mcp.client_closed", server=self.server, clients=1 + len(self._own))

    async def _live(
        self, principal: str, own: _Own, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED
    ) -> None:
        """Keep a client's transport open; one that breaks down takes no other along."""
        try:
            with own.life:
                async with own.eras.open():
                    task_status.started()
                    await anyio.sleep_forever()
        except Exception:  # noqa: BLE001  whatever it is, the other clients go on
            _log.exception("mcp.client_broke", server=self.server)
        finally:
            if self._own.get(principal) is own:
                del self._own[principal]

    async def _close_idle(self) -> None:
        while True:
            await anyio.sleep(self._bounds.idle_s / 2)
            before_s = self._clock.monotonic() - self._bounds.idle_s
            idle = [
                name for name, own in self._own.items() if own.is_idle and own.used_s <= before_s
            ]
            for name in idle:
                self._close(name)
