"""The ledger on one host: SQLite, WAL, one writer thread with group commit.

Reads run on the event loop's own connection: a row by key costs about 10 microseconds, a thread
hop ten times that. With `synchronous=FULL` a commit returns after the WAL is on disk (sqlite.org,
"PRAGMA synchronous"); that is the default, because an answer says that the task is kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event
from interloom.runtime.errors import BadConfig, Unavailable
from interloom.runtime.ledger import columns, pages, prune, queries, run_statements
from interloom.runtime.ledger import sqlite_file as file
from interloom.runtime.ledger.heart import Heart
from interloom.runtime.ledger.rows import (
    Journal,
    Pruned,
    PushRow,
    RunRow,
    Seen,
    StoredTask,
    Write,
)
from interloom.runtime.ledger.shelf import Shelf
from interloom.runtime.ledger.sqlite_file import Durability
from interloom.runtime.ledger.statements import run_write, seen
from interloom.runtime.ledger.workers import Workers, opening, private
from interloom.runtime.ledger.writer import GroupWriter, outcome

LEASE_S: Final = 30.0
"""Seconds without a word after which a process is taken for dead."""
WATCH_S: Final = 0.02
"""Seconds between two looks at whether another process has written."""

_MARK: Final = (
    "INSERT INTO event (rowid, task, seq, event_id, state, body, append, last)"
    " VALUES (?1, 0, ?1, ?1, '', x'', 0, 0)"
)
"""A row of no task, in the place of the last event."""
_EVENTS_SINCE: Final = (
    "SELECT task.id, max(event.seq), max(event.rowid) FROM event"
    " JOIN task ON task.number = event.task WHERE event.rowid > ? GROUP BY task.id"
)
_TAKE: Final = (  # made of constants
    f"UPDATE push SET worker = {run_statements.ME}"  # noqa: S608
    " WHERE worker IS NULL AND due_ms IS NOT NULL"
)


Transaction: TypeAlias = Callable[[sqlite3.Connection], None]
"""Writes some rows; raises an error of ours to have none of them written."""


class SqliteCommitter:
    """Commits to a file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def write(self, group: Sequence[Transaction]) -> None:
        """Write all of them in one commit, or none."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for transaction in group:
                transaction(self._connection)
            self._connection.commit()
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            raise

    def refusal(self, error: Exception) -> Unavailable | None:
        """Say that the file takes no writes, whatever SQLite's words for it are."""
        is_trouble = isinstance(error, sqlite3.Error)
        return Unavailable("the store does not take writes") if is_trouble else None


