"""An `HttpPort` whose server is an ASGI application in this process: no socket, no clock of ours.

A client that leaves early is an `http.disconnect` to the application, as it is to one behind a
real server: the application runs on, and what it still sends goes nowhere.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Self, TypeVar
from urllib.parse import unquote, urlsplit

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from interloom.runtime.errors import LocalError, TransportError
from interloom.runtime.net.port import DEFAULT_LIMITS, Limits, Reply
from interloom.runtime.serve.body import App, Scope

BUFFER: Final = 16
"""Chunks a server may be ahead of its client, as a socket's buffer would let it."""

_T = TypeVar("_T")


@asynccontextmanager
async def in_process(app: App | None = None) -> AsyncGenerator[AppHttp]:
    """A port to an application, closed with the block.

    An error that escapes the application ends the block: it is a defect, not an answer.
    """
    async with anyio.create_task_group() as group:
        port = AppHttp(group, app)
        try:
            yield port
        finally:
            with anyio.CancelScope(shield=True):
                await port.aclose()


class AppHttp:
    """Sends requests to an ASGI application; made by `in_process`.

    Attributes:
        app: Who answers; None when nobody listens.
    """

    def __init__(self, group: TaskGroup, app: App | None) -> None:
        self.app = app
        self._group = group
        self._open: set[_Exchange] = set()
        self._is_closed = False

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Reply]:
        """Send one request when the context is entered; see `HttpPort.send`."""
        if self._is_closed:
            raise LocalError("this HTTP port is closed")
        return self._exchange(_scope(method, url, headers, body), body or b"", limits)

    @asynccontextmanager
    async def _exchange(self, scope: Scope, body: bytes, limits: Limits) -> AsyncGenerator[Reply]:
        host = scope["server"][0]
        if self.app is None:
            refused = f"{host}: no connection: refused or unreachable"
            raise TransportError(refused, delivered=False)
        exchange = _Exchange(host, body, limits)
        self._open.add(exchange)
        self._group.start_soon(self._serve, self.app, scope, exchange)
        try:
            await exchange.head()
            yield exchange
        finally:
            exchange.leave()

    async def _serve(self, app: App, scope: Scope, exchange: _Exchange) -> None:
        try:
            with exchange.serving:
                await app(scope, exchange.receive, exchange.send)
        finally:
            exchange.end()
            self._open.discard(exchange)

    @property
    def open(self) -> int:
        """Requests the application is still at work on."""
        return len(self._open)

    async def cut(self) -> None:
        """Break every connection; on return the application has let go of all requests."""
        for exchange in tuple(self._open):
            exchange.serving.cancel()
        while self._open:
            await checkpoint()

    async def aclose(self) -> None:
        """Break every connection; nothing may be sent afterwards."""
        self._is_closed = True
        await self.cut()


class _Exchange:
    """One request and its answer, between the application and the client.

    Attributes:
        status: HTTP status code.
        headers: By lower-case name.
        serving: The scope the application runs in.
    """

    def __init__(self, host: str, body: bytes, limits: Limits) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.serving = anyio.CancelScope()
        self._host, self._limits = host, limits
        self._body: bytes | None = body
        total_s = float("inf") if limits.total_s is None else limits.total_s
        self._ends_at = anyio.current_time() + total_s
        self._has_head, self._has_left = anyio.Event(), anyio.Event()
        self._is_whole = False
        self._size = 0
        self._into, self._out = anyio.create_memory_object_stream[bytes](BUFFER)

    # The application's side

    async def receive(self) -> Scope:
        """ASGI `receive`: the request, then nothing until the client leaves."""
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._has_left.is_set():  # waiting would be a checkpoint, at which one may give up
            await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Scope) -> None:
        """ASGI `send`; to a client that left it does nothing."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message.get("headers", ()):
                self._add_header(name.decode("latin-1").lower(), value.decode("latin-1"))
            self._has_head.set()
            return
        body: bytes = message.get("body", b"")
        if body:
            try:
                await self._into.send(body)
            except anyio.BrokenResourceError:
                return
        if not message.get("more_body", False):
            self._is_whole = True
            self._into.close()

    def _add_header(self, name: str, value: str) -> None:
        seen = self.headers.get(name)
        self.headers[name] = value if seen is None else f"{seen}, {value}"

    def end(self) -> None:
        """The application is done with it, well or not."""
        self._has_head.set()
        self._into.close()

    # The client's side

    def leave(self) -> None:
        """The client hangs up."""
        self._has_left.set()
        self._out.close()

    async def head(self) -> None:
        """Wait for status and headers."""
        await self._bounded(self._has_head.wait())
        if not self.status:
            raise self._broken("closed the connection without an answer")

    async def read(self) -> bytes:
        """The whole body; see `Reply.read`."""
        return b"".join([chunk async for chunk in self])

    def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece; see `Reply.chunks`."""
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._bounded(self._out.receive())
        except anyio.EndOfStream:
            if self._is_whole:
                raise StopAsyncIteration from None
            raise self._broken("the body broke off") from None
        self._size += len(chunk)
        if self._size > self._limits.max_bytes:
            raise self._broken(f"the body is over {self._limits.max_bytes} bytes")
        return chunk

    async def _bounded(self, coming: Awaitable[_T]) -> _T:
        left_s = self._ends_at - anyio.current_time()
        with anyio.move_on_after(min(self._limits.idle_s, left_s)):
            return await coming
        if left_s < self._limits.idle_s:
            raise self._broken(f"not done within {self._limits.total_s:g} s")
        raise self._broken(f"silent for {self._limits.idle_s:g} s")

    def _broken(self, rule: str) -> TransportError:
        return TransportError(f"{self._host}: {rule}", delivered=True)


def _scope(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Scope:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise LocalError("the URL or a header cannot be sent")
    fields = {name.lower(): value for name, value in headers.items()}
    fields.setdefault("host", parts.netloc)
    if body is not None:
        fields["content-length"] = str(len(body))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": parts.path.encode("ascii", "replace") or b"/",
        "query_string": parts.query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), text.encode()) for name, text in fields.items()],
        "client": ("127.0.0.1", 0),
        "server": (parts.netloc.rpartition("@")[2], None),
    }
