"""A TCP server that answers HTTP requests with whatever bytes a test wants, on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.stapled import MultiListener

_BROKEN = (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead)


@dataclass(slots=True)
class Seen:
    """One request, and the stream to answer it on."""

    head: str
    body: bytes
    stream: ByteStream

    @property
    def headers(self) -> Mapping[str, str]:
        lines = self.head.split("\r\n")[1:]
        fields = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in fields}


Answer: TypeAlias = Callable[[Seen], Awaitable[None]]


@dataclass(slots=True)
class Hostile:
    """What the server has seen so far.

    Attributes:
        url: Where it listens, with a query that must never be printed.
        requests: Every request read whole, in order.
        connections: Connections accepted.
        hung_up: Set once a client has closed a connection.
    """

    answer: Answer
    url: str = ""
    requests: list[Seen] = field(default_factory=list[Seen])
    connections: int = 0
    hung_up: anyio.Event = field(default_factory=anyio.Event)

    async def handle(self, stream: ByteStream) -> None:
        self.connections += 1
        reader = BufferedByteReceiveStream(stream)
        async with stream:
            with suppress(*_BROKEN):
                while True:
                    seen = await _read_request(reader, stream)
                    self.requests.append(seen)
                    await self.answer(seen)
        self.hung_up.set()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncGenerator[Hostile]:
    """Serve `answer` for every request until the context is left."""
    server = Hostile(answer)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server.url = f"http://127.0.0.1:{port_of(listener)}/mcp?key=s3cret"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.handle)
        yield server
        tasks.cancel_scope.cancel()


def port_of(listener: MultiListener[SocketStream]) -> int:
    """The port a listener was given."""
    return listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's `extra`


def reply(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer every request with one whole body."""
    return sends(head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)


def sends(data: bytes) -> Answer:
    """Answer every request with exactly these bytes and wait for the next one."""

    async def answer(seen: Seen) -> None:
        await seen.stream.send(data)

    return answer


def sends_and_hangs_up(data: bytes) -> Answer:
    """Answer with these bytes and close the connection."""

    async def answer(seen: Seen) -> None:
        await seen.stream.send(data)
        await seen.stream.aclose()
        raise anyio.EndOfStream

    return answer


async def never(seen: Seen) -> None:
    """Do not answer; wait for the client to give up."""
    await seen.stream.receive()


def endless(first: bytes, again: bytes) -> Answer:
    """Send `first`, then `again` for ever."""

    async def answer(seen: Seen) -> None:
        await seen.stream.send(first)
        while True:
            await seen.stream.send(again)

    return answer


def dripping(first: bytes, again: bytes, *, every_s: float) -> Answer:
    """Send `first`, then `again` for ever with a pause before each: the slowness is the attack."""

    async def answer(seen: Seen) -> None:
        await seen.stream.send(first)
        while True:
            await anyio.sleep(every_s)
            await seen.stream.send(again)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """The first answer for the first request, and so on; the last one for all that follow."""
    left = list(answers)

    async def answer(seen: Seen) -> None:
        chosen = left.pop(0) if len(left) > 1 else left[0]
        await chosen(seen)

    return answer


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A response head."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_request(reader: BufferedByteReceiveStream, stream: ByteStream) -> Seen:
    text = (await reader.receive_until(b"\r\n\r\n", 65_536)).decode()
    seen = Seen(text, b"", stream)
    length = int(seen.headers.get("content-length", "0"))
    seen.body = await reader.receive_exactly(length) if length else b""
    return seen
