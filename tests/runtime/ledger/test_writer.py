"""One commit for many: everybody gets their own answer, whatever happens to the others. Ours."""

from __future__ import annotations

import sqlite3
import threading
from asyncio import CancelledError, create_task  # noqa: TID251 - how a task group ends its tasks
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import pytest

from interloom.runtime.errors import Conflict, LocalError, Unavailable
from interloom.runtime.ledger.sqlite import SqliteCommitter, Transaction
from interloom.runtime.ledger.writer import MAX_GROUP, Away, GroupWriter, outcome

LIMIT_S = 10


class Desk:
    """A writer, its file, and how often the file was committed to."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("CREATE TABLE note (text TEXT PRIMARY KEY)")
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.statements.append)
        self.writer = GroupWriter(SqliteCommitter(self.connection))

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")

    def notes(self) -> list[str]:
        rows = self.connection.execute("SELECT text FROM note ORDER BY rowid").fetchall()
        return [text for (text,) in rows]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "notes.db")
    with anyio.fail_after(LIMIT_S):
        yield made
    made.writer.close()
    made.connection.close()


def note(text: str) -> Transaction:
    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO note VALUES (?)", (text,))

    return write


def refused(connection: sqlite3.Connection) -> None:
    note("never")(connection)
    raise Conflict("no")


def broken(connection: sqlite3.Connection) -> None:
    note("never")(connection)
    raise RuntimeError("boom")


def twice(connection: sqlite3.Connection) -> None:
    note("never")(connection)
    note("never")(connection)


async def test_transactions_that_gathered_share_a_commit_and_keep_their_order(desk: Desk) -> None:
    texts = [f"note {n}" for n in range(MAX_GROUP * 3)]
    for done in [desk.writer.submit(note(text)) for text in texts]:
        await done

    assert desk.notes() == texts
    assert desk.commits < len(texts)


@pytest.mark.parametrize(
    ("bad", "error"), [(refused, Conflict), (broken, LocalError), (twice, Unavailable)]
)
async def test_one_that_cannot_be_written_harms_none_of_its_group(
    desk: Desk, bad: Transaction, error: type[Exception]
) -> None:
    pending = [desk.writer.submit(bad if n % 7 == 3 else note(f"{n}")) for n in range(50)]
    for number, done in enumerate(pending):
        if number % 7 == 3:
            with pytest.raises(error):
                await done
        else:
            await done

    assert desk.notes() == [f"{n}" for n in range(50) if n % 7 != 3]


async def test_reason_of_a_refusal_is_kept_for_the_log(desk: Desk) -> None:
    with pytest.raises(LocalError) as caught:
        await desk.writer.submit(broken)

    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "boom" not in str(caught.value)


async def test_full_file_refuses_only_what_does_not_fit(desk: Desk) -> None:
    (pages,) = desk.connection.execute("PRAGMA page_count").fetchone()
    desk.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    large = "x" * 100_000
    texts = ["a", large, "b", large + "y", "c"]
    pending = [desk.writer.submit(note(text)) for text in texts]
    for text, done in zip(texts, pending, strict=True):
        if len(text) > 1:
            with pytest.raises(Unavailable):
                await done
        else:
            await done

    desk.connection.execute("PRAGMA max_page_count = 10000")
    await desk.writer.submit(note(large))
    assert desk.notes() == ["a", "b", "c", large]


async def test_caller_that_is_gone_does_not_disturb_the_others(desk: Desk) -> None:
    pending = [desk.writer.submit(note(f"{n}")) for n in range(10)]
    pending[4].cancel()
    for number, done in enumerate(pending):
        if number != 4:
            await done

    assert len(desk.notes()) == 10


async def test_closing_writes_what_is_queued_and_takes_nothing_more(desk: Desk) -> None:
    pending = [desk.writer.submit(note(f"{n}")) for n in range(10)]
    desk.writer.close()
    desk.writer.close()

    with pytest.raises(Unavailable, match="closed"):
        desk.writer.submit(note("late"))
    for done in pending:
        await done
    assert len(desk.notes()) == 10


@pytest.mark.parametrize("transaction", [note("stored"), refused], ids=["stored", "refused"])
async def test_cancellation_is_put_off_and_never_lost(desk: Desk, transaction: Transaction) -> None:
    """A plain `asyncio` cancel gets through every shield; whoever sent it waits for the end.

    Else a task that goes on after a refusal, as one that claims runs does, would never end.
    """
    heard: list[str] = []

    async def wait() -> None:
        try:
            await outcome(desk.writer.submit(transaction))
        except Conflict:
            heard.append("refused")
        heard.append("known")
        await anyio.sleep_forever()

    waiting = create_task(wait())
    await anyio.lowlevel.checkpoint()
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    assert heard[-1] == "known"


class Absent:
    """A store that takes one group and is away then; it never says what became of the second."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.began, self.goes = threading.Event(), threading.Event()

    def write(self, group: Sequence[str]) -> None:
        self.groups.append(list(group))
        self.began.set()
        self.goes.wait(LIMIT_S)
        if len(self.groups) > 1:
            raise Away

    def refusal(self, _: Exception) -> Unavailable | None:
        return None


async def test_group_whose_fate_is_unknown_is_refused_whole_and_not_written_singly() -> None:
    """One of them may be stored, and would be stored again."""
    store = Absent()
    writer = GroupWriter[str](store)
    with anyio.fail_after(LIMIT_S):
        first = writer.submit("first")
        await anyio.to_thread.run_sync(store.began.wait)
        later = [writer.submit(word) for word in ("second", "third")]
        store.goes.set()
        await first
        for done in later:
            with pytest.raises(Unavailable):
                await done
    writer.close()

    assert store.groups == [["first"], ["second", "third"]]
