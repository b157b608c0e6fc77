"""A server's lists, page by page through the cache.

Source: MCP 2026-07-28, server/utilities/pagination; server/utilities/caching "Interaction with
Pagination": every page is kept by itself, and a cursor that is refused discards them all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from interloom.bridges.mcp.cache import ResultCache
from interloom.bridges.mcp.core.errors import InvalidParams
from interloom.bridges.mcp.core.listing import Page, check_pages, read_page
from interloom.runtime.values import Json, JsonObject

Ask: TypeAlias = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Sends a request that has no rounds, and gives its result."""


class Lists:
    """The lists of one server, as one principal sees them.

    Args:
        server: Our name for the server.
        principal: For whom.
        ask: How to ask the server.
        cache: Where pages are kept.
    """

    def __init__(self, server: str, principal: str, *, ask: Ask, cache: ResultCache) -> None:
        self._server, self._principal = server, principal
        self._ask, self._cache = ask, cache

    async def pages(self, method: str) -> list[Page]:
        """All pages of a list; those that are still fresh are not asked for again.

        Raises:
            BadResult: A page breaks the schema, or the pages do not belong together.
            ListTooLarge: The list as a whole is over a cap.
            McpPeerError | TransportError: A request failed.
        """
        try:
            return await self._walk(method)
        except _StaleCursor:
            await self._cache.purge(self._server, [method])
        try:
            return await self._walk(method)
        except _StaleCursor as again:  # no page was kept: the server refuses its own cursor
            raise again.refusal from None

    async def _walk(self, method: str) -> list[Page]:
        pages: list[Page] = []
        params: dict[str, Json] = {}
        while not pages or pages[-1].cursor is not None:
            pages.append(await self._page(method, params))
            check_pages(pages, server=self._server, method=method)
            params = {"cursor": pages[-1].cursor}
        return pages

    async def _page(self, method: str, params: JsonObject) -> Page:
        server, principal = self._server, self._principal
        place = await self._cache.look(server, method, params, principal=principal)
        if place.entry is not None:
            received_s = place.entry.received_s
            return read_page(
                place.entry.result, server=server, method=method, received_s=received_s
            )
        try:
            result = await self._ask(method, params)
        except InvalidParams as refusal:
            if params:
                raise _StaleCursor(refusal) from None
            raise
        # From when it was asked for: never fresher than it is.
        page = read_page(result, server=server, method=method, received_s=place.asked_s)
        await self._cache.keep(place, result)
        return page


class _StaleCursor(Exception):
    """The server does not take a cursor of its own any more."""

    def __init__(self, refusal: InvalidParams) -> None:
        self.refusal = refusal
