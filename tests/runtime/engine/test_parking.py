"""A task that waits is rows, and an answer brings it back. Source: DESIGN section 4 (ours)."""

from __future__ import annotations

import anyio
import pytest
from anyio import get_running_tasks

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.rows import ParkRun, PutSignal, RunState, Write
from interloom.runtime.model import TaskState
from interloom.runtime.testing import asker
from interloom.runtime.testing.agents import FORM, result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import (
    COLD_S,
    WARM_S,
    Store,
    house,
    parks,
    quiet,
    said,
    words,
)


def answers(write: Write) -> bool:
    return isinstance(write, PutSignal)


ASKING = (TaskState.INPUT_REQUIRED, "What is word 1?\n   answer")


async def test_parked_task_is_a_row_and_no_coroutine(store: Store) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        before = len(get_running_tasks())
        tasks = [await home.send("begin") for _ in range(5)]
        for task in tasks:
            await home.parked(task)

        assert len(get_running_tasks()) == before
        assert [await home.run_state(task) for task in tasks] == [RunState.PARKED] * 5
        assert [(each.status.state, said(each)) for each in tasks] == [ASKING] * 5


async def test_warm_task_is_still_a_coroutine(store: Store) -> None:
    """A quick answer costs no second run."""
    begun: list[str] = []
    async with house(store, counted(begun), warm_s=WARM_S) as home:
        before = len(get_running_tasks())
        task = await home.send("begin")
        assert len(get_running_tasks()) == before + 1
        assert await home.run_state(task) is RunState.ACTIVE

        assert said(await home.send("blue", task)) == "blue"
        assert len(begun) == 1


def counted(begun: list[str]) -> Agent:
    """An asker that notes each time it is begun, and reports around its question."""

    async def body(task: TaskContext) -> tuple[Product, ...]:
        begun.append(task.task_id)
        await task.status("before")
        (response,) = await task.ask("ask/1", [Question("question", "Which?", FORM)])
        await task.status("after")
        return result(str((response.content or {})["answer"]))

    return Agent(About("counted", "Counts."), body)


@pytest.mark.parametrize("warm_s", [COLD_S, WARM_S])
async def test_answer_brings_a_waiting_task_to_its_end(store: Store, warm_s: float) -> None:
    async with house(store, asker(questions=3), warm_s=warm_s) as home:
        task = await home.send("begin")
        for number, word in enumerate(("red", "green"), 2):
            task = await home.send(word, task)
            assert said(task).startswith(f"What is word {number}?")
        task = await home.send("blue", task)

        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "red green blue")
        assert await home.run_state(task) is None


