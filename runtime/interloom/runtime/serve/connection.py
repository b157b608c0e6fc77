"""One HTTP connection: a request that dawdles is cut off, and an answer leaves in one piece.

uvicorn bounds neither how long a request's head may take nor its body (uvicorn issue 157), and
hands head and body of an answer to the system one after the other; a second call costs more than
joining them. Everything else of HTTP is uvicorn's.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - uvicorn's protocols and transports are asyncio's
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interloom.runtime.serve.body import BodyLimits

HEAD_S: Final = 10.0
"""Seconds for a request's head, and from connecting to the first request."""
_HEAD: Final = b"HTTP/1.1 "
_CONTINUE: Final = b"100"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with deadlines; see `bounded`."""

    limits: ClassVar[BodyLimits] = BodyLimits()
    head_s: ClassVar[float] = HEAD_S

    _deadline: asyncio.TimerHandle | None = None
    _whole = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin; called by the event loop."""
        super().connection_made(OnePiece(transport))
        self._set_deadline(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; called by the event loop."""
        self._drop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes; called by the event loop.

        A request that is whole when its bytes arrive, as nearly all are, touches no timer.
        """
        self._whole = False
        super().data_received(data)
        if self._whole:
            self._drop_deadline()
        elif self._deadline is None:
            self._set_deadline(self.limits.max_s if self._in_body() else self.head_s)

    def on_message_complete(self) -> None:
        """A request is whole; called by the parser."""
        self._whole = True
        super().on_message_complete()

    def _in_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body

    def _set_deadline(self, seconds: float) -> None:
        self._drop_deadline()
        self._deadline = self.loop.call_later(seconds, self._cut_off, seconds)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut_off(self, waited_s: float) -> None:
        cycle = self.cycle if self._in_body() else None
        if cycle is not None and waited_s < self.limits.max_s:  # the head came in time after all
            self._set_deadline(self.limits.max_s)
            return
        if cycle is None or not cycle.response_started:
            self.transport.write(_TOO_SLOW)
        if cycle is not None:  # whoever waits for the rest of it is told that it will not come
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def bounded(limits: BodyLimits, *, head_s: float = HEAD_S) -> type[Connection]:
    """The connection class for some limits, for `uvicorn.Config(http=...)`."""
    return type("BoundedConnection", (Connection,), {"limits": limits, "head_s": head_s})


class OnePiece(asyncio.Transport):
    """A transport that sends an answer's head together with the first piece of its body.

    uvicorn writes the head by itself, and it begins as no body of ours does. A stream that has
    nothing to say yet writes an empty piece to let its head go.
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

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Send what is held back, then close."""
        self._flush()
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
