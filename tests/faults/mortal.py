"""Processes of one agent, that die at a moment of our choice.

    python -m tests.faults.mortal FOLDER [STORE]

A child (`tests.faults.forked`) serves the agent, sends it the one message of an owner who has its
name, waits for the end, and dies when the moment comes:

    before COMMIT   a commit is about to be stored; what it says has happened
    after COMMIT    it is stored, and nobody was told
    inside STEP     a step has had its effect
    never

What the agent really does is noted in the file NAME.notes. The store is the file NAME.db, or the
one that all children share.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Final

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Write
from interloom.runtime.model import Message, Part, Role, SendMessageRequest
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.testing.agents import result
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.wire.card import About
from tests.faults.forked import die, fork_for_each_line
from tests.faults.stored import file, opening

COMMITS: Final = ("created", "first", "status", "second", "artifact", "third", "finished")
"""What an undisturbed life of the task stores, one commit each."""
STEPS: Final = ("first", "second", "third")
MESSAGE: Final = Message(message_id="m1", role=Role.USER, parts=(Part(text="go"),))


class Doomed(ForwardingLedger):
    """A ledger whose process does not outlive a certain commit."""

    def __init__(self, inner: Ledger, moment: str) -> None:
        super().__init__(inner)
        self._moment, self._count = moment, 0

    async def commit(self, *writes: Write) -> None:
        """Store them, unless the moment has come."""
        name = COMMITS[self._count] if self._count < len(COMMITS) else "later"
        self._count += 1
        if self._moment == f"before {name}":
            die()
        await self.inner.commit(*writes)
        if self._moment == f"after {name}":
            die()


def mortal(notes: Path, moment: str) -> Agent:
    """Three steps, between them a word and a result."""

    async def work(step: str) -> str:
        with notes.open("a") as file:
            file.write(f"{step}\n")
        if moment == f"inside {step}":
            die()
        return step

    async def body(task: TaskContext) -> tuple[Product, ...]:
        await task.step("first", lambda: work("first"))
        await task.status("on the way")
        await task.step("second", lambda: work("second"))
        await task.artifact(Product.of_text("halfway", "half"))
        await task.step("third", lambda: work("third"))
        return result("whole")

    return Agent(About("mortal", "Dies."), body)


async def live(shared: str, own: Path, moment: str) -> None:
    """Be a process, until the task is over or the moment comes."""
    agent = mortal(own.with_suffix(".notes"), moment)
    ledger = opening(shared or file(own))
    runtime = Runtime([agent], lambda: Doomed(ledger(), moment))
    caller = Caller(own.stem, "mortal")
    async with runtime.open() as operations:
        await operations.send_message(caller, SendMessageRequest(message=MESSAGE))


if __name__ == "__main__":
    folder, *named = sys.argv[1:]
    fork_for_each_line(partial(live, "".join(named)), Path(folder))
