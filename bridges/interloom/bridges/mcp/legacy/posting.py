"""One HTTP exchange of an older session, and what comes back on it.

Source: MCP 2025-11-25, basic/transports "Sending Messages to the Server", "Resumability and
Redelivery"; 2025-03-26, basic/index "Batching" (a reply may hold several messages).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from interloom.bridges.mcp.core.errors import BadFrame
from interloom.bridges.mcp.core.frames import Request, Result, decode, read_message
from interloom.bridges.mcp.legacy.link import Arrived
from interloom.bridges.mcp.replies import bounded, media_type_of, refusal, whole
from interloom.runtime.net.port import Reply
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.sse import Decoder, Event, EventTooLarge

OK: Final = 200
DEFAULT_RETRY_S: Final = 1.0
"""Seconds before a stream is taken up again when the server does not say; ours."""


class Pickup:
    """Where a broken stream can be taken up again.

    Attributes:
        event_id: The last event id that was seen; empty when there was none, or one that cannot
            be sent back.
        retry_s: Seconds to wait before it is tried.
    """

    __slots__ = ("event_id", "retry_s")

    def __init__(self) -> None:
        self.event_id = ""
        self.retry_s = DEFAULT_RETRY_S


class Exchange:
    """Reads the replies to one request: to its POST, and to each GET that takes its stream up.

    Args:
        server: Our name for the server.
        request: The request; for a stream of everybody's, what is waited for there.
        arrived: Given what is no response to it.
        max_bytes: Bytes of one message.
    """

    def __init__(self, server: str, request: Request, arrived: Arrived, *, max_bytes: int) -> None:
        self._server, self._request, self._arrived = server, request, arrived
        self._max_bytes = max_bytes
        self.pickup = Pickup()

    async def read(self, reply: Reply) -> JsonObject | None:
        """The result, if this reply brings it; None when its stream ended before.

        Raises:
            McpPeerError: It is a refusal, or breaks the protocol.
            TransportError: It broke off.
        """
        if reply.status != OK:
            raise await refusal(
                reply, self._request, lambda: self._read_refusal(reply), server=self._server
            )
        match media_type_of(reply):
            case "application/json":
                return self._read_body(await bounded(reply, self._max_bytes))
            case "text/event-stream":
                return await self._read_stream(reply)
            case _:
                raise self._bad("content type must be application/json or text/event-stream")

    def _read_body(self, body: bytes) -> JsonObject:
        with whole(body):
            result = self._take(body)
        if result is None:
            raise self._bad("a JSON reply must hold the response")
        return result

    async def _read_stream(self, reply: Reply) -> JsonObject | None:
        decoder = Decoder(max_event_bytes=self._max_bytes)
        async for chunk in reply.chunks():
            events = self._events(decoder, chunk)
            seen = decoder.last_id or self.pickup.event_id
            self.pickup.event_id = seen if seen.isprintable() else ""  # no header can carry it
            if decoder.retry_ms is not None:
                self.pickup.retry_s = decoder.retry_ms / 1000
            for event in events:
                result = self._take(event.data) if event.event == "message" and event.data else None
                if result is not None:
                    return result
        return None

    def _events(self, decoder: Decoder, chunk: bytes) -> list[Event]:
        try:
            return decoder.feed(chunk)
        except EventTooLarge as error:
            raise self._bad(str(error)) from None

    def _take(self, body: bytes) -> JsonObject | None:
        """Read what was sent at once; the result, if it is among it."""
        found: JsonObject | None = None
        for frame in _frames(decode(body, self._request.method, server=self._server)):
            if isinstance(frame, Mapping) and isinstance(frame.get("method"), str):
                self._arrived(frame)
                continue
            message = read_message(frame, self._request, server=self._server)
            found = message.value if isinstance(message, Result) else found
        return found

    async def _read_refusal(self, reply: Reply) -> None:
        self._take(await bounded(reply, self._max_bytes))

    def _bad(self, rule: str) -> BadFrame:
        return BadFrame(self._server, self._request.method, rule)


def _frames(body: Json) -> Iterator[Json]:
    if isinstance(body, list):
        yield from body
    else:
        yield body
