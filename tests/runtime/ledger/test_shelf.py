"""Results of others, kept for a while in a store's database (ours)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.shelf import MAX_BYTES, MAX_LEFT_MS, Kept, Shelf
from interloom.runtime.ledger.sqlite import SqliteLedger
from tests.runtime.ledger.opening import Place, opened, store_at

AGE_MS = 3_600_000
ROW = Kept("key", "kind", "item", b"\x00body\xff", 60_000, 0)


@pytest.fixture
async def ledger(place: Place) -> AsyncIterator[SqliteLedger | PostgresLedger]:
    made = store_at(place)
    yield made
    await made.aclose()


@pytest.fixture
def shelf(ledger: SqliteLedger | PostgresLedger) -> Shelf:
    return ledger.shelf


async def keys(shelf: Shelf, *keys: str) -> list[str]:
    """Those of the keys that something is kept under."""
    return [key for key in keys if await shelf.get(key) is not None]


async def test_what_was_put_is_given_back_with_what_is_left_of_its_time(shelf: Shelf) -> None:
    await shelf.put(ROW)
    found = await shelf.get("key")

    assert found is not None
    body, left_ms = found
    assert body == ROW.body
    assert 0 < left_ms <= ROW.left_ms


async def test_what_is_put_under_a_key_replaces_what_was_there(shelf: Shelf) -> None:
    await shelf.put(ROW)
    await shelf.put(ROW._replace(body=b"other", kind="other kind"))
    assert await shelf.forget("kind") == 0

    found = await shelf.get("key")
    assert found is not None
    assert found[0] == b"other"


@pytest.mark.parametrize("left_ms", [0, -1])
async def test_what_may_not_be_kept_is_not(shelf: Shelf, left_ms: int) -> None:
    await shelf.put(ROW._replace(left_ms=left_ms))
    assert await shelf.get("key") is None


async def test_what_is_too_large_is_not_kept(shelf: Shelf) -> None:
    await shelf.put(ROW._replace(body=b"x" * (MAX_BYTES + 1)))
    assert await shelf.get("key") is None


async def test_nothing_is_kept_for_longer_than_a_bound(shelf: Shelf) -> None:
    """A server may allow more milliseconds than a column holds."""
    await shelf.put(ROW._replace(left_ms=2**70))
    found = await shelf.get("key")

    assert found is not None
    assert MAX_LEFT_MS - 60_000 < found[1] <= MAX_LEFT_MS


async def test_results_of_a_kind_are_forgotten_together(shelf: Shelf) -> None:
    for key, kind, item in (("a", "k", "1"), ("b", "k", "2"), ("c", "other", "1")):
        await shelf.put(ROW._replace(key=key, kind=kind, item=item))

    assert await shelf.forget("k") == 2
    assert await keys(shelf, "a", "b", "c") == ["c"]


async def test_results_of_an_item_are_forgotten_alone(shelf: Shelf) -> None:
    for key, item in (("a", "1"), ("b", "2"), ("c", "")):
        await shelf.put(ROW._replace(key=key, item=item))

    assert await shelf.forget("kind", "1") == 1
    assert await keys(shelf, "a", "b", "c") == ["b", "c"]


async def test_what_was_asked_for_before_its_kind_was_forgotten_is_not_kept(shelf: Shelf) -> None:
    await shelf.forget("kind")
    await shelf.put(ROW._replace(age_ms=AGE_MS))
    await shelf.put(ROW._replace(key="other", kind="other", age_ms=AGE_MS))

    assert await keys(shelf, "key", "other") == ["other"]


async def test_shelf_is_bounded(ledger: SqliteLedger | PostgresLedger) -> None:
    """What would end first goes first."""
    small = ledger.shelf.bounded(2)
    for key, left_ms in (("a", 60_000), ("b", 30_000), ("c", 90_000)):
        await small.put(ROW._replace(key=key, left_ms=left_ms))

    assert await keys(small, "a", "b", "c") == ["a", "c"]


async def test_what_is_kept_outlives_the_process(place: Place) -> None:
    async with opened(place) as ledger:
        await ledger.shelf.put(ROW)
    async with opened(place) as ledger:
        assert await ledger.shelf.get("key") is not None


async def test_shelf_of_a_store_that_is_closed_says_so(
    ledger: SqliteLedger | PostgresLedger,
) -> None:
    await ledger.aclose()
    with pytest.raises(Unavailable):
        await ledger.shelf.get("key")
    with pytest.raises(Unavailable):
        await ledger.shelf.put(ROW)
    with pytest.raises(Unavailable):
        await ledger.shelf.forget("kind")


def test_memory_shares_nothing() -> None:
    assert MemoryLedger().shelf is None
