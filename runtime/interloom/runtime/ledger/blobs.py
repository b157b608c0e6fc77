"""Large values are stored once, however often they occur: in a row the SHA-256 names them.

Most values are small, and stay in their rows: what that costs them is a look at their length. A
large one is a row of `blob`, and its key stands in its place. No other value looks like a key: one
that begins as a key does is stored as a blob itself, however small. Rows say which tasks need a
blob instead of counting how often: a write that is repeated, or replaced, then needs no care, and
the last task that goes takes the blob along.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Final

from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.rows import (
    CreateTask,
    MoveTask,
    PutCall,
    PutReply,
    PutSignal,
    PutStep,
    Write,
)

INLINE_BYTES: Final = 256 * 1024
"""The largest value that stays in its row."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest value there may be (ours): it is in memory several times while it is on its way."""
REPLY: Final = "reply"
"""What is said of an answer that begins no task; as no task has it, it stays in its row."""

_NUL: Final = b"\0"
_KEY_BYTES: Final = 33
# A key that is there already is written again, which makes PostgreSQL wait for whoever is just
# about to delete it; what was not changed of a row, its body, is not written.
_PUT: Final = (
    "INSERT INTO blob (key, body, bytes) SELECT ?, ?, ? FROM task WHERE {of} = ?"
    " ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes"
)
_USE: Final = (
    "INSERT INTO blob_use (task, key) SELECT number, ? FROM task WHERE {of} = ?"
    " ON CONFLICT DO NOTHING"
)
_USED: Final = "SELECT key FROM blob_use WHERE task = ?"
_LOCK: Final = "SELECT 1 FROM blob WHERE key = ?/*pg  FOR UPDATE*/"
_DROP: Final = (
    "DELETE FROM blob WHERE key = ?"
    " AND NOT EXISTS (SELECT 1 FROM blob_use WHERE blob_use.key = blob.key)"
)


def fit(name: str, value: bytes) -> bytes:
    """The value, unless it is too large for any store.

    Args:
        name: What it is, for the error: a key of the run, an event's id, or `REPLY`.
        value: Of whatever length.

    Raises:
        LocalError: It is.
    """
    if len(value) > MAX_BYTES:
        raise LocalError(f"{name}: {len(value)} bytes are more than the {MAX_BYTES} of one value")
    return value


def check(write: Write) -> None:
    """See that no value of a write is too large; for a store that keeps them as they are.

    Raises:
        LocalError: One is.
    """
    match write:
        case CreateTask() | MoveTask():
            for event in write.events:
                fit(event.id, event.body)
                fit(event.id, event.message or b"")
        case PutStep():
            fit(write.key, write.result)
        case PutSignal():
            fit(write.key, write.value)
        case PutCall():
            fit(write.call.key, write.call.body)
        case PutReply():
            fit(REPLY, write.reply)
        case _:
            pass


def keep(connection: Connection, name: str, value: bytes, *, task: int | str) -> bytes:
    """What stands in a row for a value; inside a transaction.

    Args:
        connection: Where the row is to be written.
        name: See `fit`.
        value: What is to be kept.
        task: Whose it is: number, or id; its row is there, or nothing is kept.

    Raises:
        LocalError: It is too large for any store.
    """
    if len(value) <= INLINE_BYTES and value[:1] != _NUL:
        return value
    key = _NUL + sha256(fit(name, value)).digest()
    of = "number" if isinstance(task, int) else "id"
    connection.execute(_PUT.format(of=of), (key, value, len(value), task))
    connection.execute(_USE.format(of=of), (key, task))
    return key


def whole(column: str) -> str:
    """SQL for a value, of a column that has the value or stands for it."""
    return (
        f"CASE WHEN length({column}) = {_KEY_BYTES} THEN"  # noqa: S608 - names of columns
        f" coalesce((SELECT blob.body FROM blob WHERE blob.key = {column}), {column})"
        f" ELSE {column} END"
    )


def drop(connection: Connection, tasks: Collection[int]) -> None:
    """Delete the blobs that only these tasks need; inside a transaction."""
    keys = {key for task in tasks for (key,) in connection.execute(_USED, (task,)).fetchall()}
    for key in sorted(keys):  # whoever stores one of them now waits, and then stores it anew
        connection.execute(_LOCK, (key,)).fetchall()
    connection.executemany("DELETE FROM blob_use WHERE task = ?", [(task,) for task in tasks])
    if keys:
        connection.executemany(_DROP, [(key,) for key in sorted(keys)])
