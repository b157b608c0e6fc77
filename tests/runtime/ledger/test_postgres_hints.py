"""Processes learn of each other's events through hints, and without them. Ours (decision 0026)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import psycopg
import pytest

from interloom.runtime.ledger import postgres_hints
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.postgres_hints import MAX_BYTES, Hint, Teller, heard
from interloom.runtime.ledger.rows import PutPush
from interloom.runtime.testing.ledger_pushes import push
from interloom.runtime.testing.samples import begun, creation, move, record
from tests.postgres import asked, cut
from tests.runtime.ledger.opening import opened

LIMIT_S = 30


class Watch:
    """Everything a ledger is told.

    Attributes:
        seqs: The last number of each task.
        free: Whether there may be runs to claim.
        due: Whether there are posts that are nobody's.
    """

    def __init__(self, ledger: PostgresLedger, *held: str) -> None:
        self._ledger, self._held = ledger, held
        self._changed = anyio.Event()
        self.seqs: dict[str, int] = {}
        self.free, self.due = anyio.Event(), anyio.Event()
        ledger.watch_outbox(self.due.set)

    def _hear_of_runs(self) -> None:
        self.free.set()

    async def run(self) -> None:
        async for changed in self._ledger.changes(lambda: self._held, self._hear_of_runs):
            self.seqs |= changed
            event, self._changed = self._changed, anyio.Event()
            event.set()

    async def until(self, **seqs: int) -> None:
        """Wait until these tasks are known to have come that far."""
        while not seqs.items() <= self.seqs.items():
            await self._changed.wait()


@asynccontextmanager
async def watched(url: str, *held: str) -> AsyncGenerator[tuple[PostgresLedger, Watch]]:
    """Two processes: one that writes, and one that watches what it holds."""
    ann, bob = PostgresLedger(url), PostgresLedger(url)
    try:
        with anyio.fail_after(LIMIT_S):
            await ann.commit(*creation(record("held"))[:1])  # of its run there would be told too
            watch = Watch(bob, *held)
            async with anyio.create_task_group() as group:
                group.start_soon(watch.run)
                await listening(url)
                yield ann, watch
                group.cancel_scope.cancel()
    finally:
        for ledger in (ann, bob):
            await ledger.aclose()


async def listening(url: str, times: int = 1) -> list[int]:
    """Wait until so many processes listen; what serves them."""
    while True:
        found = asked(
            url,
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()",
        )
        if len(found) == times:
            return [pid for (pid,) in found]
        await anyio.lowlevel.checkpoint()


async def test_others_are_told_of_every_move(store_url: str) -> None:
    """Also of tasks they do not hold yet: they know best which."""
    async with watched(store_url) as (ann, watch):
        for seq in range(1, 6):
            await ann.commit(move(seq, "held"))
        await watch.until(held=5)


async def test_others_are_told_of_runs_that_nobody_claims(store_url: str) -> None:
    async with watched(store_url) as (ann, watch):
        await ann.commit(*creation(record()))
        await watch.free.wait()


async def test_others_are_told_of_runs_and_posts_of_one_who_leaves(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told, and not found when somebody next looks."""
    monkeypatch.setattr(postgres_hints, "SPARE_S", 0.0)
    monkeypatch.setattr(postgres_hints, "POLL_S", float(LIMIT_S))
    async with watched(store_url) as (ann, watch):
        await begun(ann, record("mine", seq=1), worker="ann")
        await ann.commit(PutPush(push(task_id="mine"), 9))
        for seq in (1, 2):  # what was told before the second is over when that is heard of
            await ann.commit(move(seq, "held"))
            await watch.until(held=seq)
        assert not watch.due.is_set()  # ann posts it
        watch.free = anyio.Event()
        await ann.leave("ann")
        await watch.free.wait()
        await watch.due.wait()


async def test_many_moves_at_once_are_told_in_few_notifications(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wakes every process. A second between them is more than it takes to store the moves."""
    monkeypatch.setattr(postgres_hints, "GATHER_S", 1.0)
    names, last = [f"task-{number}" for number in range(10)], 30
    async with (
        opened(store_url) as ledger,
        await psycopg.AsyncConnection.connect(store_url, autocommit=True) as stranger,
    ):
        for name in names:
            await ledger.commit(*creation(record(name))[:1])
        await stranger.execute("LISTEN interloom")
        async with anyio.create_task_group() as group:
            for seq in range(1, last + 1):
                for name in names:
                    group.start_soon(ledger.commit, move(seq, name))
        told, notifications = dict[str, int](), 0
        async for note in stranger.notifies():
            told |= heard(note.payload).tasks or {}
            notifications += 1
            if told == dict.fromkeys(names, last):
                break
    assert notifications <= len(names) * last / 10


async def test_move_that_nobody_told_of_is_seen_all_the_same(store_url: str) -> None:
    """What is held is looked at every two seconds."""
    async with watched(store_url, "held") as (_, watch):
        asked(store_url, "UPDATE interloom.task SET seq = 7 WHERE id = 'held'")
        await watch.until(held=7)


async def test_listener_that_is_cut_off_listens_again_and_has_missed_nothing(
    store_url: str,
) -> None:
    async with watched(store_url, "held") as (ann, watch):
        for seq in range(1, 4):
            cut(store_url, *await listening(store_url))
            await ann.commit(move(seq, "held"))
            await watch.until(held=seq)
        await listening(store_url)
        await ann.commit(*creation(record("new")), move(1, "new"))
        await watch.until(new=1)


async def test_teller_that_is_cut_off_tells_again(store_url: str) -> None:
    async with watched(store_url) as (ann, watch):
        await ann.commit(move(1, "held"))
        await watch.until(held=1)
        cut(store_url)
        await listening(store_url)
        seq = 1
        while watch.seqs["held"] < seq or seq == 1:  # the first may be lost, none is held up
            seq += 1
            await ann.commit(move(seq, "held"))
            with anyio.move_on_after(1):
                await watch.until(held=seq)


def test_hint_that_is_too_long_says_to_look_at_everything() -> None:
    short, long = Hint({"task-1": 1}), Hint({f"task-{number}": 1 for number in range(1000)})
    assert b'"task-1":1' in short.dump("me").encode()
    assert '"tasks":null' in long.dump("me")
    assert len(long.dump("me")) < MAX_BYTES


async def test_hint_that_is_too_long_has_what_is_held_looked_at(store_url: str) -> None:
    async with watched(store_url, "held") as (ann, watch):
        await ann.commit(move(1, "held"))
        await watch.until(held=1)
        asked(store_url, "UPDATE interloom.task SET seq = 9 WHERE id = 'held'")
        teller = Teller(store_url, "cid")
        teller.tell(Hint({f"task-{number}": 1 for number in range(1000)}))
        await watch.until(held=9)
        await anyio.to_thread.run_sync(teller.close)


STRANGE = ("", "nonsense", "5", "null", '{"by": 1}', '{"by": "x", "tasks": {"task-1": "many"}}')


async def test_what_strangers_say_on_our_channel_has_everything_looked_at(store_url: str) -> None:
    """Whoever may connect to the database may notify, and what they say ends nothing."""
    async with watched(store_url, "held") as (ann, watch):
        with psycopg.connect(store_url, autocommit=True) as stranger:
            for words in STRANGE:
                watch.free = anyio.Event()
                stranger.execute("SELECT pg_notify('interloom', %s)", (words,))
                await watch.free.wait()
        await ann.commit(move(1, "held"))
        await watch.until(held=1)
