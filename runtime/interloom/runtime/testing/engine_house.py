"""Processes that share a store, in one event loop: where the scenarios of an engine take place.

Each has a ledger of its own, as a process has connections and locks of its own. One of them may be
killed or frozen; that they share an event loop lets a scenario say what happens in which order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple, Protocol

import anyio
import orjson
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller, Stream
from interloom.runtime.engine.operations import Operations
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import Conflict, Unavailable, UnsupportedOperation
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import RunState
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
    TaskState,
    decode,
)
from interloom.runtime.testing.agents import text as text_of
from interloom.runtime.testing.clock import FakeClock, SeededIds
from interloom.runtime.testing.promise import BrokenPromise
from interloom.runtime.testing.tapped import TappedLedger
from interloom.runtime.values import Clock, Ids

LIMIT_S: Final = 30.0
"""How long a scenario may take before it is broken."""
LOOK_S: Final = 0.005
"""Seconds between two looks at what no event tells of."""
COLD_S: Final = 0.0
"""An agent that waits is parked at once."""
WARM_S: Final = 3600.0
"""An agent that waits is kept."""
IDS: Final = SeededIds()
"""For all processes of all scenarios: no two tasks have one id, whatever was restarted."""


class Settings(NamedTuple):
    """What an engine is made with.

    Attributes:
        clock: Where the time comes from.
        ids: Where fresh ids come from.
        warm_s: Seconds a waiting coroutine is kept.
        retry_s: Seconds before a run is begun again whose rows could not be written or read.
    """

    clock: Clock
    ids: Ids
    warm_s: float
    retry_s: float = 0.0


class Installation(Protocol):
    """An engine and its empty store, as one more process would find them."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes may be at work on the store at once."""
        ...

    async def open(self) -> Ledger:
        """The store, as a process opens it that has just begun.

        Closing it is all that the store sees of the process's death.
        """
        ...

    def engine(self, tasks: Tasks, agents: Mapping[str, Agent], settings: Settings) -> Engine:
        """The engine of such a process."""
        ...

    async def take_for_dead(self, worker: str) -> None:
        """Do to a process what others do once its lease has run out; named as it has joined."""
        ...

    async def let_pass(self, seconds: float) -> None:
        """Have so much time passed on the store's clock when it returns."""
        ...


