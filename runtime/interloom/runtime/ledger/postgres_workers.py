"""Who works on a store of several hosts: a row for each process, and a lease for each run it has.

A process that says nothing for as long as a lease is taken for dead: its row is deleted by whoever
looks next, what it was to post is nobody's, and Absurd gives its runs to others as their leases
end. A run taken over has a new token, so whatever the old worker still writes for it is refused.

All times are the database's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import psycopg

from interloom.runtime.ledger import absurd
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.postgres_connection import Session
from interloom.runtime.ledger.prune import take_turn
from interloom.runtime.ledger.rows import Fenced, RunRow
from interloom.runtime.ledger.run_statements import ME, disown, run

TIDY_MS: Final = 60_000
"""Milliseconds between two times that what Absurd keeps of runs that are over is removed."""
KEPT_S: Final = 3600
"""Seconds it keeps them: ours say all there is to know."""
TIDIED: Final = 10_000
"""Rows of a queue removed at a time, at most: some hundred a second, for as long as need be."""

LOOK: Final = (
    "SELECT agent FROM (SELECT agent FROM run WHERE worker IS NULL AND state = 'active'"
    " UNION SELECT agent FROM run WHERE wake_ms <= (SELECT now_ms())) AS free"
    " WHERE agent = ANY(?)"
    " UNION ALL (SELECT NULL FROM worker WHERE name <> ? AND beat_ms < now_ms() - ? LIMIT 1)"
)
"""Those of some agents who have runs to be claimed, and NULL when another worker is dead."""
_BURY: Final = "DELETE FROM worker WHERE name <> ? AND beat_ms < now_ms() - ? RETURNING name"
_CLAIM: Final = (
    "SELECT run_id, task_id, (params ->> 'task')::bigint FROM absurd.claim_task(?, ?, ?, ?)"
)
_TAKE: Final = (
    "UPDATE run SET worker = ?, token = token + 1, attempt = attempt + 1, state = 'active',"
    " wake_ms = NULL, absurd_run = claimed.run"
    " FROM unnest(?::bigint[], ?::uuid[]) AS claimed (number, run), task"
    " WHERE run.task = claimed.number AND task.number = run.task"
    " RETURNING run.task, task.id, run.agent, run.state, attempt, worker, token"
)


def join(connection: Connection, worker: str, host: str) -> None:
    """Sign in, under a name that nobody had before."""
    connection.execute(
        "INSERT INTO worker (name, host, beat_ms) VALUES (?, ?, now_ms())", (worker, host)
    )


def bury(connection: Connection, worker: str, lease_ms: int) -> None:
    """Delete the rows of the other workers that are dead; inside a transaction of its own."""
    for (dead,) in connection.execute(_BURY, (worker, lease_ms)).fetchall():
        disown(connection, dead)


def leave(connection: Connection, worker: str) -> None:
    """Sign a worker out, and hand back its leases; inside a transaction."""
    held = connection.execute(
        "SELECT queue, absurd_run FROM run WHERE worker = ? ORDER BY absurd_run", (worker,)
    ).fetchall()
    for queue, absurd_run in held:
        connection.execute("SAVEPOINT lease")
        try:
            absurd.let_go(connection, queue, absurd_run)
        except Fenced:  # it ran out meanwhile
            connection.execute("ROLLBACK TO lease")
    connection.execute("DELETE FROM worker WHERE name = ?", (worker,))
    disown(connection, worker)


def is_member(connection: Connection, worker: str) -> bool:
    """Whether a worker is not taken for dead, nor will be until the end of the transaction."""
    sql = "SELECT 1 FROM worker WHERE name = ? FOR KEY SHARE"
    return connection.execute(sql, (worker,)).fetchone() is not None


def claim(
    connection: Connection, worker: str, agents: Collection[str], limit: int, lease_s: int
) -> list[RunRow]:
    """Take over runs that have something to do and nobody works on; inside a transaction."""
    taken: list[tuple[int, RunRow]] = []
    for agent in agents:
        if len(taken) == limit:
            break
        taken += _claim_of(connection, worker, agent, limit - len(taken), lease_s)
    return [row for _, row in sorted(taken)]


def _claim_of(
    connection: Connection, worker: str, agent: str, limit: int, lease_s: int
) -> list[tuple[int, RunRow]]:
    queue = absurd.queue_of(agent)
    claimed = connection.execute(_CLAIM, (queue, worker, lease_s, limit)).fetchall()
    if not claimed:
        return []
    runs, tasks, numbers = zip(*claimed, strict=True)
    # In a statement of its own: what the claim found may be newer than what its statement saw.
    found = connection.execute(_TAKE, (worker, list(numbers), list(runs))).fetchall()
    ours = {row[0] for row in found}
    for task, number in zip(tasks, numbers, strict=True):
        if number not in ours:  # nobody's run, so that it is not claimed again and again
            connection.execute("SELECT absurd.cancel_task(?, ?)", (queue, task))
    return [(row[0], run(row[1:])) for row in found]


def beat(connection: Connection, worker: str) -> bool:
    """Say that a worker is alive; False when it was taken for dead meanwhile."""
    sql = "UPDATE worker SET beat_ms = now_ms() WHERE name = ?"
    return connection.execute(sql, (worker,)).rowcount == 1


def renew(session: Session, worker: str, lease_s: int) -> None:
    """Renew a worker's leases, one by one.

    A run that ended, or went to others, meanwhile is passed over: it has told its worker, or will.
    """
    sql = "SELECT task, token, queue, absurd_run FROM run WHERE worker = ?"
    for task, token, queue, absurd_run in session.execute(sql, (worker,)).fetchall():
        try:
            with absurd.fenced():
                session.execute("SELECT absurd.extend_claim(?, ?, ?)", (queue, absurd_run, lease_s))
        except Fenced:
            session.execute(
                "UPDATE run SET worker = NULL WHERE task = ? AND token = ? AND worker = ?",
                (task, token, worker),
            )
        except psycopg.errors.LockNotAvailable:
            continue  # it is being written, which renews it too


def take_posts(connection: Connection) -> None:
    """Post what is nobody's to post; what another process is just about to take is left to it."""
    connection.execute(
        f"UPDATE push SET worker = {ME}"  # noqa: S608 - made of constants
        " WHERE (task, id) IN (SELECT task, id FROM push"
        " WHERE worker IS NULL AND due_ms IS NOT NULL FOR UPDATE SKIP LOCKED)"
    )


def tidy(session: Session) -> None:
    """Remove what Absurd keeps of runs that are over, now and then and in one process."""
    if not take_turn(session, "absurd", TIDY_MS):
        return
    sql = "SELECT queue_name FROM absurd.queues WHERE starts_with(queue_name, ?)"
    for (queue,) in session.execute(sql, (absurd.QUEUES,)).fetchall():
        session.execute("SELECT absurd.cleanup_tasks(?, ?, ?)", (queue, KEPT_S, TIDIED))
        session.execute("SELECT absurd.cleanup_events(?, ?, ?)", (queue, KEPT_S, TIDIED))
