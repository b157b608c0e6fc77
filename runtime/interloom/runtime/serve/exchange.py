"""One request and its answer: what an ASGI application receives and sends, as bytes of HTTP/1.1.

An answer's head leaves together with the first piece of its body: a second call to the system
costs more than joining the two. A stream that has nothing to say yet sends an empty piece to let
its head go.

Source: ASGI HTTP 2.3; RFC 9112 6 and 7.1 (length and chunks), 9.3 (persistence); RFC 9110 6.4.1
(answers without a body), 10.1.1 (100 Continue).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, Protocol

import anyio

from interloom.runtime.serve.body import Message, Scope

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE: Final = b"connection: close\r\n"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_DISCONNECT: Final = {"type": "http.disconnect"}


class Line(Protocol):
    """What an exchange needs of its connection.

    Attributes:
        fields: Header lines that every answer carries.
        writable: Set when the peer takes bytes again; None while it does.
        is_paused: Whether reading is paused.
    """

    fields: bytes
    writable: anyio.Event | None
    is_paused: bool

    def write(self, data: bytes) -> None:
        """Send some bytes."""
        ...

    def pause(self) -> None:
        """Read no more for now."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def answered(self, exchange: Exchange) -> None:
        """Take note that the answer is whole."""
        ...


class Exchange:
    """A request that is arriving and an answer that is leaving.

    Attributes:
        scope: ASGI's description of the request.
        keeps_alive: Whether the connection is kept after it.
        is_begun: The application has begun its answer.
        is_answered: The answer is whole.
        is_cut: The client is gone, or its request will never be whole.
        is_whole: All of the request is here.
        task: What the connection keeps of it while it is being answered.
    """

    __slots__ = (
        "_arrival",
        "_body",
        "_expects",
        "_has_news",
        "_head",
        "_is_chunked",
        "_left",
        "_line",
        "_sends_body",
        "is_answered",
        "is_begun",
        "is_cut",
        "is_whole",
        "keeps_alive",
        "scope",
        "task",
    )

    def __init__(self, line: Line, scope: Scope, *, keeps_alive: bool, expects: bool) -> None:
        self._line = line
        self.scope = scope
        self.keeps_alive = keeps_alive
        self.task: object = None
        self.is_begun = self.is_answered = self.is_cut = self.is_whole = False
        self._expects = expects  # to be told to go on (RFC 9110 10.1.1)
        self._body = b""
        self._has_news = False
        self._arrival: anyio.Event | None = None
        self._head = b""  # held back until there is a piece of body
        self._left: int | None = None  # bytes of the body still due; None when nobody said
        self._sends_body = self._is_chunked = False

    # The request

    def take(self, body: bytes) -> int:
        """A piece of its body is here; how many bytes nobody has asked for yet."""
        self._body = self._body + body if self._body else body
        self._tell()
        return len(self._body)

    def end(self) -> None:
        """All of it is here."""
        self.is_whole = True
        self._tell()

    def cut(self) -> None:
        """Nothing more will come, and nobody reads the answer."""
        self.is_cut = True
        self._tell()

    def _tell(self) -> None:
        self._has_news = True
        if self._arrival is not None:
            self._arrival.set()

    async def receive(self) -> Message:
        """ASGI's `receive`: the next piece of the body, or that the client is gone."""
        if self._expects:
            self._expects = False
            if not self.is_begun:
                self._line.write(_CONTINUE)
        if self._line.is_paused:
            self._line.resume()
        if not self._has_news:
            self._arrival = anyio.Event()
            await self._arrival.wait()
        if self.is_cut or self.is_answered:
            return dict(_DISCONNECT)
        body, self._body, self._has_news = self._body, b"", False
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    # The answer

    async def send(self, message: Message) -> None:
        """ASGI's `send`.

        Raises:
            RuntimeError: The application says things in the wrong order, or more or less than it
                announced.
        """
        if (writable := self._line.writable) is not None:
            await writable.wait()
        if self.is_cut:
            return
        kind = message["type"]
        if kind == "http.response.body" and self.is_begun and not self.is_answered:
            self._send(message.get("body", b""), ends=not message.get("more_body", False))
        elif kind == "http.response.start" and not self.is_begun:
            self._begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"{kind} is not due")

    def _begin(self, status: int, headers: Any) -> None:  # noqa: ANN401 - as ASGI
        self.is_begun = True
        self._sends_body = self.scope["method"] != "HEAD" and status not in _BODILESS
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status, self._line.fields]
        count = 1 + lines[1].count(b"\n")
        for name, value in headers:
            if name == b"connection" and value.lower() == b"close":
                self.keeps_alive = False
                continue
            if name == b"content-length":
                self._left = int(value)
            lines += name, b": ", value, b"\r\n"
            count += 1
        if self._left is None and self._sends_body and self.scope["http_version"] == "1.1":
            self._is_chunked = True
            lines.append(_CHUNKED)
            count += 1
        if not self.keeps_alive:
            lines.append(_CLOSE)
            count += 1
        head = b"".join(lines)
        if head.count(b"\n") != count or head.count(b"\r") != count:
            raise RuntimeError("a header field with a line end in it would be two")
        self._head = head + b"\r\n"

    def _send(self, piece: bytes, *, ends: bool) -> None:
        if not self._sends_body:
            data = self._head
        elif self._is_chunked:
            chunk = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
            data = self._head + chunk + _LAST_CHUNK if ends else self._head + chunk
        else:
            if self._left is not None:
                self._left -= len(piece)
                if self._left < 0 or (ends and self._left):
                    raise RuntimeError("the body is not as long as its content-length says")
            data = self._head + piece
        self._head = b""
        if data:
            self._line.write(data)
        if ends:
            self.is_answered = True
            self._tell()
            self._line.answered(self)
