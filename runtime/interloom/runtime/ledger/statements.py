"""What each write does to the tables; runs and their journals are in `run_statements`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final

import orjson

from interloom.runtime.core import questions
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.outbox import Progress
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.errors import Conflict
from interloom.runtime.ledger import run_statements
from interloom.runtime.ledger.columns import millis
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    CreateTask,
    DropPush,
    HoldRun,
    MessageSeen,
    MovePush,
    MoveTask,
    ParkRun,
    PushesFull,
    PutCall,
    PutPush,
    PutReply,
    PutRun,
    PutSignal,
    PutStep,
    ReleaseRun,
    Seen,
    TaskMoved,
    Write,
)

_STATUS: Final = (None, False, False)
"""The chunk of an event that changes the status."""

_NO_TASK: Final = 0
"""The number of no task."""
_COUNT: Final = (
    "INSERT INTO tally (owner, agent, state, tasks) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks"
)
_RECOUNT: Final = _COUNT.replace("(?, ?, ?, ?)", "(?, ?, ?, ?), (?, ?, ?, ?)")


def run_write(connection: sqlite3.Connection, write: Write) -> bool | None:
    """Carry out one write inside the transaction that is open; True when something is to be posted.

    Raises:
        Conflict: Its guard does not hold.
        sqlite3.Error: The file does not take it.
    """
    return _STATEMENTS[type(write)](connection, write)


def _create_task(connection: sqlite3.Connection, write: CreateTask) -> None:
    record = write.record
    try:
        created = connection.execute(
            "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq, asks, trace)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.id,
                record.owner,
                record.agent,
                record.context_id,
                record.state.value,
                millis(record.status_at),
                record.seq,
                _asks(record),
                _trace(record),
            ),
        )
    except sqlite3.IntegrityError:
        raise Conflict("the task exists") from None
    connection.execute(_COUNT, (record.owner, record.agent, record.state.value, 1))
    number = created.lastrowid
    _take(connection, number, record, write.message_id)
    _append(connection, number, write.events)


def _move_task(connection: sqlite3.Connection, write: MoveTask) -> bool:
    record = write.record
    found = connection.execute(
        "SELECT number, state, pushes FROM task WHERE id = ? AND seq = ?",
        (record.id, write.expected_seq),
    ).fetchone()
    if found is None:
        raise TaskMoved("the task moved on")
    number, before, pushes = found
    if before != record.state.value:
        agent = record.owner, record.agent
        connection.execute(_RECOUNT, (*agent, before, -1, *agent, record.state.value, 1))
    connection.execute(
        "UPDATE task SET state = ?, status_ms = ?, seq = ?, asks = ?, snapshot = ?"
        " WHERE number = ?",
        (
            record.state.value,
            millis(record.status_at),
            record.seq,
            _asks(record),
            write.snapshot,
            number,
        ),
    )
    _append(connection, number, write.events)
    if write.message_id:
        _take(connection, number, record, write.message_id)
    if record.state in TERMINAL:
        connection.execute("DELETE FROM run WHERE task = ?", (number,))
    return bool(pushes) and _make_due(connection, number, record)


def _make_due(connection: sqlite3.Connection, number: int, record: TaskRecord) -> bool:
    """Have a task's new events posted where it has configs; False where they wait for others."""
    made = connection.execute(
        f"UPDATE push SET due_ms = ?, worker = {run_statements.ME}"  # noqa: S608 - a constant
        " WHERE task = ? AND due_ms IS NULL AND stopped = '' AND done < ?",
        (millis(record.status_at), number, record.seq),
    )
    return made.rowcount > 0


def _asks(record: TaskRecord) -> bytes | None:
    return orjson.dumps(questions.dump(record.asks)) if record.asks else None


def _trace(record: TaskRecord) -> bytes | None:
    return None if record.trace is None else orjson.dumps(record.trace.carrier())


def _append(connection: sqlite3.Connection, number: int | None, events: tuple[Event, ...]) -> None:
    try:
        connection.executemany(
            "INSERT INTO event (task, seq, event_id, state, body, message, artifact, append, last)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (number, each.seq, each.id, each.state.value, each.body, each.message)
                + (_STATUS if each.chunk is None else each.chunk)
                for each in events
            ],
        )
    except sqlite3.IntegrityError:
        raise Conflict("the event is there already") from None


def _put_reply(connection: sqlite3.Connection, write: PutReply) -> None:
    owner, agent, message_id, reply = write
    _remember(connection, (owner, agent, message_id), _NO_TASK)
    connection.execute(
        "INSERT INTO reply (owner, agent, message_id, body) VALUES (?, ?, ?, ?)",
        (owner, agent, message_id, reply),
    )


