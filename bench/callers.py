"""Processes that call tools: the measured side is the client, so the load comes from inside.

A caller is told over HTTP to keep N calls in flight for S seconds, and asked afterwards how long
each call took; its CPU is read from outside between the two.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import anyio

from bench.canned_mcp import TOOL_TEXT
from bench.raw_mcp import RawMcpClient, ToolFailed
from bench.request import TEXT
from bench.serving import Place, Receive, Scope, Send, answer_json, body_of, on_uvicorn

Call: TypeAlias = Callable[[str], Awaitable[str]]
"""Calls the canned tool with a text and returns the text of its answer."""


def on_orders(opened: AbstractAsyncContextManager[Call], place: Place) -> None:
    """Serve orders to call until the process is told to end.

    Args:
        opened: Entered once, before the first order.
        place: Where to take orders.
    """
    on_uvicorn(_Caller(opened), place, lifespan=True)


class _Caller:
    """`POST` with `{"in_flight": int, "seconds": float}` calls; `GET` gives the latencies."""

    def __init__(self, opened: AbstractAsyncContextManager[Call]) -> None:
        self._opened = opened
        self._call: Call | None = None
        self._latencies_s: list[float] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["method"] == "GET":
            await answer_json(send, json.dumps(self._latencies_s).encode())
        else:
            order = json.loads(await body_of(receive))
            seconds = await self._obey(order["in_flight"], order["seconds"])
            await answer_json(send, json.dumps({"seconds": seconds}).encode())

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._opened as self._call:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _obey(self, in_flight: int, seconds: float) -> float:
        self._latencies_s = []
        begun = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(in_flight):
                group.start_soon(self._repeat, begun + seconds)
        return time.perf_counter() - begun

    async def _repeat(self, until: float) -> None:
        call = self._call
        if call is None:
            raise ToolFailed("the client was never opened")
        now = time.perf_counter()
        while now < until:
            if await call(TEXT) != TOOL_TEXT:
                raise ToolFailed("not the canned answer")
            before, now = now, time.perf_counter()
            self._latencies_s.append(now - before)


def raw(place: Place) -> None:
    """The raw client."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Call]:
        client = RawMcpClient(place.tools_port)
        yield client.call
        client.close()

    on_orders(opened(), place)
