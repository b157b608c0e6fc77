"""Lists through the cache: every page by itself (MCP 2026-07-28 pagination, caching)."""

from __future__ import annotations

from typing import Final

import anyio
import pytest

from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.bridges.mcp.cache import ResultCache
from interloom.bridges.mcp.core.errors import BadResult, InvalidParams
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import SHIP, Depot, FakeClock, depot, fails, gives
from tests.runtime.net.hostile import Hostile, serving

HOUR_MS: Final = 3_600_000


def prompts(*names: str, **more: Json) -> JsonObject:
    return {"prompts": [{"name": name} for name in names], "cacheScope": "private", **more}


class House:
    """Clients of one process on one server, with a clock that stands still until told."""

    def __init__(self, server: Hostile, port: PooledHttp) -> None:
        self.clock = FakeClock()
        self.cache = ResultCache(clock=self.clock)
        self._transport = StreamableHttp(ServerSpec("depot", server.url, timeout_s=5.0), port)

    def client(self, principal: str) -> McpClient:
        return McpClient(self._transport, principal=principal, clock=self.clock, cache=self.cache)


async def names(client: McpClient) -> list[str]:
    with anyio.fail_after(5):
        return [prompt.name for prompt in await client.list_prompts()]


def cursors(script: Depot) -> list[Json]:
    params = [frame["params"] for frame in script.frames]
    return [each.get("cursor") for each in params if isinstance(each, dict)]


async def test_only_the_page_that_is_stale_is_asked_for_again(port: PooledHttp) -> None:
    """caching "Interaction with Pagination": each page has its own time to live."""
    script = depot(
        prompts_list=[
            gives(prompts("a", nextCursor="2", ttlMs=HOUR_MS)),
            gives(prompts("b", ttlMs=1000)),
            gives(prompts("c", ttlMs=1000)),
        ]
    )
    async with serving(script.answer) as server:
        house = House(server, port)
        client = house.client("ada")
        assert await names(client) == ["a", "b"]
        assert await names(client) == ["a", "b"]
        house.clock.now_s += 1
        assert await names(client) == ["a", "c"]

    assert cursors(script) == [None, "2", "2"]


async def test_clients_of_a_process_share_what_is_public(port: PooledHttp) -> None:
    """caching "Cache Scope"."""
    shared = gives(prompts("a", ttlMs=HOUR_MS, cacheScope="public"))
    script = depot(prompts_list=shared)
    async with serving(script.answer) as server:
        house = House(server, port)
        assert await names(house.client("ada")) == ["a"]
        assert await names(house.client("bob")) == ["a"]

    assert len(script.frames) == 1


async def test_clients_of_other_principals_do_not_see_what_is_private(port: PooledHttp) -> None:
    """caching "Cache Scope": never across authorization contexts."""
    script = depot(
        prompts_list=[gives(prompts("adas", ttlMs=HOUR_MS)), gives(prompts("bobs", ttlMs=HOUR_MS))]
    )
    async with serving(script.answer) as server:
        house = House(server, port)
        assert await names(house.client("ada")) == ["adas"]
        assert await names(house.client("bob")) == ["bobs"]
        assert await names(house.client("ada")) == ["adas"]

    assert len(script.frames) == 2


async def test_cursor_that_is_refused_discards_all_pages(port: PooledHttp) -> None:
    """caching "Interaction with Pagination"."""
    script = depot(
        prompts_list=[
            gives(prompts("a", nextCursor="2", ttlMs=HOUR_MS)),
            gives(prompts("b", ttlMs=1)),
            fails(-32602),
            gives(prompts("c", ttlMs=HOUR_MS)),
        ]
    )
    async with serving(script.answer) as server:
        house = House(server, port)
        client = house.client("ada")
        await names(client)
        house.clock.now_s += 1
        assert await names(client) == ["c"]

    assert cursors(script) == [None, "2", "2", None]


async def test_server_that_refuses_its_own_cursor_is_told_of(port: PooledHttp) -> None:
    """ours: one new beginning, not a loop."""
    first = gives(prompts("a", nextCursor="2"))
    script = depot(prompts_list=[first, fails(-32602), first, fails(-32602)])
    async with serving(script.answer) as server:
        client = House(server, port).client("ada")
        with pytest.raises(InvalidParams), anyio.fail_after(5):
            await client.list_prompts()

    assert len(script.frames) == 4


async def test_refused_list_is_told_of_at_once(port: PooledHttp) -> None:
    """ours: there was no cursor to be wrong."""
    script = depot(prompts_list=fails(-32602))
    async with serving(script.answer) as server:
        client = House(server, port).client("ada")
        with pytest.raises(InvalidParams), anyio.fail_after(5):
            await client.list_prompts()

    assert len(script.frames) == 1


async def test_pages_of_one_list_may_not_differ_in_scope(port: PooledHttp) -> None:
    """caching "Interaction with Pagination": the same `cacheScope` on every page."""
    script = depot(
        prompts_list=[
            gives(prompts("a", nextCursor="2", ttlMs=1)),
            gives(prompts("b", ttlMs=1, cacheScope="public")),
        ]
    )
    async with serving(script.answer) as server:
        client = House(server, port).client("ada")
        with pytest.raises(BadResult, match="prompts/list: pages of one list differ"):
            with anyio.fail_after(5):
                await client.list_prompts()


async def test_purged_list_of_tools_is_fetched_before_the_next_call(port: PooledHttp) -> None:
    """caching "Interaction with Notifications": stale at once, whoever heard of it."""
    done: JsonObject = {"content": []}
    listed: JsonObject = {"tools": [SHIP], "ttlMs": HOUR_MS, "cacheScope": "public"}
    script = depot(tools_list=gives(listed), tools_call=gives(done))
    async with serving(script.answer) as server:
        house = House(server, port)
        ada, bob = house.client("ada"), house.client("bob")
        with anyio.fail_after(5):
            await ada.list_tools()
            await bob.list_tools()
            await house.cache.purge("depot", ["tools/list"])
            await ada.list_tools()
            await bob.list_tools()

    assert script.methods == ["tools/list", "tools/list"]
