"""What the storm asks a store behind the back of the runtime: what is really in there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import psycopg

_STEP: Final = (
    "SELECT 1 FROM step JOIN task ON task.number = step.task WHERE task.id = ? AND key = ?"
)
_HOLES: Final = (
    "SELECT count(*) FROM (SELECT task.seq AS last, count(*) AS n, min(event.seq) AS low,"
    " max(event.seq) AS high FROM task JOIN event ON event.task = task.number"
    " GROUP BY task.number, task.seq) AS each WHERE n <> last OR low <> 1 OR high <> last"
)


def is_committed(url: str, task_id: str, key: str) -> bool:
    """Whether a task's step is in the journal.

    Args:
        url: The store, as in `interloom.yaml`.
        task_id: The task.
        key: The step.
    """
    return bool(_rows(url, _STEP, (task_id, key)))


def holes(url: str) -> int:
    """Tasks whose events are not numbered 1 to the last one."""
    ((found,),) = _rows(url, _HOLES)
    return int(found)


def _rows(url: str, query: str, values: Sequence[str] = ()) -> list[Any]:
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(query, values).fetchall()
    with psycopg.connect(url, options="-c search_path=interloom") as session:
        return session.execute(query.replace("?", "%s").encode(), values).fetchall()
