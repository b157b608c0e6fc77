"""What only a store on PostgreSQL has to get right. Source: ours, unless a test says otherwise."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import anyio
import psycopg
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.errors import BadConfig, Conflict, LocalError, Unavailable
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.postgres_connection import connect
from interloom.runtime.ledger.postgres_schema import ABSURD_VERSION, SCHEMA_VERSION, prepare
from interloom.runtime.ledger.rows import PutStep, StoredTask
from interloom.runtime.model import TaskState
from interloom.runtime.testing.samples import creation, move, record
from tests.postgres import PASSWORD, Cluster, asked, cut
from tests.runtime.ledger.opening import LIMIT_S, opened

SECRET = "hunter2-of-the-test"  # noqa: S105 - a value to look for
WAITING = (
    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database()"
)
"""A query for how many wait for a lock that another has."""


@asynccontextmanager
async def stored_on(cluster: Cluster) -> AsyncGenerator[PostgresLedger]:
    with cluster.store() as url:
        async with opened(url) as ledger:
            yield ledger


def change(url: str, *statements: str) -> None:
    """Do what an administrator might."""
    for statement in statements:
        asked(url, statement)


def one(url: str, query: str) -> object:
    """The one value that a query finds."""
    ((value,),) = asked(url, query)
    return value


def database_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def refusal(url: str) -> str:
    with pytest.raises(BadConfig) as caught:
        PostgresLedger(url)
    assert SECRET not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


async def test_database_that_cannot_be_opened_is_refused_in_a_sentence(cluster: Cluster) -> None:
    """A password is in none of them."""
    server = f"127.0.0.1:{cluster.port}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    right = f"postgres:{quote(PASSWORD)}"
    for netloc, database, said in (
        (f"{right}@{nobody}", "postgres", "Connection refused"),
        (f"{right}@nowhere.invalid", "postgres", "failed to resolve host 'nowhere.invalid'"),
        (f"postgres:{SECRET}@{server}", "postgres", "password authentication failed for user"),
        (f"nobody:{SECRET}@{server}", "postgres", "password authentication failed for user"),
        (f"postgres@{server}", "postgres", "no password supplied"),
        (f"{right}@{server}", "elsewhere", 'database "elsewhere" does not exist'),
    ):
        sentence = refusal(f"postgresql://{netloc}/{database}")
        address = netloc.partition("@")[2]
        assert sentence.startswith(f"store: postgresql://{address}/{database}: cannot be opened: ")
        assert said in sentence
        assert "\n" not in sentence


@pytest.mark.parametrize(
    "url", [f"postgresql://me:{SECRET}@[h/db", f"postgresql://h/db?secret={SECRET}"]
)
async def test_what_is_no_url_is_refused_without_being_shown(url: str) -> None:
    assert refusal(url) == "store: is not a PostgreSQL URL: postgresql://USER@HOST/DATABASE"


async def test_empty_database_is_made_a_store_with_absurd_beside_it(database_url: str) -> None:
    async with opened(database_url) as ledger:
        await ledger.commit(*creation(record()))
    assert one(database_url, "SELECT version FROM interloom.schema_version") == SCHEMA_VERSION
    assert one(database_url, "SELECT absurd.get_schema_version()") == ABSURD_VERSION


async def test_newer_schema_is_refused_and_left_alone(database_url: str) -> None:
    newer = SCHEMA_VERSION + 1
    change(
        database_url,
        "CREATE SCHEMA interloom",
        "CREATE TABLE interloom.schema_version (version INTEGER NOT NULL)",
        f"INSERT INTO interloom.schema_version VALUES ({newer})",  # noqa: S608 - a number
    )
    said = f"store: has schema {newer}; this version reads schema {SCHEMA_VERSION}"
    assert refusal(database_url) == said
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname IN ('interloom', 'absurd')"
    assert one(database_url, tables) == 1


async def test_schema_of_somebody_else_is_refused_and_left_alone(database_url: str) -> None:
    change(database_url, "CREATE SCHEMA interloom", "CREATE TABLE interloom.task (theirs TEXT)")
    said = "store: the database has a schema 'interloom' that is not a store of Interloom"
    assert refusal(database_url) == said
    assert one(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'absurd'") == 0


async def test_role_that_may_make_nothing_is_served_where_all_was_made_ready(
    cluster: Cluster,
) -> None:
    """Whoever serves need not be who sets up: an empty schema, and Absurd's, are enough."""
    with cluster.database() as url:
        database = database_of(url)
        change(
            url,
            "CREATE ROLE server LOGIN",
            f"GRANT CREATE ON DATABASE {database} TO server",
        )
        own = url.replace("postgres@", "server@", 1)
        async with opened(own):
            pass  # which makes Absurd's schema the role's own
        change(
            url,
            f"REVOKE CREATE ON DATABASE {database} FROM server",
            "DROP SCHEMA interloom CASCADE",
            "CREATE SCHEMA interloom AUTHORIZATION server",
        )
        async with opened(own) as ledger:
            await ledger.commit(*creation(record()))
            assert await ledger.task("task-1") is not None
        change(url, "DROP OWNED BY server", "DROP ROLE server")


