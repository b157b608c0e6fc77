"""A process whose clock is wrong decides by the store's time. Ours (DESIGN section 4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import anyio
import pytest

from interloom.runtime.engine.retention import Retention
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import MoveTask, Pruned
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.testing import FakeClock, echo
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.testing.samples import creation, events, move, record

LIMIT_S: Final = 10.0
WRONG: Final = timedelta(days=80)
MONTH: Final = Settings(push=None, retention=Retention(finished_s=30 * 86_400.0))


class Shared(ForwardingLedger):
    """A store with a clock of its own, which outlives its processes.

    Attributes:
        pruned: Set when a process has looked for what is to be deleted.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(MemoryLedger(self.clock))
        self.pruned = anyio.Event()

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        gone = await super().prune(before, limit=limit)
        if not any(gone):
            self.pruned.set()
        return gone

    async def aclose(self) -> None:
        """Nothing: the next process finds it."""


@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
async def test_what_has_just_ended_is_kept_whatever_the_clock_of_who_deletes(
    wrong: timedelta,
) -> None:
    store = Shared()
    await store.commit(*creation(record("new")), *creation(record("old")))
    await store.commit(move(1, "old", state=TaskState.COMPLETED))
    store.clock.advance(31 * 86_400)
    ended = record("new", state=TaskState.COMPLETED, status_at=store.clock.now(), seq=1)
    await store.commit(MoveTask(ended, 0, events(1, 1)))
    with anyio.fail_after(LIMIT_S):
        async with Runtime([echo()], lambda: store, MONTH, clock=FakeClock(START + wrong)).open():
            await store.pruned.wait()
    assert await store.task("new") is not None
    assert await store.task("old") is None
