"""What has been over for long enough is deleted, and nobody trips over it. Ours."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from interloom.runtime.engine.retention import Retention, keep_pruning, prune
from interloom.runtime.errors import TaskNotFound, Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import SubscribeToTaskRequest, TaskState
from interloom.runtime.testing import FakeClock, asker, echo
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.testing.samples import creation, move, record
from interloom.runtime.wire.streams import Numbering
from tests.runtime.engine.house import LIMIT_S, Store, house, said

LATER = START + timedelta(days=30)
HOW = Retention(finished_s=60.0, every_s=0.001)


class Hesitant(ForwardingLedger):
    """A store that is away when it is first asked, and says who was told to delete."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(MemoryLedger(self.clock))
        self.turns = 0
        self.is_ours = True

    async def take_turn(self, chore: str, every_s: float) -> bool:
        self.turns += 1
        if self.turns == 1:
            raise Unavailable("the store does not take writes")
        return self.is_ours

    async def finish(self, task_id: str) -> None:
        await self.commit(*creation(record(task_id)))
        await self.commit(move(1, task_id, state=TaskState.COMPLETED))


async def _until_gone(ledger: Hesitant, task_id: str) -> None:
    while await ledger.task(task_id) is not None:
        await anyio.lowlevel.checkpoint()


async def test_what_is_over_is_deleted_when_its_time_has_come() -> None:
    """Also where the store was away the first time."""
    ledger = Hesitant()
    await ledger.finish("old")
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(keep_pruning, ledger, HOW)
            while ledger.turns < 5:
                await anyio.lowlevel.checkpoint()
            assert await ledger.task("old") is not None
            ledger.clock.advance(61)
            await _until_gone(ledger, "old")
            group.cancel_scope.cancel()


async def test_process_whose_turn_it_is_not_deletes_nothing() -> None:
    ledger = Hesitant()
    ledger.is_ours = False
    await ledger.finish("old")
    ledger.clock.advance(3600)
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(keep_pruning, ledger, HOW)
            while ledger.turns < 5:
                await anyio.lowlevel.checkpoint()
            assert await ledger.task("old") is not None
            group.cancel_scope.cancel()


async def test_message_of_a_task_that_was_deleted_is_new(store: Store) -> None:
    """docs/operations.md: a repeat after all that time begins a new task."""
    async with house(store, echo()) as home:
        task = await home.send("hello", message_id="m1")
        assert (await prune(home.ledger, LATER)).tasks == 1
        with pytest.raises(TaskNotFound):
            await home.get(task)
        again = await home.send("hello", message_id="m1")
        assert again.id != task.id
        assert said(again) == "hello"


async def test_task_that_waits_outlives_all_that_is_over(store: Store) -> None:
    async with house(store, asker()) as home:
        task = await home.send("begin")
        over = await home.cancel(await home.send("another"))
        assert (await prune(home.ledger, LATER, batch=1)).tasks == 1
        with pytest.raises(TaskNotFound):
            await home.get(over)
        assert said(await home.send("blue", task)) == "blue"


async def test_subscriber_whose_task_is_deleted_is_told_and_does_not_spin(store: Store) -> None:
    async with house(store, echo()) as home:
        task = await home.send("hello")
        home.caller = home.caller._replace(numbering=Numbering(after=1))
        wanted = SubscribeToTaskRequest(id=task.id)
        async with home.operations.subscribe(home.caller, wanted) as stream:
            await prune(home.ledger, LATER)
            with pytest.raises(TaskNotFound):
                await stream.follower.next(LIMIT_S)
