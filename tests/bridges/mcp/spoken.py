"""A server in the same process under a test's thumb: lines in, lines out, everything seen kept."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from anyio.streams.stapled import StapledObjectStream

from interloom.bridges.mcp.core.frames import Profile, Request, request
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Patience
from interloom.runtime.values import Json, JsonObject

Frame: TypeAlias = Mapping[str, Json]
React: TypeAlias = "Callable[[Server, Frame], Coroutine[object, object, None]]"


@dataclass(slots=True)
class Server:
    """The other end: every frame is kept, then `react` does what a test wants.

    Attributes:
        frames: Frames received, in order.
        writes: The chunks they came in.
    """

    react: React
    frames: list[Frame] = field(default_factory=list[Frame])
    writes: list[bytes] = field(default_factory=list[bytes])
    seen: anyio.Event = field(default_factory=anyio.Event)
    end: StapledObjectStream[bytes] | None = None

    async def serve(self, end: StapledObjectStream[bytes]) -> None:
        self.end = end
        async with anyio.create_task_group() as tasks:
            async for chunk in end:
                self.writes.append(chunk)
                for line in chunk.splitlines():
                    self.frames.append(json.loads(line))
                    tasks.start_soon(self.react, self, self.frames[-1])
                self.seen.set()
                self.seen = anyio.Event()

    async def say(self, *lines: bytes) -> None:
        assert self.end is not None
        await self.end.send(b"".join(line + b"\n" for line in lines))

    async def until(self, method: str) -> Frame:
        """The first frame of a method, once it has come."""
        while True:
            for frame in self.frames:
                if frame.get("method") == method:
                    return frame
            await self.seen.wait()


def framed(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


def result_of(frame: Frame, **members: Json) -> bytes:
    return framed(id=frame["id"], result=members)


async def echo(server: Server, frame: Frame) -> None:
    if "id" in frame:
        await server.say(result_of(frame, said=frame["id"]))


async def silence(server: Server, frame: Frame) -> None:
    """Answer nothing."""


NO_HEADERS: Mapping[str, str] = {}
LOUD: JsonObject = {"io.modelcontextprotocol/logLevel": "info"}


def stamped(
    request_id: str, method: str = "resources/read", meta: JsonObject | None = None
) -> Request:
    stamp = Profile().meta("2026-07-28")
    return request(request_id, method, {"uri": "depot://a"}, stamp=stamp, meta=meta or {})


@asynccontextmanager
async def opened(react: React, **patience: float) -> AsyncGenerator[tuple[InMemory, Server]]:
    server = Server(react)
    limits = Patience(patience.get("silence_s", 10.0), patience.get("total_s", 20.0))
    transport = InMemory("depot", server.serve, patience=limits)
    with anyio.fail_after(20):
        async with transport.open():
            yield transport, server
