"""One keep-alive HTTP/1.1 connection, client side, one request at a time, no limits, no mercy.

It drives the load and it is the floor's client: whatever it costs is the least a client can cost
here in Python. Not for the open network.
"""

from __future__ import annotations

# A callback per reply, not a task to wake: this must cost less than what it measures.
import asyncio  # noqa: TID251 - anyio has no protocol callbacks
from collections.abc import Callable

import httptools


class ConnectionLost(Exception):
    """The peer closed a connection that was to be kept alive, or spoke no HTTP."""


class Connection(asyncio.Protocol):
    """A connection that hands each reply to a callback.

    Attributes:
        on_reply: Called with status and body of each reply; may send the next request at once.
        on_lost: Called when the connection ends, by either side.
    """

    __slots__ = ("_body", "_parser", "_transport", "on_lost", "on_reply")

    def __init__(self, on_reply: Callable[[int, bytes], None], on_lost: Callable[[], None]) -> None:
        self.on_reply = on_reply
        self.on_lost = on_lost
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    def send(self, request: bytes) -> None:
        """Write one whole request; the previous one must have been answered.

        Raises:
            ConnectionLost: The connection has ended already.
        """
        if self._transport.is_closing():
            raise ConnectionLost("the peer hung up")
        self._transport.write(request)

    def close(self) -> None:
        """End the connection; `on_lost` follows."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection's promise
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.on_lost()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._body = b""

    def on_body(self, body: bytes) -> None:
        """Called by the parser, once for most replies."""
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.on_reply(self._parser.get_status_code(), self._body)


class Exchanges:
    """The same connection for those who would rather await each reply."""

    __slots__ = ("_connection", "_loop", "_waiting")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        connection.on_reply = self._replied
        connection.on_lost = self._lost

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send one whole request and return status and body of its reply.

        Raises:
            ConnectionLost: The peer hung up instead.
        """
        waiting: asyncio.Future[tuple[int, bytes]] = self._loop.create_future()
        self._waiting = waiting
        self._connection.send(request)
        return await waiting

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _replied(self, status: int, body: bytes) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((status, body))

    def _lost(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionLost("the peer hung up"))


async def connect(
    port: int,
    on_reply: Callable[[int, bytes], None] = lambda _status, _body: None,
    on_lost: Callable[[], None] = lambda: None,
) -> Connection:
    """Open a connection to a server on this machine.

    Raises:
        OSError: Nobody listens there.
    """
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Connection(on_reply, on_lost), "127.0.0.1", port
    )
    return connection
