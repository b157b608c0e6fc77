"""Who wants to hear of which change of an older server.

Source: MCP 2025-11-25, server/tools, server/prompts and server/resources (`listChanged`,
`resources/subscribe`): one stream of changes for everybody. Each subscription of 2026-07-28
gets those it asked for, under its own id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias

import anyio

from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.legacy import translate
from interloom.bridges.mcp.waiting import Waiting
from interloom.runtime.errors import TransportError
from interloom.runtime.values import JsonObject

Tell: TypeAlias = Callable[[str], Awaitable[None]]
"""Tells a server something about the resource with this URI."""


class Watched:
    """The resources that one session's server was asked to tell of, each of them once."""

    def __init__(self) -> None:
        self._watchers: Counter[str] = Counter()
        self._turn = anyio.Lock()

    async def enter(self, uri: str, subscribe: Tell) -> None:
        """Count one more who wants to hear of a resource, once its server has agreed to tell."""
        async with self._turn:
            if not self._watchers[uri]:
                await subscribe(uri)
            self._watchers[uri] += 1

    async def leave(self, uri: str, unsubscribe: Tell) -> None:
        """Count one less; a server that nobody listens to any more is told so."""
        self._watchers[uri] -= 1
        async with self._turn:
            if uri in self._watchers and not self._watchers[uri]:  # of several, the first tells
                del self._watchers[uri]
                await unsubscribe(uri)


class Changes:
    """The subscriptions to one server's changes.

    Args:
        server: Our name for the server.

    Attributes:
        watched: The resources that the session of now was asked about.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._listening: dict[str, tuple[Waiting, JsonObject]] = {}
        self.watched = Watched()

    @contextmanager
    def listening(self, request: Request, agreed: JsonObject) -> Generator[Waiting]:
        """Collect what a subscription agreed on while the block runs, the acknowledgment first."""
        waiting = Waiting(self._server, request)
        waiting.put(translate.acknowledged(request.id, agreed))
        self._listening[request.id] = (waiting, agreed)
        try:
            yield waiting
        finally:
            del self._listening[request.id]

    def take(self, notification: Notification) -> None:
        """Give a change to whoever wants to hear of it."""
        for request_id, (waiting, agreed) in self._listening.items():
            if translate.is_wanted(notification, agreed):
                waiting.put(translate.labelled(request_id, notification))

    def end(self) -> None:
        """Break off every subscription: changes may have been missed from here on."""
        for waiting, _ in self._listening.values():
            text = f"MCP server {self._server}: {waiting.request.method}: the session ended"
            waiting.put(TransportError(text, delivered=True))

    def forget(self) -> None:
        """A new session knows of no subscription of the old one, and each has to begin anew."""
        self.end()
        self.watched = Watched()
