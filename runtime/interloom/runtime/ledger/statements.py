"""What each write does to the tables; runs and their journals are in `run_statements`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import orjson

from interloom.runtime.core import questions
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.outbox import Progress
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.errors import Conflict
from interloom.runtime.ledger import run_statements
from interloom.runtime.ledger.blobs import REPLY, fit, keep
from interloom.runtime.ledger.columns import millis
from interloom.runtime.ledger.connection import Connection
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

# `Any` is the class of write that each function takes, as a mapping cannot say so.
Statement: TypeAlias = Callable[[Connection, Any], bool | None]
"""Carries out one write; True when something is to be posted."""

_STATUS: Final = (None, False, False)
"""The chunk of an event that changes the status."""

_NO_TASK: Final = 0
"""The number of no task."""
# Each process has rows of its own on PostgreSQL, where several would wait for each other at them.
COUNT: Final = (
    "INSERT INTO tally (owner, agent, state, tasks) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (owner, agent, state/*pg , slot*/) DO UPDATE"
    " SET tasks = tally.tasks + excluded.tasks"
)
_RECOUNT: Final = COUNT.replace("(?, ?, ?, ?)", "(?, ?, ?, ?), (?, ?, ?, ?)")

SEEN: Final = (
    "SELECT coalesce(task.id, ''), reply.body FROM message"
    " LEFT JOIN task ON task.number = message.task"
    " LEFT JOIN reply ON reply.owner = message.owner AND reply.agent = message.agent"
    " AND reply.message_id = message.message_id"
    " WHERE message.owner = ? AND message.agent = ? AND message.message_id = ?"
)
"""What became of a message: a row for `Seen`, or none."""


def run_write(connection: Connection, write: Write) -> bool | None:
    """Carry out one write inside the transaction that is open; True when something is to be posted.

    Nobody else may move the task meanwhile: SQLite locks the file, PostgreSQL the task's row.

    Raises:
        Conflict: Its guard does not hold.
        Exception: What the database says when it does not take it.
    """
    return STATEMENTS[type(write)](connection, write)


def _create_task(connection: Connection, write: CreateTask) -> None:
    record = write.record
    created = connection.execute(
        "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq, asks, trace)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING number",
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
    ).fetchone()
    if created is None:
        raise Conflict("the task exists")
    connection.execute(COUNT, (record.owner, record.agent, record.state.value, 1))
    _take(connection, created[0], record, write.message_id)
    _append(connection, created[0], write.events)


def _move_task(connection: Connection, write: MoveTask) -> bool:
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


def _make_due(connection: Connection, number: int, record: TaskRecord) -> bool:
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


def _append(connection: Connection, number: int, events: tuple[Event, ...]) -> None:
    if not events:
        return
    added = connection.executemany(
        "INSERT INTO event (task, seq, event_id, state, body, message, artifact, append, last)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (number, each.seq, each.id, each.state.value, *_kept(connection, number, each))
            + (_STATUS if each.chunk is None else each.chunk)
            for each in events
        ],
    )
    if added.rowcount < len(events):
        raise Conflict("the event is there already")


def _kept(connection: Connection, number: int, event: Event) -> tuple[bytes, bytes | None]:
    """What stands for an event's body and message."""
    body = keep(connection, event.id, event.body, task=number)
    if event.message is None:
        return body, None
    return body, keep(connection, event.id, event.message, task=number)


def _put_reply(connection: Connection, write: PutReply) -> None:
    owner, agent, message_id, reply = write
    _remember(connection, (owner, agent, message_id), _NO_TASK)
    connection.execute(
        "INSERT INTO reply (owner, agent, message_id, body, at_ms) VALUES (?, ?, ?, ?, now_ms())",
        (owner, agent, message_id, fit(REPLY, reply)),
    )


def _take(connection: Connection, number: int, record: TaskRecord, message_id: str) -> None:
    _remember(connection, (record.owner, record.agent, message_id), number)


def _remember(connection: Connection, key: tuple[str, str, str], number: int) -> None:
    added = connection.execute(
        "INSERT INTO message (owner, agent, message_id, task) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (*key, number),
    )
    if added.rowcount == 0:
        raise MessageSeen(seen(connection, *key) or Seen(""))


def seen(connection: Connection, owner: str, agent: str, message_id: str) -> Seen | None:
    """What became of a message, or None when it is new."""
    row = connection.execute(SEEN, (owner, agent, message_id)).fetchone()
    return None if row is None else Seen(*row)


def _put_push(connection: Connection, write: PutPush) -> bool:
    row, progress = write.row, write.row.progress
    number = connection.execute("SELECT number FROM task WHERE id = ?", (row.task_id,)).fetchone()
    if number is None:
        return False
    connection.execute(
        "INSERT INTO push (task, id, host, body, done, attempts, due_ms, stopped, worker)"  # noqa: S608
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, {run_statements.ME}) ON CONFLICT (task, id) DO UPDATE"
        " SET host = excluded.host, body = excluded.body, done = excluded.done,"
        " attempts = excluded.attempts, due_ms = excluded.due_ms, stopped = excluded.stopped,"
        " worker = excluded.worker",
        (*number, row.id, row.host, row.body, *_progress(progress)),
    )
    if _count_pushes(connection, number[0]) > write.limit:
        raise PushesFull("the task has all the push configs it may have")
    return _is_due(connection, number[0], row.id)


def _drop_push(connection: Connection, write: DropPush) -> None:
    number = connection.execute("SELECT number FROM task WHERE id = ?", (write.task_id,)).fetchone()
    if number is not None:
        connection.execute("DELETE FROM push WHERE task = ? AND id = ?", (*number, write.push_id))
        _count_pushes(connection, number[0])


def _move_push(connection: Connection, write: MovePush) -> bool:
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
            "INSERT INTO undelivered (task, push, seq, at_ms, reason) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (task, push, seq) DO UPDATE"
            " SET at_ms = excluded.at_ms, reason = excluded.reason",
            (*number, lost.push_id, lost.seq, millis(lost.at), lost.reason),
        )
    return _is_due(connection, number[0], row.id)


def _progress(progress: Progress) -> tuple[int, int, int | None, str]:
    done, attempts, due, stopped = progress
    return done, attempts, None if due is None else millis(due), stopped


def _is_due(connection: Connection, number: int, push_id: str) -> bool:
    """Whether a config is due; it is not where no event is left, or none is wanted any more."""
    cleared = connection.execute(
        "UPDATE push SET due_ms = NULL WHERE task = ? AND id = ?"
        " AND (stopped != '' OR done >= (SELECT seq FROM task WHERE number = push.task))",
        (number, push_id),
    )
    return cleared.rowcount == 0


def _count_pushes(connection: Connection, number: int) -> int:
    (count,) = connection.execute(
        "UPDATE task SET pushes = (SELECT count(*) FROM push WHERE task = number)"
        " WHERE number = ? RETURNING pushes",
        (number,),
    ).fetchone()
    return int(count)


STATEMENTS: Final[Mapping[type[Write], Statement]] = {
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
