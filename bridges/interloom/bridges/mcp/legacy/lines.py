"""A session with an older server over one stream of lines: stdio, or memory.

Source: MCP 2025-11-25, basic/transports "stdio": one channel for everything, so neither a request
of the server nor a notification without a token says which request of ours is its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from interloom.bridges.mcp.channel import Attendant, Channel
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.legacy.link import Arrived, SessionLost
from interloom.bridges.mcp.port import Patience
from interloom.runtime.values import JsonObject


class HasChannel(Protocol):
    """A transport with a channel at a time."""

    @property
    def server(self) -> str:
        """Our name for the server."""
        ...

    def open(self) -> AbstractAsyncContextManager[None]:
        """As for `Transport.open`."""
        ...

    async def channel(self, request: Request, patience: Patience) -> Channel:
        """The channel that is open, or a new one."""
        ...


class LinesLink:
    """Makes a session of each channel.

    Args:
        transport: Where channels come from; whoever made it opens it.
    """

    def __init__(self, transport: HasChannel) -> None:
        self.server = transport.server
        self._transport = transport
        self._current: LinesConnection | None = None

    def open(self) -> AbstractAsyncContextManager[None]:
        """Open the transport."""
        return self._transport.open()

    async def connection(self, request: Request, patience: Patience) -> LinesConnection:
        """The session on the channel that is open; see `Link.connection`."""
        channel = await self._transport.channel(request, patience)
        if self._current is None or self._current.channel is not channel:
            self._current = LinesConnection(channel)
        return self._current


class LinesConnection:
    """One session on one channel."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    @property
    def is_alive(self) -> bool:
        """True until the stream ends."""
        return self.channel.is_open

    def begin(self, version: str, overheard: Arrived, ended: Callable[[], None]) -> None:
        """Hand over what no request of ours is the reason for."""

        def heard(notification: Notification) -> None:
            overheard({"method": notification.method, "params": notification.params})

        self.channel.attend(Attendant(overheard, heard, ended))

    async def can_overhear(self) -> bool:
        """Always: the one stream is everybody's."""
        return True

    async def ask(
        self, request: Request, *, patience: Patience, arrived: Arrived | None = None
    ) -> JsonObject:
        """Send a request; see `Connection.ask`."""

        async def hear(notification: Notification) -> None:
            if arrived is not None:
                arrived({"method": notification.method, "params": notification.params})

        return await self.channel.request(request, hear=hear, patience=patience)

    async def tell(self, frame: JsonObject) -> None:
        """Send a frame; see `Connection.tell`."""
        if not self.channel.is_open:
            raise SessionLost
        self.channel.tell(frame)
