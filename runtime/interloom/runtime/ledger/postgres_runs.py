"""Who works on a run, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from interloom.runtime.ledger import run_statements
from interloom.runtime.ledger.connection import Connection, any_of
from interloom.runtime.ledger.rows import ParkRun, RunRow, Write
from interloom.runtime.ledger.statements import STATEMENTS, Statement


def park_run(connection: Connection, write: ParkRun) -> None:
    """See `ParkRun`."""
    wait_ms = None if write.wake_in_s is None else int(write.wake_in_s * 1000)
    connection.execute(
        "UPDATE run SET worker = NULL, attempt = 0,"  # noqa: S608
        " state = CASE WHEN EXISTS (SELECT 1 FROM signal"
        f" WHERE signal.task = run.task AND key IN {any_of(write.waits_for)})"
        " THEN 'active' ELSE 'parked' END, wake_ms = now_ms() + ?"
        " WHERE task = (SELECT number FROM task WHERE id = ?)",
        (*write.waits_for, wait_ms, write.task_id),
    )


def claim(connection: Connection, worker: str, agents: Collection[str], limit: int) -> list[RunRow]:
    """Take over runs that have something to do and nobody works on; inside a transaction."""
    taken = connection.execute(
        "UPDATE run SET worker = ?, token = token + 1, attempt = attempt + 1,"  # noqa: S608
        " state = 'active', wake_ms = NULL"
        " WHERE task IN (SELECT task FROM run WHERE worker IS NULL AND (state = 'active'"
        f" OR wake_ms <= now_ms()) AND agent IN {any_of(agents)}"
        " ORDER BY task LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING task",
        (worker, *agents, limit),
    ).fetchall()
    numbers = [number for (number,) in taken]
    rows = connection.execute(
        f"{run_statements.RUN} WHERE run.task = ANY(?) ORDER BY run.task", (numbers,)
    ).fetchall()
    return [run_statements.run(row) for row in rows]


def join(connection: Connection, worker: str) -> None:
    """Sign a worker in."""
    connection.execute("INSERT INTO worker (name, beat_ms) VALUES (?, now_ms())", (worker,))


def beat(connection: Connection, worker: str) -> bool:
    """Say that a worker is alive; False when it was taken for dead meanwhile."""
    sql = "UPDATE worker SET beat_ms = now_ms() WHERE name = ?"
    return connection.execute(sql, (worker,)).rowcount == 1


def leave(connection: Connection, worker: str) -> None:
    """Let go of what a worker held; its runs and posts are nobody's from now on."""
    connection.execute("DELETE FROM worker WHERE name = ?", (worker,))
    connection.execute("UPDATE run SET worker = NULL WHERE worker = ?", (worker,))
    connection.execute(
        "UPDATE push SET worker = NULL WHERE due_ms IS NOT NULL AND worker = ?", (worker,)
    )


def take_posts(connection: Connection) -> None:
    """Post what is nobody's to post; what another process is just about to take is left to it."""
    connection.execute(
        f"UPDATE push SET worker = {run_statements.ME}"  # noqa: S608 - made of constants
        " WHERE (task, id) IN (SELECT task, id FROM push"
        " WHERE worker IS NULL AND due_ms IS NOT NULL FOR UPDATE SKIP LOCKED)"
    )


RUN_STATEMENTS: Final[Mapping[type[Write], Statement]] = {**STATEMENTS, ParkRun: park_run}
"""What each write does here."""
