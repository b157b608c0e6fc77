"""The tapped ledger is a ledger."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import PutStep
from interloom.runtime.testing import LEDGER_PROMISES, Promise
from interloom.runtime.testing.samples import creation, record
from interloom.runtime.testing.tapped import TappedLedger


@pytest.mark.parametrize("promise", LEDGER_PROMISES, ids=lambda each: each.__name__)
async def test_tapped_ledger_keeps_the_promise(promise: Promise) -> None:
    with anyio.fail_after(5):
        await promise(TappedLedger(MemoryLedger()))


async def test_tapped_ledger_fails_as_often_as_told_and_writes_nothing() -> None:
    ledger = TappedLedger(MemoryLedger())
    await ledger.commit(*creation(record()))
    ledger.fail(2, after=1)
    await ledger.commit(PutStep("task-1", "first", b"1"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ledger.commit(PutStep("task-1", "step", b"1"))

    assert (await ledger.journal("task-1")).steps == {"first": b"1"}
    assert ledger.refused == 2
    await ledger.commit(PutStep("task-1", "step", b"1"))
    assert ledger.written[-1] == PutStep("task-1", "step", b"1")
