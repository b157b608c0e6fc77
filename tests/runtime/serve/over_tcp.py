"""Raw connections to a real server with small limits."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import uvicorn
from anyio.abc import SocketStream

from interloom.runtime.engine.agent import Agent
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.body import App, BodyLimits
from interloom.runtime.serve.connection import Connection, bounded
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.serve.server import listen
from interloom.runtime.testing.agents import echo

LIMITS = BodyLimits(max_s=0.4)
HEAD_S = 0.2
BODY = (
    b'{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":'
    b'{"messageId":"%s","role":"ROLE_USER","parts":[{"text":"hello"}]}}}'
)
HEAD = (
    b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"a2a-version: 1.0\r\ncontent-length: %d\r\n%s\r\n"
)
GET = b"GET /health HTTP/1.1\r\nhost: localhost\r\n%s\r\n"
LAST = b"connection: close\r\n"


def request(message_id: bytes, more: bytes = b"") -> bytes:
    body = BODY % message_id
    return HEAD % (len(body), more) + body


@asynccontextmanager
async def connected(agent: Agent | None = None) -> AsyncGenerator[SocketStream]:
    """A raw connection to a real server with small limits."""
    app = Runtime([agent or echo()], MemoryLedger).app()
    async with connected_to(app) as stream:
        yield stream


@asynccontextmanager
async def connected_to(
    app: App,
    lifespan: Literal["on", "off"] = "on",
    idle_s: int = 5,
    connection: type[Connection] | None = None,
) -> AsyncGenerator[SocketStream]:
    listener = listen("127.0.0.1", 0)
    http = uvicorn.Server(
        uvicorn.Config(
            app,
            http=connection or bounded(LIMITS, head_s=HEAD_S),
            log_config=None,
            lifespan=lifespan,
            timeout_keep_alive=idle_s,
        )
    )
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(http.serve, [listener])
            async with await anyio.connect_tcp("127.0.0.1", listener.getsockname()[1]) as stream:
                yield stream
            http.should_exit = True


async def all_of(stream: SocketStream) -> bytes:
    received = b""
    async for piece in stream:
        received += piece
    return received
