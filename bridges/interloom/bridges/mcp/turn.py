"""Waiting for one's turn where others find the way to a server for everybody.

Source: ours. One request starts the child, asks for the era or shakes hands, and the others wait
for that. A server that keeps silent costs each who tries the whole of its patience, so whoever
waits for several in a row would wait without a bound.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from interloom.bridges.mcp.core.frames import Request
from interloom.bridges.mcp.port import ClientFault, Patience


@asynccontextmanager
async def turn(
    lock: anyio.Lock, request: Request, patience: Patience, *, server: str
) -> AsyncGenerator[None]:
    """Hold a lock, unless others hold it for longer than a request may hear nothing.

    Args:
        lock: Held by whoever finds the way.
        request: What waits, for the error.
        patience: Its patience.
        server: Our name for the server.

    Raises:
        ClientFault: They did; the request was not sent.
    """
    with anyio.move_on_after(patience.silence_s) as waiting:
        await lock.acquire()
    if waiting.cancelled_caught:
        rule = f"others have tried to reach it for {patience.silence_s:g} s"
        text = f"MCP server {server}: {request.method}: {rule}"
        raise ClientFault(text, delivered=False)
    try:
        yield
    finally:
        lock.release()