class SqliteLedger:
    """Rows in one file, which several processes of one host may serve."""

    takes_at_write = True

    def __init__(
        self, path: Path, *, durability: Durability = "full", lease_s: float = LEASE_S
    ) -> None:
        """Open the file, or make it.

        Args:
            path: The database file; `-wal`, `-shm` and `.lock` files appear beside it.
            durability: See `Durability`.
            lease_s: Seconds a process that says nothing is taken for alive; one that died is found
                out at once.

        Raises:
            BadConfig: Not a store of ours, damaged, made by a newer version, or on a network file
                system.
        """
        self._path, self._lease_s = path, lease_s
        self._hearts: dict[str, tuple[Heart, sqlite3.Connection]] = {}
        self._is_closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            private(path)  # SQLite gives `-wal` and `-shm` the mode of the database
        except OSError as error:
            raise BadConfig(f"{path}: cannot be made: {error.strerror}") from None
        self._workers = Workers(path, lease_s=lease_s)
        with ExitStack() as undo:
            undo.callback(self._workers.close)
            try:
                self._writing = undo.enter_context(closing(file.connect(path)))
                with opening(path):
                    file.prepare(self._writing, path, durability)
                    file.look_over(self._writing, path)
                self._workers.check(self._writing)
                self._reading = undo.enter_context(closing(file.connect(path)))
            except sqlite3.Error as error:
                raise BadConfig(f"{path}: cannot be opened as a store: {error}") from None
            undo.pop_all()
        self._writer = GroupWriter(SqliteCommitter(self._writing))
        self._nudge: Callable[[], None] | None = None
        # Who we are to the others; None before we joined, and empty once we left.
        self._me: str | None = None
        self._writing.create_function("me", 0, lambda: self._me or None)
        for connection in (self._writing, self._reading):
            connection.create_function("now_ms", 0, file.now_ms)
        self.shelf = Shelf(self._read_later, self._transact)

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none; see `Ledger.commit`."""
        is_due = False

        def transaction(connection: sqlite3.Connection) -> None:
            nonlocal is_due
            for write in writes:
                if run_write(connection, write):
                    is_due = True

        await self._transact(transaction)
        if is_due and self._nudge is not None:
            self._nudge()

    async def _transact(self, transaction: Transaction) -> None:
        with anyio.CancelScope(shield=True):
            await outcome(self._writer.submit(transaction))

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        return queries.task(self._read(queries.TASK, (task_id,)))

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        rows = self._read(queries.EVENTS, (task_id, after, limit))
        return [columns.event(row) for row in rows]

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        runs = [run_statements.run(row) for row in self._read(queries.RUN, (task_id,))]
        rows = self._read(queries.JOURNAL, (task_id,))
        return queries.journal(task_id, rows, runs[0] if runs else None)

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        return [run_statements.run(row) for row in self._read(queries.RUNS)]

    async def now(self) -> datetime:
        """The database's clock; see `Ledger.now`."""
        ((now,),) = self._read(f"SELECT {file.NOW_MS}")
        return columns.moment(now)

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Be one of the processes that work on runs; see `Ledger.join`."""
        await self._transact(lambda connection: self._workers.join(connection, worker))
        if self._is_closed:  # meanwhile: a heart that began now would never be stopped
            raise Unavailable("the store is closed")
        self._me = worker
        beating = file.connect(self._path)

        def beat() -> bool:
            return self._workers.beat(beating, worker)

        self._hearts[worker] = (Heart(beat, lease_s=self._lease_s, on_loss=on_loss), beating)

    async def beat(self, worker: str) -> bool:
        """Write that a worker is alive, beside its heart; see `Ledger.beat`."""
        is_member = False

        def write(connection: sqlite3.Connection) -> None:
            nonlocal is_member
            is_member = self._workers.beat(connection, worker)

        await self._transact(write)
        return is_member

    async def leave(self, worker: str) -> None:
        """Work on runs no more; see `Ledger.leave`."""
        if worker in self._hearts:
            self._stop_heart(worker)
            self._me = ""
            await self._transact(lambda connection: self._workers.leave(connection, worker))

    def _stop_heart(self, worker: str) -> None:
        heart, beating = self._hearts.pop(worker)
        heart.stop()
        beating.close()

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs nobody works on; see `Ledger.claim`."""
        with file.readable():
            is_any = run_statements.is_any_free(self._reading, agents)
            if not is_any and not self._workers.dead(self._reading, worker):
                return []  # which is how it mostly is, and costs no transaction
        claimed: list[RunRow] = []
        is_member = False

        def take(connection: sqlite3.Connection) -> None:
            nonlocal is_member
            self._workers.bury(connection, worker)
            is_member = self._workers.beat(connection, worker)
            if is_member:
                claimed[:] = run_statements.claim(connection, worker, agents, limit)

        await self._transact(take)
        if not is_member and worker in self._hearts:  # it may have left meanwhile
            self._hearts[worker][0].lose()
        return claimed

    async def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Tasks that got events, whoever wrote them; see `Ledger.changes`."""
        ((version,),) = self._read("PRAGMA data_version")
        ((last,),) = self._read(file.LAST_EVENT)
        while True:
            await anyio.sleep(WATCH_S)
            found: list[Any] = []
            with suppress(Unavailable):  # it goes on where it was, once the file can be read
                ((now,),) = self._read("PRAGMA data_version")
                if now == version:
                    continue
                if self._nudge is not None and self._read(queries.FREE):
                    self._nudge()
                if self._read(run_statements.FREE):
                    free()
                found = self._read(_EVENTS_SINCE, (last,))
                version = now
            if found:
                last = max(rowid for _, _, rowid in found)
                yield {task_id: seq for task_id, seq, _ in found}

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        """What became of a message, or None when it is new."""
        with file.readable():
            return seen(self._reading, owner, agent, message_id)

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        """Tasks that match, newest status first, and how many match in all."""
        ((total,),) = self._read(*pages.total(query))
        rows = self._read(*pages.page(query))
        return [queries.stored(row) for row in rows], total

    async def pushes(self, task_id: str) -> list[PushRow]:
        """A task's push configs, in the order of their ids."""
        return [columns.push(row) for row in self._read(queries.PUSHES, (task_id,))]

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """What is to be posted, the earliest first; see `Ledger.outbox`."""
        if self._me == "":
            return []
        if self._me is not None and self._read(queries.FREE):
            await self._transact(_take_posts)
        rows = self._read(*queries.outbox(self._me, limit=limit, without=without))
        return [columns.push(row) for row in rows]

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        """Events that were given up, the latest first, at most `limit`."""
        return [queries.undelivered(row) for row in self._read(queries.UNDELIVERED, (limit,))]

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        """Delete what was over before a moment; see `Ledger.prune`."""
        moment_ms, gone = columns.millis(before), Pruned()
        rows = await anyio.to_thread.run_sync(self._finished, moment_ms, limit)
        found = prune.batch(rows)

        def delete(connection: sqlite3.Connection) -> None:
            nonlocal gone
            ((last,),) = connection.execute(file.LAST_EVENT).fetchall()
            gone = prune.prune(connection, found, moment_ms, limit)
            _mark_last(connection, last)

        await self._transact(delete)
        return gone

    def _finished(self, before_ms: int, limit: int) -> list[Any]:
        """Tasks to be deleted; in a thread, as it may look at many."""
        with file.readable(), closing(file.connect(self._path)) as connection:
            return connection.execute(f"{prune.FINISHED} LIMIT ?", (before_ms, limit)).fetchall()

    async def prunable(self, before: datetime) -> Pruned:
        """What `prune` would delete; see `Ledger.prunable`."""
        before_ms = columns.millis(before)
        ((tasks, replies),) = self._read(prune.COUNT_FINISHED, (before_ms, before_ms))
        return Pruned(tasks, replies)

    async def take_turn(self, chore: str, every_s: float) -> bool:
        """Whether a chore is this process's to do now; see `Ledger.take_turn`."""
        is_ours = False

        def take(connection: sqlite3.Connection) -> None:
            nonlocal is_ours
            is_ours = prune.take_turn(connection, chore, int(every_s * 1000))

        await self._transact(take)
        return is_ours

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        """Have `nudge` called after each commit that put something there."""
        self._nudge = nudge

    def _read(
        self, sql: str, values: Sequence[str | int | None] | Mapping[str, str | int] = ()
    ) -> list[Any]:
        """All rows of a query; `Any` as the columns are the query's to know."""
        with file.readable():
            return self._reading.execute(sql, values).fetchall()

    async def _read_later(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._read(sql, values)

    async def aclose(self) -> None:
        """Write what is queued and close the file."""
        self._is_closed = True
        for worker in list(self._hearts):
            self._stop_heart(worker)
        self._writer.close()
        self._writing.close()
        self._reading.close()
        self._workers.close()


def _mark_last(connection: sqlite3.Connection, last: int) -> None:
    """Have events numbered on, although the last one is gone: `changes` goes by their numbers."""
    ((now,),) = connection.execute(file.LAST_EVENT).fetchall()
    if now < last:
        connection.execute("DELETE FROM event WHERE task = 0")
        connection.execute(_MARK, (last,))


def _take_posts(connection: sqlite3.Connection) -> None:
    connection.execute(_TAKE)
