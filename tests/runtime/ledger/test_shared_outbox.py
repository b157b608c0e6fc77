"""What several processes post that serve one file. Source: ours; decisions 0021 and 0022."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from interloom.runtime.core.outbox import Progress
from interloom.runtime.ledger.rows import MovePush, PushRow, PutPush
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.ledger_pushes import due_at, push
from interloom.runtime.testing.samples import creation, move, record

LIMIT_S = 10


@asynccontextmanager
async def served_by(path: Path, *names: str) -> AsyncGenerator[list[SqliteLedger]]:
    """A file that several have opened and joined."""
    ledgers = [SqliteLedger(path) for _ in names]
    try:
        with anyio.fail_after(LIMIT_S):
            for ledger, name in zip(ledgers, names, strict=True):
                await ledger.join(name, lambda: None)
            yield ledgers
    finally:
        for ledger in ledgers:
            await ledger.aclose()


async def outboxes(ledgers: list[SqliteLedger]) -> list[list[PushRow]]:
    return [await ledger.outbox(limit=9) for ledger in ledgers]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def test_process_that_stores_an_event_posts_it_and_no_other_does(path: Path) -> None:
    async with served_by(path, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        assert await outboxes([bob, ann]) == [[], [push()]]
        await ann.commit(MovePush(push(), Progress(1)))
        await bob.commit(move(2))
        assert await outboxes([ann, bob]) == [[], [due_at(push(), 1)]]


async def test_process_keeps_what_it_posts_when_another_adds_to_it(path: Path) -> None:
    """Or the events of one config would leave by two doors, in any order."""
    async with served_by(path, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await bob.commit(move(2))
        assert await outboxes([bob, ann]) == [[], [push()]]


async def test_posts_of_one_who_leaves_are_anothers(path: Path) -> None:
    async with served_by(path, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await ann.leave("ann")
        assert await outboxes([ann, bob, ann]) == [[], [push()], []]


async def test_posts_of_one_who_dies_are_anothers_once_he_is_found_out(path: Path) -> None:
    async with served_by(path, "ann", "bob", "cid") as (ann, bob, cid):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await ann.aclose()  # lets go of its lock, as the kernel does for a process that is gone
        assert await outboxes([bob, cid]) == [[], []]
        await bob.claim("bob", ["echo"], limit=1)
        assert await outboxes([cid, bob]) == [[push()], []]


async def test_posts_of_one_who_was_taken_for_dead_and_does_not_know_are_anothers(
    path: Path,
) -> None:
    async with served_by(path, "ann", "bob") as (ann, bob):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM worker WHERE name = 'ann'")
            connection.commit()
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await ann.commit(move(2))
        assert await outboxes([ann, bob]) == [[], [push()]]


async def test_others_are_told_of_posts_that_nobody_holds(path: Path) -> None:
    async with served_by(path, "ann", "bob") as (ann, bob):
        nudged = anyio.Event()
        bob.watch_outbox(nudged.set)

        async def watch() -> None:
            async for _ in bob.changes(list, lambda: None):
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
            assert not nudged.is_set()
            await ann.leave("ann")
            await nudged.wait()
            group.cancel_scope.cancel()
        assert await bob.outbox(limit=9) == [push()]


async def test_outcome_of_a_slow_process_does_not_undo_that_of_a_quick_one(path: Path) -> None:
    async with served_by(path, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=2)), PutPush(push(), 9))
        await bob.commit(MovePush(push(), Progress(1, due=START)))
        await ann.commit(MovePush(push(), Progress(0, 1, START)))
        assert await ann.pushes("task-1") == [replace(push(), progress=Progress(1, due=START))]
