"""An agent's code is another one when its process comes back: a deployment, while tasks wait.

Source: DESIGN section 4 (ours): steps are keyed by name, so what a journal holds is used by those
who ask for it and passed over by the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.agents import FIELD, FORM, result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, Store, house, said, store_of_kind

Body = Callable[[TaskContext], Awaitable[tuple[Product, ...]]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return store_of_kind(request, tmp_path)


class Code:
    """Versions of one agent, and the steps they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def version(self, *before: str, asks: str = "Where to?", after: tuple[str, ...] = ()) -> Agent:
        """Steps, a question, steps, and what it all came to."""

        async def body(task: TaskContext) -> tuple[Product, ...]:
            done = [await self._step(task, key) for key in before]
            (response,) = await task.ask("ask/1", [Question("question", asks, FORM)])
            done.append(str((response.content or {})[FIELD]))
            done += [await self._step(task, key) for key in after]
            return result(" ".join(done))

        return Agent(About("changing", "Changes."), body)

    async def _step(self, task: TaskContext, key: str) -> str:
        async def work() -> str:
            self.ran.append(key)
            return key

        return str(await task.step(key, work))


async def deployed(store: Store, old: Agent, new: Agent) -> Task:
    """A task that was asked for a word by one version and is answered while another is there."""
    async with house(store, old, warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.parked(task)
    async with house(store, new, warm_s=COLD_S) as home:
        return await home.send("Lisbon", task)


async def test_steps_that_were_added_moved_or_dropped_do_not_disturb_those_that_ran(
    store: Store,
) -> None:
    code = Code()
    old = code.version("look", "plan", after=("pay",))
    new = code.version("check", "plan", after=("pay", "thank"))
    task = await deployed(store, old, new)

    assert (task.status.state, said(task)) == (
        TaskState.COMPLETED,
        "check plan Lisbon pay thank",
    )
    assert code.ran == ["look", "plan", "check", "pay", "thank"]


async def test_question_that_is_worded_otherwise_fails_the_task_and_says_so(store: Store) -> None:
    """The answer was to the old question; to take it for the new one's would be a guess."""
    code = Code()
    task = await deployed(store, code.version("look"), code.version("look", asks="Where from?"))

    assert task.status.state is TaskState.FAILED
    assert "another question than when the agent ran before" in said(task)
