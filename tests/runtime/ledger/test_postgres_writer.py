"""A commit takes place once, wherever the connection breaks. Source: ours, notes of 0026."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest

from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger import postgres_connection, postgres_writer
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.postgres_connection import connect
from interloom.runtime.ledger.postgres_writer import PostgresCommitter, Transaction
from interloom.runtime.ledger.rows import PutStep, StoredTask
from interloom.runtime.ledger.statements import run_write
from interloom.runtime.testing.samples import creation, move, record
from tests.postgres import Cluster
from tests.runtime.ledger.opening import LIMIT_S, opened

COMMIT: Final = b"COMMIT"

Where = Literal["before", "after"]


class Wire:
    """A way to a server that can break at a commit.

    Attributes:
        cut: Break once, before the server hears of the next commit, or after it has answered.
        cuts: How often it broke.
        is_down: Nobody gets through; with `goes_down` from the next break on.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut: Where | None = None
        self.cuts = 0
        self.goes_down = self.is_down = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        if self.is_down:
            client.close()
            return
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._server)
            while True:
                ready, _, _ = select.select([client, server], [], [], LIMIT_S)
                for source in ready:
                    target = server if source is client else client
                    data = source.recv(65536)
                    if not data or (source is client and self._breaks(data, server)):
                        return
                    target.sendall(data)

    def _breaks(self, data: bytes, server: socket.socket) -> bool:
        where = self.cut
        if where is None or COMMIT not in data:
            return False
        self.cut = None
        self.cuts += 1
        self.is_down = self.goes_down
        if where == "after":
            server.sendall(data)
            server.recv(65536)
        return True

    def close(self) -> None:
        # Closing alone would leave the thread waiting.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def wired(cluster: Cluster) -> Generator[tuple[Wire, str]]:
    """A way to a server, and the URL at its near end."""
    wire = Wire(str(cluster.socket))
    try:
        with cluster.store() as url:
            yield wire, f"postgresql://postgres@127.0.0.1:{wire.port}{urlsplit(url).path}"
    finally:
        wire.close()


@pytest.mark.parametrize("where", ["before", "after"])
async def test_commit_whose_answer_is_lost_takes_place_once(cluster: Cluster, where: Where) -> None:
    """A move that was written twice would be refused the second time."""
    with wired(cluster) as (wire, url):
        async with opened(url) as ledger:
            await ledger.commit(*creation(record()))
            wire.cut = where
            await ledger.commit(move(1), PutStep("task-1", "step", b"1"))
            assert wire.cuts == 1
            assert await ledger.task("task-1") == StoredTask(record(seq=1), None)
            with pytest.raises(Conflict):
                await ledger.commit(move(1))
            await ledger.commit(move(2))


@pytest.mark.parametrize("where", ["before", "after"])
async def test_group_whose_answer_is_lost_takes_place_once(cluster: Cluster, where: Where) -> None:
    """Many transactions to a commit: each of these needs the one before it."""
    with wired(cluster) as (wire, url):
        async with opened(url) as ledger:
            await ledger.commit(*creation(record()))
            wire.cut = where
            async with anyio.create_task_group() as group:
                for seq in range(1, 31):
                    group.start_soon(ledger.commit, move(seq))
            assert wire.cuts == 1
            assert [event.seq for event in await ledger.events("task-1")] == list(range(1, 31))


@pytest.mark.parametrize("where", ["before", "after"])
async def test_group_is_not_written_again_once_it_was_told_that_the_store_is_away(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, where: Where
) -> None:
    """What became of it is asked before anything else is written, and nobody is told."""
    monkeypatch.setattr(postgres_writer, "PATIENCE_S", 0.2)
    with wired(cluster) as (wire, url):
        async with opened(url) as ledger:
            await ledger.commit(*creation(record()))
            wire.cut, wire.goes_down = where, True
            with pytest.raises(Unavailable):
                await ledger.commit(move(1))
            wire.is_down = False
            if where == "before":
                await ledger.commit(move(1))
            await ledger.commit(move(2))
            assert [event.seq for event in await ledger.events("task-1")] == [1, 2]


