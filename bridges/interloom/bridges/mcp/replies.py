"""How a reply over HTTP is read, whatever the era: its type, its body within limits, its refusals.

Source: ours; `runtime.net.port` bounds a reply as a whole, and where a stream without an end was
asked for, what comes instead needs bounds of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final

import anyio

from interloom.bridges.mcp.core.errors import BadFrame, McpError, refused
from interloom.bridges.mcp.core.frames import Request, is_cut_off
from interloom.runtime.errors import BrokenOff, TransportError
from interloom.runtime.net.port import Reply

DRAIN_S: Final = 0.05
"""Seconds a finished event stream gets to end by itself, so that its connection can be kept."""


def media_type_of(reply: Reply) -> str:
    """The media type of a reply, without parameters."""
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


async def bounded(reply: Reply, max_bytes: int) -> bytes:
    """The whole body of a reply whose own limits are those of a stream.

    Raises:
        TransportError: As for `Reply.read`, by this cap.
    """
    body = bytearray()
    async for chunk in reply.chunks():
        body += chunk
        if len(body) > max_bytes:
            raise TransportError(f"the body is over {max_bytes} bytes", delivered=True)
    return bytes(body)


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Give up what is not done in time.

    Raises:
        TransportError: It was not; the server can have seen it.
    """
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise TransportError(f"not done within {seconds:g} s", delivered=True)


async def refusal(
    reply: Reply, request: Request, read: Callable[[], Awaitable[object]], *, server: str
) -> Exception:
    """The error for a status that is not 200: the JSON-RPC error in the body, if there is one.

    Args:
        reply: What was answered.
        request: To what.
        read: Reads the body, if it is JSON, as a response to that.
        server: Our name for the server.
    """
    if media_type_of(reply) == "application/json":
        try:
            await read()
        except McpError as error:
            error.status = reply.status
            return error
        except BadFrame:
            pass  # a gateway's page or another era's: the status says what there is to say
    challenge = reply.headers.get("www-authenticate")
    return refused(server, request.method, reply.status, challenge=challenge)


@contextmanager
def whole(body: bytes) -> Generator[None]:
    """Tell a body that broke off from a bad one: its end, without a length, looks like any other.

    Raises:
        BrokenOff: What could not be read had no end.
    """
    try:
        yield
    except BadFrame:
        if is_cut_off(body):
            raise BrokenOff("the body broke off", delivered=True) from None
        raise


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Let the stream end; nothing after the response counts, a broken connection neither."""
    with anyio.move_on_after(DRAIN_S), suppress(TransportError):
        async for _ in chunks:
            pass
