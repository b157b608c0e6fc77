"""What a runtime that was dropped in the middle finds when it starts again. Ours (DESIGN 4).

`house` ends like a crash: nothing is drained, no row is tidied up.
"""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.ledger.rows import RunState
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing import Slow, asker, echo
from interloom.runtime.testing.agents import FORM, result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, WARM_S, House, Store, house, quiet, said


async def begun(home: House, slow: Slow) -> Task:
    """A task whose first step is stored and whose agent is at work."""
    task = await home.begin("begin")
    await slow.working.wait()
    return task


async def test_completed_step_is_not_run_again(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await begun(home, slow)
    slow.working = anyio.Event()
    async with house(store, slow.agent) as home:
        await slow.working.wait()
        slow.finish.set()
        task = await home.over(task)

    assert (task.status.state, said(task)) == (TaskState.COMPLETED, "done")
    assert (slow.begun, slow.stepped) == (2, 1)


class Interrupted:
    """An agent whose second step never ends the first time."""

    def __init__(self) -> None:
        self.agent = Agent(About("interrupted", "Is interrupted."), self._body)
        self.ran: list[str] = []
        self.stuck = anyio.Event()

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        said = [await task.step(key, self._first) for key in ("a", "b")]
        said.append(await task.step("c", self._second))
        return result(f"{said}")

    async def _first(self) -> int:
        self.ran.append("first")
        return len(self.ran)

    async def _second(self) -> int:
        self.ran.append("second")
        if self.ran.count("second") == 1:
            self.stuck.set()
            await anyio.sleep_forever()
        return len(self.ran)


async def test_interrupted_step_is_run_again_and_only_that(store: Store) -> None:
    agent = Interrupted()
    async with house(store, agent.agent) as home:
        task = await home.begin("begin")
        await agent.stuck.wait()
    async with house(store, agent.agent) as home:
        task = await home.over(task)

    assert agent.ran == ["first", "first", "second", "second"]
    assert said(task) == "[1, 2, 4]"


@pytest.mark.parametrize("warm_s", [COLD_S, WARM_S])
async def test_waiting_task_waits_on_and_its_answer_is_taken(store: Store, warm_s: float) -> None:
    async with house(store, asker(questions=2), warm_s=warm_s) as home:
        task = await home.send("begin")
        if warm_s == COLD_S:
            await home.parked(task)
        task = await home.send("red", task)
        if warm_s == COLD_S:
            await home.parked(task, 2)
        asked = said(task)
    async with house(store, asker(questions=2), warm_s=warm_s) as home:
        assert said(await home.get(task)) == asked
        task = await home.send("blue", task)

    assert said(task) == "red blue"


async def test_parked_task_is_left_alone_by_a_restart(store: Store) -> None:
    """Ten thousand of them must not be begun again for nothing."""
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.parked(task)
    async with house(store, asker(), warm_s=COLD_S) as home:
        await quiet()
        assert home.ledger.written == []
        assert await home.run_state(task) is RunState.PARKED


async def test_events_go_on_without_gap_or_repeat(store: Store) -> None:
    agent = reporter()
    async with house(store, agent, warm_s=WARM_S) as home:
        task = await home.send("begin")
    for _ in range(2):
        async with house(store, agent, warm_s=WARM_S) as home:
            await quiet()
    async with house(store, agent, warm_s=WARM_S) as home:
        await home.send("blue", task)
        events = await home.ledger.events(task.id)

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    ids = [event.id for event in events]
    assert len(set(ids)) == len(ids)
    assert [each for each in ids if each.startswith("status/")] == ["status/1", "status/2"]


def reporter() -> Agent:
    async def body(task: TaskContext) -> tuple[Product, ...]:
        await task.status("before")
        await task.ask("ask/1", [Question("question", "Which?", FORM)])
        await task.status("after")
        return ()

    return Agent(About("reporter", "Reports."), body)


async def test_task_that_kills_every_process_fails_at_last(store: Store) -> None:
    """Five beginnings, then no more; the caller is told so."""
    slow = Stuck()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.stuck(1)
    for number in range(2, MAX_ATTEMPTS + 1):
        async with house(store, slow.agent) as home:
            await slow.stuck(number)
    async with house(store, slow.agent) as home:
        task = await home.over(task)
        assert await home.run_state(task) is None

    assert task.status.state is TaskState.FAILED
    assert said(task) == "The agent was begun 5 times and never got any further."
    assert slow.begun == MAX_ATTEMPTS


class Stuck:
    """An agent that does `steps` steps more each time it is begun, and then nothing."""

    def __init__(self, steps: int = 0) -> None:
        self.agent = Agent(About("stuck", "Gets stuck."), self._body)
        self.begun = 0
        self._steps = steps
        self._changed = anyio.Event()

    async def stuck(self, times: int) -> None:
        """Wait until it is stuck for the so-manieth time."""
        while self.begun < times:
            await self._changed.wait()

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        for number in range((self.begun + 1) * self._steps):
            await task.step(f"{number}", _nothing)
        self.begun += 1
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        await anyio.sleep_forever()
        return ()


async def _nothing() -> None:
    return None


async def test_task_that_gets_further_each_time_is_never_given_up(store: Store) -> None:
    """An attempt counts from where the run last got anywhere: a step of it was stored."""
    stuck = Stuck(steps=1)
    async with house(store, stuck.agent) as home:
        task = await home.begin("begin")
        await stuck.stuck(1)
    for number in range(2, MAX_ATTEMPTS + 3):
        async with house(store, stuck.agent) as home:
            await stuck.stuck(number)
            task = await home.get(task)

    assert task.status.state is TaskState.WORKING


async def test_task_that_waits_warm_is_never_given_up(store: Store) -> None:
    """Restarts while a person thinks are no attempts, however many there are."""
    async with house(store, asker(), warm_s=WARM_S) as home:
        task = await home.send("begin")
    for _ in range(MAX_ATTEMPTS + 2):
        async with house(store, asker(), warm_s=WARM_S) as home:
            await quiet()
            assert (await home.get(task)).status.state is TaskState.INPUT_REQUIRED
    async with house(store, asker(), warm_s=WARM_S) as home:
        assert said(await home.send("blue", task)) == "blue"


async def test_task_of_an_agent_that_is_not_configured_is_put_off(store: Store) -> None:
    """It neither fails nor counts as an attempt, and goes on once the agent is back."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await begun(home, slow)
    for _ in range(MAX_ATTEMPTS + 1):
        async with house(store, echo()) as home:
            await quiet()
            assert await home.run_state(task) is RunState.ACTIVE
            assert home.ledger.written == []
    slow.finish.set()
    async with house(store, slow.agent, echo()) as home:
        assert said(await home.over(task)) == "done"


async def test_answer_to_an_agent_that_is_not_configured_is_kept(store: Store) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.parked(task)
    async with house(store, echo()) as home:
        home.caller = Caller("ann", "asker")
        async with anyio.create_task_group() as group:
            group.start_soon(home.send, "blue", task)
            await home.ledger.until(lambda write: type(write).__name__ == "PutSignal")
            await quiet()
            group.cancel_scope.cancel()
        home.caller = Caller("ann", "echo")
        assert said(await home.send("still here")) == "still here"
    async with house(store, asker()) as home:
        assert said(await home.over(task)) == "blue"


async def test_run_that_ended_leaves_nothing_to_begin_again(store: Store) -> None:
    async with house(store, echo()) as home:
        task = await home.send("hello")
        assert await home.ledger.runs() == []
    async with house(store, echo()) as home:
        await quiet()
        assert home.ledger.written == []
        assert await home.get(task) == task
