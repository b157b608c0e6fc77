"""The request body, bounded in size and time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import anyio

from interloom.runtime.errors import TooLarge, TooSlow, TransportError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""


MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Largest request body unless somebody says otherwise (ours; what gRPC takes by default)."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a request may weigh and how long it may take.

    Attributes:
        max_bytes: Largest body.
        max_s: Seconds until all of it is here.
    """

    max_bytes: int = MAX_BODY_BYTES
    max_s: float = 60.0


async def read(headers: Mapping[bytes, bytes], receive: Receive, limits: BodyLimits) -> bytes:
    """Read a request body.

    The time to its first piece is the connection's to bound (`serve.connection`): nearly every body
    is here already when it is asked for, and a timer would cost each of them more than reading.

    Raises:
        TooLarge: It is, or says it will be, over the limit.
        TooSlow: It is not here in time.
        TransportError: The client went away.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > limits.max_bytes:
        raise _too_large(limits)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limits.max_bytes:
            raise _too_large(limits)
        return body
    with anyio.move_on_after(limits.max_s):
        return await _read_on(message, receive, limits)
    raise TooSlow(f"the body did not arrive within {limits.max_s:g} s")


async def _read_on(message: Message, receive: Receive, limits: BodyLimits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise TransportError("the client went away", delivered=True)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limits.max_bytes:
            raise _too_large(limits)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


def _too_large(limits: BodyLimits) -> TooLarge:
    return TooLarge(f"the body is over {limits.max_bytes} bytes")
