"""A ledger in memory: the same promises, except to survive the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice
from typing import Any, TypeVar

import anyio

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger import memory_order as order
from interloom.runtime.ledger.blobs import check
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    CallRow,
    CreateTask,
    DropPush,
    Fenced,
    HoldRun,
    Journal,
    MessageSeen,
    MovePush,
    MoveTask,
    ParkRun,
    Pruned,
    PushesFull,
    PushRow,
    PutCall,
    PutPush,
    PutReply,
    PutRun,
    PutSignal,
    PutStep,
    ReleaseRun,
    RunRow,
    RunState,
    Seen,
    StoredTask,
    TaskMoved,
    Write,
)
from interloom.runtime.ledger.undo import Undo
from interloom.runtime.values import Clock, SystemClock

Value = TypeVar("Value")


class MemoryLedger:
    """One dictionary for each table of `schema/`."""

    takes_at_write = True
    shelf = None

    def __init__(self, clock: Clock | None = None) -> None:
        """Make an empty store.

        Args:
            clock: What its alarms go by; None for the machine's.
        """
        self._clock = clock or SystemClock()
        self._tasks: dict[str, TaskRecord] = {}
        self._snapshots: dict[str, bytes] = {}  # of tasks that do not move
        self._events: dict[str, dict[str, Event]] = {}  # by event id, in order
        self._messages: dict[tuple[str, str, str], Seen] = {}
        self._runs: dict[str, RunRow] = {}
        self._alarms: dict[str, datetime | None] = {}  # when a parked run is to be woken
        self._steps: dict[str, dict[str, bytes]] = {}
        self._signals: dict[str, dict[str, bytes]] = {}
        self._calls: dict[str, dict[str, CallRow]] = {}
        self._pushes: dict[str, dict[str, PushRow]] = {}
        self._outbox: dict[tuple[str, str], PushRow] = {}  # those of them that are due some day
        self._undelivered: dict[tuple[str, str, int], Undelivered] = {}
        self._replied: dict[tuple[str, str, str], datetime] = {}  # when a message was answered
        self._chores: dict[str, datetime] = {}  # when it is somebody's turn again
        self._is_due = False  # whether the transaction put something into the outbox
        self._nudge: Callable[[], None] | None = None
        self._undo = undo = Undo()
        self._put, self._put_first, self._remove = undo.put, undo.put_first, undo.drop
        self._closed, self._worker = False, ""  # who has joined
        # The key is the class of the value each function takes; `Any` as a dict cannot say so.
        self._apply: dict[type[Write], Callable[[Any], None]] = {
            CreateTask: self._create,
            MoveTask: self._move,
            PutReply: self._reply,
            PutRun: self._put_run,
            HoldRun: self._hold,
            AdvanceRun: self._advance,
            ParkRun: self._park,
            ReleaseRun: self._release,
            PutSignal: self._put_signal,
            PutStep: self._put_step,
            PutCall: self._put_call,
            PutPush: self._put_push,
            DropPush: self._drop_push,
            MovePush: self._move_push,
        }

    async def commit(self, *writes: Write) -> None:
        """Write one after the other; when one is refused, take back those before it."""
        if self._closed:
            raise Unavailable("the store is closed")
        try:
            for write in writes:
                check(write)
                self._apply[type(write)](write)
        except BaseException:
            self._undo.take_back()
            self._is_due = False
            raise
        finally:
            self._undo.clear()
        if self._is_due:
            self._is_due = False
            if self._nudge is not None:
                self._nudge()

    def _of(self, table: dict[str, dict[str, Value]], task_id: str) -> dict[str, Value]:
        """A task's rows of a table."""
        if task_id not in table:
            self._put(table, task_id, {})
        return table[task_id]

    def _create(self, write: CreateTask) -> None:
        record = write.record
        task_id = record.id
        if task_id in self._tasks:
            raise Conflict("the task exists")
        self._take(record, write.message_id)
        kept: dict[str, Event] = {}
        for seq, event in enumerate(write.events, 1):
            if event.seq != seq or event.id in kept:
                raise Conflict("the event is there already")
            kept[event.id] = event
        self._tasks[task_id] = record
        self._events[task_id] = kept
        self._undo.append((self._tasks, task_id, None))
        self._undo.append((self._events, task_id, None))

    def _move(self, write: MoveTask) -> None:
        record = write.record
        task_id = record.id
        before = self._tasks.get(task_id)
        if before is None or before.seq != write.expected_seq:
            raise TaskMoved("the task moved on")
        self._tasks[task_id] = record
        self._undo.append((self._tasks, task_id, before))
        self._append(self._events[task_id], write.events)
        if write.message_id:
            self._take(record, write.message_id)
        if write.snapshot is None:
            self._remove(self._snapshots, task_id)
        else:
            self._put(self._snapshots, task_id, write.snapshot)
        if record.state in TERMINAL:
            self._remove(self._runs, task_id)
        if task_id in self._pushes:
            self._make_due(record)

    def _append(self, kept: dict[str, Event], events: tuple[Event, ...]) -> None:
        for seq, event in enumerate(events, len(kept) + 1):
            if event.seq != seq or event.id in kept:
                raise Conflict("the event is there already")
            kept[event.id] = event
            self._undo.append((kept, event.id, None))

    def _make_due(self, record: TaskRecord) -> None:
        """Have a task's new events posted where it has configs."""
        for row in list(self._pushes[record.id].values()):
            if row.progress.due is None:
                self._set_progress(row, row.progress._replace(due=record.status_at))

    def _take(self, record: TaskRecord, message_id: str) -> None:
        self._remember((record.owner, record.agent, message_id), Seen(record.id))

    def _reply(self, write: PutReply) -> None:
        owner, agent, message_id, reply = write
        key = owner, agent, message_id
        self._remember(key, Seen("", reply))
        self._put(self._replied, key, self._clock.now())

    def _remember(self, key: tuple[str, str, str], became: Seen) -> None:
        seen = self._messages.get(key)
        if seen is not None:
            raise MessageSeen(seen)
        self._messages[key] = became
        self._undo.append((self._messages, key, None))

    def _put_run(self, write: PutRun) -> None:
        task = self._tasks.get(write.task_id)
        if task is not None and task.state not in TERMINAL:
            self._put(self._runs, write.task_id, write)

    def _hold(self, write: HoldRun) -> None:
        run = self._runs.get(write.task_id)
        if run is None or run.token != write.token:
            raise Fenced("the run is another process's")

    def _advance(self, write: AdvanceRun) -> None:
        run = self._runs.get(write.task_id)
        if run is not None:
            self._put(self._runs, write.task_id, run._replace(attempt=write.attempt))

    def _park(self, write: ParkRun) -> None:
        signals, run = self._signals.get(write.task_id, {}), self._runs.get(write.task_id)
        if run is None:
            return
        state = RunState.PARKED if signals.keys().isdisjoint(write.waits_for) else RunState.ACTIVE
        self._put(self._runs, run.task_id, run._replace(state=state, worker="", attempt=0))
        if state is RunState.PARKED:
            wait_s = write.wake_in_s
            alarm = None if wait_s is None else self._clock.now() + timedelta(seconds=wait_s)
            self._put(self._alarms, run.task_id, alarm)

    def _release(self, write: ReleaseRun) -> None:
        run = self._runs.get(write.task_id)
        if run is not None:
            self._put(self._runs, run.task_id, run._replace(state=RunState.ACTIVE, worker=""))

    def _put_signal(self, write: PutSignal) -> None:
        self._put_first(self._of(self._signals, write.task_id), write.key, write.value)
        run = self._runs.get(write.task_id)
        if run is not None and run.state is RunState.PARKED:
            self._put(self._runs, run.task_id, order.taken(run, write.worker))

    def _put_step(self, write: PutStep) -> None:
        self._put_first(self._of(self._steps, write.task_id), write.key, write.result)

    def _put_call(self, write: PutCall) -> None:
        self._put(self._of(self._calls, write.call.task_id), write.call.key, write.call)

    def _put_push(self, write: PutPush) -> None:
        row = write.row
        if row.task_id in self._tasks:
            pushes = self._of(self._pushes, row.task_id)
            if row.id not in pushes and len(pushes) >= write.limit:
                raise PushesFull("the task has all the push configs it may have")
            self._set_progress(row, row.progress)

    def _drop_push(self, write: DropPush) -> None:
        self._remove(self._pushes.get(write.task_id, {}), write.push_id)
        self._remove(self._outbox, (write.task_id, write.push_id))

    def _move_push(self, write: MovePush) -> None:
        row = write.row
        found = self._pushes.get(row.task_id, {}).get(row.id)
        if found and found.body == row.body and found.progress[:2] == row.progress[:2]:
            self._set_progress(row, write.progress)
            if write.lost is not None:
                self._put(self._undelivered, write.lost[:3], write.lost)

    def _set_progress(self, row: PushRow, progress: Progress) -> None:
        if progress.stopped or progress.done >= self._tasks[row.task_id].seq:
            progress = progress._replace(due=None)
        row = replace(row, progress=progress)
        self._put(self._pushes[row.task_id], row.id, row)
        if progress.due is None:
            self._remove(self._outbox, (row.task_id, row.id))
        else:
            self._put(self._outbox, (row.task_id, row.id), row)
            self._is_due = True

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        record = self._tasks.get(task_id)
        return None if record is None else StoredTask(record, self._snapshots.get(task_id))

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        kept = self._events.get(task_id, {})
        return list(islice(kept.values(), after, after + limit))

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        return Journal(
            dict(self._steps.get(task_id, {})),
            dict(self._signals.get(task_id, {})),
            dict(self._calls.get(task_id, {})),
            frozenset(self._events.get(task_id, ())),
            self._runs.get(task_id),
        )

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        return [self._runs[task_id] for task_id in self._tasks if task_id in self._runs]

    async def now(self) -> datetime:
        """What its clock says."""
        return self._clock.now()

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Work on runs; whoever did so before is gone, as a store in memory has one process."""
        for task_id, run in self._runs.items():
            self._runs[task_id] = run._replace(worker="")
        self._worker = worker

    async def beat(self, worker: str) -> bool:
        """Whether it is this worker that has joined; see `Ledger.beat`."""
        if self._closed:
            raise Unavailable("the store is closed")
        return worker == self._worker

    async def leave(self, worker: str) -> None:
        """Work on runs no more."""
        if worker == self._worker:
            self._worker = ""
        for task_id, run in self._runs.items():
            if run.worker == worker:
                self._runs[task_id] = run._replace(worker="")

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs nobody works on, oldest first; see `Ledger.claim`."""
        now = self._clock.now()
        free = [
            task_id
            for task_id, run in self._runs.items()  # not all tasks: most are over
            if not run.worker
            and run.agent in agents
            and (run.state is RunState.ACTIVE or order.has_come(self._alarms.get(task_id), now))
        ]
        for task_id in free[:limit]:
            self._runs[task_id] = order.taken(self._runs[task_id], worker)
        return [self._runs[task_id] for task_id in free[:limit]]

    async def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Nothing, ever: a store in memory is one process's own."""
        await anyio.sleep_forever()
        yield {}

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        """What became of a message, or None when it is new."""
        return self._messages.get((owner, agent, message_id))

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        """Tasks that match, newest status first, and how many match in all."""
        records = [record for record in self._tasks.values() if order.matches(record, query)]
        total = len(records)
        if query.after is not None:
            last = (query.after.status_at, query.after.task_id)
            records = [record for record in records if order.edge(record) < last]
        page = nlargest(query.size + 1, records, key=order.edge)
        return [StoredTask(record, self._snapshots.get(record.id)) for record in page], total

    async def pushes(self, task_id: str) -> list[PushRow]:
        """A task's push configs, in the order of their ids."""
        kept = self._pushes.get(task_id, {})
        return [kept[push_id] for push_id in sorted(kept)]

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """What is to be posted, the earliest first; see `Ledger.outbox`."""
        waiting = [row for row in self._outbox.values() if row.host not in without]
        return sorted(waiting, key=order.turn)[:limit]

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        """Delete what was over before a moment; see `Ledger.prune`."""
        if self._closed:
            raise Unavailable("the store is closed")
        tasks = order.over(self._tasks.values(), self._outbox, before)[:limit]
        replies = order.answered(self._replied, before)[:limit]
        tables: list[dict[str, Any]] = [self._tasks, self._snapshots, self._events, self._alarms]
        tables += [self._steps, self._signals, self._calls, self._pushes]
        order.forget(tables, tasks)
        order.forget([self._undelivered], [key for key in self._undelivered if key[0] in tasks])
        sent = [key for key, seen in self._messages.items() if seen.task_id in tasks]
        order.forget([self._messages, self._replied], [*sent, *replies])
        return Pruned(len(tasks), len(replies))

    async def prunable(self, before: datetime) -> Pruned:
        """What `prune` would delete."""
        tasks = order.over(self._tasks.values(), self._outbox, before)
        return Pruned(len(tasks), len(order.answered(self._replied, before)))

    async def take_turn(self, chore: str, every_s: float) -> bool:
        """Whether a chore is due; a store in memory has one process."""
        now = self._clock.now()
        is_due = self._chores.get(chore, now) <= now
        if is_due:
            self._chores[chore] = now + timedelta(seconds=every_s)
        return is_due

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        """Events that were given up, the latest first, at most `limit`."""
        return sorted(self._undelivered.values(), key=order.given_up, reverse=True)[:limit]

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        """Have `nudge` called after each commit that put something there."""
        self._nudge = nudge

    async def aclose(self) -> None:
        """Take no more writes."""
        self._closed = True
