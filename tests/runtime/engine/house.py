"""A runtime without bindings: agents at work on a store, and somebody who talks to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import orjson
import pytest

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller, Stream
from interloom.runtime.engine.embedded import EmbeddedEngine
from interloom.runtime.engine.operations import Operations
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import Conflict, Unavailable, UnsupportedOperation
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.rows import ParkRun, RunState
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import (
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    decode,
)
from interloom.runtime.testing import FakeClock, SeededIds
from interloom.runtime.testing.agents import text as text_of
from tests.runtime.engine.tapped import TappedLedger, Wanted

LIMIT_S: Final = 10
COLD_S: Final = 0.0
"""An agent that waits is parked at once."""
WARM_S: Final = 3600.0
"""An agent that waits is kept."""


class Store:
    """Where tasks outlive a runtime: what is opened, or a `MemoryLedger` that is never closed."""

    def __init__(self, open_: Callable[[], Ledger] | None = None) -> None:
        self._open = open_
        self._memory = MemoryLedger()

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Ledger]:
        if self._open is None:
            yield self._memory
            return
        ledger = self._open()
        try:
            yield ledger
        finally:
            with anyio.CancelScope(shield=True):
                await ledger.aclose()


def store_of_kind(request: pytest.FixtureRequest, folder: Path) -> Store:
    """An empty store of the kind that a fixture's parameter names."""
    match request.param:
        case "memory":
            return Store()
        case "sqlite":
            return Store(partial(SqliteLedger, folder / "store.db"))
        case _:
            return Store(partial(PostgresLedger, request.getfixturevalue("store_url"), lease_s=1))


class House:
    """One incarnation of a runtime; made by `house`."""

    def __init__(
        self, ledger: TappedLedger, agents: tuple[Agent, ...], warm_s: float, clock: FakeClock
    ) -> None:
        self.ledger, self.clock = ledger, clock
        self.tasks = Tasks(ledger)
        named = {agent.about.name: agent for agent in agents}
        self.engine = EmbeddedEngine(self.tasks, named, clock, _IDS, warm_s=warm_s, retry_s=0)
        self.operations = Operations(self.tasks, self.engine, clock, _IDS, agents)
        self.caller = Caller("ann", agents[0].about.name if agents else "nobody")

    async def send(self, text: str, task: Task | None = None, *, message_id: str = "") -> Task:
        """Say something, and wait until the task is over or asks."""
        return await self.ask_for(request(text, task, message_id=message_id))

    async def begin(self, text: str) -> Task:
        """Say something new and do not wait."""
        settings = SendMessageConfiguration(return_immediately=True)
        return await self.ask_for(request(text, settings=settings))

    async def ask_for(self, wanted: SendMessageRequest) -> Task:
        answer = orjson.loads(await self.operations.send_message(self.caller, wanted))
        return decode(Task, answer["task"])

    async def get(self, task: Task, history_length: int | None = None) -> Task:
        wanted = GetTaskRequest(id=task.id, history_length=history_length)
        answer = await self.operations.get_task(self.caller, wanted)
        return decode(Task, orjson.loads(answer))

    async def cancel(self, task: Task) -> Task:
        wanted = CancelTaskRequest(id=task.id)
        answer = await self.operations.cancel_task(self.caller, wanted)
        return decode(Task, orjson.loads(answer))

    async def over(self, task: Task) -> Task:
        """Wait until the task is over, whatever it asks meanwhile, and whatever the store does."""
        wanted = SubscribeToTaskRequest(id=task.id)
        while (seen := await self.get(task)).status.state not in TERMINAL:
            with suppress(UnsupportedOperation, Unavailable, Conflict):
                async with self.operations.subscribe(self.caller, wanted) as stream:
                    await drink(stream)
        return seen

    async def parked(self, task: Task, times: int = 1) -> None:
        """Wait until the task is rows and nothing else, for the so-manieth time."""
        await self.ledger.until(parks(task), times)
        await quiet()

    async def run_state(self, task: Task) -> RunState | None:
        row = await self.engine.inspect(task.id)
        return None if row is None else row.state


_IDS: Final = SeededIds()


@asynccontextmanager
async def house(store: Store, *agents: Agent, warm_s: float = WARM_S) -> AsyncGenerator[House]:
    """Run agents until the block is left. Then everything is dropped where it stands: a crash.

    Within the block everything happens in `LIMIT_S` seconds or the test fails.
    """
    async with store.opened() as ledger, anyio.create_task_group() as group:
        made = House(TappedLedger(ledger), agents, warm_s, FakeClock())
        with anyio.fail_after(LIMIT_S):
            await group.start(made.engine.serve)
            yield made
        group.cancel_scope.cancel()


def parks(task: Task) -> Wanted:
    """Picks the writes that park a task."""
    return lambda write: isinstance(write, ParkRun) and write.task_id == task.id


async def quiet() -> None:
    """Let everything that can go on without us do so."""
    for _ in range(20):
        await anyio.lowlevel.cancel_shielded_checkpoint()


async def drink(stream: Stream) -> list[bytes]:
    """A stream's events to its end, as JSON."""
    follower, events = stream.follower, list[bytes]()
    while not follower.done:
        found = await follower.next(LIMIT_S)
        assert found, "the stream fell silent"
        events += [follower.response(event) for event in found]
    return events


def request(
    text: str,
    task: Task | None = None,
    *,
    message_id: str = "",
    context_id: str = "",
    settings: SendMessageConfiguration | None = None,
) -> SendMessageRequest:
    message = Message(
        message_id=message_id or _IDS.fresh(),
        task_id="" if task is None else task.id,
        context_id=context_id,
        role=Role.USER,
        parts=(Part(text=text),),
    )
    return SendMessageRequest(message=message, configuration=settings)


def said(task: Task) -> str:
    """What a task has to say for itself: its results, or its status where there are none."""
    if task.artifacts:
        return "\n".join(part.text or "" for each in task.artifacts for part in each.parts)
    return "" if task.status.message is None else text_of(task.status.message)


def words(task: Task) -> list[str]:
    """The texts of a task's history, oldest first."""
    return [text_of(message) for message in task.history]
