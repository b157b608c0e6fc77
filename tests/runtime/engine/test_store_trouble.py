"""A store that takes no writes for a while: work goes on afterwards, nothing is doubled. Ours."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import Unavailable
from interloom.runtime.model import TaskState
from interloom.runtime.testing import echo
from interloom.runtime.testing.agents import result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import Store, house, said


class Journey:
    """An agent that uses the ledger in every way, and notes what it really does."""

    def __init__(self) -> None:
        self.agent = Agent(About("journey", "Travels."), self._body)
        self.ran: list[str] = []

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        await task.status("setting out")
        await task.step("pack", self._pack)
        await task.artifact(*result("half-way"))
        async with anyio.create_task_group() as group:
            group.start_soon(task.step, "walk", self._walk)
            group.start_soon(task.step, "sing", self._sing)
        return result("arrived")

    async def _pack(self) -> None:
        self.ran.append("packed")

    async def _walk(self) -> None:
        self.ran.append("walked")

    async def _sing(self) -> None:
        self.ran.append("sang")


IDS = ["submitted", "started", "status/1", "artifact/result/1", "finished/1", "finished"]
COMMITS = 6
"""Of a journey, the one that creates the task left out."""


@pytest.mark.parametrize("after", range(COMMITS))
@pytest.mark.parametrize("times", [1, 2, 3])
async def test_run_whose_commits_fail_is_begun_again_and_says_nothing_twice(
    store: Store, after: int, times: int
) -> None:
    """Whichever commits fail; also when both of a task group do."""
    journey = Journey()
    async with house(store, journey.agent) as home:
        home.ledger.fail(times, after=1 + after)
        task = await home.over(await home.begin("begin"))

        assert home.ledger.refused == times
        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "arrived")
        assert [event.id for event in await home.ledger.events(task.id)] == IDS
        assert set((await home.ledger.journal(task.id)).steps) == {"pack", "walk", "sing"}
        assert await home.run_state(task) is None


async def test_completed_step_is_not_run_again_after_a_failed_commit(store: Store) -> None:
    journey = Journey()
    async with house(store, journey.agent) as home:
        home.ledger.fail(5, after=3)
        await home.over(await home.begin("begin"))

    assert journey.ran.count("packed") == 1


async def test_caller_who_waits_is_told_and_finds_the_task_with_the_same_message(
    store: Store,
) -> None:
    async with house(store, echo()) as home:
        home.ledger.fail(after=1)
        with pytest.raises(Unavailable):
            await home.send("hello", message_id="m1")
        task = await home.send("hello", message_id="m1")

        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "hello")
