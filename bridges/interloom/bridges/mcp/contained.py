"""A transport whose background may break down: nobody is taken along, and it is begun anew.

Source: ours. A session, a child's supervision, a stream that is listened to run beside whoever
opened their transport. An error that nobody foresaw would end that block, and the other servers
with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import TaskGroup

from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.port import Hear, Patience, Transport
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

SEEN_OFF_S: Final = 30.0
"""Seconds for which a request waits until what broke down has ended, its child say; ours."""

_log = logger("mcp")


class Contained:
    """Opens another transport when a request first needs it, and again after it broke down.

    Args:
        inner: Reaches the server.
    """

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._group: TaskGroup | None = None
        self._over = anyio.Event()
        self._gone = anyio.Event()
        self._gone.set()
        self._opening = anyio.Lock()
        self._is_open = False

    @property
    def server(self) -> str:
        """See `Transport`."""
        return self._inner.server

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """See `Transport`; only the block itself can end with an error."""
        async with anyio.create_task_group() as group:
            self._group, self._over = group, anyio.Event()
            try:
                yield
            finally:
                self._group = None
                self._over.set()

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """See `Transport`."""
        await self._ready()
        return await self._inner.request(request, headers, hear=hear, patience=patience)

    @asynccontextmanager
    async def listen(
        self, request: Request, headers: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        """See `Transport`."""
        await self._ready()
        async with self._inner.listen(request, headers) as said:
            yield said

    def leave(self, state: str) -> None:
        """See `Transport`."""
        self._inner.leave(state)

    async def _ready(self) -> None:
        """Have the transport open, unless its block is left; then it says so itself."""
        if self._is_open:
            return
        with anyio.move_on_after(SEEN_OFF_S):
            await self._gone.wait()
        async with self._opening:
            group = self._group
            if group is not None and self._gone.is_set():
                self._gone, ready = anyio.Event(), anyio.Event()
                group.start_soon(self._live, ready)
                with anyio.CancelScope(shield=True):  # to open waits for nobody
                    await ready.wait()

    async def _live(self, ready: anyio.Event) -> None:
        try:
            async with self._inner.open():
                self._is_open = True
                ready.set()
                try:
                    await self._over.wait()
                finally:
                    self._is_open = False
        except Exception:  # noqa: BLE001  whatever it is, the other servers go on
            _log.exception("mcp.client_broke", server=self.server)
        finally:
            ready.set()
            self._gone.set()