async def test_role_that_may_not_make_what_is_missing_is_told(cluster: Cluster) -> None:
    with cluster.database() as url:
        change(url, "CREATE ROLE reader LOGIN")
        said = refusal(url.replace("postgres@", "reader@", 1))
        change(url, "DROP ROLE reader")
        assert said.endswith(f"cannot be opened: permission denied for database {database_of(url)}")


@pytest.mark.parametrize(
    ("version", "function"),
    [
        ("0.6.0", "get_schema_version"),
        ("none", "of_an_older_version"),
    ],
)
async def test_absurd_of_another_version_is_refused_and_left_alone(
    database_url: str, version: str, function: str
) -> None:
    """It may be somebody else's, and its functions may have changed."""
    body = f"RETURNS TEXT LANGUAGE sql AS $$ SELECT '{version}' $$"
    change(database_url, "CREATE SCHEMA absurd", f"CREATE FUNCTION absurd.{function}() {body}")
    assert refusal(database_url) == (
        f"store: the database has version {version} of Absurd in its schema 'absurd';"
        f" this version of Interloom works with {ABSURD_VERSION}"
    )
    assert one(database_url, "SELECT to_regnamespace('interloom')") is None


async def test_processes_that_start_at_once_make_the_tables_once(database_url: str) -> None:
    """Each in a thread of its own here, with a connection of its own."""

    def start() -> None:
        session = connect(database_url)
        prepare(session)
        session.close()

    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(anyio.to_thread.run_sync, start)
    async with opened(database_url) as ledger:
        await ledger.commit(*creation(record()))
    assert one(database_url, "SELECT version FROM interloom.schema_version") == SCHEMA_VERSION


async def test_processes_that_write_to_one_task_leave_no_gap_and_lose_nothing(
    store_url: str,
) -> None:
    """Each decides again when another was quicker, as the engine does."""
    each, taken = 40, list[int]()
    async with opened(store_url) as one_process, opened(store_url) as other:
        await one_process.commit(*creation(record()))

        async def write(ledger: PostgresLedger, name: str) -> None:
            for number in range(each):
                while True:
                    found = await ledger.task("task-1")
                    assert found is not None
                    seq = found.record.seq + 1
                    try:
                        await ledger.commit(
                            move(seq), PutStep("task-1", f"{name} {number}", b"%d" % seq)
                        )
                    except Conflict:
                        continue
                    taken.append(seq)
                    break

        async with anyio.create_task_group() as group:
            for ledger, name in ((one_process, "a"), (one_process, "b"), (other, "c")):
                group.start_soon(write, ledger, name)
        events = await other.events("task-1")
        steps = (await other.journal("task-1")).steps
    assert sorted(taken) == list(range(1, 3 * each + 1))
    assert [event.seq for event in events] == sorted(taken)
    assert len(steps) == 3 * each


async def test_processes_that_write_to_the_same_tasks_do_not_wait_in_a_circle(
    store_url: str,
) -> None:
    """Whatever the order of the writes in a transaction, and however many transactions a commit."""
    names = [f"task-{n}" for n in range(6)]
    before = deadlocks(store_url)
    async with opened(store_url) as one_process, opened(store_url) as other:
        for name in names:
            await one_process.commit(*creation(record(name)))

        async def write(ledger: PostgresLedger, key: str, order: list[str]) -> None:
            await ledger.commit(*(PutStep(name, key, b"1") for name in order))

        for number in range(5):
            async with (
                await psycopg.AsyncConnection.connect(store_url) as third,
                anyio.create_task_group() as group,
            ):
                await third.execute("SELECT 1 FROM interloom.task WHERE id = 'task-3' FOR UPDATE")
                for key, ledger in (("a", one_process), ("b", other)):
                    group.start_soon(write, ledger, f"{key} forth {number}", names)
                    group.start_soon(write, ledger, f"{key} back {number}", names[::-1])
                while one(store_url, WAITING) != 2:  # each has locked what it could
                    await anyio.lowlevel.checkpoint()
                await third.rollback()
        for name in names:
            assert len((await other.journal(name)).steps) == 20
    assert deadlocks(store_url) == before


