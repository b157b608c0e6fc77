"""What goes wrong with one run stays with it, and does not stay for ever. Ours."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    MoveTask,
    ParkRun,
    PutRun,
    RunState,
    Write,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing import Slow, asker, echo
from interloom.runtime.testing.agents import FORM, result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, Store, house, quiet, said


def cancels(write: Write) -> bool:
    return isinstance(write, MoveTask) and write.record.state is TaskState.CANCELED


async def test_run_whose_journal_cannot_be_read_is_begun_once_it_can(store: Store) -> None:
    """A disk that stutters is no reason to stop serving."""
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("ask")
        await home.until_parked(task)
        home.ledger.unreadable = 3

        assert said(await home.send("blue", task)) == "blue"
        assert home.ledger.unreadable == 0


async def test_row_of_a_task_that_is_over_does_not_keep_the_next_process_from_starting(
    store: Store,
) -> None:
    """However it came about."""
    async with house(store, echo()) as home:
        task = await home.send("hello")
        await home.ledger.commit(PutRun(task.id, "echo", RunState.ACTIVE, 5))
    async with house(store, echo()) as home:
        assert said(await home.send("again")) == "again"
        assert (await home.get(task)).status.state is TaskState.COMPLETED


async def test_progress_of_a_run_that_is_over_brings_no_row_back(store: Store) -> None:
    """A step's commit may be queued behind the cancel that ended its run."""
    async with house(store, echo()) as home:
        task = await home.send("hello")
        await home.ledger.commit(AdvanceRun(task.id))

        assert await home.run_state(task) is None


async def test_attempts_of_a_run_that_gets_further_start_over(store: Store) -> None:
    """What `AdvanceRun` is for."""
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("ask")
        await home.until_parked(task)
        attempts = list[int]()
        for attempt in (4, 1):
            await home.ledger.commit(AdvanceRun(task.id, attempt))
            row = await home.engine.inspect(task.id)
            assert row is not None
            attempts.append(row.attempt)

    assert attempts == [4, 1]


async def test_agent_that_ends_while_a_cancel_is_failing_completes_its_task(store: Store) -> None:
    """What was decided upon a commit that failed never happened."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("go")
        await slow.working.wait()
        gate = home.ledger.refuse(cancels)
        async with anyio.create_task_group() as group:

            async def cancel() -> None:
                with pytest.raises(Unavailable):
                    await home.cancel(task)

            group.start_soon(cancel)
            await quiet()
            slow.finish.set()
            await quiet()
            gate.set()

        assert (await home.over(task)).status.state is TaskState.COMPLETED
        assert await home.run_state(task) is None


async def test_branch_that_works_is_not_parked_with_one_that_waits(store: Store) -> None:
    """Parking drops the coroutine, so it waits until every branch waits."""
    go, worked = anyio.Event(), anyio.Event()

    async def ask(task: TaskContext) -> None:
        with task.branch("1.1"):
            await task.ask("ask/1", [Question("question", "Well?", FORM)])

    async def work(task: TaskContext) -> None:
        with task.branch("1.2"):
            await go.wait()
            await task.artifact(Product.of_text("log", "worked"))
            worked.set()

    async def body(task: TaskContext) -> tuple[Product, ...]:
        with task.joining():
            async with anyio.create_task_group() as group:
                group.start_soon(ask, task)
                group.start_soon(work, task)
        return result("done")

    async with house(store, Agent(About("both", "Asks and works."), body), warm_s=COLD_S) as home:
        task = await home.send("go")
        await quiet()
        assert not any(isinstance(write, ParkRun) for write in home.ledger.written)
        go.set()
        await worked.wait()
        await home.until_parked(task)
        assert said(await home.send("blue", task)) == "worked\ndone"
