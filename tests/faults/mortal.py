"""Processes that die at a moment of our choice, for a parent that says which.

    python mortal.py FOLDER

A line on stdin is `NAME MOMENT`. A child is forked that serves one agent on the store of that name,
sends it its one message, waits for the end, and kills itself when the moment comes:

    before COMMIT   a commit is about to be stored; what it says has happened
    after COMMIT    it is stored, and nobody was told
    inside STEP     a step has had its effect
    never

The child's exit status goes to stdout: -9, or 0 when the task is over. What the agent really does
is noted in the file NAME.notes. Forking one loaded process is a hundred times quicker than
starting another, and nobody else's threads are in it.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Final

import anyio

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Write
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import Message, Part, Role, SendMessageRequest
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.testing.agents import result
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.wire.card import About

COMMITS: Final = ("created", "first", "status", "second", "artifact", "third", "finished")
"""What an undisturbed life of the task stores, one commit each."""
STEPS: Final = ("first", "second", "third")
CALLER: Final = Caller("ann", "mortal")
MESSAGE: Final = Message(message_id="m1", role=Role.USER, parts=(Part(text="go"),))


def die() -> None:
    """Be gone: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


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


async def live(store: Path, moment: str) -> None:
    """Be a process, until the task is over or the moment comes."""
    agent = mortal(store.with_suffix(".notes"), moment)
    runtime = Runtime([agent], lambda: Doomed(SqliteLedger(store), moment))
    async with runtime.open() as operations:
        await operations.send_message(CALLER, SendMessageRequest(message=MESSAGE))


def life(store: Path, moment: str) -> int:
    """Have a child live; its exit status, negative when a signal ended it."""
    child = os.fork()
    if not child:
        try:
            anyio.run(live, store, moment)
        except BaseException:  # noqa: BLE001 - else the child would go on as the parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path) -> None:
    """Fork a child for each line."""
    for line in sys.stdin:
        name, _, moment = line.strip().partition(" ")
        sys.stdout.write(f"{life(folder / f'{name}.db', moment)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
