"""Processes that call tools: the measured side is the client, so the load comes from inside.

A caller is told over HTTP to keep N calls in flight for S seconds, and asked afterwards how long
each call took; its CPU is read from outside between the two.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import anyio

from bench.canned_mcp import TOOL_TEXT
from bench.orders import Obey, Order, Report, on_orders
from bench.raw_mcp import RawMcpClient, ToolFailed
from bench.request import TEXT
from bench.serving import Place

Call: TypeAlias = Callable[[str], Awaitable[str]]
"""Calls the canned tool with a text and returns the text of its answer."""


def on_calls(opened: AbstractAsyncContextManager[Call], place: Place) -> None:
    """Take orders `{"in_flight": int, "seconds": float}`; report how long each call took.

    Args:
        opened: Entered once, before the first order.
        place: Where to take orders.
    """
    on_orders(_loops(opened), place)


@asynccontextmanager
async def _loops(opened: AbstractAsyncContextManager[Call]) -> AsyncGenerator[Obey]:
    async with opened as call:

        async def obey(order: Order) -> Report:
            latencies_s: list[float] = []
            begun = time.perf_counter()
            async with anyio.create_task_group() as group:
                for _ in range(int(order["in_flight"])):
                    group.start_soon(_repeat, call, begun + order["seconds"], latencies_s)
            return {"seconds": time.perf_counter() - begun, "latencies_s": latencies_s}

        yield obey


async def _repeat(call: Call, until: float, latencies_s: list[float]) -> None:
    now = time.perf_counter()
    while now < until:
        if await call(TEXT) != TOOL_TEXT:
            raise ToolFailed("not the canned answer")
        before, now = now, time.perf_counter()
        latencies_s.append(now - before)


def raw(place: Place) -> None:
    """The raw client."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Call]:
        client = RawMcpClient(place.tools_port)
        yield client.call
        client.close()

    on_calls(opened(), place)
