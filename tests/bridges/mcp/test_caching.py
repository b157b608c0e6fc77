"""What may be kept, for whom and how long (MCP 2026-07-28 server/utilities/caching)."""

from __future__ import annotations

from typing import Final

import pytest

from interloom.bridges.mcp.cache import MemoryStore, ResultCache
from interloom.bridges.mcp.core.caching import (
    CACHEABLE,
    Entry,
    Hint,
    Scope,
    admit,
    key_of,
    read_hint,
)
from interloom.bridges.mcp.core.subscriptions import Filter
from interloom.bridges.mcp.interest import MAX_URIS
from interloom.runtime.errors import LocalError
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import FakeClock

LIST: Final = "prompts/list"
KEPT: Final[JsonObject] = {"prompts": [], "ttlMs": 1000, "cacheScope": "private"}
SHARED: Final[JsonObject] = {**KEPT, "cacheScope": "public"}


@pytest.mark.parametrize(
    ("result", "hint"),
    [
        ({"ttlMs": 5, "cacheScope": "public"}, Hint(5, Scope.PUBLIC)),
        ({"ttlMs": 5, "cacheScope": "private"}, Hint(5, Scope.PRIVATE)),
        ({"ttlMs": 5}, Hint(5, Scope.PRIVATE)),
        ({"ttlMs": 5, "cacheScope": "PUBLIC"}, Hint(5, Scope.PRIVATE)),
        ({"ttlMs": -5}, Hint(0, Scope.PRIVATE)),
        ({"ttlMs": "5"}, Hint(0, Scope.PRIVATE)),
        ({"ttlMs": True}, Hint(0, Scope.PRIVATE)),
        ({}, Hint(0, Scope.PRIVATE)),
    ],
)
def test_hints_are_read_with_caution(result: JsonObject, hint: Hint) -> None:
    """caching "Time-to-Live", "Cache Scope"; ours: an unknown scope is private."""
    assert read_hint(result) == hint


@pytest.mark.parametrize("method", sorted(CACHEABLE))
def test_result_with_hints_is_kept(method: str) -> None:
    """caching "Cacheable Results"."""
    entry = admit(method, {}, KEPT, now_s=10.0)

    assert entry is not None
    assert (entry.is_fresh(10.999), entry.is_fresh(11.0)) == (True, False)


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        ("tools/call", {}, KEPT),
        ("prompts/get", {}, KEPT),
        (LIST, {}, {**KEPT, "ttlMs": 0}),
        (LIST, {}, {"prompts": []}),
        ("resources/read", {"uri": "a", "inputResponses": {}}, KEPT),
        ("resources/read", {"uri": "a", "requestState": "s"}, KEPT),
        ("resources/read", {"uri": "a"}, {**KEPT, "resultType": "input_required"}),
    ],
)
def test_result_that_may_not_be_kept_is_not(
    method: str, params: JsonObject, result: JsonObject
) -> None:
    """caching "Cacheable Results", "Cache Key"."""
    assert admit(method, params, result, now_s=0.0) is None


def test_key_is_of_what_affects_the_result_alone() -> None:
    """caching "Cache Key": method and params; `_meta` is about the request."""
    plain = key_of("depot", LIST, {"cursor": "a"}, "ada")

    assert key_of("depot", LIST, {"_meta": {"x": 1}, "cursor": "a"}, "ada") == plain
    others = [
        key_of("depot", LIST, {"cursor": ""}, "ada"),
        key_of("depot", LIST, {}, "ada"),
        key_of("depot", "tools/list", {"cursor": "a"}, "ada"),
        key_of("other", LIST, {"cursor": "a"}, "ada"),
        key_of("depot", LIST, {"cursor": "a"}, "bob"),
    ]
    assert plain not in others
    assert len(set(others)) == len(others)


def test_params_that_cannot_be_sent_have_no_key() -> None:
    """ours: an integer of more than 64 bits."""
    with pytest.raises(LocalError, match="params are not JSON"):
        key_of("depot", LIST, {"cursor": 2**70}, "ada")


async def fresh(
    cache: ResultCache, server: str, method: str, params: JsonObject, *, principal: str
) -> Entry | None:
    """What is kept for a request and still fresh."""
    return (await cache.look(server, method, params, principal=principal)).entry


async def keep(
    cache: ResultCache,
    server: str,
    method: str,
    params: JsonObject,
    result: JsonObject,
    *,
    principal: str,
) -> None:
    """Look for a request's result, and keep this one."""
    await cache.keep(await cache.look(server, method, params, principal=principal), result)


async def test_private_result_is_for_its_principal_alone() -> None:
    """caching "Cache Scope": never across authorization contexts."""
    cache = ResultCache(clock=FakeClock())
    await keep(cache, "depot", LIST, {}, KEPT, principal="ada")

    assert await fresh(cache, "depot", LIST, {}, principal="ada") is not None
    assert await fresh(cache, "depot", LIST, {}, principal="bob") is None
    assert await fresh(cache, "depot", LIST, {}, principal="") is None


async def test_nobodys_private_result_is_not_public() -> None:
    """ours: a client without credentials is a principal of its own."""
    cache = ResultCache(clock=FakeClock())
    await keep(cache, "depot", LIST, {}, KEPT, principal="")

    assert await fresh(cache, "depot", LIST, {}, principal="") is not None
    assert await fresh(cache, "depot", LIST, {}, principal="ada") is None


async def test_public_result_is_for_everybody_of_the_server() -> None:
    """caching "Cache Scope"."""
    cache = ResultCache(clock=FakeClock())
    await keep(cache, "depot", LIST, {}, SHARED, principal="ada")

    assert await fresh(cache, "depot", LIST, {}, principal="bob") is not None
    assert await fresh(cache, "other", LIST, {}, principal="bob") is None


