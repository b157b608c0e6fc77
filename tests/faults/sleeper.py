"""A process that may be frozen in the middle of a step, for a parent that does so and talks to it.

    python -m tests.faults.sleeper STORE NOTES HOW

It serves one agent on a store, whose URL it is given, with a short lease. How its second step goes:

    waits    it says `inside` and waits for a line `go`
    blocks   it says `inside` and keeps the event loop from turning until NOTES.gate is written to
    passes   at once

A line `begin` on stdin begins a task, and says `begun` or why not; `over N` waits for the end of
the n-th, and its state and result go to stdout. What the agent really does is noted in NOTES.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
import orjson

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import InterloomError, UnsupportedOperation
from interloom.runtime.model import (
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
)
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.telemetry import log
from interloom.runtime.testing.agents import result
from interloom.runtime.values import RandomIds
from interloom.runtime.wire.card import About
from tests.faults.stored import opening

CALLER: Final = Caller("ann", "sleeper")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Sleeper:
    """The agent of one process, and what it waits for."""

    def __init__(self, notes: Path, how: str) -> None:
        self.go = anyio.Event()
        self._notes, self._how = notes, how
        self.agent = Agent(About("sleeper", "Sleeps."), self._body)

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        await task.step("first", lambda: self._work("first"))
        await task.status("on the way")
        who = await task.step("second", lambda: self._work("second"))
        await task.status("done")
        return result(f"done by the one that {who}")

    async def _work(self, step: str) -> str:
        with self._notes.open("a") as file:
            file.write(f"{step} {self._how}\n")
        if step == "second" and self._how != "passes":
            say("inside")
            if self._how == "blocks":
                self._notes.with_suffix(".gate").read_bytes()  # the event loop stands still
            else:
                await self.go.wait()
        return self._how


async def begin(operations: Operations) -> None:
    message = Message(message_id=RandomIds().fresh(), role=Role.USER, parts=(Part(text="go"),))
    at_once = SendMessageConfiguration(return_immediately=True)
    request = SendMessageRequest(message=message, configuration=at_once)
    try:
        await operations.send_message(CALLER, request)
    except InterloomError as error:
        say(f"refused {error.code}")
    else:
        say("begun")


async def tell_end(operations: Operations, number: int) -> None:
    listed = orjson.loads(await operations.list_tasks(CALLER, ListTasksRequest()))["tasks"]
    task_id = listed[-number]["id"]
    with suppress(UnsupportedOperation):  # it is over already
        async with operations.subscribe(CALLER, SubscribeToTaskRequest(id=task_id)) as stream:
            while not stream.follower.done:
                await stream.follower.next(60)
    task = orjson.loads(await operations.get_task(CALLER, GetTaskRequest(id=task_id)))
    said = task["artifacts"][0]["parts"][0]["text"] if "artifacts" in task else ""
    say(f"{task['status']['state']} {said}")


async def main(store: str, notes: Path, how: str) -> None:
    sleeper = Sleeper(notes, how)
    ledger = opening(store)
    runtime = Runtime([sleeper.agent], ledger, Settings(grace_s=0.1))
    async with runtime.open() as operations:
        say("open")
        async for line in anyio.wrap_file(sys.stdin):
            match line.split():
                case ["begin"]:
                    await begin(operations)
                case ["over", number]:
                    await tell_end(operations, int(number))
                case _:
                    sleeper.go.set()


if __name__ == "__main__":
    log.configure("warning")
    anyio.run(main, sys.argv[1], Path(sys.argv[2]), sys.argv[3])
