"""A store as simple as it can be: a few dictionaries of values, copied before every change."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    CallRow,
    CreateTask,
    DropPush,
    HoldRun,
    Journal,
    MovePush,
    MoveTask,
    ParkRun,
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
    Write,
)


class Refused(Exception):
    """A guard does not hold; `seen` is what became of a repeated message."""

    def __init__(self, seen: Seen | None = None) -> None:
        super().__init__(seen)
        self.seen = seen


@dataclass
class Model:
    """What a store should hold."""

    tasks: dict[str, StoredTask] = field(default_factory=dict[str, StoredTask])
    messages: dict[tuple[str, str, str], Seen] = field(
        default_factory=dict[tuple[str, str, str], Seen]
    )
    events: dict[str, tuple[Event, ...]] = field(default_factory=dict[str, tuple[Event, ...]])
    runs: dict[str, RunRow] = field(default_factory=dict[str, RunRow])
    steps: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    signals: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    calls: dict[tuple[str, str], CallRow] = field(default_factory=dict[tuple[str, str], CallRow])

    pushes: dict[tuple[str, str], PushRow] = field(default_factory=dict[tuple[str, str], PushRow])
    undelivered: dict[tuple[str, str, int], Undelivered] = field(
        default_factory=dict[tuple[str, str, int], Undelivered]
    )

    def after(self, writes: list[Write]) -> Model:
        """The store after a transaction; raises `Refused` when it must not take place."""
        changed = Model(**{name: copy(table) for name, table in vars(self).items()})
        for write in writes:
            changed.write(write)
        return changed

    def write(self, write: Write) -> None:
        match write:
            case CreateTask(record=record, message_id=message_id, events=events):
                if record.id in self.tasks:
                    raise Refused
                self._take(record, message_id)
                self.tasks[record.id] = StoredTask(record, None)
                self.events[record.id] = ()
                self._append(record.id, events)
            case MoveTask():
                self._move(write)
            case PutReply(owner, agent, message_id, reply):
                self._remember((owner, agent, message_id), Seen("", reply))
            case PutPush() | DropPush() | MovePush():
                self._write_push(write)
            case _:
                self._write_run(write)

    def _move(self, write: MoveTask) -> None:
        record = write.record
        if record.id not in self.tasks or self.tasks[record.id].record.seq != write.expected_seq:
            raise Refused
        self._append(record.id, write.events)
        if write.message_id:
            self._take(record, write.message_id)
        self.tasks[record.id] = StoredTask(record, write.snapshot)
        if record.state in TERMINAL:
            self.runs.pop(record.id, None)
        for row in self.all_pushes(record.id):
            if row.progress.due is None:
                self._store(row, row.progress._replace(due=record.status_at))

    def _write_push(self, write: PutPush | DropPush | MovePush) -> None:
        match write:
            case PutPush(row=row, limit=limit):
                others = [each for each in self.all_pushes(row.task_id) if each.id != row.id]
                if len(others) >= limit:
                    raise Refused
                self._store(row, row.progress)
            case DropPush(task_id=task_id, push_id=push_id):
                self.pushes.pop((task_id, push_id), None)
            case MovePush(row=row, progress=progress, lost=lost):
                found = self.pushes.get((row.task_id, row.id))
                if found and found.body == row.body and found.progress[:2] == row.progress[:2]:
                    self._store(row, progress)
                    if lost:
                        self.undelivered[lost[:3]] = lost

    def _store(self, row: PushRow, progress: Progress) -> None:
        if progress.stopped or progress.done >= self.tasks[row.task_id].record.seq:
            progress = progress._replace(due=None)
        self.pushes[row.task_id, row.id] = replace(row, progress=progress)

    def _write_run(
        self,
        write: PutRun | HoldRun | AdvanceRun | ParkRun | ReleaseRun | PutSignal | PutStep | PutCall,
    ) -> None:
        match write:
            case PutRun(task_id=task_id):
                if self.tasks[task_id].record.state not in TERMINAL:
                    self.runs[task_id] = RunRow(*write)
            case HoldRun(task_id=task_id, token=token):
                if task_id not in self.runs or self.runs[task_id].token != token:
                    raise Refused
            case AdvanceRun(task_id=task_id, attempt=attempt):
                self._change(task_id, lambda run: run._replace(attempt=attempt))
            case ParkRun() | ReleaseRun():
                self._let_go(write)
            case _:
                self._write_journal(write)

    def _let_go(self, write: ParkRun | ReleaseRun) -> None:
        keys = write.waits_for if isinstance(write, ParkRun) else ()
        has_come = any((write.task_id, key) in self.signals for key in keys)
        is_parked = isinstance(write, ParkRun) and not has_come
        state = RunState.PARKED if is_parked else RunState.ACTIVE

        def let_go(run: RunRow) -> RunRow:
            attempt = 0 if isinstance(write, ParkRun) else run.attempt
            return run._replace(state=state, worker="", attempt=attempt)

        self._change(write.task_id, let_go)

    def _wake(self, task_id: str, worker: str) -> None:
        def taken(run: RunRow) -> RunRow:
            if run.state is RunState.ACTIVE:
                return run
            token, attempt = run.token + 1, run.attempt + bool(worker)
            return run._replace(state=RunState.ACTIVE, worker=worker, token=token, attempt=attempt)

        self._change(task_id, taken)

    def _write_journal(self, write: PutSignal | PutStep | PutCall) -> None:
        match write:
            case PutSignal(task_id=task_id, key=key, value=value, worker=worker):
                self.signals.setdefault((task_id, key), value)
                self._wake(task_id, worker)
            case PutStep(task_id=task_id, key=key, result=result):
                self.steps.setdefault((task_id, key), result)
            case PutCall(call=call):
                self.calls[call.task_id, call.key] = call

    def _take(self, record: TaskRecord, message_id: str) -> None:
        self._remember((record.owner, record.agent, message_id), Seen(record.id))

    def _remember(self, key: tuple[str, str, str], became: Seen) -> None:
        if key in self.messages:
            raise Refused(self.messages[key])
        self.messages[key] = became

    def _append(self, task_id: str, added: tuple[Event, ...]) -> None:
        for each in added:
            ids = [known.id for known in self.events[task_id]]
            if each.seq <= len(ids) or each.id in ids:
                raise Refused
            self.events[task_id] += (each,)

    def _change(self, task_id: str, change: Callable[[RunRow], RunRow]) -> None:
        if task_id in self.runs:
            self.runs[task_id] = change(self.runs[task_id])

    def all_pushes(self, task_id: str) -> list[PushRow]:
        return [row for key, row in sorted(self.pushes.items()) if key[0] == task_id]

    def outbox(self, *without: str) -> list[PushRow]:
        """Everything that is to be posted, the earliest first."""
        due = [
            (row.progress.due, key, row)
            for key, row in sorted(self.pushes.items())
            if row.progress.due is not None and row.host not in without
        ]
        return [row for *_, row in sorted(due, key=lambda each: each[:2])]

    def given_up(self) -> list[Undelivered]:
        return sorted(
            self.undelivered.values(), key=lambda each: (each.at, *each[:3]), reverse=True
        )

    def journal(self, task_id: str) -> Journal:
        return Journal(
            {key: value for (task, key), value in self.steps.items() if task == task_id},
            {key: value for (task, key), value in self.signals.items() if task == task_id},
            {key: value for (task, key), value in self.calls.items() if task == task_id},
            frozenset(each.id for each in self.events.get(task_id, ())),
            self.runs.get(task_id),
        )

    def all_runs(self) -> list[RunRow]:
        return [self.runs[task_id] for task_id in self.tasks if task_id in self.runs]

    def listed(self, query: Query) -> list[StoredTask]:
        """Every task the query is about, newest first; no page is cut."""
        found = [
            each
            for each in self.tasks.values()
            if (each.record.owner, each.record.agent) == (query.owner, query.agent)
            and query.context_id in {"", each.record.context_id}
            and query.state in {None, each.record.state}
            and (query.since is None or query.since <= each.record.status_at)
        ]
        return sorted(found, key=edge, reverse=True)


def edge(stored: StoredTask) -> tuple[datetime, str]:
    """What a listing is ordered by."""
    return stored.record.status_at, stored.record.id
