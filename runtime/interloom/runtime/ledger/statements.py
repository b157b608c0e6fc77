"""What each write does to the tables of `schema.sql`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from interloom.runtime.core import questions
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.errors import Conflict
from interloom.runtime.ledger.rows import (
    AddEvents,
    AddMessage,
    CreateTask,
    EndRun,
    MessageSeen,
    MoveTask,
    ParkRun,
    PutCall,
    PutRun,
    PutSignal,
    PutStep,
    Write,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


_STATUS: Final = (None, False, False)
"""The chunk of an event that changes the status."""


def millis(moment: datetime) -> int:
    """Milliseconds since the epoch, the precision A2A asks for (5.6.1)."""
    return (moment - _EPOCH) // _MILLISECOND


def run_write(connection: sqlite3.Connection, write: Write) -> None:
    """Carry out one write inside the transaction that is open.

    Raises:
        Conflict: Its guard does not hold.
        sqlite3.Error: The file does not take it.
    """
    _STATEMENTS[type(write)](connection, write)


def _create_task(connection: sqlite3.Connection, write: CreateTask) -> None:
    record = write.record
    _message(connection, record, write.message_id)
    try:
        connection.execute(
            "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq, asks,"
            " trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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


def _move_task(connection: sqlite3.Connection, write: MoveTask) -> None:
    record = write.record
    moved = connection.execute(
        "UPDATE task SET state = ?, status_ms = ?, seq = ?, asks = ?, snapshot = ?"
        " WHERE id = ? AND seq = ?",
        (
            record.state.value,
            millis(record.status_at),
            record.seq,
            _asks(record),
            write.snapshot,
            record.id,
            write.expected_seq,
        ),
    )
    if moved.rowcount != 1:
        raise Conflict("the task moved on")


def _asks(record: TaskRecord) -> bytes | None:
    return orjson.dumps(questions.dump(record.asks)) if record.asks else None


def _trace(record: TaskRecord) -> bytes | None:
    return None if record.trace is None else orjson.dumps(record.trace.carrier())


def _add_events(connection: sqlite3.Connection, write: AddEvents) -> None:
    try:
        connection.executemany(
            "INSERT INTO event (task_id, seq, event_id, state, body, message, artifact, append,"
            " last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (write.task_id, each.seq, each.id, each.state.value, each.body, each.message)
                + (_STATUS if each.chunk is None else each.chunk)
                for each in write.events
            ],
        )
    except sqlite3.IntegrityError:
        raise Conflict("the event is there already") from None


def _add_message(connection: sqlite3.Connection, write: AddMessage) -> None:
    _message(connection, write.record, write.message_id)


def _message(connection: sqlite3.Connection, record: TaskRecord, message_id: str) -> None:
    key = (record.owner, record.agent, message_id)
    try:
        connection.execute(
            "INSERT INTO message (owner, agent, message_id, task_id) VALUES (?, ?, ?, ?)",
            (*key, record.id),
        )
    except sqlite3.IntegrityError:
        (seen,) = connection.execute(
            "SELECT task_id FROM message WHERE owner = ? AND agent = ? AND message_id = ?", key
        ).fetchone()
        raise MessageSeen(seen) from None


def _put_run(connection: sqlite3.Connection, write: PutRun) -> None:
    run = write.run
    connection.execute(
        "INSERT OR REPLACE INTO run (task_id, agent, state, attempt) VALUES (?, ?, ?, ?)",
        (run.task_id, run.agent, run.state.value, run.attempt),
    )


def _park_run(connection: sqlite3.Connection, write: ParkRun) -> None:
    connection.execute(
        "UPDATE run SET state = 'parked' WHERE task_id = ?1 AND NOT EXISTS (SELECT 1 FROM signal"
        " WHERE task_id = ?1 AND key IN (SELECT value FROM json_each(?2)))",
        (write.task_id, orjson.dumps(write.waits_for).decode()),
    )


def _end_run(connection: sqlite3.Connection, write: EndRun) -> None:
    connection.execute("DELETE FROM run WHERE task_id = ?", (write.task_id,))


def _put_signal(connection: sqlite3.Connection, write: PutSignal) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO signal (task_id, key, value) VALUES (?, ?, ?)",
        (write.task_id, write.key, write.value),
    )
    connection.execute(
        "UPDATE run SET state = 'active' WHERE task_id = ? AND state = 'parked'", (write.task_id,)
    )


def _put_step(connection: sqlite3.Connection, write: PutStep) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO step (task_id, key, result) VALUES (?, ?, ?)",
        (write.task_id, write.key, write.result),
    )


def _put_call(connection: sqlite3.Connection, write: PutCall) -> None:
    call = write.call
    connection.execute(
        "INSERT OR REPLACE INTO call (task_id, key, state, body) VALUES (?, ?, ?, ?)",
        (call.task_id, call.key, call.state.value, call.body),
    )


# The key is the class of the value each function takes; `Any` because a dict cannot say so.
_STATEMENTS: Final[dict[type[Write], Callable[[sqlite3.Connection, Any], None]]] = {
    CreateTask: _create_task,
    MoveTask: _move_task,
    AddEvents: _add_events,
    AddMessage: _add_message,
    PutRun: _put_run,
    ParkRun: _park_run,
    EndRun: _end_run,
    PutSignal: _put_signal,
    PutStep: _put_step,
    PutCall: _put_call,
}
