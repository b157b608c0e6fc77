"""How a store in memory picks rows and sorts them, as the indexes of the others do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.ledger.rows import PushRow, RunRow, RunState


def taken(run: RunRow, worker: str) -> RunRow:
    """A run that a worker takes over, or that is let go on by nobody in particular."""
    token, attempt = run.token + 1, run.attempt + bool(worker)
    return run._replace(state=RunState.ACTIVE, worker=worker, token=token, attempt=attempt)


def has_come(alarm: datetime | None, now: datetime) -> bool:
    """Whether it is time for an alarm; there may be none."""
    return alarm is not None and alarm <= now


def turn(row: PushRow) -> tuple[datetime | None, str, str]:
    """What the outbox is ordered by."""
    return row.progress.due, row.task_id, row.id


def given_up(letter: Undelivered) -> tuple[datetime, str, str, int]:
    """What dead letters are ordered by."""
    return letter.at, letter.task_id, letter.push_id, letter.seq


def edge(record: TaskRecord) -> tuple[datetime, str]:
    """What a listing is ordered by."""
    return record.status_at, record.id


def matches(record: TaskRecord, query: Query) -> bool:
    """Whether a listing shows a task."""
    return (
        record.owner == query.owner
        and record.agent == query.agent
        and (not query.context_id or record.context_id == query.context_id)
        and (query.state is None or record.state is query.state)
        and (query.since is None or record.status_at >= query.since)
    )


def over(
    records: Iterable[TaskRecord], outbox: Iterable[tuple[str, str]], before: datetime
) -> list[str]:
    """Tasks that may be deleted: over since before a moment, and nothing left to be posted."""
    waiting = {task_id for task_id, _ in outbox}
    return [
        record.id
        for record in records
        if record.state in TERMINAL and record.status_at < before and record.id not in waiting
    ]


def answered(
    at: Mapping[tuple[str, str, str], datetime], before: datetime
) -> list[tuple[str, str, str]]:
    """Messages that were answered at once, before a moment."""
    return [key for key, moment in at.items() if moment < before]


def forget(tables: Iterable[dict[Any, Any]], keys: Collection[object]) -> None:
    """Delete rows from each table that has them."""
    for table in tables:
        for key in keys:
            table.pop(key, None)
