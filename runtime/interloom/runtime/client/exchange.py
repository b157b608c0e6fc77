"""An HTTP exchange with an agent, as both HTTP bindings have it: one answer, or events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from interloom.runtime.client import replies
from interloom.runtime.client.port import MAX_EVENT_BYTES, CallContext
from interloom.runtime.errors import InvalidAgentResponse
from interloom.runtime.net.port import HttpPort, Reply
from interloom.runtime.wire.sse import Decoder, Event

EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a binding wrote it.

    Attributes:
        name: Of the operation, for messages.
        verb: HTTP method.
        url: Where it goes.
        media_type: Of the body, and of an answer that is no stream.
        body: None for a request without one.
    """

    name: str
    verb: str
    url: str
    media_type: str
    body: bytes | None


async def fetch(peer: str, port: HttpPort, request: Request, context: CallContext) -> bytes:
    """The body of a good answer.

    Args:
        peer: The agent's host and port, for messages.
        port: Sends it.
        request: What to send.
        context: What goes along.

    Raises:
        InterloomError: As for `Transport.call`.
    """
    async with _sent(port, request, context, accept=request.media_type) as reply:
        body = await reply.read()
        replies.check_status(peer, reply.status, reply.headers, body)
    return body


async def follow(
    peer: str, port: HttpPort, request: Request, context: CallContext
) -> AsyncGenerator[Event | bytes]:
    """The events of an answer; or, when it is no stream, its body alone, to say what it is.

    Raises:
        InterloomError: As for `Transport.stream`.
    """
    async with _sent(port, request, context, accept=EVENTS) as reply:
        if not replies.is_good(reply.status) or not _is_event_stream(reply.headers):
            body = await reply.read()
            replies.check_status(peer, reply.status, reply.headers, body)
            yield body
            raise InvalidAgentResponse(f"{peer}: {request.name}: the answer is no event stream")
        decoder = Decoder(max_event_bytes=MAX_EVENT_BYTES)
        async for chunk in reply.chunks():
            for event in decoder.feed(chunk):
                yield event


@asynccontextmanager
async def _sent(
    port: HttpPort, request: Request, context: CallContext, *, accept: str
) -> AsyncGenerator[Reply]:
    headers = {**context.fields(), "accept": accept}
    if request.body is not None:
        headers["content-type"] = request.media_type
    async with port.send(
        request.verb, request.url, headers=headers, body=request.body, limits=context.limits
    ) as reply:
        yield reply


def _is_event_stream(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == EVENTS