async def test_purge_takes_everybodys_results_of_a_method() -> None:
    """caching "Interaction with Notifications"."""
    cache = ResultCache(clock=FakeClock())
    for principal in ("ada", "bob"):
        await keep(cache, "depot", LIST, {}, KEPT, principal=principal)
        await keep(cache, "depot", LIST, {"cursor": "x"}, KEPT, principal=principal)
    await keep(cache, "depot", "tools/list", {}, SHARED, principal="ada")
    before = cache.generation("depot", LIST)
    await cache.purge("depot", [LIST])

    assert await fresh(cache, "depot", LIST, {}, principal="ada") is None
    assert await fresh(cache, "depot", LIST, {"cursor": "x"}, principal="bob") is None
    assert await fresh(cache, "depot", "tools/list", {}, principal="ada") is not None
    assert cache.generation("depot", LIST) > before


async def test_purge_of_one_resource_leaves_the_others() -> None:
    """caching "Interaction with Notifications": a relevant notification."""
    cache = ResultCache(clock=FakeClock())
    for uri in ("a", "b"):
        await keep(cache, "depot", "resources/read", {"uri": uri}, KEPT, principal="ada")
    await cache.purge("depot", ["resources/read"], params={"uri": "a"})

    assert await fresh(cache, "depot", "resources/read", {"uri": "a"}, principal="ada") is None
    assert await fresh(cache, "depot", "resources/read", {"uri": "b"}, principal="ada") is not None


@pytest.mark.parametrize("purged", [LIST, "tools/list"])
async def test_result_of_before_a_change_is_not_kept_after_it(purged: str) -> None:
    """caching "Interaction with Notifications": it is stale at once, though it arrives later."""
    cache = ResultCache(clock=FakeClock())
    place = await cache.look("depot", LIST, {}, principal="ada")
    await cache.purge("depot", [purged])
    await cache.keep(place, KEPT)

    is_kept = await fresh(cache, "depot", LIST, {}, principal="ada") is not None
    assert is_kept == (purged != LIST)


async def test_age_counts_from_when_a_result_was_asked_for() -> None:
    """ours: never taken for fresher than it is."""
    clock = FakeClock()
    cache = ResultCache(clock=clock)
    place = await cache.look("depot", LIST, {}, principal="ada")
    clock.now_s += 0.75
    await cache.keep(place, KEPT)
    clock.now_s += 0.25

    assert await fresh(cache, "depot", LIST, {}, principal="ada") is None


async def test_what_is_kept_is_what_is_listened_for() -> None:
    """subscriptions: a client asks for what it wants; ours: single resources up to a bound."""
    cache = ResultCache(clock=FakeClock())
    interest = cache.interest("depot")
    assert not interest.wanted
    await keep(cache, "depot", LIST, {}, {**KEPT, "ttlMs": 0}, principal="ada")
    assert not interest.wanted
    await keep(cache, "depot", LIST, {}, KEPT, principal="ada")
    await keep(cache, "depot", "resources/templates/list", {}, SHARED, principal="ada")
    await keep(cache, "depot", "server/discover", {}, KEPT, principal="ada")
    await keep(cache, "other", "tools/list", {}, KEPT, principal="ada")
    assert interest.wanted == Filter(prompts=True, resources=True)
    for number in range(MAX_URIS + 1):
        await keep(cache, "depot", "resources/read", {"uri": f"a/{number}"}, KEPT, principal="")
    assert interest.wanted.uris == {f"a/{number}" for number in range(MAX_URIS)}


async def test_cache_counts_what_it_does() -> None:
    """ours: hits, misses and purges are seen."""
    clock = FakeClock()
    cache = ResultCache(clock=clock)
    await keep(cache, "depot", LIST, {}, KEPT, principal="ada")
    await fresh(cache, "depot", LIST, {}, principal="ada")
    clock.now_s += 1
    await fresh(cache, "depot", LIST, {}, principal="ada")
    await cache.purge("depot", [LIST])
    await fresh(cache, "depot", "tools/call", {}, principal="ada")

    counts = cache.counts_of("depot")
    assert (counts.hits, counts.misses, counts.kept, counts.purged) == (1, 2, 1, 1)


async def test_store_forgets_what_was_not_used_for_longest() -> None:
    """ours: it is bounded in entries."""
    cache = ResultCache(MemoryStore(max_entries=2), clock=FakeClock())
    for cursor in ("a", "b"):
        await keep(cache, "depot", LIST, {"cursor": cursor}, KEPT, principal="")
    await fresh(cache, "depot", LIST, {"cursor": "a"}, principal="")
    await keep(cache, "depot", LIST, {"cursor": "c"}, KEPT, principal="")

    found = [await fresh(cache, "depot", LIST, {"cursor": each}, principal="") for each in "abc"]
    assert [each is not None for each in found] == [True, False, True]


async def test_store_is_bounded_in_bytes() -> None:
    """ours: what is too large for all of it is not kept at all."""
    cache = ResultCache(MemoryStore(max_bytes=200), clock=FakeClock())
    await keep(cache, "depot", LIST, {}, KEPT, principal="")
    large: JsonObject = {**KEPT, "prompts": ["x" * 200]}
    await keep(cache, "depot", LIST, {"cursor": "x"}, large, principal="")

    assert await fresh(cache, "depot", LIST, {"cursor": "x"}, principal="") is None
    assert await fresh(cache, "depot", LIST, {}, principal="") is None
    await keep(cache, "depot", LIST, {}, KEPT, principal="")
    assert await fresh(cache, "depot", LIST, {}, principal="") is not None
