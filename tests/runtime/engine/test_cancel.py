"""A cancelled task is over wherever it stands. Source: A2A 3.1.5; what its agent sees is ours."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import TaskNotCancelable, TaskNotFound, UnsupportedOperation
from interloom.runtime.ledger.rows import MoveTask, PutStep
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing import Slow, asker, echo
from interloom.runtime.testing.agents import result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, WARM_S, House, Store, house, parks, quiet, said

CANCELED = TaskState.CANCELED


async def is_over(home: House, task: Task) -> None:
    """Nothing of the task runs, waits or would be begun again."""
    await quiet()
    assert (await home.get(task)).status.state is CANCELED
    assert await home.run_state(task) is None
    with pytest.raises(UnsupportedOperation):
        await home.send("too late", task)


async def test_cancel_while_the_agent_works_stops_it(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        before = len(anyio.get_running_tasks())
        task = await home.begin("begin")
        await slow.working.wait()
        assert (await home.cancel(task)).status.state is CANCELED
        await is_over(home, task)
        assert len(anyio.get_running_tasks()) == before


@pytest.mark.parametrize("warm_s", [COLD_S, WARM_S])
async def test_cancel_while_it_waits_drops_the_question(store: Store, warm_s: float) -> None:
    async with house(store, asker(), warm_s=warm_s) as home:
        before = len(anyio.get_running_tasks())
        task = await home.send("begin")
        if warm_s == COLD_S:
            await home.parked(task)
        assert said(await home.cancel(task)) == ""
        await is_over(home, task)
        assert len(anyio.get_running_tasks()) == before
    async with house(store, asker(), warm_s=warm_s) as home:
        await is_over(home, task)


async def test_cancel_while_it_is_being_parked_stands(store: Store) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        gate = home.ledger.hold_back(parks(task))
        await home.ledger.until(parks(task))
        await home.cancel(task)
        gate.set()
        await is_over(home, task)


async def test_cancel_in_the_middle_of_a_step_interrupts_it_and_stores_no_result(
    store: Store,
) -> None:
    inside, cleaned = anyio.Event(), anyio.Event()

    async def work() -> str:
        inside.set()
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.set()
        return "never"

    async def body(task: TaskContext) -> tuple[Product, ...]:
        return result(str(await task.step("work", work)))

    async with house(store, Agent(About("stepper", "Steps."), body)) as home:
        task = await home.begin("begin")
        await inside.wait()
        await home.cancel(task)
        await cleaned.wait()
        await is_over(home, task)
        assert not any(isinstance(write, PutStep) for write in home.ledger.written)


async def test_caller_who_waits_is_told_of_a_cancel(store: Store) -> None:
    slow, states = Slow(), list[TaskState]()
    async with house(store, slow.agent) as home, anyio.create_task_group() as group:
        task = await home.begin("begin")
        await slow.working.wait()

        async def wait() -> None:
            states.append((await home.send("how is it going?", task)).status.state)

        group.start_soon(wait)
        await home.ledger.until(lambda write: isinstance(write, MoveTask))
        await quiet()
        await home.cancel(task)
    assert states == [CANCELED]


async def test_second_cancel_is_refused(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await home.cancel(task)
        with pytest.raises(TaskNotCancelable, match="already CANCELED") as caught:
            await home.cancel(task)
        assert caught.value.details == {"taskId": task.id}


async def test_of_two_cancels_at_once_one_is_refused(store: Store) -> None:
    slow, outcomes = Slow(), list[str]()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")

        async def cancel() -> None:
            try:
                outcomes.append((await home.cancel(task)).status.state.name)
            except TaskNotCancelable:
                outcomes.append("refused")

        async with anyio.create_task_group() as group:
            group.start_soon(cancel)
            group.start_soon(cancel)
        await is_over(home, task)
    assert sorted(outcomes) == ["CANCELED", "refused"]


async def test_task_that_is_over_cannot_be_cancelled(store: Store) -> None:
    async with house(store, echo()) as home:
        task = await home.send("hello")
        with pytest.raises(TaskNotCancelable, match="already COMPLETED"):
            await home.cancel(task)
        assert await home.get(task) == task


@pytest.mark.parametrize("caller", [Caller("bob", "slow"), Caller("ann", "other")])
async def test_nobody_else_may_cancel(store: Store, caller: Caller) -> None:
    """A2A 13.1: another's task is a task that is not there."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        home.caller, owner = caller, home.caller
        with pytest.raises(TaskNotFound):
            await home.cancel(task)
        home.caller = owner
        assert (await home.get(task)).status.state is TaskState.WORKING


async def test_end_and_cancel_at_once_leave_one_terminal_state(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        slow.finish.set()
        try:
            await home.cancel(task)
        except TaskNotCancelable:
            assert (await home.over(task)).status.state is TaskState.COMPLETED
        else:
            await is_over(home, task)
        await quiet()
        events = await home.ledger.events(task.id)
        terminal = [event.id for event in events if event.id in {"finished", "canceled"}]
        assert len(terminal) == 1
        assert events[-1].id == terminal[0]
