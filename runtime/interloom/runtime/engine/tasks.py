"""Open, change and follow tasks. The one place where a decision becomes a stored fact.

Persist before send: `commit` stores the events and the rows that belong to them in one
transaction, and only then are they shown to callers and subscribers.

A decision is taken from `Live.record` and queued without a pause in between, so two tasks of the
event loop cannot decide from the same state; the ledger keeps the order. Another process that
moved the task is found out by the ledger (`Conflict`): then this object is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeAlias

from interloom.runtime.core.decide import Decision
from interloom.runtime.core.machine import SETTLED
from interloom.runtime.core.record import Event, TaskRecord, made
from interloom.runtime.core.trace import root
from interloom.runtime.core.view import TaskView
from interloom.runtime.engine.live import Live
from interloom.runtime.errors import (
    Conflict,
    InterloomError,
    LocalError,
    TaskNotFound,
    Unavailable,
)
from interloom.runtime.ledger.blobs import INLINE_BYTES
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import CreateTask, Fenced, HoldRun, MoveTask, TaskMoved, Write
from interloom.runtime.model import Message
from interloom.runtime.telemetry.log import logger

log = logger("engine")
_info = logging.getLogger("interloom.engine")  # asked first: most processes log no moves

Decide: TypeAlias = Callable[[TaskRecord], tuple[Decision, tuple[Write, ...]]]
"""Gives what follows from a record, and the rows that belong to it."""


class Store(Protocol):
    """Stores what is decided on a task, and rows with it, as long as the run is ours."""

    async def __call__(self, decide: Decide, *, is_progress: bool = True) -> None:
        """Store it; unless it shows that the run got further, the run's beginnings are counted on.

        Raises:
            InterloomError: As `Tasks.change`.
        """
        ...


MAX_SNAPSHOT: Final = INLINE_BYTES
"""Bytes of a snapshot that is stored; a larger one says in other words what its events say, and is
made of them whenever somebody asks."""
PAGE: Final = 500
"""Events read at a time."""


class Tasks:
    """The tasks of one process that somebody looks at, backed by a ledger.

    Attributes:
        ledger: The system of record.
        leaving: True once subscribers are to go elsewhere.
        gone: True once those who wait for a task are to, too.
        on_moved: Called when another process moved a task that is held here.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.on_moved: Callable[[Live], None] = _nobody_cares
        self._live: dict[str, Live] = {}
        self.leaving = self.gone = False

    def leave(self) -> None:
        """Let go of all subscribers, because the process is about to end: another goes on."""
        self.leaving = True
        self._nudge()

    def go(self) -> None:
        """Let go of those who wait for a task, too: here it gets no further."""
        self.leaving = self.gone = True
        self._nudge()

    def _nudge(self) -> None:
        for live in self._live.values():
            live.nudge()

    async def create(self, decision: Decision, message: Message, *more: Write) -> Live:
        """Store a new task, begun by a message, and hold it; the caller must `release` it.

        Raises:
            MessageSeen: The message began or joined a task before.
            Unavailable: The ledger takes no writes.
        """
        record, events = decision.record, decision.events
        live = Live(record, TaskView(record.id, record.context_id, events))
        live.opening = message
        await self.ledger.commit(made(CreateTask, (record, message.message_id, events)), *more)
        live = self._live.setdefault(record.id, live)  # it may have been found and held already
        live.users += 1
        return live

    async def hold(self, task_id: str) -> Live:
        """Get a task into memory; the caller must `release` it.

        Raises:
            TaskNotFound: There is none.
        """
        live = self._live.get(task_id)
        if live is None:
            loaded = await self._load(task_id)
            live = self._live.setdefault(task_id, loaded)
        live.users += 1
        return live

    def release(self, live: Live) -> None:
        """Let go of a task; the last one to do so makes this process forget it."""
        live.users -= 1
        if live.users == 0 and self._live.get(live.record.id) is live:
            del self._live[live.record.id]

    async def renewed(self, live: Live) -> Live:
        """A task that is held, as it is once the commits under way are known to have taken place.

        When one of them failed it is read anew: what was decided upon it never happened.

        Raises:
            TaskNotFound: It is gone.
        """
        with suppress(Unavailable, Conflict):
            while live.record is not live.stored:
                await live.changed()
        if live.failure is None:
            return live
        fresh = await self.hold(live.record.id)
        self.release(live)
        return fresh

    @asynccontextmanager
    async def held(self, task_id: str) -> AsyncGenerator[Live]:
        """`hold` and `release` around a block."""
        live = await self.hold(task_id)
        try:
            yield live
        finally:
            self.release(live)

    async def _load(self, task_id: str) -> Live:
        stored = await self.ledger.task(task_id)
        if stored is None:
            raise TaskNotFound("no such task", details={"taskId": task_id[:100]})
        view = await self._view(stored.record)
        return Live(stored.record, view, stored.snapshot)

    async def _view(self, record: TaskRecord) -> TaskView:
        events = await self.all_events(record.id, record.seq)
        return TaskView(record.id, record.context_id, events)

    async def all_events(self, task_id: str, until: int) -> list[Event]:
        """The stored events 1 to `until`."""
        events: list[Event] = []
        while len(events) < until:
            limit = min(PAGE, until - len(events))
            page = await self.ledger.events(task_id, after=len(events), limit=limit)
            if not page:
                break
            events += page
        return events

    async def change(
        self,
        live: Live,
        decide: Decide,
        *,
        hold: HoldRun | None = None,
        message_id: str = "",
    ) -> tuple[Live, Decision]:
        """Decide on a task as it is, and store that; once more when somebody moved it meanwhile.

        Args:
            live: The task.
            decide: Gives the decision on a record, and rows of the same transaction.
            hold: The run that writes it; nothing is stored when it is another process's.
            message_id: The caller's message that is decided on, or empty.

        Returns:
            The task, and the decision that stands.

        Raises:
            InterloomError: What `decide` raises.
            Fenced: The run is another process's.
            Conflict: A message is a repeat.
            Unavailable: The ledger takes no writes.
        """
        held = live
        try:
            while True:
                if live.failure is not None or live.record is not live.stored:
                    live = await self.renewed(live)
                decision, more = decide(live.record)
                with suppress(TaskMoved):  # somebody got further, so this ends
                    await self.commit(live, decision, *more, hold=hold, message_id=message_id)
                    return live, decision
        except BaseException:
            if live is not held:  # whoever called still has the one it gave us
                self.release(live)
                held.users += 1
            raise

    async def commit(
        self,
        live: Live,
        decision: Decision,
        *more: Write,
        hold: HoldRun | None = None,
        message_id: str = "",
    ) -> None:
        """Store a decision taken from `live.record`, with the rows that belong to it; then show it.

        Args:
            live: The task.
            decision: What is to be stored; when it has no events, only `more` is.
            more: Rows of the same transaction.
            hold: The run that writes it; nothing is stored when it is another process's.
            message_id: The caller's message that was decided on, or empty.

        Raises:
            TaskMoved: Another process moved the task; `live` is as it is now.
            Fenced: The run is another process's.
            Conflict: A message is a repeat.
            Unavailable: The ledger takes no writes.
        """
        before, record, events = live.record, decision.record, decision.events
        guard = () if hold is None else (hold,)
        if not events:
            if more:
                await self.commit_rows(*guard, *more)
            return
        live.record = record
        for event in events:
            live.view.apply(event)
        snapshot = live.view.json() if record.state in SETTLED else None
        is_large = snapshot is not None and len(snapshot) > MAX_SNAPSHOT
        kept = None if is_large else snapshot
        try:
            await self.ledger.commit(
                *guard, made(MoveTask, (record, before.seq, events, kept, message_id)), *more
            )
        except (TaskMoved, Fenced, LocalError):  # the store is well, and has what it had
            await self._retake(live)
            raise
        except InterloomError as error:
            self._drop(live, error)
            raise
        except BaseException:
            self._drop(live, Unavailable("what became of a change is not known"))
            raise
        live.publish(record, events, snapshot)
        if record.state in SETTLED and _info.isEnabledFor(logging.INFO):
            _log_move(before, record)

    async def refresh(self, live: Live) -> None:
        """Take over what another process did to a task that is held here.

        While a commit of ours is under way there is nothing to do: it will find out.
        """
        before = live.stored
        stored = await self.ledger.task(before.id)
        if stored is None or live.record is not before or stored.record.seq <= before.seq:
            return
        events = await self._events_after(before.seq, stored.record)
        if live.record is before:
            live.retake(stored.record, events, snapshot=stored.snapshot)
            self.on_moved(live)

    async def _retake(self, live: Live) -> None:
        """Have a task be what is stored, whatever was decided on it here."""
        try:
            fresh = await self._load(live.stored.id)
            events = await self._events_after(live.stored.seq, fresh.stored)
        except BaseException:  # else it would show what was never stored, for good
            self._drop(live, Unavailable("what became of a change is not known"))
            raise
        live.retake(fresh.stored, events, view=fresh.view, snapshot=fresh.snapshot)
        self.on_moved(live)

    async def _events_after(self, seq: int, record: TaskRecord) -> tuple[Event, ...]:
        events = await self.ledger.events(record.id, after=seq, limit=record.seq - seq)
        return tuple(events)

    def find(self, task_id: str) -> Live | None:
        """A task that is held here, or None."""
        return self._live.get(task_id)

    def held_ids(self) -> list[str]:
        """All that are."""
        return list(self._live)

    async def commit_rows(self, *writes: Write) -> None:
        """Store rows that no client sees: steps, calls, runs.

        Raises:
            Unavailable: The ledger takes no writes.
        """
        await self.ledger.commit(*writes)

    def _drop(self, live: Live, error: InterloomError) -> None:
        if self._live.get(live.record.id) is live:
            del self._live[live.record.id]
        live.fail(error)

    async def settle(self, live: Live) -> None:
        """Wait until the task is over or waits for somebody.

        Raises:
            Unavailable: A commit failed meanwhile, or this process is about to end.
        """
        while live.stored.state not in SETTLED:
            if self.gone:
                raise Unavailable(
                    "this server is going down; get the task", details={"taskId": live.stored.id}
                )
            await live.changed()

    async def json(self, live: Live, history_length: int | None = None) -> bytes:
        """The A2A Task as stored, as JSON."""
        if history_length is None and live.snapshot is not None:
            return live.snapshot
        if live.record is live.stored:
            return live.view.json(history_length)
        # A commit is under way: what it says is not out yet.
        return (await self._view(live.stored)).json(history_length)


def _nobody_cares(_: Live) -> None:
    """What is told of moves while no engine is there."""


def _log_move(before: TaskRecord, after: TaskRecord) -> None:
    log.info(
        "task.moved",
        task_id=after.id,
        agent=after.agent,
        before=before.state.name,
        after=after.state.name,
        trace_id=(after.trace or root(after.id)).trace_id,
    )


def owned(record: TaskRecord, owner: str, agent: str) -> bool:
    """Whether a caller of an agent may know of a task (A2A 13.1)."""
    return record.owner == owner and record.agent == agent
