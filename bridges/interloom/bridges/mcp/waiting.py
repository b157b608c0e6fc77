"""One request that is under way on a channel that many share, and what has arrived for it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Final

import anyio

from interloom.bridges.mcp.core.frames import (
    CANCELLED,
    PREFIX,
    Message,
    Notification,
    Request,
    Result,
)
from interloom.bridges.mcp.core.routing import progress_token
from interloom.runtime.errors import TransportError

SUBSCRIBE: Final = "subscriptions/listen"

MAX_WAITING: Final = 1_000
"""Notifications that may wait for one slow reader; ours."""


class Waiting:
    """A mailbox for one request.

    Attributes:
        request: The request.
        token: Its progress token, as a key; None when it asked for no progress.
        wants_log: True when it asked for log messages.
        is_sent: True once its bytes may have reached the server.
        is_answered: True once nothing more is expected.
    """

    __slots__ = (
        "_arrived",
        "_box",
        "_is_full",
        "_server",
        "is_answered",
        "is_sent",
        "request",
        "token",
        "wants_log",
    )

    def __init__(self, server: str, request: Request) -> None:
        self._server = server
        self.request = request
        self.token = progress_token(request.params)
        meta = request.params.get("_meta")
        self.wants_log = isinstance(meta, Mapping) and PREFIX + "logLevel" in meta
        self.is_sent = False
        self.is_answered = False
        self._box: deque[Message | Exception] = deque()
        self._is_full = False
        self._arrived: anyio.Event | None = None

    def put(self, item: Message | Exception) -> None:
        """Add what has arrived; results and errors always fit.

        A request whose reader is slow misses some of its notifications. A subscription that misses
        one must not go on as if nothing had happened: it breaks off.
        """
        if len(self._box) >= MAX_WAITING and isinstance(item, Notification):
            if self._is_full or self.request.method != SUBSCRIBE:
                return
            self._is_full = True
            rule = f"{self.request.method}: more than {MAX_WAITING} notifications wait to be read"
            item = TransportError(f"MCP server {self._server}: {rule}", delivered=True)
        self._box.append(item)
        if self._arrived is not None:
            self._arrived.set()

    async def take(self) -> Message:
        """The next message; raises the next error."""
        while not self._box:
            self._arrived = anyio.Event()
            await self._arrived.wait()
        item = self._box.popleft()
        if isinstance(item, Exception):
            raise item
        return item


class News:
    """What a subscription brings, until its response, or until the server cancels it."""

    __slots__ = ("_is_over", "_waiting")

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[Notification]:
        return self

    async def __anext__(self) -> Notification:
        if self._is_over:
            raise StopAsyncIteration
        message = await self._waiting.take()
        if isinstance(message, Result):
            raise StopAsyncIteration
        if message.method == CANCELLED:
            self._is_over = self._waiting.is_answered = True
        return message
