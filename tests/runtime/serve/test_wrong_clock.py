"""A process whose clock is wrong decides by the store's time. Ours (DESIGN section 4)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final

import anyio
import pytest

from interloom.runtime.core.egress import Egress
from interloom.runtime.core.paging import Query
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.operations import Operations
from interloom.runtime.engine.outbox import Posting
from interloom.runtime.engine.retention import Retention
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import MovePush, MoveTask, Pruned, Write
from interloom.runtime.model import (
    SendMessageConfiguration,
    TaskPushNotificationConfig,
    TaskState,
)
from interloom.runtime.net.guard import Guard
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.testing import FakeClock, echo
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.engine_house import request
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.testing.samples import creation, events, move, record
from interloom.runtime.values import Clock
from tests.runtime.net.hostile import Seen, in_turn, reply, serving

LIMIT_S: Final = 10.0
WRONG: Final = timedelta(days=80)
ANN: Final = Caller("ann", "echo")
SETTINGS: Final = Settings(
    push=Posting(Guard(Egress.of(["127.0.0.1"]))),
    retention=Retention(finished_s=30 * 86_400.0),
)


class Shared(ForwardingLedger):
    """A store with a clock of its own, which outlives its processes.

    Attributes:
        pruned: Set when a process has looked for what is to be deleted.
        failed: Set when a post has failed and is to be made again.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(MemoryLedger(self.clock))
        self.pruned, self.failed = anyio.Event(), anyio.Event()

    async def commit(self, *writes: Write) -> None:
        await super().commit(*writes)
        if any(isinstance(each, MovePush) and each.progress.attempts for each in writes):
            self.failed.set()

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        gone = await super().prune(before, limit=limit)
        if not any(gone):
            self.pruned.set()
        return gone

    async def aclose(self) -> None:
        """Nothing: the next process finds it."""


def served(store: Shared, clock: Clock) -> AbstractAsyncContextManager[Operations]:
    """A process that goes by a clock of its own."""
    return Runtime([echo()], lambda: store, SETTINGS, clock=clock).open()


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
        async with served(store, FakeClock(START + wrong)):
            await store.pruned.wait()
    assert await store.task("new") is not None
    assert await store.task("old") is None


@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
async def test_what_a_process_writes_has_the_time_of_the_store(wrong: timedelta) -> None:
    """Else what one ends that is behind would be deleted by the next that is not."""
    store = Shared()
    with anyio.fail_after(LIMIT_S):
        async with served(store, FakeClock(START + wrong)) as operations:
            await operations.send_message(ANN, request("hello"))
    tasks, _total = await store.page(Query(*ANN[:2]))
    assert [task.record.status_at for task in tasks] == [START]


@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
async def test_post_is_made_again_when_the_store_says_so(wrong: timedelta) -> None:
    """Whoever makes it, and whatever the clock said of who tried before."""
    store, arrived = Shared(), anyio.Event()
    turns = in_turn(reply(b"", status=503), reply(b"", status=204))

    async def take(seen: Seen) -> None:
        if b"TASK_STATE_COMPLETED" in seen.body:
            arrived.set()
        await turns(seen)

    with anyio.fail_after(LIMIT_S):
        async with serving(take) as hook:
            config = TaskPushNotificationConfig(url=hook.url)
            settings = SendMessageConfiguration(task_push_notification_config=config)
            async with served(store, FakeClock(START + wrong)) as operations:
                await operations.send_message(ANN, request("hello", settings=settings))
                await store.failed.wait()
            (row,) = await store.outbox(limit=9)
            assert row.progress.due is not None
            assert START < row.progress.due < START + timedelta(minutes=1)
            store.clock.advance(60)
            async with served(store, store.clock):
                await arrived.wait()
