"""Agents for the scenarios of an engine; each counts how often it was begun."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.testing.agents import FIELD, FORM, result
from interloom.runtime.testing.engine_house import until
from interloom.runtime.values import Json
from interloom.runtime.wire.card import About

NAME: Final = "scripted"
"""What a `Scripted` agent is called unless told otherwise."""


class Scripted:
    """An agent that does what a scenario says, and knows for the how-manieth time.

    Attributes:
        agent: To be served.
        begun: Times it was begun.
        ran: What it noted, in order.
    """

    def __init__(
        self, work: Callable[[Scripted, TaskContext], Awaitable[str]], name: str = NAME
    ) -> None:
        """Have an agent do `work`, which gives its last words."""
        self.agent = Agent(About(name, "Does as it is told."), self._body)
        self.begun = 0
        self.ran: list[str] = []
        self._work = work
        self._gates: dict[str, anyio.Event] = {}

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        self.begun += 1
        return result(await self._work(self, task))

    def step(self, name: str, value: Json = None) -> Callable[[], Awaitable[Json]]:
        """The work of a step that notes that it ran."""

        async def work() -> Json:
            self.ran.append(name)
            return value

        return work

    async def stop_at(self, name: str) -> None:
        """Note that it has come so far, and wait until it is let through."""
        self.ran.append(name)
        await self._gate(name).wait()

    def let_through(self, name: str) -> None:
        """Let it, and whoever comes there later, through."""
        self._gate(name).set()

    def _gate(self, name: str) -> anyio.Event:
        return self._gates.setdefault(name, anyio.Event())

    async def until(self, name: str, times: int = 1) -> None:
        """Wait until it has noted that, so many times."""
        await until(lambda: self.ran.count(name) >= times)

    async def until_begun(self, times: int) -> None:
        """Wait until it was begun so many times."""
        await until(lambda: self.begun >= times)


async def ask(task: TaskContext, key: str, what: str = "Which?") -> str:
    """Ask for a word."""
    (response,) = await task.ask(key, [Question("question", what, FORM)])
    return str((response.content or {})[FIELD])


async def asks(_: Scripted, task: TaskContext) -> str:
    """An agent that asks for a word, and gives it back."""
    return await ask(task, "ask/1")


async def stops(agent: Scripted, _: TaskContext) -> str:
    """An agent that has nothing to do but to wait until it is let through its `gate`."""
    await agent.stop_at("gate")
    return "done"


async def gather(task: TaskContext, *branches: Callable[[], Awaitable[object]]) -> None:
    """Do things side by side, each in a branch of its own."""
    fork = task.fork()

    async def do(place: int, each: Callable[[], Awaitable[object]]) -> None:
        with task.branch(f"{fork}.{place}"):
            await each()

    with task.joining():
        async with anyio.create_task_group() as group:
            for place, each in enumerate(branches, 1):
                group.start_soon(do, place, each)
