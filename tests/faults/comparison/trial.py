"""One crash: a task at work on one replica, somebody who watches at the other, and SIGKILL.

The client is the official SDK's on both sides of the comparison, and uses nothing beyond A2A.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import get_message_text
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import A2AError

from tests.faults.chaos.workers import ROOT, Worker
from tests.faults.comparison.ours import PAUSE_S, STEPS

WATCHED_S: Final = 20.0
"""Seconds we wait after the crash, four times what the whole task takes without one."""
CRASH_AFTER: Final = "step 3 is done"
FOLLOW_UP: Final = "go on"

_OURS: Final = (
    "agents: {walker: {use: 'tests.faults.comparison.ours:walker'}}\nstore: sqlite:///ours.db\n"
)


def ours(folder: Path) -> Worker:
    """A replica of ours."""
    (folder / "interloom.yaml").write_text(_OURS, "utf-8")
    return _worker(folder, ["-m", "interloom.apps.cli", "run"], "/a2a/walker")


def official(folder: Path) -> Worker:
    """A replica of the official SDK."""
    return _worker(folder, ["-m", "tests.faults.comparison.official"], "/")


def _worker(folder: Path, arguments: list[str], path: str) -> Worker:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EFFECTS": str(folder / "effects")}
    return Worker([sys.executable, *arguments], folder, environment, path)


@dataclass(slots=True)
class Outcome:
    """What became of it.

    Attributes:
        state: Of the task, `WATCHED_S` after the crash at most.
        is_open: Whether the subscriber's stream was open still.
        events: Events it brought after the crash.
        resumed_s: Seconds from the crash to the first of them; None when there was none.
        again: Steps whose code had run again by then, though nobody had done anything.
        follow_up: What a further message on the task came to.
        again_then: Steps whose code ran again because of it.
        end: State of the task at last.
    """

    state: str
    is_open: bool
    events: int
    resumed_s: float | None
    again: list[int]
    follow_up: str
    again_then: list[int]
    end: str


class Watch:
    """A subscriber; it does nothing but read.

    Attributes:
        arrivals: When each event came, in seconds of the event loop's clock.
        reached: Set when the task has got far enough to be interrupted.
        ended: Set when the stream is over.
    """

    def __init__(self, client: Client, task_id: str) -> None:
        self._client, self._task_id = client, task_id
        self.arrivals: list[float] = []
        self.reached, self.ended = anyio.Event(), anyio.Event()

    async def run(self) -> None:
        """Read until the stream ends, however it does."""
        wanted = pb.SubscribeToTaskRequest(id=self._task_id)
        with suppress(A2AError, httpx.HTTPError):
            async for event in self._client.subscribe(wanted):
                self.arrivals.append(anyio.current_time())
                status = event.status_update.status
                if status.HasField("message") and get_message_text(status.message) == CRASH_AFTER:
                    self.reached.set()
        self.ended.set()


async def crashed(make: Callable[[Path], Worker], folder: Path) -> Outcome:
    """Crash a replica at work, and look what becomes of its task.

    Args:
        make: Makes a replica in a folder.
        folder: Empty.
    """
    async with _replicas(make, folder) as (one, other), httpx.AsyncClient(timeout=40) as http:
        begun = await _client(http, one, streaming=False)
        task = await _say(begun, "go")
        client = await _client(http, other, streaming=True)
        watch, killed_at, is_open = Watch(client, task.id), 0.0, True
        async with anyio.create_task_group() as group:
            group.start_soon(watch.run)
            with anyio.fail_after(WATCHED_S):
                await watch.reached.wait()
            await one.kill()
            killed_at = anyio.current_time()
            with anyio.move_on_after(WATCHED_S):
                await watch.ended.wait()
            is_open = not watch.ended.is_set()
            group.cancel_scope.cancel()
        after = [moment - killed_at for moment in watch.arrivals if moment > killed_at]
        stands = await _get(client, task.id)
        again = _repeated(folder)
        follow_up, end = await _follow_up(await _client(http, other, streaming=False), task)
        return Outcome(
            state=stands,
            is_open=is_open,
            events=len(after),
            resumed_s=min(after, default=None),
            again=sorted(again),
            follow_up=follow_up,
            again_then=sorted(_repeated(folder) - again),
            end=end,
        )


@asynccontextmanager
async def _replicas(
    make: Callable[[Path], Worker], folder: Path
) -> AsyncGenerator[tuple[Worker, Worker]]:
    made = make(folder), make(folder)
    try:
        for each in made:
            await each.start()
        yield made
    finally:
        with anyio.CancelScope(shield=True):
            for each in made:
                await each.kill()


async def _client(http: httpx.AsyncClient, replica: Worker, *, streaming: bool) -> Client:
    card = await A2ACardResolver(http, replica.url).get_agent_card()
    config = ClientConfig(streaming=streaming, polling=not streaming, httpx_client=http)
    return ClientFactory(config).create(card)


async def _say(client: Client, text: str, task: pb.Task | None = None) -> pb.Task:
    message = pb.Message(
        message_id=f"message {text}",
        role=pb.Role.ROLE_USER,
        parts=[pb.Part(text=text)],
        task_id=None if task is None else task.id,
        context_id=None if task is None else task.context_id,
    )
    replies = [each async for each in client.send_message(pb.SendMessageRequest(message=message))]
    return replies[0].task


async def _get(client: Client, task_id: str) -> str:
    task = await client.get_task(pb.GetTaskRequest(id=task_id))
    return pb.TaskState.Name(task.status.state).removeprefix("TASK_STATE_")


async def _follow_up(client: Client, task: pb.Task) -> tuple[str, str]:
    """Send a further message; what it came to, and the task's state once it is over."""
    try:
        await _say(client, FOLLOW_UP, task)
    except A2AError as error:
        return f"refused: {error.message}", await _get(client, task.id)
    state, until = "WORKING", anyio.current_time() + WATCHED_S
    while state == "WORKING" and anyio.current_time() < until:
        await anyio.sleep(PAUSE_S)
        state = await _get(client, task.id)
    return "taken", state


def _repeated(folder: Path) -> set[int]:
    """Steps that had their effect more than once."""
    effects = Counter((folder / "effects").read_text("utf-8").splitlines())
    return {number for number in range(1, STEPS + 1) if effects[f"step {number}"] > 1}
