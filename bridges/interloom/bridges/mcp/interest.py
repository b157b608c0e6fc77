"""Which changes of a server matter to us: those of what we keep of it.

Source: MCP 2026-07-28, basic/patterns/subscriptions (a client asks for the notifications it wants),
server/utilities/caching "Interaction with Notifications".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import anyio

from interloom.bridges.mcp.core.resources import READ
from interloom.bridges.mcp.core.subscriptions import OF_LIST, Filter
from interloom.runtime.values import JsonObject

MAX_URIS: Final = 100
"""Single resources of one server that are watched; ours. The others are stale when their time is
over, which is all that a server owes those who do not listen."""


class Interest:
    """What is kept of one server; it only grows."""

    def __init__(self) -> None:
        self.wanted = Filter()
        """The notifications that would make something stale."""
        self._grown = anyio.Event()

    def add(self, method: str, params: JsonObject) -> None:
        """The result of a request is kept."""
        now = self.wanted
        uri = params.get("uri")
        if method in OF_LIST:
            now = now.with_list(method)
        elif method == READ and isinstance(uri, str) and len(now.uris) < MAX_URIS:
            now = replace(now, uris=now.uris | {uri})
        if now != self.wanted:
            self.wanted = now
            self._grown.set()
            self._grown = anyio.Event()

    async def beyond(self, seen: Filter) -> Filter:
        """What is wanted, once that is more than was seen."""
        while self.wanted == seen:
            await self._grown.wait()
        return self.wanted
