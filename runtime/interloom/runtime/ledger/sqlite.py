"""The ledger on one host: SQLite, WAL, one writer thread with group commit.

Reads run on the event loop's own connection: a row by key costs about 10 microseconds, a thread
hop ten times that. With `synchronous=FULL` a commit returns after the WAL is on disk (sqlite.org,
"PRAGMA synchronous"); that is the default, because an answer says that the task is kept.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import anyio
import orjson

from interloom.runtime.core import questions
from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Chunk, Event, TaskRecord
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import BadConfig, Unavailable
from interloom.runtime.ledger import pages
from interloom.runtime.ledger.rows import (
    CallRow,
    CallState,
    Journal,
    PushRow,
    RunRow,
    RunState,
    Seen,
    StoredTask,
    Write,
)
from interloom.runtime.ledger.statements import run_write, seen
from interloom.runtime.ledger.writer import GroupWriter, outcome
from interloom.runtime.model import TaskState

APPLICATION_ID: Final = 0x17E2_100A
"""Marks a database file as ours (`PRAGMA application_id`)."""
SCHEMA: Final = tuple(
    sorted(
        (file for file in files("interloom.runtime.ledger").joinpath("schema").iterdir()),
        key=lambda file: file.name,
    )
)
"""The scripts that make the tables, each on top of the ones before; a new file begins with none."""
SCHEMA_VERSION: Final = len(SCHEMA)
"""How many of them a file has had (`PRAGMA user_version`)."""

Durability: TypeAlias = Literal["full", "normal"]
"""`full`: on disk before the answer. `normal`: a power cut may lose the last moments."""

_PUSH: Final = (
    "SELECT task.id, push.id, host, body, done, attempts, due_ms, stopped"
    " FROM push JOIN task ON task.number = push.task"
)
_OUTBOX: Final = (  # made of constants; values are bound
    f"{_PUSH} WHERE due_ms IS NOT NULL AND host NOT IN (SELECT value FROM json_each(?))"  # noqa: S608
    " ORDER BY due_ms, task.id, push.id LIMIT ?"
)


class SqliteLedger:
    """Rows in one file, which one process at a time may serve."""

    def __init__(self, path: Path, *, durability: Durability = "full") -> None:
        """Open the file, or make it.

        Args:
            path: The database file; `-wal`, `-shm` and `.lock` files appear beside it.
            durability: See `Durability`.

        Raises:
            BadConfig: Not a store of ours, made by a newer version, or in use.
        """
        self._lock = _hold(path)
        with ExitStack() as undo:
            undo.callback(self._lock.close)
            try:
                self._writing = undo.enter_context(closing(_connect(path)))
                _prepare(self._writing, path, durability)
                self._reading = undo.enter_context(closing(_connect(path)))
            except sqlite3.Error as error:
                raise BadConfig(f"{path}: cannot be opened as a store: {error}") from None
            undo.pop_all()
        self._writer = GroupWriter(self._writing)
        self._nudge: Callable[[], None] | None = None

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none; see `Ledger.commit`."""
        is_due = False

        def transaction(connection: sqlite3.Connection) -> None:
            nonlocal is_due
            for write in writes:
                if run_write(connection, write):
                    is_due = True

        with anyio.CancelScope(shield=True):
            await outcome(self._writer.submit(transaction))
        if is_due and self._nudge is not None:
            self._nudge()

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        rows = self._read(f"{pages.TASK} WHERE id = ?", (task_id,))
        return StoredTask(_record(rows[0]), rows[0][9]) if rows else None

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        rows = self._read(
            "SELECT seq, event_id, state, body, message, artifact, append, last FROM event"
            " WHERE task = (SELECT number FROM task WHERE id = ?) AND seq > ? ORDER BY seq LIMIT ?",
            (task_id, after, limit),
        )
        return [_event(row) for row in rows]

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        return Journal(
            steps=dict(self._of(task_id, "key, result FROM step")),
            signals=dict(self._of(task_id, "key, value FROM signal")),
            calls={
                key: CallRow(task_id, key, CallState(state), body)
                for key, state, body in self._of(task_id, "key, state, body FROM call")
            },
            event_ids=frozenset(name for (name,) in self._of(task_id, "event_id FROM event")),
        )

    def _of(self, task_id: str, what: str) -> list[Any]:
        """A task's rows of a table."""
        number = "(SELECT number FROM task WHERE id = ?)"
        # `what` is one of the constants above.
        return self._read(f"SELECT {what} WHERE task = {number}", (task_id,))

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        rows = self._read(
            "SELECT task.id, run.agent, run.state, run.attempt FROM run"
            " JOIN task ON task.number = run.task ORDER BY task.number"
        )
        return [RunRow(task_id, agent, RunState(state), n) for task_id, agent, state, n in rows]

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        """What became of a message, or None when it is new."""
        with _readable():
            return seen(self._reading, owner, agent, message_id)

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        """Tasks that match, newest status first, and how many match in all."""
        ((total,),) = self._read(*pages.total(query))
        rows = self._read(*pages.page(query))
        return [StoredTask(_record(row), row[9]) for row in rows], total

    async def pushes(self, task_id: str) -> list[PushRow]:
        """A task's push configs, in the order of their ids."""
        rows = self._read(f"{_PUSH} WHERE task.id = ? ORDER BY push.id", (task_id,))
        return [_push(row) for row in rows]

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """What is to be posted, the earliest first; see `Ledger.outbox`."""
        rows = self._read(_OUTBOX, (orjson.dumps(list(without)).decode(), limit))
        return [_push(row) for row in rows]

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        """Events that were given up, the latest first, at most `limit`."""
        rows = self._read(
            "SELECT task.id, push, undelivered.seq, at_ms, reason FROM undelivered"
            " JOIN task ON task.number = undelivered.task"
            " ORDER BY at_ms DESC, task.id DESC, push DESC, undelivered.seq DESC LIMIT ?",
            (limit,),
        )
        return [
            Undelivered(task_id, push_id, seq, _moment(at_ms), reason)
            for task_id, push_id, seq, at_ms, reason in rows
        ]

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        """Have `nudge` called after each commit that put something there."""
        self._nudge = nudge

    def _read(
        self, sql: str, values: Sequence[str | int] | Mapping[str, str | int] = ()
    ) -> list[Any]:
        """All rows of a query; `Any` as the columns are the query's to know."""
        with _readable():
            return self._reading.execute(sql, values).fetchall()

    async def aclose(self) -> None:
        """Write what is queued and close the file."""
        self._writer.close()
        self._writing.close()
        self._reading.close()
        self._lock.close()


