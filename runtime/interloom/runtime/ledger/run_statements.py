"""What each write does to the rows of runs and their journals.

A row of a task that is not there is not written: statements take the task's number from its row.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.ledger.blobs import keep
from interloom.runtime.ledger.columns import among
from interloom.runtime.ledger.connection import Connection, any_of
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    Fenced,
    HoldRun,
    ParkRun,
    PutCall,
    PutRun,
    PutSignal,
    PutStep,
    ReleaseRun,
    RunRow,
    RunState,
)
from interloom.runtime.ledger.sqlite_file import NOW_MS

RUN: Final = (
    "SELECT task.id, run.agent, run.state, attempt, coalesce(worker, ''), token FROM run"
    " JOIN task ON task.number = run.task"
)
"""A query for runs, to be completed; `run` reads its rows."""

# Made of constants; values are bound.
_ALIVE: Final = "(SELECT name FROM worker WHERE name = ?)"
"""A worker's name, or NULL once it was taken for dead: it may not know yet, and holds nothing."""
ME: Final = _ALIVE.replace("?", "me()")
"""The same of this process's own name."""
_PUT_RUN: Final = (
    "INSERT INTO run (task, agent, state, attempt, worker, token)"  # noqa: S608
    f" SELECT number, ?, ?, ?, {_ALIVE}, ? FROM task"
    f" WHERE id = ? AND state NOT IN {among(TERMINAL)}"
    " ON CONFLICT (task) DO UPDATE SET agent = excluded.agent, state = excluded.state,"
    " attempt = excluded.attempt, worker = excluded.worker, token = excluded.token, wake_ms = NULL"
)
_OF: Final = "task = (SELECT number FROM task WHERE id = ?)"
FREE: Final = "SELECT 1 FROM run WHERE worker IS NULL AND state = 'active' LIMIT 1"
"""A query for whether there is a run to be claimed, of whatever agent."""


def run(row: tuple[str, str, str, int, str, int]) -> RunRow:
    """A run as read by `RUN`."""
    task_id, agent, state, attempt, worker, token = row
    return RunRow(task_id, agent, RunState(state), attempt, worker, token)


def is_any_free(connection: Connection, agents: Collection[str]) -> bool:
    """Whether there is a run that could be claimed."""
    found = connection.execute(
        "SELECT 1 FROM (SELECT agent FROM run WHERE worker IS NULL AND state = 'active'"  # noqa: S608
        f" UNION ALL SELECT agent FROM run WHERE wake_ms <= {NOW_MS})"
        f" WHERE agent IN {any_of(agents)} LIMIT 1",
        (*agents,),
    )
    return found.fetchone() is not None


def claim(connection: Connection, worker: str, agents: Collection[str], limit: int) -> list[RunRow]:
    """Take over runs that have something to do and nobody works on; inside a transaction."""
    taken = connection.execute(
        "UPDATE run SET worker = ?, token = token + 1, attempt = attempt + 1,"  # noqa: S608
        " state = 'active', wake_ms = NULL"
        " WHERE task IN (SELECT task FROM run WHERE worker IS NULL AND (state = 'active'"
        f" OR wake_ms <= {NOW_MS}) AND agent IN {any_of(agents)}"
        " ORDER BY task LIMIT ?) RETURNING task",
        (worker, *agents, limit),
    ).fetchall()
    found: list[Any] = []
    for number in taken:
        found += connection.execute(f"{RUN} WHERE run.task = ?", number).fetchall()
    return [run(row) for row in found]


def disown(connection: Connection, worker: str) -> None:
    """Have the runs and posts of a worker be nobody's from now on."""
    connection.execute("UPDATE run SET worker = NULL WHERE worker = ?", (worker,))
    connection.execute(
        "UPDATE push SET worker = NULL WHERE due_ms IS NOT NULL AND worker = ?", (worker,)
    )


def put_run(connection: Connection, write: PutRun) -> None:
    """See `PutRun`."""
    task_id, agent, state, attempt, worker, token = write
    connection.execute(_PUT_RUN, (agent, state.value, attempt, worker, token, task_id))


def hold_run(connection: Connection, write: HoldRun) -> None:
    """See `HoldRun`.

    Raises:
        Fenced: The run is another process's.
    """
    sql = f"SELECT 1 FROM run WHERE {_OF} AND token = ?"  # noqa: S608
    if connection.execute(sql, write).fetchone() is None:
        raise Fenced("the run is another process's")


def advance_run(connection: Connection, write: AdvanceRun) -> None:
    """See `AdvanceRun`."""
    sql = f"UPDATE run SET attempt = ? WHERE {_OF}"  # noqa: S608
    connection.execute(sql, (write.attempt, write.task_id))


def park_run(connection: Connection, write: ParkRun) -> None:
    """See `ParkRun`."""
    wait_ms = None if write.wake_in_s is None else int(write.wake_in_s * 1000)
    connection.execute(
        "UPDATE run SET worker = NULL, attempt = 0,"  # noqa: S608
        " state = CASE WHEN EXISTS (SELECT 1 FROM signal"
        f" WHERE signal.task = run.task AND key IN {any_of(write.waits_for)})"
        f" THEN 'active' ELSE 'parked' END, wake_ms = {NOW_MS} + ? WHERE {_OF}",
        (*write.waits_for, wait_ms, write.task_id),
    )


def release_run(connection: Connection, write: ReleaseRun) -> None:
    """See `ReleaseRun`."""
    sql = f"UPDATE run SET worker = NULL, state = 'active' WHERE {_OF}"  # noqa: S608
    connection.execute(sql, write)


def keep_signal(connection: Connection, write: PutSignal) -> None:
    """Store what a run waits for; the first value under a key stands."""
    value = keep(connection, write.key, write.value, task=write.task_id)
    connection.execute(
        "INSERT INTO signal (task, key, value)"
        " SELECT number, ?, ? FROM task WHERE id = ? ON CONFLICT DO NOTHING",
        (write.key, value, write.task_id),
    )


def put_signal(connection: Connection, write: PutSignal) -> None:
    """See `PutSignal`."""
    keep_signal(connection, write)
    connection.execute(
        f"UPDATE run SET state = 'active', worker = {_ALIVE}, token = token + 1, wake_ms = NULL,"  # noqa: S608
        f" attempt = attempt + ? WHERE state = 'parked' AND {_OF}",
        (write.worker, int(bool(write.worker)), write.task_id),
    )


def put_step(connection: Connection, write: PutStep) -> None:
    """See `PutStep`."""
    connection.execute(
        "INSERT INTO step (task, key, result)"
        " SELECT number, ?, ? FROM task WHERE id = ? ON CONFLICT DO NOTHING",
        (write.key, keep(connection, write.key, write.result, task=write.task_id), write.task_id),
    )


def put_call(connection: Connection, write: PutCall) -> None:
    """See `PutCall`."""
    call = write.call
    body = keep(connection, call.key, call.body, task=call.task_id)
    connection.execute(
        "INSERT INTO call (task, key, state, body) SELECT number, ?, ?, ? FROM task WHERE id = ?"
        " ON CONFLICT (task, key) DO UPDATE SET state = excluded.state, body = excluded.body",
        (call.key, call.state.value, body, call.task_id),
    )
