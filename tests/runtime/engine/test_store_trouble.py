"""A store that takes no writes for a while: work goes on afterwards, nothing is doubled. Ours."""

from __future__ import annotations

import pytest

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import Unavailable
from interloom.runtime.model import TaskState
from interloom.runtime.testing import echo
from interloom.runtime.testing.engine_agents import Scripted
from tests.runtime.engine.house import Store, house, said


async def test_completed_step_is_not_run_again_after_a_failed_commit(store: Store) -> None:
    async def work(agent: Scripted, task: TaskContext) -> str:
        await task.step("pack", agent.step("packed"))
        if agent.begun == 1:
            home.ledger.fail(5)
        await task.status("setting out")
        return "arrived"

    agent = Scripted(work)
    async with house(store, agent.agent) as home:
        await home.over(await home.begin("begin"))

    assert home.ledger.refused == 5
    assert agent.ran == ["packed"]


async def test_caller_who_waits_is_told_and_finds_the_task_with_the_same_message(
    store: Store,
) -> None:
    async with house(store, echo()) as home:
        home.ledger.fail(after=1)
        with pytest.raises(Unavailable):
            await home.send("hello", message_id="m1")
        task = await home.send("hello", message_id="m1")

        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "hello")
