"""Every store keeps every promise of the port."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import PutStep, Write
from interloom.runtime.testing import LEDGER_PROMISES, BrokenPromise, Promise
from interloom.runtime.testing.ledger_writes import (
    a_message_is_taken_once,
    a_refused_transaction_leaves_nothing,
)
from interloom.runtime.testing.samples import creation, move, record
from tests.runtime.ledger.opening import Place, opened

LIMIT_S = 10


@pytest.mark.parametrize("promise", LEDGER_PROMISES, ids=lambda each: each.__name__)
async def test_store_keeps_its_promise(ledger: Ledger, promise: Promise) -> None:
    with anyio.fail_after(LIMIT_S):
        await promise(ledger)


async def test_reopened_store_has_everything_and_goes_on(place: Place) -> None:
    task = record(seq=2)
    async with opened(place) as ledger:
        await ledger.commit(*creation(task), PutStep(task.id, "step", b"1"))
        before = await ledger.task(task.id), await ledger.journal(task.id), await ledger.runs()
    async with opened(place) as ledger:
        after = await ledger.task(task.id), await ledger.journal(task.id), await ledger.runs()
        assert after == before
        await ledger.commit(move(3))
        assert [each.seq for each in await ledger.events(task.id)] == [1, 2, 3]


@pytest.mark.parametrize("was_read", [False, True])
async def test_store_that_is_closed_says_so_to_who_reads(place: Place, was_read: bool) -> None:
    async with opened(place) as ledger:
        if was_read:
            await ledger.runs()
    with pytest.raises(Unavailable):
        await ledger.runs()


class PiecemealLedger(MemoryLedger):
    """Stores what comes before the write that is refused."""

    async def commit(self, *writes: Write) -> None:
        for write in writes:
            await super().commit(write)


class MeekLedger(MemoryLedger):
    """Refuses, but says nothing."""

    async def commit(self, *writes: Write) -> None:
        try:
            await super().commit(*writes)
        except Conflict:
            return


@pytest.mark.parametrize(
    ("store", "promise"),
    [
        (PiecemealLedger, a_refused_transaction_leaves_nothing),
        (MeekLedger, a_refused_transaction_leaves_nothing),
        (MeekLedger, a_message_is_taken_once),
    ],
)
async def test_store_that_breaks_its_promise_is_found_out(
    store: type[MemoryLedger], promise: Promise
) -> None:
    with pytest.raises(BrokenPromise):
        await promise(store())
