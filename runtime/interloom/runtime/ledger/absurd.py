"""Who works on a run, on PostgreSQL: each run is a task of Absurd's, and its functions decide.

Absurd has the lease, the attempt and what a run sleeps for; our row of the run has its token, and
the two change in one transaction. Rows are locked in one order, so that nobody waits in a circle:
the task's (`postgres_writer`), then Absurd's, then the run's.

A parked run sleeps until its bell rings. Bells are never rung twice, so each parking has its own.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Final
from uuid import UUID

import psycopg

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.ledger.columns import among
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.postgres_schema import LOCK
from interloom.runtime.ledger.rows import (
    Fenced,
    HoldRun,
    MoveTask,
    ParkRun,
    PutRun,
    PutSignal,
    ReleaseRun,
    Write,
)
from interloom.runtime.ledger.run_statements import keep_signal
from interloom.runtime.ledger.statements import STATEMENTS, Statement
from interloom.runtime.model import TaskState

QUEUES: Final = "interloom:"
"""What the names of our queues begin with; others' may be beside them."""
LOCK_QUEUES: Final = (LOCK, -1)
"""The advisory lock of who makes queues."""
_MAX_QUEUE_BYTES: Final = 57
"""Of a queue's name: its tables are named after it (Absurd, `validate_queue_name`)."""
_MAX_WAIT_S: Final = 2_000_000_000
"""Longest time Absurd waits for a bell: its whole numbers have 32 bits."""
_OTHERS: Final = frozenset({"AB001", "AB002", "P0001"})
"""SQLSTATEs of what Absurd says when a run is not at work: cancelled, taken over, anything else."""

_QUEUE: Final = "SELECT 1 FROM absurd.queues WHERE queue_name = ?"
# Made of constants; values are bound.
_OF: Final = "FROM run JOIN task ON task.number = run.task WHERE task.id = ?"
_PUT: Final = (
    "INSERT INTO run (task, agent, state, attempt, token, queue, absurd_task, absurd_run)"  # noqa: S608
    " SELECT number, ?, 'active', ?, ?, ?, spawned.task_id, spawned.run_id"
    " FROM task, absurd.spawn_task(?, ?, jsonb_build_object('task', number),"
    " jsonb_build_object('idempotency_key', id)) AS spawned"
    f" WHERE task.id = ? AND task.state NOT IN {among(TERMINAL)}"
    " ON CONFLICT (task) DO UPDATE SET attempt = excluded.attempt"
)
# The row is locked last, and looked at as it is then: `extend_claim` may have waited for others.
_HOLD: Final = (
    "WITH held AS MATERIALIZED (SELECT run.task,"  # noqa: S608
    f" absurd.extend_claim(queue, absurd_run, ?) {_OF} AND token = ?)"
    " SELECT 1 FROM run WHERE task = (SELECT task FROM held) AND token = ? FOR UPDATE"
)
_AT_WORK: Final = (
    "SELECT run.task, queue, absurd_task, absurd_run, token, EXISTS (SELECT 1 FROM signal"  # noqa: S608
    f" WHERE signal.task = run.task AND key = ANY(?)) {_OF} AND worker IS NOT NULL"
)
_AWAIT: Final = "SELECT absurd.await_event(?, ?, ?, ?, ?, ?)"
_PARKED: Final = (
    "UPDATE run SET worker = NULL, attempt = 0, state = 'parked', wake_ms = now_ms() + ?"
    " WHERE task = ?"
)
_WOKEN: Final = (
    "UPDATE run SET state = 'active', wake_ms = NULL WHERE task = ? AND token = ?"
    " AND state = 'parked'"
)


def queue_of(agent: str) -> str:
    """The queue of an agent's runs."""
    queue = f"{QUEUES}{agent}"
    if len(queue.encode()) <= _MAX_QUEUE_BYTES:
        return queue
    return f"{QUEUES}{sha256(agent.encode()).hexdigest()[:32]}"


def bell(number: int, token: int) -> str:
    """What wakes a run of a task that was parked while it had that token."""
    return f"{number}/{token}"


@contextmanager
def fenced() -> Generator[None]:
    """Say of a run that is not at work that it is another process's.

    Raises:
        Fenced: Absurd says so.
    """
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate in _OTHERS:
            raise Fenced("the run is another process's") from error
        raise


