"""A ledger in memory: the same promises, except to survive the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeVar, assert_never

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


@dataclass(slots=True)
class _Journal:
    """What a run has behind it; most tasks have nothing."""

    steps: dict[str, bytes] = field(default_factory=dict[str, bytes])
    signals: dict[str, bytes] = field(default_factory=dict[str, bytes])
    calls: dict[str, CallRow] = field(default_factory=dict[str, CallRow])


@dataclass(slots=True)
class _Kept:
    """One task's rows; its events by id, in order."""

    task: StoredTask
    events: dict[str, Event] = field(default_factory=dict[str, Event])
    journal: _Journal | None = None


class MemoryLedger:
    """Dictionaries that behave like the tables of `schema.sql`."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Kept] = {}
        self._messages: dict[tuple[str, str, str], str] = {}
        self._runs: dict[str, RunRow] = {}
        self._undo: list[Callable[[], object]] = []
        self._closed = False

    async def commit(self, *writes: Write) -> None:
        """Write one after the other; when one is refused, take back those before it."""
        if self._closed:
            raise Unavailable("the store is closed")
        try:
            for write in writes:
                self._apply(write)
        except BaseException:
            for take_back in reversed(self._undo):
                take_back()
            raise
        finally:
            self._undo.clear()

    def _apply(self, write: Write) -> None:  # noqa: C901 - one arm a write, nothing else
        match write:
            case CreateTask(record=record, message_id=message_id):
                self._create(record, message_id)
            case AddMessage(record=record, message_id=message_id):
                self._take(record, message_id)
            case MoveTask(record=record, expected_seq=expected, snapshot=snapshot):
                self._move(record, expected, snapshot)
            case AddEvents(task_id=task_id, events=events):
                self._append(self._tasks[task_id].events, events)
            case PutRun(run=run):
                self._put(self._runs, run.task_id, run)
            case ParkRun(task_id=task_id, waits_for=keys):
                self._park(task_id, keys)
            case EndRun(task_id=task_id):
                self._end(task_id)
            case PutSignal(task_id=task_id, key=key, value=value):
                self._put_first(self._journal(task_id).signals, key, value)
                self._set_state(task_id, RunState.PARKED, RunState.ACTIVE)
            case PutStep(task_id=task_id, key=key, result=result):
                self._put_first(self._journal(task_id).steps, key, result)
            case PutCall(call=call):
                self._put(self._journal(call.task_id).calls, call.key, call)
            case _:
                assert_never(write)

    def _put(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        if key in table:
            self._undo.append(partial(table.__setitem__, key, table[key]))
        else:
            self._undo.append(partial(table.pop, key))
        table[key] = value

    def _put_first(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        if key not in table:
            self._put(table, key, value)

    def _create(self, record: TaskRecord, message_id: str) -> None:
        self._take(record, message_id)
        if record.id in self._tasks:
            raise Conflict("the task exists")
        self._put(self._tasks, record.id, _Kept(StoredTask(record, None)))

    def _take(self, record: TaskRecord, message_id: str) -> None:
        key = (record.owner, record.agent, message_id)
        seen = self._messages.get(key)
        if seen is not None:
            raise MessageSeen(seen)
        self._put(self._messages, key, record.id)

    def _move(self, record: TaskRecord, expected: int, snapshot: bytes | None) -> None:
        kept = self._tasks.get(record.id)
        if kept is None or kept.task.record.seq != expected:
            raise Conflict("the task moved on")
        self._undo.append(partial(setattr, kept, "task", kept.task))
        kept.task = StoredTask(record, snapshot)

    def _append(self, kept: dict[str, Event], events: tuple[Event, ...]) -> None:
        for event in events:
            if event.seq != len(kept) + 1 or event.id in kept:
                raise Conflict("the event is there already")
            self._put(kept, event.id, event)

    def _end(self, task_id: str) -> None:
        run = self._runs.pop(task_id, None)
        if run is not None:
            self._undo.append(partial(self._runs.__setitem__, task_id, run))

    def _journal(self, task_id: str) -> _Journal:
        kept = self._tasks[task_id]
        if kept.journal is None:
            kept.journal = _Journal()
        return kept.journal

    def _park(self, task_id: str, keys: tuple[str, ...]) -> None:
        signals = self._journal(task_id).signals
        come = any(key in signals for key in keys)
        if not come:
            self._set_state(task_id, RunState.ACTIVE, RunState.PARKED)

    def _set_state(self, task_id: str, before: RunState, after: RunState) -> None:
        run = self._runs.get(task_id)
        if run is not None and run.state is before:
            self._put(self._runs, task_id, RunRow(task_id, run.agent, after, run.attempt))

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        kept = self._tasks.get(task_id)
        return None if kept is None else kept.task

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        kept = self._tasks.get(task_id)
        return [] if kept is None else list(islice(kept.events.values(), after, after + limit))

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        if task_id not in self._tasks:
            return Journal()
        journal, events = self._journal(task_id), self._tasks[task_id].events
        return Journal(
            dict(journal.steps), dict(journal.signals), dict(journal.calls), frozenset(events)
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
            kept.task.record for kept in self._tasks.values() if _matches(kept.task.record, query)
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
