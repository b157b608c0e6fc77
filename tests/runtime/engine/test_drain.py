"""A runtime that is told to end: what works may finish, what waits is parked. Ours."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.rows import PutRun, RunState
from interloom.runtime.model import TaskState
from interloom.runtime.testing import Slow, asker, echo
from interloom.runtime.testing.agents import FORM, result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import LIMIT_S, WARM_S, Store, house, quiet, said

NO_GRACE_S = 0


async def test_agent_that_works_may_finish(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        async with anyio.create_task_group() as group:
            group.start_soon(home.engine.drain, LIMIT_S)
            await quiet()
            slow.finish.set()
        task = await home.get(task)
        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "done")


async def test_agent_that_waits_warm_is_parked_at_once(store: Store) -> None:
    """The next process need not begin it until there is an answer."""
    async with house(store, asker(), warm_s=WARM_S) as home:
        task = await home.send("begin")
        await home.engine.drain(LIMIT_S)
        assert await home.run_state(task) is RunState.PARKED
    async with house(store, asker(), warm_s=WARM_S) as home:
        await quiet()
        assert home.ledger.written == []
        assert said(await home.send("blue", task)) == "blue"


async def test_agent_that_outlasts_its_grace_is_dropped_and_begun_again_later(
    store: Store,
) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        await home.engine.drain(NO_GRACE_S)
        await quiet()
        assert (await home.get(task)).status.state is TaskState.WORKING
        assert await home.run_state(task) is RunState.ACTIVE
    slow.finish.set()
    async with house(store, slow.agent) as home:
        assert said(await home.over(task)) == "done"
    assert (slow.begun, slow.stepped) == (2, 1)


async def test_message_taken_while_draining_is_worked_on_by_the_next_process(
    store: Store,
) -> None:
    async with house(store, echo()) as home:
        await home.engine.drain(NO_GRACE_S)
        task = await home.begin("hello")
        await quiet()
        assert (await home.get(task)).status.state is TaskState.WORKING
    async with house(store, echo()) as home:
        assert said(await home.over(task)) == "hello"


@pytest.mark.parametrize("warm_s", [0, WARM_S])
async def test_answer_taken_while_draining_wakes_the_task_in_the_next_process(
    store: Store, warm_s: float
) -> None:
    async with house(store, asker(), warm_s=warm_s) as home:
        task = await home.send("begin")
        await home.engine.drain(LIMIT_S)
        async with anyio.create_task_group() as group:
            group.start_soon(home.send, "blue", task)
            await home.ledger.until(lambda write: type(write).__name__ == "PutSignal")
            await quiet()
            group.cancel_scope.cancel()
        assert await home.run_state(task) is RunState.ACTIVE
    async with house(store, asker(), warm_s=warm_s) as home:
        assert said(await home.over(task)) == "blue"


async def test_drain_without_work_returns_at_once_and_may_be_repeated(store: Store) -> None:
    async with house(store, echo()) as home:
        await home.engine.drain(3600)
        await home.engine.drain(3600)
        assert not any(isinstance(write, PutRun) for write in home.ledger.written)


class Late:
    """An agent that asks once it is told to go on."""

    def __init__(self) -> None:
        self.agent = Agent(About("late", "Asks late."), self._body)
        self.working, self.go_on = anyio.Event(), anyio.Event()

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        self.working.set()
        await self.go_on.wait()
        await task.ask("ask/1", [Question("question", "Which colour?", FORM)])
        return result("done")


async def test_agent_that_asks_while_draining_is_parked_at_once(store: Store) -> None:
    """It would otherwise stay warm for its answer, and hold up the end of the process."""
    late = Late()
    async with house(store, late.agent, warm_s=WARM_S) as home:
        task = await home.begin("begin")
        await late.working.wait()
        async with anyio.create_task_group() as group:
            group.start_soon(home.engine.drain, WARM_S)
            await quiet()
            late.go_on.set()
        assert await home.run_state(task) is RunState.PARKED


async def test_process_that_retires_claims_nothing_more(store: Store) -> None:
    """What comes is others' from the moment the process is to end, and not from when it does."""
    late = Late()
    async with house(store, late.agent) as home:
        await home.begin("begin")
        await late.working.wait()
        async with anyio.create_task_group() as group:
            group.start_soon(home.engine.retire, LIMIT_S)
            await quiet()
            await home.begin("later")
            late.go_on.set()  # the first is parked, and that has claims looked for
        await quiet()
        _, row = await home.ledger.runs()
        assert (row.state, row.worker) == (RunState.ACTIVE, "")