def deadlocks(url: str) -> object:
    """How many there were in a database, as told by those who are gone: others may tell later."""
    cut(url)
    return one(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


async def test_tasks_are_counted_right_whoever_moves_them(store_url: str) -> None:
    async with opened(store_url) as one_process, opened(store_url) as other:
        for number in range(5):
            await one_process.commit(*creation(record(f"task-{number}")))
        for number in range(3):
            await other.commit(move(1, f"task-{number}", state=TaskState.COMPLETED))
        for state, count in ((TaskState.WORKING, 2), (TaskState.COMPLETED, 3)):
            assert (await other.page(Query("ann", "echo", state=state)))[1] == count
        assert (await one_process.page(Query("ann", "echo")))[1] == 5
    assert one(store_url, "SELECT count(DISTINCT slot) FROM interloom.tally") == 2
    assert one(store_url, "SELECT min(tasks) FROM interloom.tally") == -3


async def test_what_the_database_cannot_hold_is_refused_alone(store_url: str) -> None:
    """A zero byte in text, a lone surrogate, a name beyond what an index takes."""
    async with opened(store_url) as ledger:
        await ledger.commit(*creation(record()))
        for key in ("a\0b", "\ud800", "".join(map(chr, range(0x4E00, 0x9000)))):
            with pytest.raises(LocalError, match="cannot hold"):
                await ledger.commit(PutStep("task-1", key, b"1"))
        await ledger.commit(PutStep("task-1", "plain", b"1"))
        assert (await ledger.journal("task-1")).steps == {"plain": b"1"}


async def test_full_disk_of_the_server_refuses_writes_and_harms_nothing(database_url: str) -> None:
    """PostgreSQL's appendix A: 53100, `disk_full`, as it is raised where a file is extended."""
    first, last = record("first"), record("last")
    async with opened(database_url) as ledger:
        await ledger.commit(*creation(first))
        change(
            database_url,
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100';"
            " END $$",
            "CREATE TRIGGER full_disk BEFORE INSERT ON interloom.event"
            " FOR EACH ROW EXECUTE FUNCTION full_disk()",
        )
        for _ in range(3):
            with pytest.raises(Unavailable, match="the store does not take writes") as caught:
                await ledger.commit(
                    PutStep("first", "step", b"1"), *creation(last), move(1, "first")
                )
            assert isinstance(caught.value.__cause__, psycopg.errors.DiskFull)
        assert await ledger.task("first") == StoredTask(first, None)
        assert (await ledger.journal("first")).steps == {}
        assert await ledger.task("last") is None
        assert await ledger.seen("ann", "echo", "message of last") is None
        change(database_url, "DROP TRIGGER full_disk ON interloom.event")
        await ledger.commit(PutStep("first", "step", b"1"), *creation(last), move(1, "first"))
    async with opened(database_url) as ledger:
        assert await ledger.task("first") == StoredTask(record("first", seq=1), None)
        assert (await ledger.journal("first")).steps == {"step": b"1"}
        assert await ledger.task("last") == StoredTask(last, None)


async def test_writes_wait_for_a_server_that_is_restarted_and_take_place_once(
    cluster: Cluster,
) -> None:
    """Each of these is refused unless the one before it is stored, and would be if stored twice."""
    async with stored_on(cluster) as ledger:
        await ledger.commit(*creation(record()))
        reached = {50: anyio.Event(), 100: anyio.Event()}

        async def write() -> None:
            for seq in range(1, 201):
                await ledger.commit(move(seq))
                if seq in reached:
                    reached[seq].set()

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            for moment in reached.values():
                await moment.wait()
                await anyio.to_thread.run_sync(cluster.stop)
                await anyio.to_thread.run_sync(cluster.start)
        assert [event.seq for event in await ledger.events("task-1")] == list(range(1, 201))
        assert await ledger.task("task-1") == StoredTask(record(seq=200), None)


async def test_reads_wait_for_a_server_that_is_restarted(cluster: Cluster) -> None:
    async with stored_on(cluster) as ledger:
        await ledger.commit(*creation(record()))
        assert await ledger.task("task-1") is not None
        await anyio.to_thread.run_sync(cluster.stop)
        await anyio.to_thread.run_sync(cluster.start)
        assert await ledger.task("task-1") == StoredTask(record(), None)


async def test_server_that_stays_away_is_told_of_and_found_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words of ours, for whoever calls may be anybody."""
    monkeypatch.setattr("interloom.runtime.ledger.postgres_writer.PATIENCE_S", 0.2)
    monkeypatch.setattr("interloom.runtime.ledger.postgres.READ_PATIENCE_S", 0.2)
    async with stored_on(cluster) as ledger:
        await ledger.commit(*creation(record()))
        await anyio.to_thread.run_sync(cluster.stop)
        with pytest.raises(Unavailable) as write:
            await ledger.commit(move(1))
        with pytest.raises(Unavailable) as read:
            await ledger.task("task-1")
        assert [str(write.value), str(read.value)] == [
            "the store does not take writes",
            "the store cannot be read",
        ]
        await anyio.to_thread.run_sync(cluster.start)
        await ledger.commit(move(1))
        assert await ledger.task("task-1") == StoredTask(record(seq=1), None)


async def test_who_is_cancelled_while_it_reads_does_not_go_on(store_url: str) -> None:
    """The read itself is seen through, so that its connection can be used again."""
    async with opened(store_url) as ledger:
        is_reached = False
        with anyio.CancelScope() as scope:
            scope.cancel()
            await ledger.task("nobody")
            is_reached = True
        assert not is_reached
        assert await ledger.task("nobody") is None
