"""A process that serves one agent on a store, for a parent that talks to it and kills it.

    python -m tests.faults.traveller STORE NOTES WARM_S

Lines on stdin go to the agent: the first begins its task, the next ones are follow-ups; an empty
line only waits. After each, the task's state goes to stdout once it is settled. What the agent
really does it notes in the file NOTES, and it says `stuck` when it hangs in its second step,
which it does the first time it gets there, and `parked` when it waits as a row, after WARM_S
seconds.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import anyio
import orjson

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import UnsupportedOperation
from interloom.runtime.ledger.rows import ParkRun, Write
from interloom.runtime.model import (
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
)
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.testing.agents import FORM, result
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.values import RandomIds
from interloom.runtime.wire.card import About
from tests.faults.stored import opening

CALLER = Caller("ann", "traveller")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Telling(ForwardingLedger):
    """A ledger that says when a run was parked."""

    async def commit(self, *writes: Write) -> None:
        """Store them, and say so."""
        await self.inner.commit(*writes)
        if any(isinstance(write, ParkRun) for write in writes):
            say("parked")


def traveller(notes: Path) -> Agent:
    def note(word: str) -> int:
        with notes.open("a") as file:
            file.write(f"{word}\n")
        return notes.read_text().split().count(word)

    async def first() -> int:
        return note("first")

    async def second() -> int:
        times = note("second")
        if times == 1:
            say("stuck")
            await anyio.sleep_forever()
        return times

    async def body(task: TaskContext) -> tuple[Product, ...]:
        await task.step("first", first)
        await task.status("on the way")
        (response,) = await task.ask("ask/1", [Question("question", "Where to?", FORM)])
        times = await task.step("second", second)
        return result(f"{(response.content or {})['answer']} at attempt {times}")

    return Agent(About("traveller", "Travels."), body)


async def send(operations: Operations, line: str) -> None:
    listed = orjson.loads(await operations.list_tasks(CALLER, ListTasksRequest()))["tasks"]
    task_id = listed[0]["id"] if listed else ""
    if line:
        parts, message_id = (Part(text=line),), RandomIds().fresh()
        message = Message(message_id=message_id, task_id=task_id, role=Role.USER, parts=parts)
        answer = await operations.send_message(CALLER, SendMessageRequest(message=message))
        say(orjson.loads(answer)["task"]["status"]["state"])
        return
    wanted = SubscribeToTaskRequest(id=task_id)
    with suppress(UnsupportedOperation):  # it is over already
        async with operations.subscribe(CALLER, wanted) as stream:
            while not stream.follower.done:
                await stream.follower.next(60)
    listing = ListTasksRequest(include_artifacts=True)
    (task,) = orjson.loads(await operations.list_tasks(CALLER, listing))["tasks"]
    say(task["artifacts"][0]["parts"][0]["text"])


async def main(store: str, notes: Path, warm_s: float) -> None:
    ledger = opening(store)
    runtime = Runtime([traveller(notes)], lambda: Telling(ledger()), Settings(warm_s=warm_s))
    async with runtime.open() as operations:
        say("open")
        async for line in anyio.wrap_file(sys.stdin):
            await send(operations, line.strip())


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
