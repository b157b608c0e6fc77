"""Streamable HTTP: one POST per message, its reply as JSON or as a stream of events.

Source: MCP 2026-07-28, basic/transports/streamable-http; basic/patterns/cancellation (leaving a
request closes its stream, which is the cancel signal).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import anyio
import orjson

from interloom.bridges.mcp.core.errors import BadFrame, McpError, refused
from interloom.bridges.mcp.core.frames import (
    MAX_DEPTH,
    Message,
    Request,
    Result,
    is_too_deep,
    read_message,
)
from interloom.runtime.errors import BadConfig, InterloomError, LocalError, TransportError
from interloom.runtime.net.port import HttpPort, Limits, Reply
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.sse import Decoder

DRAIN_S: Final = 0.05
"""Seconds a finished event stream gets to end by itself, so that its connection can be kept."""

MAX_MESSAGES: Final = 10_000
"""Messages one request may bring before the server is treated as broken; ours."""

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
        total_s: Seconds one request may take in all, whatever progress it reports.
        max_bytes: Bytes of one reply after decompression, its whole stream together.

    Raises:
        BadConfig: The URL is not absolute http(s), or a header is one the transport sets.
    """

    name: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = 60.0
    total_s: float = 600.0
    max_bytes: int = 10 * 1024 * 1024

    def __post_init__(self) -> None:
        if not _is_web_url(self.url):
            raise BadConfig(f"MCP server {self.name}: url must be an absolute http or https URL")
        for header in self.headers:
            if header.lower() in _RESERVED or header.lower().startswith("mcp-"):
                raise BadConfig(f"MCP server {self.name}: header {header!r} is set by the client")


class StreamableHttp:
    """Puts requests on the wire and reads what comes back; holds no state between them."""

    def __init__(self, server: ServerSpec, port: HttpPort) -> None:
        self._server = server
        self._port = port
        self._fixed = {**server.headers, **_FIXED}
        self._limits = Limits(
            total_s=server.total_s, idle_s=server.timeout_s, max_bytes=server.max_bytes
        )

    async def request(self, request: Request, headers: Mapping[str, str]) -> JsonObject:
        """Send one request; return the result object of its response.

        The text of an error names the server as we know it. Its address is in the log alone,
        because such a text may be shown to an agent's caller.

        Args:
            request: The stamped request.
            headers: The headers mirrored from it.

        Raises:
            TransportError: No connection, no answer in time, or one over the caps.
            LocalError: The request cannot be put on the wire.
            McpPeerError: What arrived is not a response, or is an error.
        """
        try:
            return await self._request(request, headers)
        except TransportError as error:
            text = self._without_address(error, request)
            raise TransportError(text, delivered=error.delivered) from error
        except LocalError as error:
            raise LocalError(self._without_address(error, request)) from error

    async def _request(self, request: Request, headers: Mapping[str, str]) -> JsonObject:
        sending = self._port.send(
            "POST",
            self._server.url,
            headers={**self._fixed, **headers},
            body=orjson.dumps(request.to_json()),
            limits=self._limits,
        )
        async with sending as reply:
            if reply.status != HTTPStatus.OK:
                raise await self._refusal(reply, request)
            match _media_type(reply):
                case "application/json":
                    return self._only_result(await reply.read(), request)
                case "text/event-stream":
                    return await self._stream_result(reply, request)
                case _:
                    rule = "content type must be application/json or text/event-stream"
                    raise self.bad_frame(request, rule)

    def _without_address(self, error: InterloomError, request: Request) -> str:
        name, method = self._server.name, request.method
        _log.warning("mcp.request_failed", server=name, method=method, reason=str(error))
        address, _, rule = str(error).partition(": ")
        if not rule or (urlsplit(self._server.url).hostname or "") not in address.lower():
            rule = str(error)  # the port has named no address
        return f"MCP server {name}: {method}: {rule}"

    async def _refusal(self, reply: Reply, request: Request) -> Exception:
        """The error for a status that is not 200: the JSON-RPC error in a 400 or 404, if any."""
        name, method = self._server.name, request.method
        if reply.status in {400, 404} and _media_type(reply) == "application/json":
            try:
                self._only_result(await reply.read(), request)
            except McpError as error:
                return error
            except BadFrame:
                pass  # a gateway's page or an older server's: the status says what there is to say
        challenge = reply.headers.get("www-authenticate")
        return refused(name, method, reply.status, challenge=challenge)

    def _only_result(self, body: bytes, request: Request) -> JsonObject:
        message = self.read(body, request)
        if not isinstance(message, Result):
            raise self.bad_frame(request, "a JSON reply must be the response itself")
        return message.value

    async def _stream_result(self, reply: Reply, request: Request) -> JsonObject:
        chunks = reply.chunks()
        # One event may be as large as the whole stream, which the port bounds by the same number.
        stream = _Stream(self, request, max_event_bytes=self._server.max_bytes)
        async for chunk in chunks:
            for message in stream.feed(chunk):
                if isinstance(message, Result):
                    await _drain(chunks)
                    return message.value
                _log.debug(
                    "mcp.notification_dropped", server=self._server.name, method=message.method
                )
        raise self.bad_frame(request, "the stream ended without a response")

    def read(self, body: bytes, request: Request) -> Message:
        """Read one message that arrived in answer to `request`.

        Raises:
            McpPeerError: It is no message of this exchange, or an error.
        """
        try:
            frame: Json = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise self.bad_frame(request, "the reply is not JSON") from None
        # Counting is cheap and settles nearly every message; only a suspicious one is walked.
        if body.count(b"{") + body.count(b"[") > MAX_DEPTH and is_too_deep(frame):
            raise self.bad_frame(request, f"the reply is nested deeper than {MAX_DEPTH}")
        return read_message(frame, request, server=self._server.name)

    def bad_frame(self, request: Request, rule: str) -> BadFrame:
        """The error for a reply that breaks `rule`."""
        return BadFrame(self._server.name, request.method, rule)


class _Stream:
    """The messages of one event stream, in order and within the caps."""

    def __init__(self, http: StreamableHttp, request: Request, *, max_event_bytes: int) -> None:
        self._http = http
        self._request = request
        self._decoder = Decoder(max_event_bytes=max_event_bytes)
        self._count = 0

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages these bytes complete; other types of event and empty ones are not for us."""
        for event in self._decoder.feed(chunk):
            if event.event == "message" and event.data:
                self._count += 1
                if self._count > MAX_MESSAGES:
                    rule = f"sent more than {MAX_MESSAGES} messages"
                    raise self._http.bad_frame(self._request, rule)
                yield self._http.read(event.data, self._request)


def _media_type(reply: Reply) -> str:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Let the stream end; nothing after the response counts, a broken connection neither."""
    with anyio.move_on_after(DRAIN_S), suppress(TransportError):
        async for _ in chunks:
            pass


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
