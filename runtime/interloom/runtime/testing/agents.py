"""Agents for tests: each does one thing, and none waits for time to pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.model import Message
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.card import About

FIELD: Final = "answer"
"""The one field of the form an `asker` shows."""
FORM: Final[JsonObject] = {
    "type": "object",
    "properties": {FIELD: {"type": "string"}},
    "required": [FIELD],
}


def text(message: Message) -> str:
    """What a message says, its text parts one a line."""
    return "\n".join(part.text for part in message.parts if part.text is not None)


def result(said: str) -> tuple[Product, ...]:
    """One artifact, `result`, with one text."""
    return (Product.of_text("result", said),)


def echo(name: str = "echo") -> Agent:
    """An agent that says back what it was told."""

    async def body(task: TaskContext) -> tuple[Product, ...]:
        return result(text(task.message))

    return Agent(About(name, "Says it back."), body)


def asker(name: str = "asker", *, questions: int = 1) -> Agent:
    """An agent that asks for a text, `questions` times in a row, and says all it was answered.

    A question is put under the key `ask/1`, `ask/2` …; one that is declined counts as `declined`.
    """

    async def body(task: TaskContext) -> tuple[Product, ...]:
        said: list[str] = []
        for number in range(1, questions + 1):
            asked = Question("question", f"What is word {number}?", FORM)
            (response,) = await task.ask(f"ask/{number}", [asked])
            content = response.content or {FIELD: f"{response.action}d"}
            said.append(str(content[FIELD]))
        return result(" ".join(said))

    return Agent(About(name, "Asks."), body)


def crasher(make: Callable[[], BaseException], name: str = "crasher") -> Agent:
    """An agent that raises a fresh error each time it is begun."""

    async def body(task: TaskContext) -> tuple[Product, ...]:
        raise make()

    return Agent(About(name, "Crashes."), body)


class Slow:
    """An agent that works until it is told to end; what it does first is one step.

    Attributes:
        agent: To be served.
        begun: Times it was begun.
        stepped: Times the step `work` ran.
        working: Set once the step is stored and the agent waits for `finish`.
        finish: Set it to have the agent say `done`.
    """

    def __init__(self, name: str = "slow") -> None:
        self.agent = Agent(About(name, "Takes its time."), self._body)
        self.begun = self.stepped = 0
        self.working, self.finish = anyio.Event(), anyio.Event()

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        self.begun += 1
        said = await task.step("work", self._work)
        self.working.set()
        await self.finish.wait()
        return result(str(said))

    async def _work(self) -> str:
        self.stepped += 1
        return "done"
