"""A server in the same process: the stdio wire format over memory.

Source: MCP 2026-07-28, basic/transports/index "Custom Transports" (a reliable byte stream SHOULD
reuse the stdio framing).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeAlias

import anyio
from anyio.streams.stapled import StapledObjectStream

from interloom.bridges.mcp.channel import Channel, Manners
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.port import Hear, Patience
from interloom.runtime.errors import LocalError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

Serve: TypeAlias = Callable[[StapledObjectStream[bytes]], Coroutine[object, object, None]]
"""A server: reads and writes lines of JSON on the stream it is given, until the stream ends."""

_log = logger("mcp")

BUFFERED: Final = 64
"""Writes that may wait for the other side."""

DEFAULT_PATIENCE: Final = Patience(silence_s=60.0, total_s=600.0)


class InMemory:
    """Reaches a server that runs as a task beside us.

    Args:
        server: Our name for the server.
        serve: The server; begun when the transport is opened, cancelled when it is left.
        patience: How long one request may take, within the ceiling.
    """

    def __init__(self, server: str, serve: Serve, *, patience: Patience = DEFAULT_PATIENCE) -> None:
        self.server = server
        self._serve = serve
        self._patience = patience.bounded()
        self._channel: Channel | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Run the server while the block runs; see `Transport.open`."""
        to_server, from_us = anyio.create_memory_object_stream[bytes](BUFFERED)
        to_us, from_server = anyio.create_memory_object_stream[bytes](BUFFERED)
        ours = StapledObjectStream(to_server, from_server)
        theirs = StapledObjectStream(to_us, from_us)
        self._channel = channel = Channel(self.server, ours, Manners())
        async with ours, theirs, anyio.create_task_group() as tasks:
            tasks.start_soon(self._run, theirs)
            tasks.start_soon(channel.run)
            try:
                yield
            finally:
                self._channel = None
                tasks.cancel_scope.cancel()

    async def _run(self, end: StapledObjectStream[bytes]) -> None:
        """Serve; a server that returns or crashes has closed its end, like any other."""
        async with end:
            try:
                await self._serve(end)
            except Exception:  # noqa: BLE001  a server may raise anything; its clients are told
                _log.exception("mcp.server_crashed", server=self.server)

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """Send one request; return the result object of its response; see `Transport.request`."""
        patience = patience or self._patience
        channel = await self.channel(request, patience)
        return await channel.request(request, hear=hear, patience=patience)

    def listen(
        self,
        request: Request,
        headers: Mapping[str, str],
    ) -> AbstractAsyncContextManager[AsyncIterator[Notification]]:
        """Hold a subscription open; see `Transport.listen`."""
        return self._opened().listen(request)

    def leave(self, state: str) -> None:
        """Nothing is under way between the rounds of a call; see `Transport.leave`."""

    async def channel(self, request: Request, patience: Patience) -> Channel:
        """The channel to the server.

        Raises:
            LocalError: The transport is not open.
        """
        return self._opened()

    def _opened(self) -> Channel:
        if self._channel is None:
            raise LocalError(f"MCP server {self.server}: its transport is not open")
        return self._channel
