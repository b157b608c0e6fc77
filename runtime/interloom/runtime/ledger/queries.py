"""What is read, in SQL, and the values its rows make: one text for every SQL store.

Pages of tasks are in `pages`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, TypeAlias

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.ledger import columns, pages, run_statements
from interloom.runtime.ledger.blobs import whole
from interloom.runtime.ledger.connection import any_of
from interloom.runtime.ledger.rows import CallRow, CallState, Journal, RunRow, StoredTask

Query: TypeAlias = tuple[str, tuple[str | int | None, ...]]
"""SQL, and what goes where its `?` are."""

_BODY, _MESSAGE = whole("event.body"), whole("event.message")
TASK: Final = f"{pages.TASK} WHERE id = ?"
EVENTS: Final = (
    f"SELECT seq, event_id, state, {_BODY}, {_MESSAGE}, artifact, append, last"  # noqa: S608
    " FROM event"
    " WHERE task = (SELECT number FROM task WHERE id = ?) AND seq > ? ORDER BY seq LIMIT ?"
)
JOURNAL: Final = (
    "WITH chosen AS (SELECT number FROM task WHERE id = ?)"  # noqa: S608 - made of constants
    f" SELECT 'step', key, '', {whole('result')} FROM step JOIN chosen ON task = number"
    f" UNION ALL SELECT 'signal', key, '', {whole('value')} FROM signal"
    " JOIN chosen ON task = number"
    f" UNION ALL SELECT 'call', key, state, {whole('call.body')} FROM call"
    " JOIN chosen ON task = number"
    " UNION ALL SELECT 'event', event_id, '', NULL FROM event JOIN chosen ON task = number"
)
RUN: Final = f"{run_statements.RUN} WHERE task.id = ?"
RUNS: Final = f"{run_statements.RUN} ORDER BY task.number"
RUNS_OF: Final = f"{run_statements.RUN} WHERE worker = ? AND task.id = ANY(?) ORDER BY task.number"
"""Those of some tasks that a worker has, on PostgreSQL."""
_PUSH: Final = (
    "SELECT task.id, push.id, host, body, done, attempts, due_ms, stopped"
    " FROM push JOIN task ON task.number = push.task"
)
PUSHES: Final = f"{_PUSH} WHERE task.id = ? ORDER BY push.id"
UNDELIVERED: Final = (
    "SELECT task.id, push, undelivered.seq, at_ms, reason FROM undelivered"
    " JOIN task ON task.number = undelivered.task"
    " ORDER BY at_ms DESC, task.id DESC, push DESC, undelivered.seq DESC LIMIT ?"
)
FREE: Final = "SELECT 1 FROM push WHERE worker IS NULL AND due_ms IS NOT NULL LIMIT 1"
"""Whether something is to be posted that is nobody's."""


def outbox(worker: str | None, *, limit: int, without: Collection[str]) -> Query:
    """What a worker is to post, or, for None, what is nobody's."""
    whose = "worker IS NULL" if worker is None else "worker = ?"
    sql = (
        f"{_PUSH} WHERE due_ms IS NOT NULL AND {whose} AND host NOT IN {any_of(without)}"
        " ORDER BY due_ms, task.id, push.id LIMIT ?"
    )
    return sql, (*(() if worker is None else (worker,)), *without, limit)


def task(rows: Sequence[Any]) -> StoredTask | None:
    """From the rows of `TASK`."""
    return stored(rows[0]) if rows else None


def stored(row: Any) -> StoredTask:  # noqa: ANN401 - a row of `pages.TASK`
    """From one row of a page."""
    return StoredTask(columns.record(row), row[9])


def journal(task_id: str, rows: Sequence[Any], run: RunRow | None) -> Journal:
    """From the rows of `JOURNAL`."""
    of: dict[str, dict[str, Any]] = {"step": {}, "signal": {}, "call": {}, "event": {}}
    for kind, key, state, body in rows:
        of[kind][key] = CallRow(task_id, key, CallState(state), body) if state else body
    return Journal(of["step"], of["signal"], of["call"], frozenset(of["event"]), run)


def undelivered(row: tuple[str, str, int, int, str]) -> Undelivered:
    """From one row of `UNDELIVERED`."""
    task_id, push_id, seq, at_ms, reason = row
    return Undelivered(task_id, push_id, seq, columns.moment(at_ms), reason)