class Process:
    """One process: agents at work on the store, and a caller who talks to it.

    Attributes:
        ledger: Its store, which can be listened to.
        tasks: The tasks it has in memory.
        engine: Who runs the agents.
        operations: What the caller may ask for.
        clock: Its clock.
        caller: Who asks, and which agent; the first one unless told otherwise.
    """

    def __init__(
        self, ledger: Ledger, agents: tuple[Agent, ...], installation: Installation, warm_s: float
    ) -> None:
        self.ledger, self.clock = TappedLedger(ledger), FakeClock()
        self.tasks = Tasks(self.ledger)
        named = {agent.about.name: agent for agent in agents}
        settings = Settings(self.clock, IDS, warm_s)
        self.engine = installation.engine(self.tasks, named, settings)
        self.operations = Operations(self.tasks, self.engine, self.clock, IDS, agents)
        self.caller = Caller("ann", agents[0].about.name if agents else "nobody")
        self._installation = installation
        self._scope, self._ended = anyio.CancelScope(), anyio.Event()

    # What becomes of it

    async def serve(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Work until it is drained or killed."""
        try:
            with self._scope:
                await self.engine.serve(task_status=task_status)
        finally:
            self._ended.set()

    async def drain(self, grace_s: float = 0) -> None:
        """End in good order, and be gone when this returns."""
        await self.engine.drain(grace_s)
        await self._ended.wait()

    async def kill(self) -> None:
        """Be gone without a word: connections are closed, and nothing is written any more."""
        with anyio.CancelScope(shield=True):
            self.ledger.cut_off()
            self._scope.cancel()
            await self.ledger.inner.aclose()
            self.operations.leave()  # its callers' connections are cut
            await self._ended.wait()

    async def freeze(self) -> None:
        """Stand still, until it is taken for dead; it notices nothing before `thaw`."""
        self.ledger.freeze()
        await self._installation.take_for_dead(self.ledger.worker)

    async def thaw(self) -> None:
        """Come back, and go on as if nothing had happened."""
        await self.ledger.thaw()

    # What its caller asks for

    async def send(self, text: str, task: Task | None = None, *, message_id: str = "") -> Task:
        """Say something, and wait until the task is over or asks."""
        return await self.ask_for(request(text, task, message_id=message_id))

    async def begin(
        self, text: str = "begin", task: Task | None = None, *, message_id: str = ""
    ) -> Task:
        """Say something, and do not wait for what comes of it."""
        settings = SendMessageConfiguration(return_immediately=True)
        return await self.ask_for(request(text, task, message_id=message_id, settings=settings))

    async def ask_for(self, wanted: SendMessageRequest) -> Task:
        """SendMessage, whole."""
        answer = orjson.loads(await self.operations.send_message(self.caller, wanted))
        return decode(Task, answer["task"])

    async def get(self, task: Task, history_length: int | None = None) -> Task:
        """The task as it stands."""
        wanted = GetTaskRequest(id=task.id, history_length=history_length)
        return decode(Task, orjson.loads(await self.operations.get_task(self.caller, wanted)))

    async def cancel(self, task: Task) -> Task:
        """Stop it."""
        wanted = CancelTaskRequest(id=task.id)
        return decode(Task, orjson.loads(await self.operations.cancel_task(self.caller, wanted)))

    async def follow(self, task: Task, begun: anyio.Event | None = None) -> list[bytes]:
        """Subscribe to the task, to its end; `begun` is set once that is so."""
        wanted = SubscribeToTaskRequest(id=task.id)
        async with self.operations.subscribe(self.caller, wanted) as stream:
            if begun is not None:
                begun.set()
            return await drink(stream)

    # What can be waited for

    async def over(self, task: Task) -> Task:
        """Wait until the task is over, whatever it asks meanwhile, and whatever the store does."""
        while (seen := await self.get(task)).status.state not in TERMINAL:
            with suppress(UnsupportedOperation, Unavailable, Conflict):
                await self.follow(task)
        return seen

    async def until(self, task: Task, state: TaskState) -> Task:
        """Wait until this process shows the task in a state."""
        seen = await self.get(task)

        async def shows() -> bool:
            nonlocal seen
            seen = await self.get(task)
            return seen.status.state is state

        await _poll(shows)
        return seen

    async def until_parked(self, task: Task) -> None:
        """Wait until the task is rows and nothing else."""

        async def is_parked() -> bool:
            return await self.run_state(task) is RunState.PARKED

        await _poll(is_parked)
        await quiet()

    async def run_state(self, task: Task) -> RunState | None:
        """What its run has to do; None once there is none."""
        row = await self.engine.inspect(task.id)
        return None if row is None else row.state


class Cluster:
    """The processes of one scenario; made by `cluster`.

    Attributes:
        installation: The engine and the store.
    """

    def __init__(self, installation: Installation, group: TaskGroup) -> None:
        self.installation = installation
        self._group, self._processes = group, list[Process]()

    async def start(self, *agents: Agent, warm_s: float = WARM_S) -> Process:
        """One more process with these agents; it is at work when this returns."""
        process = Process(await self.installation.open(), agents, self.installation, warm_s)
        self._processes.append(process)
        await self._group.start(process.serve)
        return process

    async def let_pass(self, seconds: float) -> None:
        """Have so much time passed when it returns."""
        await self.installation.let_pass(seconds)

    async def end(self) -> None:
        """Kill whatever is left."""
        for process in self._processes:
            await process.kill()


@asynccontextmanager
async def cluster(installation: Installation) -> AsyncGenerator[Cluster]:
    """Room for processes on a store; when the block is left, they are dropped where they stand."""
    async with anyio.create_task_group() as group:
        made = Cluster(installation, group)
        try:
            yield made
        finally:
            await made.end()


async def quiet() -> None:
    """Let everything that can go on without us do so."""
    for _ in range(20):
        await anyio.lowlevel.cancel_shielded_checkpoint()


async def drink(stream: Stream) -> list[bytes]:
    """A stream's events to its end, as JSON.

    Raises:
        BrokenPromise: It falls silent before.
    """
    follower, events = stream.follower, list[bytes]()
    while not follower.done:
        found = await follower.next(LIMIT_S)
        if not found:
            raise BrokenPromise("the stream fell silent")
        events += [follower.response(event) for event in found]
    return events


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what no event tells of."""

    async def look() -> bool:
        return holds()

    await _poll(look)


async def _poll(holds: Callable[[], Awaitable[bool]]) -> None:
    is_so = await holds()
    while not is_so:
        await anyio.sleep(LOOK_S)
        is_so = await holds()


def request(
    text: str,
    task: Task | None = None,
    *,
    message_id: str = "",
    context_id: str = "",
    settings: SendMessageConfiguration | None = None,
) -> SendMessageRequest:
    """A message of one text, new or to a task."""
    message = Message(
        message_id=message_id or IDS.fresh(),
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
