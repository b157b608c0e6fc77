"""Results kept for every process of a store (MCP 2026-07-28 server/utilities/caching; ours)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from interloom.bridges.mcp.cache import ResultCache
from interloom.bridges.mcp.core.caching import Entry
from interloom.bridges.mcp.shared_cache import Identity, SharedStore
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import FakeClock

LIST: Final = "prompts/list"
READ: Final = "resources/read"
PRIVATE: Final[JsonObject] = {"prompts": ["é"], "ttlMs": 60_000, "cacheScope": "private"}
PUBLIC: Final[JsonObject] = {**PRIVATE, "cacheScope": "public"}
DEPOT: Final = Identity("depot", "depot with a token")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "store.db")
    yield opened
    await opened.aclose()


class Process:
    """A process with a cache of its own, on the same store; its clock began at another time."""

    def __init__(self, ledger: SqliteLedger, *, began_s: float = 0.0, **servers: Identity) -> None:
        self.clock = FakeClock()
        self.clock.now_s = began_s
        store = SharedStore(servers or {"depot": DEPOT}, clock=self.clock)
        store.shelf = ledger.shelf
        self.cache = ResultCache(store, clock=self.clock)

    async def keep(
        self, result: JsonObject, method: str = LIST, *, principal: str = "ada", uri: str = ""
    ) -> None:
        params: JsonObject = {"uri": uri} if uri else {}
        place = await self.cache.look("depot", method, params, principal=principal)
        await self.cache.keep(place, result)

    async def find(
        self, method: str = LIST, *, principal: str = "ada", server: str = "depot", uri: str = ""
    ) -> Entry | None:
        params: JsonObject = {"uri": uri} if uri else {}
        return (await self.cache.look(server, method, params, principal=principal)).entry


async def test_what_one_process_keeps_another_finds(ledger: SqliteLedger) -> None:
    """Freshness Calculation: what is left of its time is the same, whatever their clocks say."""
    first, second = Process(ledger), Process(ledger, began_s=5000.0)
    await first.keep(PUBLIC)
    found = await second.find(principal="bob")

    assert found is not None
    assert found.result == PUBLIC
    assert found.is_fresh(second.clock.now_s)
    assert not found.is_fresh(second.clock.now_s + 60)
    assert second.cache.interest("depot").wanted.prompts
    assert second.cache.counts_of("depot").hits == 1


async def test_private_result_is_for_its_principal_and_its_credentials(
    ledger: SqliteLedger,
) -> None:
    """Cache Scope: a different access token requires a different cache."""
    first, second = Process(ledger), Process(ledger)
    rotated = Process(ledger, depot=DEPOT._replace(access="depot with another token"))
    await first.keep(PRIVATE)

    assert await second.find() is not None
    assert await second.find(principal="bob") is None
    assert await second.find(principal="") is None
    assert await rotated.find() is None


async def test_server_is_known_by_where_it_is_not_by_its_name(ledger: SqliteLedger) -> None:
    """ours: another configuration may call another server the same."""
    first = Process(ledger)
    second = Process(ledger, depot=Identity("elsewhere", "elsewhere"), store=DEPOT)
    await first.keep(PUBLIC)

    assert await second.find() is None
    assert await second.find(server="store") is not None


async def test_change_that_one_process_hears_of_is_one_for_all(ledger: SqliteLedger) -> None:
    """Interaction with Notifications: immediately stale."""
    first, second = Process(ledger), Process(ledger)
    for uri in ("a", "b"):
        await first.keep(PRIVATE, READ, uri=uri)
    await first.keep(PUBLIC)
    await second.cache.purge("depot", [READ], params={"uri": "a"})

    assert second.cache.counts_of("depot").purged == 1
    assert await first.find(READ, uri="a") is None
    assert await first.find(READ, uri="b") is not None
    assert await first.find() is not None


async def test_result_on_its_way_while_another_process_hears_of_a_change_is_not_kept(
    ledger: SqliteLedger,
) -> None:
    """Interaction with Notifications: it is of before the change."""
    first, second = Process(ledger), Process(ledger)
    place = await first.cache.look("depot", LIST, {}, principal="ada")
    await second.cache.purge("depot", [LIST])
    first.clock.now_s += 30
    await first.cache.keep(place, PUBLIC)

    assert await second.find() is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"result": {}, "ttlMs": 1, "scope": "x"}'])
async def test_row_that_is_damaged_is_a_miss(
    ledger: SqliteLedger, tmp_path: Path, body: bytes
) -> None:
    process = Process(ledger)
    await process.keep(PUBLIC)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("UPDATE kept SET body = ?", (body,))

    assert await process.find() is None
    assert process.cache.counts_of("depot").misses == 2


async def test_store_that_is_away_is_a_miss(tmp_path: Path) -> None:
    """ours: nobody fails for a cache."""
    ledger = SqliteLedger(tmp_path / "store.db")
    process = Process(ledger)
    await process.keep(PUBLIC)
    await ledger.aclose()

    assert await process.find() is None
    await process.keep(PUBLIC)
    await process.cache.purge("depot", [LIST])


async def test_without_a_store_nothing_is_kept() -> None:
    cache = ResultCache(SharedStore({"depot": DEPOT}))
    await cache.keep(await cache.look("depot", LIST, {}, principal=""), PUBLIC)
    await cache.purge("depot", [LIST])

    assert (await cache.look("depot", LIST, {}, principal="")).entry is None


async def test_nothing_that_names_a_caller_or_a_secret_is_stored(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    """docs/tool-servers.md: digests, and the results."""
    url, headers = "https://depot.example/mcp?key=k3y", {"Authorization": "Bearer t0ken"}
    process = Process(ledger, depot=Identity.of(["http", url], headers))
    await process.keep(PRIVATE, READ, principal="ada lovelace", uri="file:///diary")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        stored = str(connection.execute("SELECT * FROM kept").fetchall())

    assert stored.count("é") + stored.count("\\xc3\\xa9") == 1
    for word in ("depot", "k3y", "t0ken", "ada", "diary"):
        assert word not in stored


def test_identity_is_of_all_that_it_is_made_of() -> None:
    plain = Identity.of(["http", "u"], {"X": "1"})
    assert Identity.of(["http", "u"], {"X": "1"}) == plain
    other = Identity.of(["http", "u"], {"X": "2"})
    assert other.place == plain.place
    assert len({plain.place, plain.access, other.access, Identity.of(["http", "v"], {}).place}) == 4
