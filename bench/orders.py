"""Processes that are told over HTTP what to do, because the load has to come from inside them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from bench.serving import Place, Receive, Scope, Send, answer_json, body_of, on_uvicorn

Order: TypeAlias = Mapping[str, float]
"""What to do, in numbers."""
Report: TypeAlias = Mapping[str, object]
"""What it came to, fit for JSON."""
Obey: TypeAlias = Callable[[Order], Awaitable[Report]]
"""Does it and reports."""


def on_orders(opened: AbstractAsyncContextManager[Obey], place: Place) -> None:
    """Take orders until the process is told to end.

    Args:
        opened: Entered once, before the first order.
        place: Where to take orders, each a `POST` of a JSON object; `GET` gives the report of the
            last. Apart, so that writing the report is not counted as the work.
    """
    on_uvicorn(_Taker(opened), place, lifespan=True)


class _Taker:
    def __init__(self, opened: AbstractAsyncContextManager[Obey]) -> None:
        self._opened = opened
        self._obey: Obey | None = None
        self._report: Report = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            async with self._opened as self._obey:
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if self._obey is None:
            raise RuntimeError("an order before the start")
        if scope["method"] == "GET":
            await answer_json(send, json.dumps(self._report).encode())
        else:
            self._report = await self._obey(json.loads(await body_of(receive)))
            await answer_json(send, b"{}")