async def test_run_that_is_begun_again_says_nothing_twice(store: Store) -> None:
    begun: list[str] = []
    async with house(store, counted(begun), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.parked(task)
        task = await home.send("blue", task)

        assert len(begun) == 2
        # An ask's id goes on with a digest of what was asked.
        ids = [event.id.partition("~")[0] for event in await home.ledger.events(task.id)]
        assert [each for each in ids if not each.startswith("message/")] == [
            "submitted",
            "started",
            "status/1",
            "ask/1",
            "status/2",
            "finished/1",
            "finished",
        ]
        assert words(task) == ["begin", "Which?\n   answer", "blue"]


async def test_answer_that_comes_while_the_run_is_being_parked_is_not_slept_through(
    store: Store,
) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        gate = home.ledger.hold_back(lambda write: isinstance(write, ParkRun))
        task = await home.send("begin")
        await home.ledger.until(parks(task))  # stored, but the engine is not told yet
        async with anyio.create_task_group() as group:
            group.start_soon(home.send, "blue", task)
            await home.ledger.until(answers)
            gate.set()

        assert said(await home.get(task)) == "blue"
        assert await home.run_state(task) is None


@pytest.mark.parametrize("warm_s", [COLD_S, WARM_S])
async def test_first_of_two_answers_at_once_stands_and_the_other_is_kept(
    store: Store, warm_s: float
) -> None:
    """The second finds no open question: it joins the history."""
    async with house(store, asker(), warm_s=warm_s) as home:
        task = await home.send("begin")
        async with anyio.create_task_group() as group:
            group.start_soon(home.send, "first", task)
            group.start_soon(home.send, "second", task)

        task = await home.get(task)
        assert task.status.state is TaskState.COMPLETED
        assert sorted(words(task)[-2:]) == ["first", "second"]
        assert said(task) == words(task)[-2]  # whichever the store had first


async def test_answer_that_does_not_fit_leaves_the_task_parked(store: Store) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.parked(task)
        begun = len(get_running_tasks())
        task = await home.send('{"answers": {"nothing": 1}}', task)

        assert task.status.state is TaskState.INPUT_REQUIRED
        assert said(task).startswith("answers.nothing: no such question is open")
        assert await home.run_state(task) is RunState.PARKED
        assert len(get_running_tasks()) == begun
        assert said(await home.send("blue", task)) == "blue"


def side_by_side() -> tuple[Agent, anyio.Event]:
    """An agent that asks while a step is under way, and the event that ends the step."""
    done = anyio.Event()

    async def body(task: TaskContext) -> tuple[Product, ...]:
        heard: list[str] = []

        async def work() -> str:
            await done.wait()
            return "worked"

        async def step() -> None:
            heard.append(str(await task.step("work", work)))

        async def ask() -> None:
            (response,) = await task.ask("ask/1", [Question("question", "Which?", FORM)])
            heard.append(str((response.content or {})["answer"]))

        async with anyio.create_task_group() as group:
            group.start_soon(step)
            group.start_soon(ask)
        return result(" ".join(sorted(heard)))

    return Agent(About("both", "Works and asks."), body), done


async def test_run_is_not_parked_while_a_step_is_under_way(store: Store) -> None:
    """Parking would lose the step; it is parked once the step is stored."""
    agent, done = side_by_side()
    async with house(store, agent, warm_s=COLD_S) as home:
        task = await home.send("begin")
        await quiet()
        assert await home.run_state(task) is RunState.ACTIVE
        done.set()
        await home.parked(task)

        assert said(await home.send("blue", task)) == "blue worked"


def hurried() -> tuple[Agent, anyio.Event]:
    """An agent that stops waiting for its answer, then works until the event is set."""
    working, finish = anyio.Event(), anyio.Event()

    async def body(task: TaskContext) -> tuple[Product, ...]:
        with anyio.move_on_after(0):
            await task.ask("ask/1", [Question("question", "Which?", FORM)])
        working.set()
        await finish.wait()
        return result("done without you")

    return Agent(About("hurried", "Does not wait."), body), finish


async def test_run_that_stopped_waiting_is_not_parked_when_the_runtime_ends(store: Store) -> None:
    """It works, so it gets its grace time like any other."""
    agent, finish = hurried()
    async with house(store, agent, warm_s=WARM_S) as home:
        task = await home.send("begin")
        await quiet()
        async with anyio.create_task_group() as group:
            group.start_soon(home.engine.drain, 5)
            await quiet()
            finish.set()

        task = await home.get(task)
        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "done without you")


def pausing(begun: list[str], pauses: list[float]) -> Agent:
    """Pauses as long as it is told, each time it is begun, and says how often that was."""

    async def body(task: TaskContext) -> tuple[Product, ...]:
        begun.append(task.task_id)
        await task.pause("nap", pauses.pop(0))
        return result(str(len(begun)))

    return Agent(About("pausing", "Pauses."), body)


async def test_pause_that_takes_long_is_a_row_that_wakes_by_itself(store: Store) -> None:
    """Ours: no coroutine waits for the time to come."""
    begun: list[str] = []
    async with house(store, pausing(begun, [0.05, 0.0]), warm_s=COLD_S) as home:
        assert said(await home.send("begin")) == "2"
        (park,) = [each for each in home.ledger.written if isinstance(each, ParkRun)]

    assert park.wake_in_s is not None
    assert 0 <= park.wake_in_s <= 0.05


async def test_pause_that_is_short_is_waited_for(store: Store) -> None:
    """Ours: beginning again would cost more."""
    begun: list[str] = []
    async with house(store, pausing(begun, [0.01]), warm_s=WARM_S) as home:
        assert said(await home.send("begin")) == "1"
