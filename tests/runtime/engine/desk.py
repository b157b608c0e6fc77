"""A worker of the outbox between a store and somebody who is told of tasks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from interloom.runtime.core.outbox import Progress
from interloom.runtime.engine.outbox import Outbox, Posting
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import MovePush, PushRow, PutPush
from interloom.runtime.model import AuthenticationInfo, TaskPushNotificationConfig
from interloom.runtime.testing import FakeClock
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.testing.in_process import AppHttp, in_process
from interloom.runtime.testing.samples import creation, record
from interloom.runtime.testing.tapped import TappedLedger
from tests.runtime.engine.house import Store, opened, quiet
from tests.runtime.engine.receiver import Post, Receiver, Reply

LIMIT_S: Final = 20.0


def config(task_id: str = "task-1", push_id: str = "p", host: str = "hooks.example") -> PushRow:
    """A config that wants every event of a task."""
    made = TaskPushNotificationConfig(
        id=push_id,
        task_id=task_id,
        url=f"https://{host}/{push_id}?key=s3cret-query",
        token="s3cret-token",  # noqa: S106 - to be looked for where it must not be
        authentication=AuthenticationInfo(scheme="Bearer", credentials="s3cret-credentials"),
    )
    return PushRow(task_id, push_id, f"{host}:443", made.to_json(), Progress(0, due=START))


class LateReader(ForwardingLedger):
    """Hands out what it has read of the outbox only once it may.

    Attributes:
        held: Whether it has something to hand out.
    """

    def __init__(self, inner: Ledger) -> None:
        super().__init__(inner)
        self.held = anyio.Event()
        self._gate: anyio.Event | None = None

    def hold(self) -> anyio.Event:
        """Hold what is read from now on until the event returned is set."""
        self._gate = anyio.Event()
        return self._gate

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """The rows, as they were when they were read."""
        rows = await super().outbox(limit=limit, without=without)
        if self._gate is not None:
            self.held.set()
            await self._gate.wait()
        return rows


class Desk:
    """A ledger, a receiver and the worker between them."""

    def __init__(self, ledger: Ledger, receiver: Receiver, http: AppHttp) -> None:
        self.reader = LateReader(ledger)
        self.ledger, self.receiver, self.http = TappedLedger(self.reader), receiver, http
        self.clock = FakeClock()
        self.worker = self._made()
        self._life, self._gone = anyio.CancelScope(), anyio.Event()

    def _made(self, posting: Posting | None = None) -> Outbox:
        return Outbox(self.ledger, self.http, self.clock, posting or Posting(), retry_s=0)

    async def run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        self._gone = anyio.Event()
        with anyio.CancelScope() as self._life:
            await self.worker.serve(task_status=task_status)
        self._gone.set()

    async def kill(self, group: TaskGroup) -> None:
        """End the worker where it stands, and begin another one."""
        self._life.cancel()
        await self._gone.wait()
        while self.receiver.open:
            await anyio.lowlevel.checkpoint()
        self.worker = self._made()
        await group.start(self.run)

    async def wait(self, seconds: float) -> None:
        """Let time pass, and the worker notice."""
        self.clock.advance(seconds)
        self.worker.nudge()
        await quiet()

    async def begin(self, *rows: PushRow, events: int = 1) -> None:
        """A task for each config, with so many events to be posted."""
        for row in rows:
            await self.ledger.commit(*creation(record(row.task_id, seq=events)), PutPush(row, 9))

    async def settled(self, writes: int) -> None:
        """Wait until what came of so many posts is stored."""
        await self.ledger.until(lambda write: isinstance(write, MovePush), writes)
        await quiet()


@asynccontextmanager
async def desk(store: Store, *replies: Reply) -> AsyncGenerator[tuple[Desk, TaskGroup]]:
    receiver = Receiver(*replies)
    async with opened(store) as ledger, in_process(receiver) as http:
        with anyio.fail_after(LIMIT_S):
            made = Desk(ledger, receiver, http)
            async with anyio.create_task_group() as group:
                await group.start(made.run)
                yield made, group
                await made.worker.drain()


def names(posts: list[Post]) -> list[str]:
    return [post.event for post in posts]