def _hold(path: Path) -> TextIOWrapper:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _private(path)  # SQLite gives `-wal` and `-shm` the mode of the database
        lock = _private(path.with_name(path.name + ".lock")).open("a")
    except OSError as error:
        raise BadConfig(f"{path}: cannot be made: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise BadConfig(f"{path}: another process serves this store") from None
    return lock


def _private(path: Path) -> Path:
    """Make a file, if there is none, that nobody but its owner may read, whatever the umask."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return path


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions begin where we say so.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)


def _prepare(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise BadConfig(f"{path}: is a database, but not a store of Interloom")
    if version > SCHEMA_VERSION or (tables and version < 1):
        raise BadConfig(f"{path}: has schema {version}; this version reads schema {SCHEMA_VERSION}")
    # Only now, and outside of a transaction: it changes the file, which may be somebody else's.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {durability}")
    for number, script in enumerate(SCHEMA[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script.read_text('utf-8')}"
            f" PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )


@contextmanager
def _readable() -> Generator[None]:
    """Say that the store cannot be read, whatever SQLite's words for it are."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable("the store cannot be read") from error


def _event(row: tuple[int, str, str, bytes, bytes | None, str | None, int, int]) -> Event:
    seq, event_id, state, body, message, artifact, append, last = row
    chunk = None if artifact is None else Chunk(artifact, bool(append), bool(last))
    return Event(seq, event_id, TaskState(state), body, message, chunk)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _push(row: tuple[str, str, str, bytes, int, int, int | None, str]) -> PushRow:
    task_id, push_id, host, body, done, attempts, due_ms, stopped = row
    due = None if due_ms is None else _moment(due_ms)
    return PushRow(task_id, push_id, host, body, Progress(done, attempts, due, stopped))


def _record(
    row: tuple[str, str, str, str, str, int, int, bytes | None, bytes | None, bytes | None],
) -> TaskRecord:
    task_id, context_id, owner, agent, state, status_ms, seq, asks, trace, _ = row
    return TaskRecord(
        id=task_id,
        context_id=context_id,
        owner=owner,
        agent=agent,
        state=TaskState(state),
        status_at=_moment(status_ms),
        seq=seq,
        asks=() if asks is None else questions.load(orjson.loads(asks)),
        trace=None if trace is None else Trace(**orjson.loads(trace)),
    )
