"""An agent that is served elsewhere, and what may happen on the way to it.

The hotel lives in a runtime of its own; the concierge reaches it by its card, over HTTP in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from interloom.agents import AgentDefinition, Context, agent
from interloom.bridges.delegation import Peer, Peers
from interloom.bridges.handoff import Repeat, Toolbox
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.body import App, Receive, Scope, Send
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.pair import PATIENT, World, pair
from tests.journeys.matrix import BOUND_S, Stage


@agent(name="hotel")
async def hotel(ctx: Context) -> str:
    """Books a room, after a question."""
    nights = await ctx.ask("How many nights?", {"type": "integer", "minimum": 1})
    return f"{nights} nights in {ctx.text}"


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Has a room booked."""
    return f"Booked: {(await ctx.delegate('hotel', ctx.text)).text}"


class Silent:
    """Stands before an application: carries out one request of a method, and keeps its reply.

    Args:
        app: The application.
        method: The method.
        breaks: Whether the connection breaks then; else it stays open, and silent.

    Attributes:
        kept: Set when a reply was kept.
        seen: How many requests of the method have come.
    """

    def __init__(self, app: App, method: str, *, breaks: bool = False) -> None:
        self.kept, self.seen = anyio.Event(), 0
        self._breaks = breaks
        self._app, self._method = app, f'"{method}"'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        first = await receive()
        again, is_meant = _after(first, receive), self._method in first.get("body", b"")
        self.seen += is_meant
        if not is_meant or self.kept.is_set():
            await self._app(scope, again, send)
            return
        await self._app(scope, again, _nowhere)
        self.kept.set()
        if not self._breaks:
            await anyio.sleep_forever()


class Deaf:
    """Stands before an application: breaks the connection of the first requests of a method.

    Attributes:
        times: How many are still to be broken.
    """

    def __init__(self, app: App, method: str, *, times: int) -> None:
        self.times = times
        self._app, self._method = app, f'"{method}"'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        first = await receive()
        if self.times and self._method in first.get("body", b""):
            self.times -= 1
            return
        await self._app(scope, _after(first, receive), send)


def _after(first: Scope, receive: Receive) -> Receive:
    """What has been received already, and then the rest."""
    waiting = [first]

    async def again() -> Scope:
        return waiting.pop() if waiting else await receive()

    return again


async def _nowhere(message: Scope) -> None:
    del message


def silenced(world: World, method: str, *, breaks: bool = False) -> Silent:
    """Keep the reply to the next request of a method to a runtime; see `Silent`."""
    assert world.port.app is not None
    world.port.app = silent = Silent(world.port.app, method, breaks=breaks)
    return silent


@asynccontextmanager
async def here_and_there(
    stage: Stage,
    *,
    repeat: Repeat = Repeat.ASK,
    settings: Settings = PATIENT,
    caller: AgentDefinition = concierge,
    callee: AgentDefinition = hotel,
) -> AsyncGenerator[tuple[World, World]]:
    """The runtime of an agent that calls, on the stage's store, and of the one it calls."""
    with anyio.fail_after(BOUND_S):
        async with pair([callee.bind(Toolbox({}))], MemoryLedger) as there:
            peers = Peers([Peer("hotel", lambda _owner: there.client("hotel"), repeat)])
            bound = caller.bind(Toolbox({}), peers)
            async with pair([bound], stage.open_ledger, settings) as here:
                yield here, there
