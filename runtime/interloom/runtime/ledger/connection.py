"""What the statements of a store need of its connection, whichever database is behind it.

`sqlite3.Connection` is one as it is, so that SQLite pays nothing for there being another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain, repeat
from typing import Any, Protocol


class Cursor(Protocol):
    """What a statement came to."""

    @property
    def rowcount(self) -> int:
        """Rows written."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - the columns are the statement's to know
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...


class Connection(Protocol):
    """Carries out statements, with `?` where a value goes.

    A row is read before the next statement begins. SQL in `/*pg … */` is for PostgreSQL alone; to
    SQLite it is a comment.
    """

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Cursor:
        """Carry out one statement."""
        ...

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Cursor:
        """Carry out one statement for each row of values; `rowcount` is of all of them."""
        ...


def any_of(values: Collection[str]) -> str:
    """SQL for a list of that many values, none of which is empty; also for none at all."""
    marks = ", ".join(chain(("''",), repeat("?", len(values))))
    return f"({marks})"
