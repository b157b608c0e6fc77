"""What several processes post that serve one store. Source: ours; decisions 0021, 0022 and 0026."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from typing import Final

import anyio
import psycopg

from interloom.runtime.core.outbox import Progress
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import MovePush, PushRow, PutPush
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.ledger_pushes import due_at, push
from interloom.runtime.testing.samples import creation, move, record
from tests.postgres import asked
from tests.runtime.ledger.opening import LIMIT_S, Place, store_at

TAKEN_FOR_DEAD: Final = "DELETE FROM worker WHERE name = 'ann'"
SILENT: Final = "UPDATE worker SET beat_ms = 0 WHERE name = 'ann'"


@asynccontextmanager
async def served_by(place: Place, *names: str) -> AsyncGenerator[list[Ledger]]:
    """A store that several have opened and joined."""
    async with AsyncExitStack() as undo:
        ledgers: list[Ledger] = []
        for _ in names:
            ledgers.append(store_at(place))
            undo.push_async_callback(ledgers[-1].aclose)
        with anyio.fail_after(LIMIT_S):
            for ledger, name in zip(ledgers, names, strict=True):
                await ledger.join(name, lambda: None)
            yield ledgers


async def outboxes(ledgers: list[Ledger]) -> list[list[PushRow]]:
    return [await ledger.outbox(limit=9) for ledger in ledgers]


def change(place: Place, statement: str) -> None:
    """Do to the rows of a store what its processes did not."""
    if isinstance(place, str):
        asked(place, statement.replace("worker", "interloom.worker", 1))
        return
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_process_that_stores_an_event_posts_it_and_no_other_does(place: Place) -> None:
    async with served_by(place, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        assert await outboxes([bob, ann]) == [[], [push()]]
        await ann.commit(MovePush(push(), Progress(1)))
        await bob.commit(move(2))
        assert await outboxes([ann, bob]) == [[], [due_at(push(), 1)]]


async def test_process_keeps_what_it_posts_when_another_adds_to_it(place: Place) -> None:
    """Or the events of one config would leave by two doors, in any order."""
    async with served_by(place, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await bob.commit(move(2))
        assert await outboxes([bob, ann]) == [[], [push()]]


async def test_posts_of_one_who_leaves_are_anothers(place: Place) -> None:
    async with served_by(place, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await ann.leave("ann")
        assert await outboxes([ann, bob, ann]) == [[], [push()], []]


async def test_posts_of_one_who_dies_are_anothers_once_he_is_found_out(place: Place) -> None:
    async with served_by(place, "ann", "bob", "cid") as (ann, bob, cid):
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await ann.aclose()  # lets go of its lock, as the kernel does for a process that is gone
        if isinstance(place, str):  # where no kernel tells, and a lease is over
            change(place, SILENT)
        assert await outboxes([bob, cid]) == [[], []]
        await bob.claim("bob", ["echo"], limit=1)
        assert await outboxes([cid, bob]) == [[push()], []]


async def test_posts_of_one_who_was_taken_for_dead_and_does_not_know_are_anothers(
    place: Place,
) -> None:
    async with served_by(place, "ann", "bob") as (ann, bob):
        change(place, TAKEN_FOR_DEAD)
        await ann.commit(*creation(record(seq=1)), PutPush(push(), 9))
        await ann.commit(move(2))
        assert await outboxes([ann, bob]) == [[], [push()]]


async def test_others_are_told_of_posts_that_nobody_holds(place: Place) -> None:
    async with served_by(place, "ann", "bob") as (ann, bob):
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


async def test_outcome_of_a_slow_process_does_not_undo_that_of_a_quick_one(place: Place) -> None:
    async with served_by(place, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=2)), PutPush(push(), 9))
        await bob.commit(MovePush(push(), Progress(1, due=START)))
        await ann.commit(MovePush(push(), Progress(0, 1, START)))
        assert await ann.pushes("task-1") == [replace(push(), progress=Progress(1, due=START))]


async def test_each_post_that_nobody_holds_is_taken_by_one_of_those_who_look_at_once(
    place: Place,
) -> None:
    posts = [push(task_id=f"task-{number}") for number in range(20)]
    async with served_by(place, "ann", "bob", "cid") as (ann, bob, cid):
        for post in posts:
            await ann.commit(*creation(record(post.task_id, seq=1)), PutPush(post, 9))
            await ann.commit(move(2, post.task_id))
        await ann.leave("ann")
        taken = dict[str, set[str]]()

        async def look(name: str, ledger: Ledger) -> None:
            taken[name] = {row.task_id for row in await ledger.outbox(limit=99)}

        async with anyio.create_task_group() as group:
            for name, ledger in (("bob", bob), ("cid", cid)):
                group.start_soon(look, name, ledger)
        assert taken["bob"] | taken["cid"] == {post.task_id for post in posts}
        assert taken["bob"].isdisjoint(taken["cid"])


async def test_post_that_another_is_just_about_to_take_is_not_waited_for(store_url: str) -> None:
    lock = "SELECT 1 FROM interloom.push WHERE id = 'push-1' FOR UPDATE"
    async with served_by(store_url, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record(seq=1)))
        for push_id in ("push-1", "push-2"):
            await ann.commit(PutPush(push(push_id), 9))
        await ann.commit(move(2))
        await ann.leave("ann")
        async with await psycopg.AsyncConnection.connect(store_url) as rival:
            await rival.execute(lock)
            assert [row.id for row in await bob.outbox(limit=9)] == ["push-2"]
        assert [row.id for row in await bob.outbox(limit=9)] == ["push-1", "push-2"]
