"""A ledger in memory: the same promises, except to survive the process."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger.rows import (
    AddEvents,
    AddMessage,
    CallRow,
    CreateTask,
    EndRun,
    Journal,
    MessageSeen,
    MoveTask,
    ParkRun,
    PutCall,
    PutRun,
    PutSignal,
    PutStep,
    RunRow,
    RunState,
    StoredTask,
    Write,
)

Key = TypeVar("Key")
Value = TypeVar("Value")


class MemoryLedger:
    """One dictionary for each table of `schema.sql`."""

    def __init__(self) -> None:
        self._tasks: dict[str, StoredTask] = {}
        self._events: dict[str, dict[str, Event]] = {}  # by event id, in order
        self._messages: dict[tuple[str, str, str], str] = {}
        self._runs: dict[str, RunRow] = {}
        self._steps: dict[str, dict[str, bytes]] = {}
        self._signals: dict[str, dict[str, bytes]] = {}
        self._calls: dict[str, dict[str, CallRow]] = {}
        # What was there before each change of the transaction: (table, key, value or None).
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._closed = False
        # The key is the class of the value each function takes; `Any` as a dict cannot say so.
        self._apply: dict[type[Write], Callable[[Any], None]] = {
            CreateTask: self._create,
            MoveTask: self._move,
            AddEvents: self._add_events,
            AddMessage: self._add_message,
            PutRun: self._put_run,
            ParkRun: self._park,
            EndRun: self._end,
            PutSignal: self._put_signal,
            PutStep: self._put_step,
            PutCall: self._put_call,
        }

    async def commit(self, *writes: Write) -> None:
        """Write one after the other; when one is refused, take back those before it."""
        if self._closed:
            raise Unavailable("the store is closed")
        try:
            for write in writes:
                self._apply[type(write)](write)
        except BaseException:
            for table, key, before in reversed(self._undo):
                if before is None:
                    del table[key]
                else:
                    table[key] = before
            raise
        finally:
            self._undo.clear()

    def _put(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        self._undo.append((table, key, table.get(key)))
        table[key] = value

    def _put_first(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        if key not in table:
            self._put(table, key, value)

    def _of(self, table: dict[str, dict[str, Value]], task_id: str) -> dict[str, Value]:
        """A task's rows of a table."""
        if task_id not in table:
            self._put(table, task_id, {})
        return table[task_id]

    def _create(self, write: CreateTask) -> None:
        record = write.record
        self._take(record, write.message_id)
        if record.id in self._tasks:
            raise Conflict("the task exists")
        self._put(self._tasks, record.id, StoredTask(record, None))

    def _add_message(self, write: AddMessage) -> None:
        self._take(write.record, write.message_id)

    def _take(self, record: TaskRecord, message_id: str) -> None:
        key = (record.owner, record.agent, message_id)
        seen = self._messages.get(key)
        if seen is not None:
            raise MessageSeen(seen)
        self._put(self._messages, key, record.id)

    def _move(self, write: MoveTask) -> None:
        record = write.record
        stored = self._tasks.get(record.id)
        if stored is None or stored.record.seq != write.expected_seq:
            raise Conflict("the task moved on")
        self._put(self._tasks, record.id, StoredTask(record, write.snapshot))

    def _add_events(self, write: AddEvents) -> None:
        kept = self._of(self._events, write.task_id)
        for event in write.events:
            if event.seq != len(kept) + 1 or event.id in kept:
                raise Conflict("the event is there already")
            self._put(kept, event.id, event)

    def _put_run(self, write: PutRun) -> None:
        self._put(self._runs, write.run.task_id, write.run)

    def _park(self, write: ParkRun) -> None:
        signals = self._signals.get(write.task_id, {})
        if not any(key in signals for key in write.waits_for):
            self._set_state(write.task_id, RunState.ACTIVE, RunState.PARKED)

    def _set_state(self, task_id: str, before: RunState, after: RunState) -> None:
        run = self._runs.get(task_id)
        if run is not None and run.state is before:
            self._put(self._runs, task_id, run._replace(state=after))

    def _end(self, write: EndRun) -> None:
        run = self._runs.pop(write.task_id, None)
        if run is not None:
            self._undo.append((self._runs, write.task_id, run))

    def _put_signal(self, write: PutSignal) -> None:
        self._put_first(self._of(self._signals, write.task_id), write.key, write.value)
        self._set_state(write.task_id, RunState.PARKED, RunState.ACTIVE)

    def _put_step(self, write: PutStep) -> None:
        self._put_first(self._of(self._steps, write.task_id), write.key, write.result)

    def _put_call(self, write: PutCall) -> None:
        self._put(self._of(self._calls, write.call.task_id), write.call.key, write.call)

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        return self._tasks.get(task_id)

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
        )

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        return [self._runs[task_id] for task_id in self._tasks if task_id in self._runs]

    async def seen(self, owner: str, agent: str, message_id: str) -> str | None:
        """The task a message went to, or None when it is new."""
        return self._messages.get((owner, agent, message_id))

    async def page(self, query: Query) -> tuple[list[TaskRecord], int]:
        """Tasks that match, newest status first, and how many match in all."""
        records = [
            stored.record for stored in self._tasks.values() if _matches(stored.record, query)
        ]
        records.sort(key=lambda record: (record.status_at, record.id), reverse=True)
        total, after = len(records), query.after
        if after is not None:
            edge = (after.status_at, after.task_id)
            records = [record for record in records if (record.status_at, record.id) < edge]
        return records[: query.size + 1], total

    async def aclose(self) -> None:
        """Take no more writes."""
        self._closed = True


def _matches(record: TaskRecord, query: Query) -> bool:
    return (
        record.owner == query.owner
        and (not query.agent or record.agent == query.agent)
        and (not query.context_id or record.context_id == query.context_id)
        and (query.state is None or record.state is query.state)
        and (query.since is None or record.status_at >= query.since)
    )
