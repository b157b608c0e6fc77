"""Streamable HTTP: one POST per message, its reply as JSON or as a stream of events.

Source: MCP 2026-07-28, basic/transports/streamable-http; basic/patterns/cancellation (leaving a
request closes its stream, which is the cancel signal).
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import orjson

from interloom.bridges.mcp.core.errors import BadFrame
from interloom.bridges.mcp.core.frames import (
    CANCELLED,
    Message,
    Notification,
    Request,
    Result,
    decode,
    read_message,
)
from interloom.bridges.mcp.port import Hear, Patience, check_total
from interloom.bridges.mcp.replies import bounded, drain, media_type_of, refusal, whole, within
from interloom.runtime.errors import BadConfig, BrokenOff, LocalError, TransportError
from interloom.runtime.net.port import HttpPort, Limits, Reply
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.sse import MAX_EVENT_BYTES, Decoder, Event, EventTooLarge

MAX_MESSAGES: Final = 10_000
"""Messages one request may bring before the server is treated as broken; ours."""

LISTEN_SILENCE_S: Final = 3600.0
"""Seconds without a byte, keep-alive comments included, until a listening stream counts as broken;
ours: a connection that a middlebox has forgotten looks like one with no news."""

_LISTENING: Final = Limits(total_s=None, idle_s=LISTEN_SILENCE_S, max_bytes=sys.maxsize)
_RESERVED: Final = ("accept", "content-type", "content-length", "host", "transfer-encoding")
_FIXED: Final = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}
_log = logger("mcp")


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One MCP server behind a URL.

    Attributes:
        name: Our name for it, in errors, logs and questions.
        url: Its MCP endpoint.
        headers: Sent with every request; credentials live here, so they are never printed.
        timeout_s: Seconds of silence before a request is given up.
        total_s: Seconds one request may take in all, whatever progress it reports; at most
            `port.CEILING_S`.
        max_bytes: Bytes of one reply after decompression, its whole stream together.

    Raises:
        BadConfig: The URL is not absolute http(s), a header is one the transport sets, or
            `total_s` is over the ceiling.
    """

    name: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = 60.0
    total_s: float = 600.0
    max_bytes: int = 10 * 1024 * 1024

    def __post_init__(self) -> None:
        check_total(self.name, self.total_s)
        if not _is_web_url(self.url):
            raise BadConfig(f"MCP server {self.name}: url must be an absolute http or https URL")
        for header in self.headers:
            if header.lower() in _RESERVED or header.lower().startswith("mcp-"):
                raise BadConfig(f"MCP server {self.name}: header {header!r} is set by the client")