def make_queue(connection: Connection, agent: str) -> None:
    """Have a queue for an agent's runs; inside a transaction."""
    queue = queue_of(agent)
    if connection.execute(_QUEUE, (queue,)).fetchone() is None:
        # Two that make the same tables at once would get in each other's way.
        connection.execute("SELECT pg_advisory_xact_lock(?, ?)", LOCK_QUEUES)
        connection.execute("SELECT absurd.create_queue(?)", (queue,))


def put_run(connection: Connection, write: PutRun) -> None:
    """See `PutRun`; the run is nobody's, whomever it names."""
    queue = queue_of(write.agent)
    begun = write.agent, write.attempt, write.token
    connection.execute(_PUT, (*begun, queue, queue, write.agent, write.task_id))


def hold_run(lease_s: int, connection: Connection, write: HoldRun) -> None:
    """See `HoldRun`; its lease begins anew.

    Raises:
        Fenced: The run is another process's.
    """
    with fenced():
        held = connection.execute(_HOLD, (lease_s, *write, write.token)).fetchone()
    if held is None:
        raise Fenced("the run is another process's")


def park_run(connection: Connection, write: ParkRun) -> None:
    """See `ParkRun`.

    Raises:
        Fenced: The run is another process's.
    """
    row = connection.execute(_AT_WORK, (list(write.waits_for), write.task_id)).fetchone()
    if row is None:
        return
    number, queue, task, run, token, has_come = row
    if has_come:
        let_go(connection, queue, run)
        connection.execute("UPDATE run SET worker = NULL, attempt = 0 WHERE task = ?", (number,))
        return
    wait_s = None if write.wake_in_s is None else min(math.ceil(write.wake_in_s), _MAX_WAIT_S)
    name = bell(number, token)
    with fenced():
        connection.execute(_AWAIT, (queue, task, run, name, name, wait_s))
    connection.execute(_PARKED, (None if wait_s is None else 1000 * wait_s, number))


def release_run(connection: Connection, write: ReleaseRun) -> None:
    """See `ReleaseRun`.

    Raises:
        Fenced: The run is another process's.
    """
    row = connection.execute(_AT_WORK, ([], write.task_id)).fetchone()
    if row is not None:
        number, queue, _, run, *_ = row
        let_go(connection, queue, run)
        connection.execute("UPDATE run SET worker = NULL WHERE task = ?", (number,))


def let_go(connection: Connection, queue: str, run: UUID) -> None:
    """Hand a lease back, for whoever claims the run.

    Raises:
        Fenced: The run is another process's.
    """
    with fenced():
        connection.execute("SELECT absurd.schedule_run(?, ?, clock_timestamp())", (queue, run))


def put_signal(connection: Connection, write: PutSignal) -> None:
    """See `PutSignal`; whoever claims a run that is woken has it."""
    keep_signal(connection, write)
    parked = connection.execute(
        f"SELECT run.task, token, queue {_OF} AND run.state = 'parked'",
        (write.task_id,),
    ).fetchone()
    if parked is not None:
        number, token, queue = parked
        connection.execute("SELECT absurd.emit_event(?, ?)", (queue, bell(number, token)))
        connection.execute(_WOKEN, (number, token))


def move_task(connection: Connection, write: MoveTask) -> bool | None:
    """See `MoveTask`; a task that is over is over for Absurd too."""
    if write.record.state in TERMINAL:
        _end_run(connection, write)
    return STATEMENTS[MoveTask](connection, write)


def _end_run(connection: Connection, write: MoveTask) -> None:
    row = connection.execute(
        f"SELECT queue, absurd_task, absurd_run, worker {_OF}",
        (write.record.id,),
    ).fetchone()
    if row is None:
        return
    queue, task, run, worker = row
    if worker is None or write.record.state is TaskState.CANCELED:
        connection.execute("SELECT absurd.cancel_task(?, ?)", (queue, task))
        return
    with fenced():
        connection.execute("SELECT absurd.complete_run(?, ?)", (queue, run))


def run_statements(lease_s: int) -> Mapping[type[Write], Statement]:
    """What each write does, with leases of so many seconds."""
    return {
        **STATEMENTS,
        MoveTask: move_task,
        PutRun: put_run,
        HoldRun: partial(hold_run, lease_s),
        ParkRun: park_run,
        ReleaseRun: release_run,
        PutSignal: put_signal,
    }
