"""What a store holds, for whoever runs it: counted from outside, by no worker and no owner.

Nothing here is for clients: it tells of all owners together, and of no task by itself.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

from interloom.runtime.core.machine import INTERRUPTED
from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.ledger import queries
from interloom.runtime.ledger.columns import among
from interloom.runtime.ledger.connection import Connection

# Made of constants; values are bound.
_TASKS: Final = (
    "SELECT agent, state, CAST(sum(tasks) AS BIGINT) FROM tally GROUP BY agent, state"
    " HAVING sum(tasks) > 0 ORDER BY agent, state"
)
_RUNS: Final = "SELECT agent, state, count(*) FROM run GROUP BY agent, state ORDER BY agent, state"
_WORKERS: Final = (
    "SELECT name, host, {now} - beat_ms, (SELECT count(*) FROM run WHERE run.worker = worker.name)"
    " FROM worker ORDER BY name"
)
_OLDEST: Final = (
    "SELECT {now} - min(task.status_ms) FROM"  # noqa: S608
    f" (SELECT owner, agent, state FROM tally WHERE state IN {among(INTERRUPTED)}"
    " GROUP BY owner, agent, state HAVING sum(tasks) > 0) AS kind CROSS JOIN task"
    " WHERE task.owner = kind.owner AND task.agent = kind.agent AND task.state = kind.state"
)
_POSTS: Final = (
    "SELECT (SELECT count(*) FROM push WHERE due_ms IS NOT NULL),"
    " (SELECT count(*) FROM undelivered)"
)


class Tally(NamedTuple):
    """How many there are of an agent in a state."""

    agent: str
    state: str
    number: int


class WorkerView(NamedTuple):
    """A process that works on the store's runs.

    Attributes:
        name: Unique among all there ever were.
        host: Where it runs, as the store knows it.
        silent_s: Seconds since it last said that it is alive.
        runs: How many it holds.
    """

    name: str
    host: str
    silent_s: float
    runs: int


class Overview(NamedTuple):
    """A store at one moment.

    Attributes:
        tasks: By agent and `TaskState`.
        runs: Of unfinished tasks, by agent and `RunState`.
        workers: By name.
        waiting_s: Seconds that the longest wait for an answer has taken; None where nobody waits.
        outbox: Places that have events still to be posted to them.
        undelivered: Dead letters.
        events: Events stored so far, those that were deleted included; for comparison.
    """

    tasks: tuple[Tally, ...]
    runs: tuple[Tally, ...]
    workers: tuple[WorkerView, ...]
    waiting_s: float | None
    outbox: int
    undelivered: int
    events: int


class Inspector(Protocol):
    """A store that is looked at, and not written to; open from when it is made."""

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        ...

    @property
    def place(self) -> str:
        """Where it is, without anything secret."""
        ...

    @property
    def version(self) -> int:
        """How many scripts its schema has had."""
        ...

    @property
    def current(self) -> int:
        """How many there are; below that `overview` cannot be asked for."""
        ...

    def size_bytes(self) -> int:
        """How much room it takes."""
        ...

    def overview(self) -> Overview:
        """What it holds now.

        Raises:
            Unavailable: It cannot be read.
        """
        ...

    def undelivered(self, limit: int) -> list[Undelivered]:
        """Its dead letters, the latest first.

        Raises:
            Unavailable: It cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def overview(connection: Connection, *, now: str, events: str) -> Overview:
    """Read it.

    Args:
        connection: To a store of the current schema.
        now: SQL for the present moment, in milliseconds.
        events: A query for the number of events stored so far.
    """

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    ((waiting_ms,),) = rows(_OLDEST.format(now=now))
    ((outbox, undelivered),) = rows(_POSTS)
    ((stored,),) = rows(events)
    return Overview(
        tuple(Tally(*row) for row in rows(_TASKS)),
        tuple(Tally(*row) for row in rows(_RUNS)),
        tuple(
            WorkerView(name, host, max(silent_ms, 0) / 1000, runs)
            for name, host, silent_ms, runs in rows(_WORKERS.format(now=now))
        ),
        None if waiting_ms is None else max(waiting_ms, 0) / 1000,
        outbox,
        undelivered,
        stored,
    )


def dead_letters(connection: Connection, limit: int) -> list[Undelivered]:
    """Events that were given up, the latest first."""
    found = connection.execute(queries.UNDELIVERED, (limit,)).fetchall()
    return [queries.undelivered(row) for row in found]
