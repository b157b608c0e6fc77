"""What is over is deleted: a task with all that belongs to it, and messages answered at once.

Found by one statement and deleted by others, so that finding them holds nobody up. A task that is
over stays as it is, so what was found can only have been deleted meanwhile, by another process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Any, Final, NamedTuple

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.ledger import blobs
from interloom.runtime.ledger.columns import among
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.rows import Pruned
from interloom.runtime.ledger.statements import COUNT

MAX_EVENTS: Final = 5000
"""Events deleted in one transaction, or those of one task where it has more."""

# Made of constants; values are bound.
_FINISHED: Final = (
    " FROM (SELECT owner, agent, state FROM tally"  # noqa: S608
    f" WHERE state IN {among(TERMINAL)} GROUP BY owner, agent, state HAVING sum(tasks) > 0) AS kind"
    " CROSS JOIN task"  # SQLite takes them in this order, and so each of them by its index
    " WHERE task.owner = kind.owner AND task.agent = kind.agent AND task.state = kind.state"
    " AND task.status_ms < ? AND NOT EXISTS"  # what is to be posted yet is posted first
    " (SELECT 1 FROM push WHERE push.task = task.number AND push.due_ms IS NOT NULL)"
)
FINISHED: Final = f"SELECT task.id, number, task.owner, task.agent, task.state, seq{_FINISHED}"
"""Tasks that are over since before a moment, in milliseconds: rows for `Finished`."""
COUNT_FINISHED: Final = (
    f"SELECT (SELECT count(*){_FINISHED}),"  # noqa: S608 - as above
    " (SELECT count(*) FROM reply WHERE at_ms < ?)"
)
"""How many there are, and how many replies that old."""
_FORGET: Final = (
    "DELETE FROM reply WHERE (owner, agent, message_id) IN"
    " (SELECT owner, agent, message_id FROM reply WHERE at_ms < ? ORDER BY at_ms LIMIT ?)"
    " RETURNING owner, agent, message_id"
)
_TURN: Final = (
    "INSERT INTO chore (name, next_ms) VALUES (?, now_ms() + ?) ON CONFLICT (name) DO UPDATE"
    " SET next_ms = excluded.next_ms WHERE chore.next_ms <= now_ms() RETURNING name"
)
_TABLES: Final = ("event", "message", "step", "signal", "call", "push", "undelivered")
"""Where a task has rows, beside its own; one that is over has no run."""


class Finished(NamedTuple):
    """A task that is over.

    Attributes:
        id: Its id.
        number: What its rows belong to; given to another task once it is gone.
        owner: Whose it is.
        agent: Who worked on it.
        state: How it ended.
        events: How many it has.
    """

    id: str
    number: int
    owner: str
    agent: str
    state: str
    events: int


def batch(rows: Iterable[Any]) -> list[Finished]:
    """As many of the tasks that were found as one transaction may delete; at least one."""
    found = [Finished(*row) for row in rows]
    sums = accumulate(each.events for each in found)
    fitting = sum(1 for _ in takewhile(lambda total: total <= MAX_EVENTS, sums))
    return found[: max(fitting, 1)]


def prune(
    connection: Connection, finished: Sequence[Finished], before_ms: int, limit: int
) -> Pruned:
    """Delete tasks that were found, and replies from before a moment; inside a transaction."""
    tasks = [each for each in finished if _delete(connection, each)]
    if tasks:
        for table in _TABLES:
            numbers = [(each.number,) for each in tasks]
            connection.executemany(f"DELETE FROM {table} WHERE task = ?", numbers)  # noqa: S608
        blobs.drop(connection, [each.number for each in tasks])
    replies = connection.execute(_FORGET, (before_ms, limit)).fetchall()
    if replies:
        connection.executemany(
            "DELETE FROM message WHERE owner = ? AND agent = ? AND message_id = ?", replies
        )
    return Pruned(len(tasks), len(replies))


def _delete(connection: Connection, task: Finished) -> bool:
    gone = connection.execute(
        "DELETE FROM task WHERE number = ? AND id = ?", (task.number, task.id)
    )
    if gone.rowcount == 0:
        return False
    connection.execute(COUNT, (task.owner, task.agent, task.state, -1))
    return True


def take_turn(connection: Connection, chore: str, every_ms: int) -> bool:
    """Whether a chore is this process's to do; inside a transaction."""
    return connection.execute(_TURN, (chore, every_ms)).fetchone() is not None
