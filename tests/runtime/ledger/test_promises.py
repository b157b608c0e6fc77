"""Both stores keep every promise of the port."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.errors import Conflict
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Write
from interloom.runtime.testing import LEDGER_PROMISES, BrokenPromise, Promise
from interloom.runtime.testing.ledger_writes import (
    a_message_is_taken_once,
    a_refused_transaction_leaves_nothing,
)

LIMIT_S = 10


@pytest.mark.parametrize("promise", LEDGER_PROMISES, ids=lambda each: each.__name__)
async def test_store_keeps_its_promise(ledger: Ledger, promise: Promise) -> None:
    with anyio.fail_after(LIMIT_S):
        await promise(ledger)


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
