"""One HTTP/1.1 connection: requests in, answers out, in turn and in time.

Bounded are the time until a head is whole, the time until a body is, and the time a peer leaves
what it is sent. A request's time runs from when it is its turn: while an earlier one is being
answered nobody waits for the rest of it.

uvicorn makes the connections, says what date it is, and ends the process.

Source: RFC 9112 9 (connections), RFC 9110 15.5.9 (408), RFC 6585 5 (431); the bounds are ours.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - a server's protocols are asyncio's
from collections import deque
from time import monotonic
from typing import Any, ClassVar, Final, cast

import anyio
import uvicorn
from uvicorn.server import ServerState

from interloom.runtime.serve.arrivals import Arrivals, Malformed, Sprawling
from interloom.runtime.serve.body import App, BodyLimits, Scope
from interloom.runtime.serve.exchange import Exchange
from interloom.runtime.serve.tls import described
from interloom.runtime.telemetry.log import logger

log = logger("serve")

HEAD_S: Final = 10.0
"""Seconds for a request's head, and from connecting to the first request."""
STALL_S: Final = 60.0
"""Seconds for a peer to take what waits for it; what a stream says later is in the ledger."""
_REFUSAL: Final = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_BAD: Final = _REFUSAL % b"400 Bad Request"
_TOO_SLOW: Final = _REFUSAL % b"408 Request Timeout"
_TOO_LARGE: Final = _REFUSAL % b"431 Request Header Fields Too Large"
_BROKEN: Final = _REFUSAL % b"500 Internal Server Error"


