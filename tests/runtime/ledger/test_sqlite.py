"""What only a store on disk has to get right. Source: ours, unless a test says otherwise."""

from __future__ import annotations

import os
import re
import resource
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.errors import BadConfig, Conflict, LocalError, Unavailable
from interloom.runtime.ledger import sqlite_file
from interloom.runtime.ledger.columns import millis
from interloom.runtime.ledger.rows import MoveTask, PutPush, PutStep, StoredTask
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.ledger.sqlite_file import APPLICATION_ID, SCHEMA, SCHEMA_VERSION
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.ledger_blobs import LARGE
from interloom.runtime.testing.ledger_pushes import push
from interloom.runtime.testing.samples import creation, event, move, record
from tests.runtime.ledger.opening import opened

KIB = 1024
TALLIED = 3
"""The first schema that counts tasks; older ones are counted when they are brought up to date."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """Let no file of this process grow beyond a size, as a full disk would not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


async def test_store_in_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "store.db"
    async with opened(path) as ledger:
        await ledger.commit(*creation(record()))

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_connection_that_writes_answers_once_the_disk_has_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite, `PRAGMA synchronous`: in WAL mode FULL, 2, syncs the log after each commit."""
    made, connect = list[sqlite3.Connection](), sqlite_file.connect

    def listed(place: Path) -> sqlite3.Connection:
        made.append(connect(place))
        return made[-1]

    monkeypatch.setattr(sqlite_file, "connect", listed)
    async with opened(path) as ledger:
        await ledger.commit(*creation(record()))
        (writing,) = (each for each in made if each.total_changes)
        assert writing.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
async def test_store_is_for_its_owner_alone(path: Path, umask: int) -> None:
    """Ours: it holds what people wrote to agents, and what tools were told."""
    before = os.umask(umask)
    try:
        async with opened(path) as ledger:
            await ledger.commit(*creation(record()))
            modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    finally:
        os.umask(before)

    files = {"store.db", "store.db-wal", "store.db-shm", "store.db.lock", "store.db.lock-0"}
    assert modes == dict.fromkeys(files, 0o600)


def test_store_that_others_may_read_stays_so(path: Path) -> None:
    """Ours: whoever lets a group read it knows why."""

    async def open_and_close() -> None:
        async with opened(path):
            pass

    anyio.run(open_and_close)
    path.chmod(0o640)
    anyio.run(open_and_close)

    assert path.stat().st_mode & 0o777 == 0o640


async def test_store_is_served_by_several_processes_of_a_host(path: Path) -> None:
    async with opened(path) as ledger, opened(path) as other:
        await ledger.commit(*creation(record()))
        assert await other.task("task-1") is not None
        await other.commit(move(1))
        found = await ledger.task("task-1")
        assert found is not None
        assert found.record.seq == 1


def make_database(path: Path, *, application: int = 0, version: int = 0) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE person (name TEXT)")
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()


def test_database_of_somebody_else_is_refused_and_left_alone(path: Path) -> None:
    make_database(path, application=7, version=SCHEMA_VERSION)
    before = path.read_bytes()

    with pytest.raises(BadConfig, match=r"store\.db: is a database, but not a store of Interloom"):
        SqliteLedger(path)

    assert path.read_bytes() == before


def test_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    make_database(path, application=APPLICATION_ID, version=SCHEMA_VERSION + 1)
    before = path.read_bytes()

    with pytest.raises(BadConfig, match=f"has schema {SCHEMA_VERSION + 1}; this version"):
        SqliteLedger(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("DROP TABLE event", "event"),
        ("DROP TABLE run; DROP TABLE blob", "blob, run"),
        ("ALTER TABLE task DROP COLUMN asks", "task.asks"),
    ],
)
async def test_store_with_something_missing_is_refused_in_a_sentence(
    path: Path, damage: str, missing: str
) -> None:
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(damage)

    with pytest.raises(BadConfig) as caught:
        SqliteLedger(path)
    assert str(caught.value) == f"{path}: is damaged: it is without {missing}"


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
async def test_store_of_an_older_schema_is_brought_up_to_date_with_what_it_holds(
    path: Path, version: int
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for script in SCHEMA[:version]:
            connection.executescript(script.read_text("utf-8"))
        connection.execute(
            "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq)"
            " VALUES ('task-1', 'ann', 'echo', 'context of task-1', 'TASK_STATE_WORKING', ?, 0)",
            (millis(START),),
        )
        if version >= TALLIED:
            row = ("ann", "echo", "TASK_STATE_WORKING", 1)
            connection.execute("INSERT INTO tally VALUES (?, ?, ?, ?)", row)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()

    for seq in (1, 2):
        async with opened(path) as ledger:
            found = await ledger.task("task-1")
            assert found is not None
            assert found.record == record(seq=seq - 1)
            await ledger.commit(move(seq), PutPush(push(f"push-{seq}"), 2))
            assert len(await ledger.pushes("task-1")) == seq
            assert (await ledger.page(Query("ann", "echo")))[1] == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("agents: {}\n" * 100)

    with pytest.raises(BadConfig, match=r"store\.db: cannot be opened as a store"):
        SqliteLedger(path)

    assert path.read_text() == "agents: {}\n" * 100


def test_refused_file_can_be_opened_once_it_is_somebody_elses_no_more(path: Path) -> None:
    """A refusal holds on to nothing, the lock included."""
    make_database(path)
    with pytest.raises(BadConfig):
        SqliteLedger(path)
    path.unlink()

    async def write() -> None:
        async with opened(path) as ledger:
            await ledger.commit(*creation(record()))

    anyio.run(write)


@pytest.mark.parametrize("place", ["file/store.db", "."])
def test_place_where_no_file_can_be_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(BadConfig, match=re.escape(str(tmp_path))):
        SqliteLedger(tmp_path / place)


async def test_full_disk_refuses_writes_and_harms_nothing(path: Path) -> None:
    """What was stored stays, what was refused is not there, and later there is room again."""
    first, last = record("first"), record("last")
    async with opened(path) as ledger:
        await ledger.commit(*creation(first))
        with files_up_to(128 * KIB):
            for number in range(3):
                step = PutStep("first", f"step-{number}", bytes(256 * KIB))
                with pytest.raises(Unavailable, match="the store does not take writes"):
                    await ledger.commit(step, *creation(last))
            assert await ledger.task("last") is None
            assert await ledger.seen("ann", "echo", "message of last") is None
            assert (await ledger.journal("first")).steps == {}
        await ledger.commit(*creation(last), PutStep("first", "step", b"1"))

    async with opened(path) as ledger:
        stored = [StoredTask(last, None), StoredTask(first, None)]
        assert await ledger.page(Query("ann", "echo")) == (stored, 2)
        assert (await ledger.journal("first")).steps == {"step": b"1"}
    assert integrity(path) == "ok"


@pytest.mark.parametrize("key", ["\ud800", "lone \udfff surrogate"])
async def test_value_that_cannot_be_stored_is_refused_and_the_store_goes_on(
    path: Path, key: str
) -> None:
    async with opened(path) as ledger:
        await ledger.commit(*creation(record()))
        with pytest.raises(LocalError, match="cannot hold what is to be written"):
            await ledger.commit(PutStep("task-1", "before", b"1"), PutStep("task-1", key, b"1"))
        await ledger.commit(PutStep("task-1", "after", b"1"))
        assert (await ledger.journal("task-1")).steps == {"after": b"1"}


async def test_closing_writes_what_is_queued(path: Path) -> None:
    async with opened(path) as ledger, anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ledger.commit, *creation(record(f"task-{number}")))
        await anyio.lowlevel.checkpoint()
        await ledger.aclose()

    async with opened(path) as ledger:
        assert (await ledger.page(Query("ann", "echo")))[1] == 20


async def test_guard_of_one_process_is_seen_by_the_next(path: Path) -> None:
    async with opened(path) as ledger:
        await ledger.commit(*creation(record(seq=1)))
        await ledger.commit(move(2))
    async with opened(path) as ledger:
        with pytest.raises(Conflict):
            await ledger.commit(move(2))
        with pytest.raises(Conflict):
            await ledger.commit(MoveTask(record(seq=3), 2, (event(3, "event-2"),)))


async def test_watcher_sees_what_comes_after_everything_was_deleted(path: Path) -> None:
    """SQLite gives the numbers of the last rows again; `changes` goes by those of events."""
    async with opened(path) as watching, opened(path) as writing:
        for task_id in ("a", "b"):
            await writing.commit(*creation(record(task_id)))
            await writing.commit(move(1, task_id, state=TaskState.COMPLETED))
        found: list[str] = []

        async def watch() -> None:
            async for changed in watching.changes(list, lambda: None):
                found.extend(changed)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await writing.commit(*creation(record("c")))
            await writing.commit(move(1, "c"))
            while "c" not in found:
                await anyio.lowlevel.checkpoint()
            await writing.commit(move(2, "c", state=TaskState.COMPLETED))
            while found.count("c") < 2:
                await anyio.lowlevel.checkpoint()
            for _ in range(2):
                assert any(await writing.prune(START + timedelta(days=1), limit=2))
            await writing.commit(*creation(record("d")))
            await writing.commit(move(1, "d"))
            while "d" not in found:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()


async def test_several_processes_take_turns_at_a_chore(path: Path) -> None:
    async with opened(path) as one, opened(path) as other:
        taken = [await each.take_turn("prune", 3600) for each in (one, other, one)]
        assert taken == [True, False, False]


async def test_large_value_is_stored_once_however_often_it_occurs(path: Path) -> None:
    """And not at all once the last task that has it is gone."""
    async with opened(path) as ledger:
        for task_id in ("a", "b"):
            chunk = event(1, body=LARGE, message=LARGE)
            done = record(task_id, seq=1, state=TaskState.COMPLETED)
            await ledger.commit(*creation(record(task_id)), PutStep(task_id, "step", LARGE))
            await ledger.commit(MoveTask(done, 0, (chunk,)))
        assert blobs(path) == [len(LARGE)]
        await ledger.prune(START + timedelta(days=1), limit=1)
        assert blobs(path) == [len(LARGE)]
        await ledger.prune(START + timedelta(days=1), limit=1)
        assert blobs(path) == []


def blobs(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [size for (size,) in connection.execute("SELECT length(body) FROM blob")]


class Blinking(SqliteLedger):
    """Cannot be read for a number of times."""

    failing = 0

    def _read(
        self, sql: str, values: Sequence[str | int | None] | Mapping[str, str | int] = ()
    ) -> list[Any]:
        if self.failing > 0:
            self.failing -= 1
            raise Unavailable("the store cannot be read")
        return super()._read(sql, values)


async def test_watcher_misses_nothing_while_the_file_cannot_be_read(path: Path) -> None:
    """An engine watches as long as it serves: what broke here would end it."""
    watching, told = Blinking(path), anyio.Event()
    async with opened(path) as writing:
        await writing.commit(*creation(record("a")))

        async def watch() -> None:
            async for changed in watching.changes(list, lambda: None):
                assert changed == {"a": 1}
                told.set()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await anyio.lowlevel.checkpoint()
            watching.failing = 3
            await writing.commit(move(1, "a"))
            await told.wait()
            group.cancel_scope.cancel()
    assert watching.failing == 0
    await watching.aclose()
