"""What a cancel is refused for, and who is told of one. Source: A2A 3.1.5, 13.1.

That it ends the task wherever it stands is a scenario of `runtime.testing.engine_cancel`.
"""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.engine.caller import Caller
from interloom.runtime.errors import TaskNotCancelable, TaskNotFound, UnsupportedOperation
from interloom.runtime.ledger.rows import MoveTask
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing import Slow, echo
from tests.runtime.engine.house import House, Store, house, quiet

CANCELED = TaskState.CANCELED


async def is_over(home: House, task: Task) -> None:
    """Nothing of the task runs, waits or would be begun again."""
    await quiet()
    assert (await home.get(task)).status.state is CANCELED
    assert await home.run_state(task) is None
    with pytest.raises(UnsupportedOperation):
        await home.send("too late", task)


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