class Connection(asyncio.Protocol):
    """A connection, for `uvicorn.Config(http=...)`; see `bounded`.

    Attributes:
        fields: Header lines that every answer carries; the server says which, once a second.
        writable: Set when the peer takes bytes again; None while it does.
        is_paused: Whether reading is paused.
    """

    limits: ClassVar[BodyLimits] = BodyLimits()
    head_s: ClassVar[float] = HEAD_S
    stall_s: ClassVar[float] = STALL_S

    _transport: asyncio.Transport
    _arrivals: Arrivals

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Begin; called by uvicorn.

        Args:
            config: Of the server's settings, the application and the time an idle connection is
                kept are heeded.
            server_state: Shared by all connections of the server.
            app_state: What the application keeps from its start; no request is told.
        """
        # The server has loaded it, and made it ASGI 3 if it was not.
        self._app = cast("App", config.loaded_app)  # pyright: ignore[reportUnknownMemberType]
        self._idle_s = config.timeout_keep_alive
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._fields: object = None
        self.fields = b""
        self.writable: anyio.Event | None = None
        self.is_paused = False
        # The request whose turn it is, and those behind it whose heads are whole.
        self._turn: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._deadline: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._idle_until = 0.0
        self._stall: asyncio.TimerHandle | None = None

    # Called by the event loop and the server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server's promise
        self._transport = transport
        common: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "server": _address(transport.get_extra_info("sockname")),
            "client": _address(transport.get_extra_info("peername")),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": "",
        }
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            common["extensions"] = {"tls": described(secured)}
        self._arrivals = Arrivals(self, common, self._take)
        # Of a connection, the server calls `shutdown` only.
        self._server.connections.add(cast("Any", self))
        self._set_deadline(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._server.connections.discard(cast("Any", self))
        self._drop_deadline()
        if self._idle is not None:
            self._idle.cancel()
        self._queue.clear()
        if self._turn is not None:
            self._turn.cut()
        self.resume_writing()
        self._drop_stall()

    def shutdown(self) -> None:
        """Close when what is being answered has been."""
        if self._turn is None:
            self._close()
        else:
            self._turn.keeps_alive = False

    def pause_writing(self) -> None:
        """The peer does not take what it is sent."""
        self.writable = anyio.Event()
        self._await_reader()

    def resume_writing(self) -> None:
        """It does again, or never will."""
        if self.writable is not None:
            self.writable.set()
            self.writable = None
        if not self._transport.is_closing():
            self._drop_stall()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; a request that is whole with them, as nearly all are, sets no timer."""
        arrivals = self._arrivals
        before = arrivals.whole
        try:
            arrivals.feed(data)
        except Malformed:
            self._cut_off(_BAD)
        except Sprawling:
            self._cut_off(_TOO_LARGE)
        else:
            if arrivals.whole != before:
                self._drop_deadline()
                if arrivals.exchange is None and not arrivals.is_in_head:
                    return
            self._await_rest()

    # Exchanges, in turn

    def _take(self, exchange: Exchange) -> None:
        if self._turn is None:
            self._begin(exchange)
        else:
            self._queue.append(exchange)
            self.pause()

    def _begin(self, exchange: Exchange) -> None:
        self._turn = exchange
        fields = self._server.default_headers
        if fields is not self._fields:
            self._fields = fields
            self.fields = b"".join([b"%b: %b\r\n" % field for field in fields])
        exchange.task = task = asyncio.Task(self._run(exchange), loop=self._loop)
        self._server.tasks.add(task)

    async def _run(self, exchange: Exchange) -> None:
        """Have the application answer; whatever it does, the client does not wait for ever."""
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
            if not exchange.is_answered and not exchange.is_cut:
                log.error("request.unanswered", path=exchange.scope["path"])
        except Exception:
            log.exception("request.broke", path=exchange.scope["path"])
        finally:
            self._server.tasks.discard(exchange.task)
            if not exchange.is_answered and not exchange.is_cut:
                if not exchange.is_begun:
                    self._transport.write(_BROKEN)
                self._close()

    def answered(self, exchange: Exchange) -> None:
        """An answer is whole: the next one's turn, or time to idle."""
        self._turn = None
        if not exchange.keeps_alive:
            self._close()
            return
        if self.is_paused:
            self.resume()
        if self._queue:
            self._begin(self._queue.popleft())
        else:
            self._idle_until = monotonic() + self._idle_s
            if self._idle is None:
                self._idle = self._loop.call_later(self._idle_s, self._end_idling)
        if self._is_unfinished():
            self._await_rest()

    def write(self, data: bytes) -> None:
        """Send some bytes."""
        self._transport.write(data)

    def pause(self) -> None:
        """Read no more for now."""
        self.is_paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self.is_paused = False
        self._transport.resume_reading()

    def _close(self) -> None:
        """Take no more requests; the connection ends when the peer has taken what it was sent."""
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._await_reader()

    # Time

    def _await_reader(self) -> None:
        """Bound how long a peer may leave what it is sent; a stream's events wait in the ledger."""
        if self._stall is None:
            self._stall = self._loop.call_later(self.stall_s, self._transport.abort)

    def _drop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _end_idling(self) -> None:
        """Close a connection that nobody has used for a while.

        A timer for each answer costs 6 us of CPU (measured); one goes off now and then and is set
        to what is left.
        """
        self._idle = None
        if self._turn is not None or self._is_unfinished():
            return  # in use: it begins anew when that is answered, or has a deadline
        left = self._idle_until - monotonic()
        if left > 0:
            self._idle = self._loop.call_later(left, self._end_idling)
        else:
            self._close()

    def _is_unfinished(self) -> bool:
        """Whether a request has begun and is not whole."""
        return self._arrivals.is_in_head or self._arrivals.exchange is not None

    def _is_behind(self) -> bool:
        """Whether a request before the unfinished one is still being answered."""
        return self._turn is not None and self._turn is not self._arrivals.exchange

    def _await_rest(self) -> None:
        """Bound a request that is not whole, or has not begun and is announced by empty lines."""
        if self._deadline is None and not self._is_behind():
            has_head = self._arrivals.exchange is not None
            self._set_deadline(self.limits.max_s if has_head else self.head_s)

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = self._loop.call_later(seconds, self._expire, seconds)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self, waited_s: float) -> None:
        if self._arrivals.exchange is not None and waited_s < self.limits.max_s:
            self._set_deadline(self.limits.max_s)  # the head came in time after all
        else:
            self._cut_off(_TOO_SLOW)

    def _cut_off(self, reason: bytes) -> None:
        """Close on an unfinished request; say why where an answer can be expected."""
        if self._turn is not None and self._is_behind():  # that one is answered, then we close
            self._queue.clear()
            self._turn.keeps_alive = False
            self.pause()
            return
        exchange = self._arrivals.exchange
        if exchange is None or not exchange.is_begun:
            self._transport.write(reason)
        if exchange is not None:  # whoever waits for the rest of it is told that it will not come
            exchange.cut()
        self._close()


def _address(found: tuple[Any, ...] | str | None) -> tuple[str, int] | None:
    """Host and port of an end of the connection; a Unix socket has a path, or nothing."""
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None


def bounded(
    limits: BodyLimits, *, head_s: float = HEAD_S, stall_s: float = STALL_S
) -> type[Connection]:
    """The connection class for some limits, for `uvicorn.Config(http=...)`."""
    bounds = {"limits": limits, "head_s": head_s, "stall_s": stall_s}
    return type("BoundedConnection", (Connection,), bounds)
