"""Results of others, kept for a while in the store's database: for all processes, and restarts.

Source: ours. What is here may be gone at any moment and costs a request then, so nothing is
promised but this: what is given back is what was put there, it is given back for no longer than it
may be, and what was asked for before its like were forgotten is not there afterwards. Times are the
store's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from interloom.runtime.ledger.connection import Connection

MAX_ROWS: Final = 10_000
"""Results kept at most; those that would end first go first."""
MAX_BYTES: Final = 1024 * 1024
"""Bytes of one result; a larger one is not kept."""
MAX_LEFT_MS: Final = 7 * 24 * 3600 * 1000
"""Milliseconds a result is kept at most, whatever its giver allows."""
_SOME: Final = 1000
_FORGOTTEN_MS: Final = 24 * 3600 * 1000
"""Milliseconds it is remembered that something was forgotten: longer than any request takes."""

_GET: Final = "SELECT body, expires_ms - now_ms() FROM kept WHERE key = ? AND expires_ms > now_ms()"
_PUT: Final = (
    "INSERT INTO kept (key, kind, item, body, expires_ms) SELECT ?, ?, ?, ?, now_ms() + ?"
    " WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE kind = ? AND at_ms >= now_ms() - ?)"
    " ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, item = excluded.item,"
    " body = excluded.body, expires_ms = excluded.expires_ms"
)
_SWEEP: Final = "DELETE FROM kept WHERE expires_ms <= now_ms()"
_TRIM: Final = (
    "DELETE FROM kept WHERE key IN (SELECT key FROM kept ORDER BY expires_ms DESC LIMIT ? OFFSET ?)"
)
_FORGET: Final = (
    "INSERT INTO forgotten (kind, at_ms) VALUES (?, now_ms())"
    " ON CONFLICT (kind) DO UPDATE SET at_ms = excluded.at_ms"
)
_CLEAR: Final = "DELETE FROM forgotten WHERE at_ms < now_ms() - ?"

Read: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]
"""All rows of a query."""
Transact: TypeAlias = Callable[[Callable[[Connection], None]], Awaitable[None]]
"""Carries out some statements in one transaction."""


class Kept(NamedTuple):
    """A result to be kept.

    Attributes:
        key: What it is found under, at most 64 characters.
        kind: Results of one kind are forgotten together; at most 64 characters.
        item: Those of one item can be forgotten alone; at most 64 characters.
        body: The result.
        left_ms: Milliseconds it may be given back.
        age_ms: Milliseconds since it was asked for.
    """

    key: str
    kind: str
    item: str
    body: bytes
    left_ms: int
    age_ms: int


class Shelf:
    """Where they are kept.

    Args:
        read: Reads rows of the store.
        transact: Writes some.
        max_rows: Results kept at most.
    """

    def __init__(self, read: Read, transact: Transact, *, max_rows: int = MAX_ROWS) -> None:
        self._read, self._transact, self._max_rows = read, transact, max_rows

    def bounded(self, max_rows: int) -> Shelf:
        """The same shelf, for a holder who keeps no more than that on it."""
        return Shelf(self._read, self._transact, max_rows=max_rows)

    async def get(self, key: str) -> tuple[bytes, int] | None:
        """A result, and the milliseconds it may still be given back; None when there is none.

        Raises:
            Unavailable: The store cannot be read.
        """
        rows = await self._read(_GET, (key,))
        return (bytes(rows[0][0]), int(rows[0][1])) if rows else None

    async def put(self, kept: Kept) -> None:
        """Keep a result in the place of what was under its key.

        Not one that is too large, nor one that was asked for before its kind was forgotten.

        Raises:
            Unavailable: The store takes no writes.
        """
        if len(kept.body) > MAX_BYTES or kept.left_ms <= 0:
            return
        left_ms, age_ms = min(kept.left_ms, MAX_LEFT_MS), max(kept.age_ms, 0)
        row = (kept.key, kept.kind, kept.item, kept.body, left_ms, kept.kind, age_ms)

        def write(connection: Connection) -> None:
            connection.execute(_SWEEP)
            connection.execute(_PUT, row)
            connection.execute(_TRIM, (_SOME, self._max_rows))

        await self._transact(write)

    async def forget(self, kind: str, item: str | None = None) -> int:
        """Forget the results of a kind, or of one item of it; how many they were.

        Raises:
            Unavailable: The store takes no writes.
        """
        gone = 0
        where, values = (
            ("kind = ?", [kind]) if item is None else ("kind = ? AND item = ?", [kind, item])
        )

        def write(connection: Connection) -> None:
            nonlocal gone
            gone = connection.execute(f"DELETE FROM kept WHERE {where}", values).rowcount  # noqa: S608
            connection.execute(_CLEAR, (_FORGOTTEN_MS,))
            connection.execute(_FORGET, (kind,))

        await self._transact(write)
        return gone
