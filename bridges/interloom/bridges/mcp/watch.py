"""Hears of a server's changes for as long as somebody wants to, however often the stream ends.

Source: MCP 2026-07-28, basic/patterns/subscriptions (a closed stream may be opened again; on stdio
it must be), server/utilities/caching "Interaction with Notifications".
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

import anyio

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import (
    InvalidParams,
    MethodNotFound,
    MissingCapability,
)
from interloom.bridges.mcp.core.frames import Notification
from interloom.bridges.mcp.core.resources import READ
from interloom.bridges.mcp.core.subscriptions import (
    Change,
    Filter,
    ListChanged,
    ResourceChanged,
    Subscription,
    TaskChanged,
)
from interloom.runtime.errors import InterloomError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, SystemClock

FIRST_PAUSE_S: Final = 1.0
"""Seconds before a stream that ended is opened again; doubled each time it ends soon; ours."""

MAX_PAUSE_S: Final = 60.0
"""Seconds of such a pause at most; ours."""

STEADY_S: Final = 30.0
"""Seconds after which a stream did not end soon; ours."""

GATHER_S: Final = 1.0
"""Seconds in which more may come to be kept before a wider stream is opened; ours."""

Changed: TypeAlias = Callable[[Change], Awaitable[None]]
Pause: TypeAlias = Callable[[float], Awaitable[None]]
_log = logger("mcp")


async def _ignore(change: Change) -> None:
    """What the cache has to know, it knows already."""


class Watch:
    """One subscription, kept up.

    Args:
        client: Whose server is watched; what changed is stale in its cache before anybody hears.
        wanted: Which changes.
        changed: Told of each, in order; what it raises breaks the stream off, and is logged.
        pause: Waits so many seconds; None for the event loop's way.
        clock: Tells how long a stream lasted; None for the machine's.
    """

    def __init__(
        self,
        client: McpClient,
        wanted: Filter,
        *,
        changed: Changed = _ignore,
        pause: Pause | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client, self._wanted, self._changed = client, wanted, changed
        self._pause = pause or anyio.sleep
        self._clock = clock or SystemClock()
        self._has_missed = False
        self.is_heard = False
        """Whether the server has said that it tells of something wanted."""
        self.settled = anyio.Event()
        """Set once that is known, or once there is nothing to be heard."""

    async def run(self) -> None:
        """Listen until cancelled, or until the server says that it tells nothing of this."""
        try:
            await self._run()
        finally:
            self.is_heard = False
            self.settled.set()

    async def _run(self) -> None:
        early = 0
        while True:
            began_s = self._clock.monotonic()
            if not await self._listen():
                return
            is_steady = self._clock.monotonic() - began_s >= STEADY_S
            early = 0 if is_steady else early + 1
            self._has_missed = True
            pause_s = min(FIRST_PAUSE_S * 2 ** max(early - 1, 0), MAX_PAUSE_S)
            await self._pause(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  spreads load only

    async def _listen(self) -> bool:
        """One stream to its end; False when there is no use in another."""
        server = self._client.server
        try:
            async with self._client.listen(self._wanted) as (subscription, said):
                return await self._follow(subscription, said)
        except (MethodNotFound, InvalidParams, MissingCapability) as refusal:
            _log.warning("mcp.listen_refused", server=server, rule=refusal.rule)
            return False
        except InterloomError as error:
            _log.info("mcp.listen_broken", server=server, reason=str(error))
            return True
        except Exception:  # noqa: BLE001  whatever it is, it takes no other server along
            _log.exception("mcp.watch_broke", server=server)
            return True

    async def _follow(self, subscription: Subscription, said: AsyncIterator[Notification]) -> bool:
        is_new = True
        async for each in said:
            change = subscription.read(each)
            if is_new and subscription.promised is not None:
                is_new = False
                if not await self._acknowledged(subscription.promised):
                    return False
            if change is not None:
                await self._tell(change)
        return True

    async def _acknowledged(self, promised: Filter) -> bool:
        missing = self._wanted.missing(promised)
        if missing:
            _log.warning("mcp.listen_narrowed", server=self._client.server, missing=missing)
        if self._has_missed:
            self._has_missed = False
            for change in _all_of(self._wanted):
                await self._tell(change)
        self.is_heard = self.is_heard or bool(promised)
        if promised:
            self.settled.set()
        return bool(promised)

    async def _tell(self, change: Change) -> None:
        cache, server = self._client.cache, self._client.server
        match change:
            case ListChanged(methods):
                await cache.purge(server, methods)
            case ResourceChanged(uri):
                above = {each for each in self._wanted.uris if uri.startswith(each)}
                for each in {uri, *above}:  # what holds it holds something else now, too
                    await cache.purge(server, [READ], params={"uri": each})
            case TaskChanged():
                pass
        await self._changed(change)


async def watch_kept(
    client: McpClient, *, changed: Changed = _ignore, pause: Pause | None = None
) -> None:
    """Hear of the changes of all that is kept of a server, until cancelled.

    What is kept grows. Then a stream for all of it is opened, and the narrower one is left when the
    server has agreed: nothing is missed between them. Nothing is kept, nothing is listened to.

    Args:
        client: Whose server is watched.
        changed: Told of each change, in order; some are told twice while two streams are open.
        pause: Waits so many seconds; None for the event loop's way.
    """
    interest, wanted = client.cache.interest(client.server), Filter()
    narrower: anyio.CancelScope | None = None
    async with anyio.create_task_group() as streams:
        while True:
            await interest.beyond(wanted)
            await (pause or anyio.sleep)(GATHER_S)
            wanted = interest.wanted
            watch = Watch(client, wanted, changed=changed, pause=pause)
            scope = anyio.CancelScope()
            streams.start_soon(_within, scope, watch)
            await watch.settled.wait()
            if watch.is_heard:
                if narrower is not None:
                    narrower.cancel()
                narrower = scope


async def _within(scope: anyio.CancelScope, watch: Watch) -> None:
    with scope:
        await watch.run()


def _all_of(wanted: Filter) -> list[Change]:
    """What may have changed while nobody listened: everything but tasks, which are polled."""
    lists = {
        "tools": ListChanged(("tools/list",)),
        "prompts": ListChanged(("prompts/list",)),
        "resources": ListChanged(("resources/list", "resources/templates/list")),
    }
    changed: list[Change] = [each for name, each in lists.items() if getattr(wanted, name)]
    return changed + [ResourceChanged(uri) for uri in sorted(wanted.uris)]