class StreamableHttp:
    """Puts requests on the wire and reads what comes back; holds no state between them."""

    def __init__(self, server: ServerSpec, port: HttpPort) -> None:
        self.server = server.name
        self._spec = server
        self._port = port
        self._fixed = {**server.headers, **_FIXED}
        self._limits = self._limits_of(Patience(server.timeout_s, server.total_s))

    def open(self) -> AbstractAsyncContextManager[None]:
        """Nothing is kept between requests, so there is nothing to open."""
        return nullcontext()

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """Send one request; return the result object of its response; see `Transport.request`.

        The text of an error names the server as we know it. Its address is in the log alone,
        because such a text may be shown to an agent's caller.
        """
        limits = self._limits if patience is None else self._limits_of(patience)
        try:
            async with self._sending(request, headers, limits) as reply:
                if reply.status != HTTPStatus.OK:
                    raise await self._refusal(reply, request)
                match media_type_of(reply):
                    case "application/json":
                        return self._json_result(await reply.read(), request)
                    case "text/event-stream":
                        return await self._stream_result(reply, request, hear)
                    case _:
                        raise self._bad_type(request)
        except (TransportError, LocalError) as error:
            raise nameless(error, self._spec, request.method) from error

    @asynccontextmanager
    async def listen(
        self, request: Request, headers: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        """Hold a stream of notifications open; see `Transport.listen`."""
        async with AsyncExitStack() as stack:
            with self._nameless(request):
                sending = self._sending(request, headers, _LISTENING)
                with within(self._spec.timeout_s):
                    reply = await stack.enter_async_context(sending)
                if reply.status != HTTPStatus.OK:
                    raise await self._refusal(reply, request)
            yield await stack.enter_async_context(aclosing(self._heard(reply, request)))

    def leave(self, state: str) -> None:
        """Nothing is under way between the rounds of a call; see `Transport.leave`."""

    async def _heard(self, reply: Reply, request: Request) -> AsyncGenerator[Notification]:
        """What a listening stream brings, until its response, or until the server cancels it."""
        with self._nameless(request):
            match media_type_of(reply):
                case "application/json":
                    self._json_result(await self._body(reply), request)
                    return
                case "text/event-stream":
                    pass
                case _:
                    raise self._bad_type(request)
            stream = _Stream(
                self.server, request, max_event_bytes=MAX_EVENT_BYTES, max_messages=None
            )
            async for chunk in reply.chunks():
                for message in stream.feed(chunk):
                    if isinstance(message, Result):
                        return
                    yield message
                    if message.method == CANCELLED:
                        return
            raise TransportError("the stream broke off", delivered=True)

    @contextmanager
    def _nameless(self, request: Request) -> Generator[None]:
        try:
            yield
        except (TransportError, LocalError) as error:
            raise nameless(error, self._spec, request.method) from error

    def _sending(
        self, request: Request, headers: Mapping[str, str], limits: Limits
    ) -> AbstractAsyncContextManager[Reply]:
        return self._port.send(
            "POST",
            self._spec.url,
            headers={**self._fixed, **headers},
            body=orjson.dumps(request.to_json()),
            limits=limits,
        )

    def _limits_of(self, patience: Patience) -> Limits:
        return Limits(
            total_s=patience.total_s, idle_s=patience.silence_s, max_bytes=self._spec.max_bytes
        )

    async def _refusal(self, reply: Reply, request: Request) -> Exception:
        """The error for a status that is not 200: the JSON-RPC error in a 400 or 404, if any."""

        async def read() -> None:
            if reply.status in {400, 404}:
                self._only_result(await self._body(reply), request)

        return await refusal(reply, request, read, server=self.server)

    async def _body(self, reply: Reply) -> bytes:
        """A whole body within a request's limits, where its own may be those of a stream."""
        with within(self._spec.total_s):
            return await bounded(reply, self._spec.max_bytes)

    def _json_result(self, body: bytes, request: Request) -> JsonObject:
        with whole(body):
            return self._only_result(body, request)

    def _only_result(self, body: bytes, request: Request) -> JsonObject:
        message = _read(body, request, self.server)
        if not isinstance(message, Result):
            raise self._bad(request, "a JSON reply must be the response itself")
        return message.value

    async def _stream_result(self, reply: Reply, request: Request, hear: Hear | None) -> JsonObject:
        chunks = reply.chunks()
        # One event may be as large as the whole stream, which the port bounds by the same number.
        stream = _Stream(self.server, request, max_event_bytes=self._spec.max_bytes)
        async for chunk in chunks:
            for message in stream.feed(chunk):
                if isinstance(message, Result):
                    await drain(chunks)
                    return message.value
                if hear is not None:
                    await hear(message)
        # Whoever made the request cannot know what became of it, however orderly the end was.
        raise BrokenOff("the stream ended without a response", delivered=True)

    def _bad(self, request: Request, rule: str) -> BadFrame:
        return BadFrame(self.server, request.method, rule)

    def _bad_type(self, request: Request) -> BadFrame:
        return self._bad(request, "content type must be application/json or text/event-stream")


class _Stream:
    """The messages of one event stream, in order and within the caps."""

    def __init__(
        self,
        server: str,
        request: Request,
        *,
        max_event_bytes: int,
        max_messages: int | None = MAX_MESSAGES,
    ) -> None:
        self._server = server
        self._request = request
        self._decoder = Decoder(max_event_bytes=max_event_bytes)
        self._max_messages = max_messages
        self._count = 0

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages these bytes complete; other types of event and empty ones are not for us."""
        for event in self._events(chunk):
            if event.event == "message" and event.data:
                self._count += 1
                if self._max_messages is not None and self._count > self._max_messages:
                    rule = f"sent more than {self._max_messages} messages"
                    raise BadFrame(self._server, self._request.method, rule)
                yield _read(event.data, self._request, self._server)

    def _events(self, chunk: bytes) -> list[Event]:
        try:
            return self._decoder.feed(chunk)
        except EventTooLarge as error:
            raise BadFrame(self._server, self._request.method, str(error)) from None


def _read(body: bytes, request: Request, server: str) -> Message:
    return read_message(decode(body, request.method, server=server), request, server=server)


def nameless(
    error: TransportError | LocalError, server: ServerSpec, method: str
) -> TransportError | LocalError:
    """An error of the port by the server's name; its address is in the log alone.

    Such a text may be shown to an agent's caller.
    """
    _log.warning("mcp.request_failed", server=server.name, method=method, reason=str(error))
    address, _, rule = str(error).partition(": ")
    if not rule or (urlsplit(server.url).hostname or "") not in address.lower():
        rule = str(error)  # the port has named no address
    text = f"MCP server {server.name}: {method}: {rule}"
    if isinstance(error, BrokenOff):
        return BrokenOff(text, delivered=error.delivered)
    if isinstance(error, TransportError):
        return TransportError(text, delivered=error.delivered)
    return LocalError(text)


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