def _take(
    connection: sqlite3.Connection, number: int | None, record: TaskRecord, message_id: str
) -> None:
    _remember(connection, (record.owner, record.agent, message_id), number)


def _remember(
    connection: sqlite3.Connection, key: tuple[str, str, str], number: int | None
) -> None:
    try:
        connection.execute(
            "INSERT INTO message (owner, agent, message_id, task) VALUES (?, ?, ?, ?)",
            (*key, number),
        )
    except sqlite3.IntegrityError:
        raise MessageSeen(seen(connection, *key) or Seen("")) from None


def seen(connection: sqlite3.Connection, owner: str, agent: str, message_id: str) -> Seen | None:
    """What became of a message, or None when it is new."""
    row = connection.execute(
        "SELECT coalesce(task.id, ''), reply.body FROM message"
        " LEFT JOIN task ON task.number = message.task"
        " LEFT JOIN reply USING (owner, agent, message_id)"
        " WHERE message.owner = ? AND message.agent = ? AND message.message_id = ?",
        (owner, agent, message_id),
    ).fetchone()
    return None if row is None else Seen(*row)


def _put_push(connection: sqlite3.Connection, write: PutPush) -> bool:
    row, progress = write.row, write.row.progress
    number = connection.execute("SELECT number FROM task WHERE id = ?", (row.task_id,)).fetchone()
    if number is None:
        return False
    connection.execute(
        "INSERT OR REPLACE INTO push"  # noqa: S608 - made of constants; values are bound
        " (task, id, host, body, done, attempts, due_ms, stopped, worker)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, {run_statements.ME})",
        (*number, row.id, row.host, row.body, *_progress(progress)),
    )
    if _count_pushes(connection, number[0]) > write.limit:
        raise PushesFull("the task has all the push configs it may have")
    return _is_due(connection, number[0], row.id)


def _drop_push(connection: sqlite3.Connection, write: DropPush) -> None:
    number = connection.execute("SELECT number FROM task WHERE id = ?", (write.task_id,)).fetchone()
    if number is not None:
        connection.execute("DELETE FROM push WHERE task = ? AND id = ?", (*number, write.push_id))
        _count_pushes(connection, number[0])


def _move_push(connection: sqlite3.Connection, write: MovePush) -> bool:
    row, lost = write.row, write.lost
    number = connection.execute(
        "UPDATE push SET done = ?, attempts = ?, due_ms = ?, stopped = ?"
        " WHERE task = (SELECT number FROM task WHERE task.id = ?) AND id = ?"
        " AND body = ? AND done = ? AND attempts = ? RETURNING task",
        (*_progress(write.progress), row.task_id, row.id, row.body, *row.progress[:2]),
    ).fetchone()
    if number is None:
        return False
    if lost is not None:
        connection.execute(
            "INSERT OR REPLACE INTO undelivered (task, push, seq, at_ms, reason)"
            " VALUES (?, ?, ?, ?, ?)",
            (*number, lost.push_id, lost.seq, millis(lost.at), lost.reason),
        )
    return _is_due(connection, number[0], row.id)


def _progress(progress: Progress) -> tuple[int, int, int | None, str]:
    done, attempts, due, stopped = progress
    return done, attempts, None if due is None else millis(due), stopped


def _is_due(connection: sqlite3.Connection, number: int, push_id: str) -> bool:
    """Whether a config is due; it is not where no event is left, or none is wanted any more."""
    cleared = connection.execute(
        "UPDATE push SET due_ms = NULL WHERE task = ? AND id = ?"
        " AND (stopped != '' OR done >= (SELECT seq FROM task WHERE number = push.task))",
        (number, push_id),
    )
    return cleared.rowcount == 0


def _count_pushes(connection: sqlite3.Connection, number: int) -> int:
    (count,) = connection.execute(
        "UPDATE task SET pushes = (SELECT count(*) FROM push WHERE task = number)"
        " WHERE number = ? RETURNING pushes",
        (number,),
    ).fetchone()
    return int(count)


# The key is the class of the value each function takes; `Any` because a dict cannot say so.
_STATEMENTS: Final[dict[type[Write], Callable[[sqlite3.Connection, Any], bool | None]]] = {
    CreateTask: _create_task,
    MoveTask: _move_task,
    PutReply: _put_reply,
    PutRun: run_statements.put_run,
    HoldRun: run_statements.hold_run,
    AdvanceRun: run_statements.advance_run,
    ParkRun: run_statements.park_run,
    ReleaseRun: run_statements.release_run,
    PutSignal: run_statements.put_signal,
    PutStep: run_statements.put_step,
    PutCall: run_statements.put_call,
    PutPush: _put_push,
    DropPush: _drop_push,
    MovePush: _move_push,
}
