"""One HTTP connection: requests that dawdle or sprawl are cut off, answers leave in one piece.

uvicorn bounds neither how long a request's head may take nor its body (uvicorn issue 157), nor how
large a head may be, and hands head and body of an answer to the system one after the other; a
second call costs more than joining them. Everything else of HTTP is uvicorn's.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - uvicorn's protocols and transports are asyncio's
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from interloom.runtime.serve.body import BodyLimits

HEAD_S: Final = 10.0
"""Seconds for a request's head, and from connecting to the first request."""
MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of a request's head."""
MAX_FIELDS: Final = 100
"""Header fields of a request."""
_HEAD: Final = b"HTTP/1.1 "
_CONTINUE: Final = b"100"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds; see `bounded`.

    uvicorn makes a new `scope` at a request's first byte, and a `cycle` with that scope when its
    head is whole: which scope is where says what the parser is in the middle of, at no cost.

    A request's time runs from when it is its turn. While an earlier one is being answered nobody
    waits for the rest of it, and uvicorn may not even read.
    """

    limits: ClassVar[BodyLimits] = BodyLimits()
    head_s: ClassVar[float] = HEAD_S

    _out: OnePiece
    _deadline: asyncio.TimerHandle | None = None
    _idle: asyncio.TimerHandle | None = None
    _idle_until = 0.0
    _whole: Mapping[str, object] | None = None
    """The scope of the last request that is whole; `self.scope` when no other has begun."""
    _taken_bytes = 0
    """Bytes taken since no request was unfinished."""
    _earlier_bytes = 0
    """How many of these may belong to requests before the unfinished one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin; called by the event loop."""
        self._out = OnePiece(transport)
        super().connection_made(self._out)
        self._set_deadline(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; called by the event loop."""
        self._drop_deadline()
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes; called by the event loop.

        A request that is whole when its bytes arrive, as nearly all are, touches no timer.
        """
        before = self._whole
        self._taken_bytes += len(data)
        super().data_received(data)
        if self._whole is not before:  # a request got whole: it is bounded no more
            self._drop_deadline()
            if self._whole is self.scope:
                self._taken_bytes = self._earlier_bytes = 0
                return
            self._earlier_bytes = self._taken_bytes
        self._await_rest()

    def on_message_complete(self) -> None:
        """A request is whole; called by the parser."""
        self._check_head()
        self._whole = self.scope
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is whole; called by its cycle."""
        self._out.flush()  # uvicorn writes no body to HEAD, not even an empty one
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.flow.resume_reading()
            self._idle_until = self.loop.time() + self.timeout_keep_alive
            if self._idle is None:
                self._idle = self.loop.call_later(self.timeout_keep_alive, self._end_idling)
        if self._whole is not self.scope:
            self._await_rest()

    def _end_idling(self) -> None:
        """Close a connection that nobody has used for a while.

        uvicorn sets a timer for each answer and drops it at the next request, at 6 us of CPU
        (measured); here one timer goes off now and then and is set to what is left.
        """
        self._idle = None
        if self._whole is not self.scope or not self.cycle.response_complete:
            return  # in use: it begins anew when that is answered, or has a deadline
        left = self._idle_until - self.loop.time()
        if left > 0:
            self._idle = self.loop.call_later(left, self._end_idling)
        else:
            self.timeout_keep_alive_handler()

    def _await_rest(self) -> None:
        """Bound a request that is not whole, or has not begun and is announced by empty lines."""
        if self._whole is not self.scope:
            self._check_head()
        if self._deadline is None and not self._is_behind():
            self._set_deadline(self.limits.max_s if self._has_head() else self.head_s)

    def _has_head(self) -> bool:
        """Whether there is an unfinished request whose head is whole."""
        return self._whole is not self.scope and _scope(self.cycle) is self.scope

    def _is_behind(self) -> bool:
        """Whether a request before the unfinished one is still being answered."""
        if self._has_head():
            return bool(self.pipeline)  # where it waits itself
        return self._whole is not None and not self.cycle.response_complete

    def _check_head(self) -> None:
        fields = len(self.headers)
        if self._taken_bytes <= MAX_HEAD_BYTES and fields <= MAX_FIELDS:
            return
        if self._has_head():
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        else:
            size = self._taken_bytes - self._earlier_bytes
        if size > MAX_HEAD_BYTES or fields > MAX_FIELDS:
            self._cut_off(_TOO_LARGE)

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._expire, seconds)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self, waited_s: float) -> None:
        if self._has_head() and waited_s < self.limits.max_s:  # the head came in time after all
            self._set_deadline(self.limits.max_s)
        else:
            self._cut_off(_TOO_SLOW)

    def _cut_off(self, reason: bytes) -> None:
        """Close on an unfinished request; say why where an answer can be expected."""
        cycle = self.cycle if self._has_head() else None
        if not self._is_behind() and (cycle is None or not cycle.response_started):
            self.transport.write(reason)
        if cycle is not None:  # whoever waits for the rest of it is told that it will not come
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def _scope(cycle: RequestResponseCycle | None) -> Mapping[str, object] | None:
    # uvicorn does not say so in its types, but there is no cycle before the first whole head.
    return None if cycle is None else cycle.scope


def bounded(limits: BodyLimits, *, head_s: float = HEAD_S) -> type[Connection]:
    """The connection class for some limits, for `uvicorn.Config(http=...)`."""
    return type("BoundedConnection", (Connection,), {"limits": limits, "head_s": head_s})


class OnePiece(asyncio.Transport):
    """A transport that sends an answer's head together with the first piece of its body.

    uvicorn writes the head by itself, and it begins as no body of ours does. A stream that has
    nothing to say yet writes an empty piece to let its head go; an answer that ends without a body
    is flushed.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Hold a head back; send anything else, behind the head that was held back."""
        if self._held:
            joined, self._held = self._held + data, b""
            self._transport.write(joined)
        elif data[:9] == _HEAD and data[9:12] != _CONTINUE:
            self._held = bytes(data)
        elif data:
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Write them as one."""
        self.write(b"".join(list_of_data))

    def flush(self) -> None:
        """Send what is held back."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Send what is held back, then close."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as asyncio
        """What is known of the connection: its addresses, its certificate."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more bytes."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes again."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that has the connection."""
        return self._transport.get_protocol()
