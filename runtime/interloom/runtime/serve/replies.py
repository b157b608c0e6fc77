"""Answers over HTTP, whatever the binding: whole ones, streams, and what goes wrong.

A binding says how a result and an error are wrapped; how they travel is said here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

import anyio

from interloom.runtime.engine.caller import Stream
from interloom.runtime.engine.live import next_turn
from interloom.runtime.errors import (
    Conflict,
    RequestError,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    VerbNotAllowed,
)
from interloom.runtime.serve.body import Receive, Send
from interloom.runtime.telemetry.log import logger
from interloom.runtime.wire import sse

log = logger("serve")

BEAT_S: Final = 15.0
"""Seconds of silence after which a stream sends a comment, and notices a client that left."""
_PIECE: Final = 64 * 1024
"""Bytes of events that are sent although there are more at once."""
_CAUSE: Final = 200
"""Characters of the store's own words that are logged."""

Field: TypeAlias = tuple[bytes, bytes]
"""A header field: its name in small letters, its value."""

JSON: Final[Field] = (b"content-type", b"application/json")
_STREAM: Final[tuple[Field, ...]] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
REQUEST_TYPES: Final = frozenset({b"application/json", b"application/a2a+json"})
"""Media types of a request (A2A 9.1, 11.1, 14.1.1)."""
_FIELDS: Final[tuple[tuple[type[RequestError], bytes, str], ...]] = (
    (Unauthenticated, b"www-authenticate", "challenge"),
    (VerbNotAllowed, b"allow", "allowed"),
)
"""Errors that have a header field of their own, and the detail that stands in it."""


class Envelope(NamedTuple):
    """What a binding puts around the JSON of an event of a stream.

    Attributes:
        result: Wraps a `StreamResponse`.
        error: Says what went wrong.
    """

    result: Callable[[bytes], bytes]
    error: Callable[[BaseException], bytes]


def check_media_type(content_type: bytes) -> None:
    """Refuse a body that is not said to be JSON; parameters do not matter.

    What it says is not needed to read it. But a browser sends a body of these types for a page of
    another origin only after asking us whether it may (Fetch, "CORS-safelisted request-header"),
    and we never say yes.

    Raises:
        UnsupportedMediaType: It is something else, or not said to be anything.
    """
    if content_type.partition(b";")[0].strip().lower() not in REQUEST_TYPES:
        raise UnsupportedMediaType("the body of a request is application/json")


def take_version(headers: dict[bytes, bytes], query: bytes) -> None:
    """Let the request parameter `A2A-Version` stand in for a header that is not there (3.6.1)."""
    if query and b"a2a-version" not in headers:
        # As text: of bytes it takes none that are encoded and not ASCII.
        for name, value in parse_qsl(query.decode("latin-1")):
            if name.lower() == "a2a-version":
                headers[b"a2a-version"] = value.encode()
                return


async def respond(
    send: Send, status: int, body: bytes, *fields: Field, media: Field = JSON, is_head: bool = False
) -> None:
    """Send a whole answer; to HEAD, all of it but the body (RFC 9110 9.3.2, 8.6)."""
    headers = [media, (b"content-length", b"%d" % len(body)), *fields]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else body})


async def stream(
    opened: AbstractAsyncContextManager[Stream],
    envelope: Envelope,
    agent: str,
    receive: Receive,
    send: Send,
    *fields: Field,
) -> None:
    """Send a stream as server-sent events, from its opening to its end or the client's."""
    async with opened as under_way:
        headers = [*_STREAM, *fields]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        last = await _pour(under_way, envelope, agent, receive, send)
    await send({"type": "http.response.body", "body": last})


async def _pour(
    under_way: Stream, envelope: Envelope, agent: str, receive: Receive, send: Send
) -> bytes:
    """Send what there is before each wait; return what is left for the end to leave with.

    A piece each is a system call, which costs more than encoding what is in it.
    """
    follower, opening = under_way.follower, under_way.opening
    event_id = str(under_way.seq) if under_way.seq else None
    piece = b"" if opening is None else sse.encode(envelope.result(opening), id=event_id)
    begun = False
    await next_turn()  # what an agent says at once is there then
    try:
        while not follower.done:
            if len(piece) > _PIECE or not (follower.is_behind or (begun and not piece)):
                await _chunk(send, piece)  # also an empty one: it lets the head go
                piece, begun = b"", True
            events = await follower.next(BEAT_S)
            if events:
                frames = [
                    sse.encode(envelope.result(follower.response(event)), id=str(event.seq))
                    for event in events
                ]
                piece = b"".join((piece, *frames))
            elif await gone(receive):
                return b""
            else:
                piece = sse.COMMENT
    except Exception as error:  # noqa: BLE001 - the head is out: it can only go into the stream
        report(error, agent)
        return piece + sse.encode(envelope.error(error))
    return piece


async def gone(receive: Receive) -> bool:
    """Whether the client has closed the connection."""
    with anyio.move_on_after(0):
        return bool((await receive())["type"] == "http.disconnect")
    return False


async def _chunk(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def report(error: Exception, agent: str) -> None:
    """Log what went wrong, once: with a traceback when it is our fault."""
    if isinstance(error, Unavailable) and error.__cause__ is not None:  # the store is in trouble
        cause = f"{type(error.__cause__).__name__}: {error.__cause__}"
        log.warning("request.refused", agent=agent, code=error.code, cause=cause[:_CAUSE])
    elif isinstance(error, RequestError | Unavailable | Conflict):
        log.info("request.refused", agent=agent, code=error.code)
    else:
        log.error("request.broke", agent=agent, exc_info=error)


def fields_of(error: Exception) -> tuple[Field, ...]:
    """The header fields an error needs: a challenge (RFC 9110 11.6.1), what is allowed (10.2.1)."""
    for kind, name, detail in _FIELDS:
        if isinstance(error, kind) and detail in error.details:
            return ((name, error.details[detail].encode()),)
    return ()


def extensions_field(activated: bytes) -> tuple[Field, ...]:
    """The field that says which extensions were activated (A2A 3.2.6, 4.6)."""
    return ((b"a2a-extensions", activated),) if activated else ()
