"""One way to serve for every target, so that only the applications differ."""

from __future__ import annotations

# The tool server is a protocol on a bare event loop: the cheapest thing that answers.
import asyncio  # noqa: TID251 - anyio has no protocol callbacks
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio
import uvicorn

READY: Final = "ready"
_BACKLOG: Final = 2048

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is to run.

    Attributes:
        port: Port on 127.0.0.1; 0 for any that is free.
        scratch: A folder of its own, empty at the start, on a disk and not in memory.
        tools_port: Where the canned MCP server listens, path `/mcp`; 0 when the job has none.
        tools_core: The core for a tool server that is started as a child; None for any.
    """

    port: int
    scratch: Path
    tools_port: int
    tools_core: int | None = None

    @property
    def tools_url(self) -> str:
        """The canned MCP server's endpoint."""
        return f"http://127.0.0.1:{self.tools_port}/mcp"

    def listen(self) -> socket.socket:
        """Open the port and tell the parent process, which may connect from then on."""
        # Only a socket that names its protocol gets TCP_NODELAY from asyncio, on every connection
        # it accepts; without it each reply written in two pieces waits 40 ms for an ACK.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(_BACKLOG)
        tell(listening.getsockname()[1])
        return listening


def tell(port: int) -> None:
    """Tell the parent process that it may connect."""
    print(READY, port, flush=True)


def on_uvicorn(app: Callable[..., Any], place: Place, *, lifespan: bool = False) -> None:
    """Serve an ASGI application until the process is told to end.

    The settings are those the product ships with: httptools on the standard event loop. No header
    is added that the application did not ask for, and nothing is logged per request.

    Args:
        app: The application.
        place: Where to serve it.
        lifespan: Whether it takes part in the lifespan protocol.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="on" if lifespan else "off",
        access_log=False,
        log_level="warning",
        date_header=False,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[place.listen()])


def on_protocol(protocol: Callable[[], asyncio.Protocol], place: Place) -> None:
    """Serve a protocol on the bare event loop until the process is told to end."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, sock=place.listen())
        await server.serve_forever()

    anyio.run(serve)


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request."""
    body = b""
    while True:
        event = await receive()
        chunk: bytes = event.get("body", b"")
        body = body + chunk if body else chunk
        if not event.get("more_body", False):
            return body


async def answer_json(send: Send, body: bytes) -> None:
    """Send a 200 whose body is JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
