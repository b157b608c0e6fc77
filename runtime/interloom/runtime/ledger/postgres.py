"""The ledger on PostgreSQL: one database for the processes of several hosts.

Writes go through one thread and one connection, many to a commit, as on SQLite; reads through a few
connections of their own, beside the event loop. A transaction is on disk when `commit` returns. A
server that is restarted meanwhile is waited for, by writes longer than by reads.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import anyio
import psycopg
from anyio.lowlevel import checkpoint_if_cancelled
from psycopg_pool import AsyncConnectionPool

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event
from interloom.runtime.errors import BadConfig, Unavailable
from interloom.runtime.ledger import (
    absurd,
    columns,
    pages,
    postgres_workers,
    prune,
    queries,
    run_statements,
)
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.postgres_connection import (
    SETTING_VALUES,
    SETTINGS,
    Values,
    arguments,
    connect,
    described,
    is_away,
    reason,
    translated,
)
from interloom.runtime.ledger.postgres_hints import Hint, Listener, Teller
from interloom.runtime.ledger.postgres_membership import Membership
from interloom.runtime.ledger.postgres_schema import prepare
from interloom.runtime.ledger.postgres_writer import PostgresCommitter, Transaction
from interloom.runtime.ledger.rows import (
    CreateTask,
    Journal,
    MovePush,
    MoveTask,
    Pruned,
    PushRow,
    PutCall,
    PutPush,
    PutReply,
    PutRun,
    PutSignal,
    ReleaseRun,
    RunRow,
    Seen,
    StoredTask,
    Write,
)
from interloom.runtime.ledger.shelf import Shelf
from interloom.runtime.ledger.statements import SEEN
from interloom.runtime.ledger.writer import GroupWriter, outcome

LEASE_S: Final = 30.0
"""Seconds without a word after which a process is taken for dead."""
READERS: Final = 4
"""Connections to read on, at most."""
READ_PATIENCE_S: Final = 5.0
"""Seconds a read waits for a server that is away."""
_TRY_S: Final = 1.0
"""Seconds of each attempt to connect; the pool's pauses between them would grow with this."""
_PAUSE_S: Final = 0.1