async def test_run_that_was_claimed_when_the_store_went_away_is_not_forgotten(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row says that it is ours, so nobody else would ever begin it."""
    monkeypatch.setattr(postgres_writer, "PATIENCE_S", 0.2)
    with wired(cluster) as (wire, url):
        async with opened(url) as ledger:
            await ledger.join("one", lambda: None)
            await ledger.commit(*creation(record()))
            wire.cut, wire.goes_down = "after", True
            with pytest.raises(Unavailable):
                await ledger.claim("one", ["echo"], limit=5)
            wire.is_down = False
            (row,) = await ledger.claim("one", ["echo"], limit=5)
            assert (row.task_id, row.worker, row.token) == ("task-1", "one", 1)
            assert await ledger.claim("one", ["echo"], limit=5) == []


async def test_process_that_freezes_in_a_transaction_holds_others_up_for_a_while_only(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends a transaction that nothing is heard of, and its locks with it."""
    names, values = postgres_connection.SETTING_VALUES
    place = names.index("idle_in_transaction_session_timeout")
    shorter = [*values[:place], "200ms", *values[place + 1 :]]
    async with opened(store_url) as ledger:
        await ledger.commit(*creation(record()))
        monkeypatch.setattr(postgres_connection, "SETTING_VALUES", (names, shorter))
        with ExitStack() as undo:
            frozen = connect(store_url)
            undo.callback(frozen.close)
            frozen.execute("BEGIN")
            frozen.execute("SELECT 1 FROM task WHERE id = 'task-1' FOR UPDATE")
            await ledger.commit(move(1))
            with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
                frozen.execute("UPDATE task SET seq = 7")
        assert await ledger.task("task-1") == StoredTask(record(seq=1), None)


def test_process_that_freezes_is_given_up_before_those_who_wait_give_up() -> None:
    settings = dict(zip(*postgres_connection.SETTING_VALUES, strict=True))
    idle, lock, statement = (
        int(settings[name].removesuffix("s"))
        for name in ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
    )
    assert idle < lock < statement
    assert idle < postgres_writer.PATIENCE_S


def test_process_that_froze_in_a_transaction_writes_all_of_it_anew(store_url: str) -> None:
    """What it had written was rolled back when the server gave it up; so it begins again."""
    attempts: list[int] = []

    def create(writing: Connection) -> None:
        run_write(writing, creation(record())[0])

    def freeze(writing: Connection) -> None:
        run_write(writing, move(1))
        attempts.append(len(attempts))
        if len(attempts) == 1:
            with psycopg.connect(store_url) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
                    " WHERE relation = 'interloom.event'::regclass AND pid <> pg_backend_pid()"
                )
        run_write(writing, move(2))

    with closing(PostgresCommitter(store_url, "froze", connect(store_url))) as committer:
        committer.write([Transaction(create)])
        committer.write([Transaction(freeze, ("task-1",))])
    assert attempts == [0, 1]
    with psycopg.connect(store_url) as connection:
        seqs = connection.execute("SELECT seq FROM interloom.event ORDER BY seq").fetchall()
    assert seqs == [(1,), (2,)]


async def test_transactions_in_a_circle_are_repeated(store_url: str) -> None:
    """What locks rows of ours in an order of its own, as an administrator might, is waited for."""
    lock = "SELECT 1 FROM interloom.task WHERE id = %s FOR UPDATE"
    async with opened(store_url) as ledger:
        for name in ("a", "b"):
            await ledger.commit(*creation(record(name)))
        async with (
            await psycopg.AsyncConnection.connect(store_url) as other,
            anyio.create_task_group() as group,
        ):
            await other.execute("SET deadlock_timeout = '30s'")  # so that it is not the one to go
            await other.execute(lock, ("b",))
            group.start_soon(ledger.commit, move(1, "a"), move(1, "b"))
            while not await is_waited_for(other):
                await anyio.lowlevel.checkpoint()
            await other.execute(lock, ("a",))  # which it is given when the other one gave up
            await other.rollback()
        for name in ("a", "b"):
            assert await ledger.task(name) == StoredTask(record(name, seq=1), None)


async def is_waited_for(connection: psycopg.AsyncConnection) -> bool:
    """Whether somebody waits for a lock that this connection has."""
    found = await connection.execute(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    return await found.fetchone() is not None