class PostgresLedger:
    """Rows in one database, which processes of several hosts may serve."""

    takes_at_write = False

    def __init__(self, url: str, *, lease_s: float = LEASE_S) -> None:
        """Open the store, and make its tables where there are none.

        Args:
            url: `postgresql://USER:PASSWORD@HOST/DATABASE`, with libpq's parameters.
            lease_s: Seconds a process that says nothing is taken for alive; whole ones.

        Raises:
            BadConfig: The server is not there or does not let us in, or the database holds
                something else, or a newer version's tables.
        """
        with ExitStack() as undo:
            try:
                session = connect(url)
                undo.callback(session.close)
                prepare(session)
                name = uuid4().hex
                self._committer = PostgresCommitter(url, name, session)
            except psycopg.Error as error:
                said = f"store: {described(url)}: cannot be opened: {reason(error, url)}"
                raise BadConfig(said) from None
            undo.pop_all()
        self._writer = GroupWriter[Transaction](self._committer)
        self._readers = AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]](
            kwargs={**arguments(url), "autocommit": True},
            configure=_configure,
            min_size=1,
            max_size=READERS,
            timeout=_TRY_S,
            reconnect_timeout=_TRY_S,
            open=False,
        )
        self._is_closed = False  # or a pool that never was opened would be
        self._lease_s = math.ceil(lease_s)
        self._statements = absurd.run_statements(self._lease_s)
        self._queues: set[str] = set()  # agents that have theirs
        self._teller, self._listener = Teller(url, name), Listener(url, name, self._read)
        self._membership = Membership(
            self._committer,
            read=self._read,
            transact=self._transact,
            tell=self._teller.tell,
            lease_s=self._lease_s,
        )
        self.shelf = Shelf(self._read, lambda work: self._transact(Transaction(work)))
        self._nudge: Callable[[], None] | None = None

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none; see `Ledger.commit`.

        A server that goes away for longer than this waits may still have stored them.
        """
        is_due = False
        queues = {write.agent for write in writes if isinstance(write, PutRun)} - self._queues

        def work(connection: Connection) -> None:
            nonlocal is_due
            for agent in queues:
                absurd.make_queue(connection, agent)
            for write in writes:
                if self._statements[type(write)](connection, write):
                    is_due = True

        await self._transact(Transaction(work, tuple(filter(None, map(_task_of, writes)))))
        self._queues |= queues
        self._tell(writes)
        if is_due:
            self._nudge_outbox()

    def _tell(self, writes: Sequence[Write]) -> None:
        """Tell others what there is to see and to do."""
        hint = Hint()
        for write in writes:
            match write:
                case MoveTask():
                    hint.tasks[write.record.id] = write.record.seq
                case PutRun() | PutSignal() | ReleaseRun():
                    hint.runs = True
                case _:
                    pass
        if hint.tasks or hint.runs:
            self._teller.tell(hint)

    async def _transact(self, transaction: Transaction) -> None:
        with anyio.CancelScope(shield=True):
            await outcome(self._writer.submit(transaction))

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        return queries.task(await self._read(queries.TASK, (task_id,)))

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        rows = await self._read(queries.EVENTS, (task_id, after, limit))
        return [columns.event(row) for row in rows]

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        runs = [run_statements.run(row) for row in await self._read(queries.RUN, (task_id,))]
        rows = await self._read(queries.JOURNAL, (task_id,))
        return queries.journal(task_id, rows, runs[0] if runs else None)

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        return [run_statements.run(row) for row in await self._read(queries.RUNS)]

    async def now(self) -> datetime:
        """The database's clock; see `Ledger.now`."""
        ((now,),) = await self._read("SELECT now_ms()")
        return columns.moment(now)

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Be one of the processes that work on runs; see `Ledger.join`."""
        await self._membership.join(worker, on_loss)

    async def beat(self, worker: str) -> bool:
        """Write that a worker is alive; see `Ledger.beat`."""
        return await self._membership.beat(worker)

    async def leave(self, worker: str) -> None:
        """Work on runs no more; see `Ledger.leave`."""
        await self._membership.leave(worker)

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs nobody works on; see `Ledger.claim`."""
        return await self._membership.claim(worker, agents, limit=limit)

    def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Tasks that got events, whoever wrote them; see `Ledger.changes`."""
        return self._listener.changes(held, free, self._nudge_outbox)

    def _nudge_outbox(self) -> None:
        if self._nudge is not None:
            self._nudge()

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        """What became of a message, or None when it is new."""
        rows = await self._read(SEEN, (owner, agent, message_id))
        return Seen(*rows[0]) if rows else None

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        """Tasks that match, newest status first, and how many match in all."""
        counts = await self._read(*pages.total(query))
        rows = await self._read(*pages.page(query))
        return [queries.stored(row) for row in rows], sum(count for (count,) in counts)

    async def pushes(self, task_id: str) -> list[PushRow]:
        """A task's push configs, in the order of their ids."""
        return [columns.push(row) for row in await self._read(queries.PUSHES, (task_id,))]

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """What is to be posted, the earliest first; see `Ledger.outbox`."""
        me = self._membership.me
        if me == "":
            return []
        if me is not None and await self._read(queries.FREE):
            await self._transact(Transaction(postgres_workers.take_posts))
        rows = await self._read(*queries.outbox(me, limit=limit, without=without))
        return [columns.push(row) for row in rows]

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        """Events that were given up, the latest first, at most `limit`."""
        rows = await self._read(queries.UNDELIVERED, (limit,))
        return [queries.undelivered(row) for row in rows]

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        """Delete what was over before a moment; see `Ledger.prune`."""
        moment_ms, gone = columns.millis(before), Pruned()
        rows = await self._read(f"{prune.FINISHED} LIMIT ?", (moment_ms, limit))
        found = prune.batch(rows)

        def delete(connection: Connection) -> None:
            nonlocal gone
            gone = prune.prune(connection, found, moment_ms, limit)

        await self._transact(Transaction(delete, tuple(each.id for each in found)))
        return gone

    async def prunable(self, before: datetime) -> Pruned:
        """What `prune` would delete; see `Ledger.prunable`."""
        before_ms = columns.millis(before)
        ((tasks, replies),) = await self._read(prune.COUNT_FINISHED, (before_ms, before_ms))
        return Pruned(tasks, replies)

    async def take_turn(self, chore: str, every_s: float) -> bool:
        """Whether a chore is this process's to do now; see `Ledger.take_turn`."""
        is_ours = False

        def take(connection: Connection) -> None:
            nonlocal is_ours
            is_ours = prune.take_turn(connection, chore, int(every_s * 1000))

        await self._transact(Transaction(take))
        return is_ours

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        """Have `nudge` called after each commit that put something there."""
        self._nudge = nudge

    async def _read(self, sql: str, values: Values = ()) -> list[Any]:
        """All rows of a query; `Any` as the columns are the query's to know."""
        rows: list[Any] = []
        with anyio.CancelScope(shield=True):  # a connection is given back whole
            rows += await self._read_patiently(translated(sql), values)
        await checkpoint_if_cancelled()  # who was cancelled meanwhile does not go on
        return rows

    async def _read_patiently(self, statement: bytes, values: Values) -> list[Any]:
        until = time.monotonic() + READ_PATIENCE_S
        while not self._is_closed:
            try:
                return await self._try_to_read(statement, values)
            except psycopg.DataError:  # a name with U+0000, or a lone surrogate: it never was one
                return []
            except psycopg.Error as error:
                if not is_away(error) or time.monotonic() > until:
                    raise Unavailable("the store cannot be read") from error
            await anyio.sleep(_PAUSE_S)
        raise Unavailable("the store cannot be read")

    async def _try_to_read(self, statement: bytes, values: Values) -> list[Any]:
        rows: list[Any] = []
        await self._readers.open()
        async with self._readers.connection() as connection:
            cursor = await connection.execute(statement, values, binary=True)
            rows += await cursor.fetchall()
        return rows

    async def aclose(self) -> None:
        """Write what is queued and let go of the server."""
        with anyio.CancelScope(shield=True):
            await self._membership.close()
            self._committer.give_up()  # what is queued is tried once
            for close in (self._writer.close, self._teller.close, self._committer.close):
                await anyio.to_thread.run_sync(close)
            self._is_closed = True
            await self._readers.close()


def _task_of(write: Write) -> str | None:
    """The task whose row a write needs to itself."""
    match write:
        case CreateTask() | PutReply():
            return None
        case MoveTask():
            return write.record.id
        case PutPush() | MovePush():
            return write.row.task_id
        case PutCall():
            return write.call.task_id
        case _:
            return write.task_id


async def _configure(connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
    await connection.execute(SETTINGS, SETTING_VALUES)
