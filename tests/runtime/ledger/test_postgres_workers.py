"""Who works on a store of several hosts. Ours (0026), and Absurd 0.5.1."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import checkpoint

from interloom.runtime.ledger import absurd, postgres_workers
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.postgres_connection import connect
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    Fenced,
    HoldRun,
    ParkRun,
    PutSignal,
    PutStep,
    RunRow,
    RunState,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.samples import begun, creation, move, record
from tests.postgres import asked

LIMIT_S = 30
ECHO = ("echo",)


def _nothing() -> None:
    """What is called when a worker is lost; none is here."""


@asynccontextmanager
async def served_by(
    url: str, *names: str, lease_s: float = 30
) -> AsyncGenerator[list[PostgresLedger]]:
    """A store that several have opened and joined."""
    ledgers = [PostgresLedger(url, lease_s=lease_s) for _ in names]
    try:
        with anyio.fail_after(LIMIT_S):
            for ledger, name in zip(ledgers, names, strict=True):
                await ledger.join(name, _nothing)
            yield ledgers
    finally:
        for ledger in ledgers:
            await ledger.aclose()


def end_lease(url: str) -> None:
    """Have all leases of `echo` be over, as if nobody had renewed them."""
    runs = f'absurd."r_{absurd.queue_of("echo")}"'
    ended = "claim_expires_at = now() - interval '1 s'"
    asked(url, f"UPDATE {runs} SET {ended} WHERE state = 'running'")  # noqa: S608 - in a test


async def claimed(ledger: PostgresLedger, worker: str) -> RunRow:
    """The run that a worker gets as soon as it can have one."""
    while not (found := await ledger.claim(worker, ECHO, limit=1)):
        await checkpoint()
    (row,) = found
    return row


async def test_run_whose_lease_is_over_goes_to_who_claims_it_and_its_worker_is_fenced(
    store_url: str,
) -> None:
    async with served_by(store_url, "ann", "bob") as (ann, bob):
        await ann.commit(*creation(record()))
        old = await claimed(ann, "ann")
        end_lease(store_url)
        asked(store_url, "UPDATE interloom.run SET worker = NULL")
        new = await claimed(bob, "bob")

        assert (new.token, new.attempt, new.worker) == (old.token + 1, 2, "bob")
        with pytest.raises(Fenced):
            await ann.commit(HoldRun("task-1", old.token), PutStep("task-1", "late", b"1"))
        with pytest.raises(Fenced):
            await ann.commit(HoldRun("task-1", old.token), move(1, state=TaskState.COMPLETED))
        await bob.commit(HoldRun("task-1", new.token), PutStep("task-1", "step", b"1"))
        await bob.commit(HoldRun("task-1", new.token), move(1, state=TaskState.COMPLETED))
        assert (await ann.journal("task-1")).steps == {"step": b"1"}


async def test_run_that_absurd_gave_up_is_fenced_before_anybody_claims_it(store_url: str) -> None:
    """Our token is still the worker's then; Absurd's lease is not."""
    async with served_by(store_url, "ann") as (ann,):
        await ann.commit(*creation(record()))
        row = await claimed(ann, "ann")
        ((queue, run),) = asked(store_url, "SELECT queue, absurd_run FROM interloom.run")
        asked(store_url, "SELECT absurd.fail_run(%s, %s, 'null')", queue, run)
        with pytest.raises(Fenced):
            await ann.commit(HoldRun("task-1", row.token), PutStep("task-1", "late", b"1"))
        with pytest.raises(Fenced):
            await ann.commit(ParkRun("task-1", ("ask",)))


async def test_beat_lets_go_of_a_run_whose_lease_is_lost_and_keeps_the_others(
    store_url: str,
) -> None:
    """Else nobody would look for it: its worker is alive."""
    async with served_by(store_url, "ann") as (ann,):
        for task_id in ("lost", "kept", "over", "parked"):
            await ann.commit(*creation(record(task_id)))
        assert len(await ann.claim("ann", ECHO, limit=9)) == 4
        await ann.commit(move(1, "over", state=TaskState.CANCELED))
        await ann.commit(ParkRun("parked", ("ask",)))
        ((queue, run),) = asked(
            store_url,
            "SELECT queue, absurd_run FROM interloom.run JOIN interloom.task ON number = task"
            " WHERE id = 'lost'",
        )
        asked(store_url, "SELECT absurd.fail_run(%s, %s, 'null')", queue, run)
        session = connect(store_url)
        try:
            postgres_workers.renew(session, "ann", 30)
        finally:
            session.close()

        assert {row.task_id: row.worker for row in await ann.runs()} == {
            "lost": "",
            "kept": "ann",
            "parked": "",
        }
        assert [row.task_id for row in await ann.claim("ann", ECHO, limit=9)] == ["lost"]


async def test_process_that_was_frozen_longer_than_its_lease_is_fenced_and_told(
    store_url: str,
) -> None:
    """Its thread is alive all the while, but beats only for a loop that turns."""
    thaw, told = threading.Event(), threading.Event()
    with start_blocking_portal() as portal, anyio.fail_after(LIMIT_S):
        ann = portal.call(lambda: _opened(store_url))
        portal.call(ann.join, "ann", told.set)
        portal.call(ann.commit, *creation(record()))
        (old,) = portal.call(lambda: ann.claim("ann", ECHO, limit=1))
        portal.start_task_soon(_freeze, thaw)
        async with served_by(store_url, "bob", lease_s=1) as (bob,):
            new = await claimed(bob, "bob")
            thaw.set()
            late = HoldRun("task-1", old.token), PutStep("task-1", "late", b"1")
            with pytest.raises(Fenced):
                await anyio.to_thread.run_sync(lambda: portal.call(ann.commit, *late))
            assert await anyio.to_thread.run_sync(told.wait, LIMIT_S)
            assert new.token == old.token + 1
        await anyio.to_thread.run_sync(lambda: portal.call(ann.aclose))


async def _opened(url: str) -> PostgresLedger:
    return PostgresLedger(url, lease_s=1)


async def _freeze(thaw: threading.Event) -> None:
    thaw.wait(LIMIT_S)


async def test_process_that_lives_keeps_its_runs_however_long_it_works(store_url: str) -> None:
    """For three leases; another one looks all the while."""
    async with served_by(store_url, "ann", "bob", lease_s=1) as (ann, bob):
        await begun(ann, worker="worker")
        for _ in range(3):
            ((before,),) = asked(store_url, "SELECT max(beat_ms) FROM interloom.worker")
            while (
                asked(store_url, "SELECT max(beat_ms) FROM interloom.worker")[0][0] < before + 1000
            ):
                assert await bob.claim("bob", ECHO, limit=1) == []
        assert [row.worker for row in await bob.runs()] == ["worker"]


async def test_runs_of_many_agents_are_claimed_up_to_a_limit(store_url: str) -> None:
    """Each has a queue, whatever it is called, and however long."""
    agents = ("echo", "Ärger'; DROP TABLE run; --", "long" * 40, "long" * 40 + "er")
    async with served_by(store_url, "ann") as (ann,):
        for number, agent in enumerate((*agents, *agents)):
            await ann.commit(*creation(record(f"task-{number}", agent=agent)))
        first = await ann.claim("ann", agents, limit=3)
        rest = await ann.claim("ann", agents, limit=9)

        assert (len(first), len(rest)) == (3, 5)
        assert {row.agent for row in (*first, *rest)} == set(agents)
    for agent in agents:
        assert len(absurd.queue_of(agent).encode()) <= 57


async def test_agent_with_much_to_do_does_not_keep_out_another(store_url: str) -> None:
    async with served_by(store_url, "ann") as (ann,):
        for number in range(4):
            await ann.commit(*creation(record(f"busy-{number}", agent="busy")))
        await ann.commit(*creation(record("quiet", agent="quiet")))
        claims = [await ann.claim("ann", ("busy", "quiet"), limit=1) for _ in range(2)]

        assert {row.agent for (row,) in claims} == {"busy", "quiet"}


async def test_claimed_task_that_is_not_ours_is_never_claimed_again(store_url: str) -> None:
    """Somebody else's rows in our queue, or ours without their task, must not stop the others."""
    async with served_by(store_url, "ann") as (ann,):
        await ann.commit(*creation(record()))
        queue = absurd.queue_of("echo")
        asked(store_url, "SELECT absurd.spawn_task(%s, 'echo', '{\"task\": 4711}')", queue)
        assert len(await ann.claim("ann", ECHO, limit=9)) == 1
        left = asked(store_url, "SELECT * FROM absurd.claim_task(%s, 'ann', 30, 9)", queue)
        assert left == []
        of_others = f"absurd.\"t_{queue}\" WHERE params ->> 'task' = '4711'"
        states = asked(store_url, f"SELECT state FROM {of_others}")  # noqa: S608 - in a test
        assert states == [("cancelled",)]  # else it would be once its lease is over


async def test_what_absurd_keeps_of_runs_that_are_over_is_removed(store_url: str) -> None:
    """And nothing else: a parked run's bell may be gone, it is rung all the same."""
    async with served_by(store_url, "ann") as (ann,):
        for task_id in ("over", "parked"):
            await ann.commit(*creation(record(task_id)))
        await ann.claim("ann", ECHO, limit=9)
        await ann.commit(move(1, "over", state=TaskState.COMPLETED))
        await ann.commit(ParkRun("parked", ("ask",)))
        queue = absurd.queue_of("echo")
        older = "completed_at = completed_at - interval '1 day'"
        asked(store_url, f'UPDATE absurd."r_{queue}" SET {older}')  # noqa: S608 - in a test
        asked(store_url, "DELETE FROM interloom.chore")
        session = connect(store_url)
        try:
            postgres_workers.tidy(session)
        finally:
            session.close()

        assert asked(store_url, f'SELECT count(*) FROM absurd."t_{queue}"') == [(1,)]  # noqa: S608
        await ann.commit(PutSignal("parked", "ask", b"[]"))
        assert [row.task_id for row in await ann.claim("ann", ECHO, limit=9)] == ["parked"]


async def test_attempts_are_counted_by_claims_and_anew_after_parking(store_url: str) -> None:
    async with served_by(store_url, "ann") as (ann,):
        await ann.commit(*creation(record()))
        assert (await claimed(ann, "ann")).attempt == 1
        await ann.commit(AdvanceRun("task-1", 4), ParkRun("task-1", ("ask",)))
        await ann.commit(PutSignal("task-1", "ask", b"[]"))
        row = await claimed(ann, "ann")
        assert (row.state, row.attempt) == (RunState.ACTIVE, 1)


async def test_heart_ends_although_who_joins_anew_is_cancelled(store_url: str) -> None:
    """Else it went on beating, on a connection that nobody would ever close."""
    async with served_by(store_url, "one") as (ledger,):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await ledger.join("two", _nothing)
    hearts = [each for each in threading.enumerate() if each.name == "interloom-heart"]
    assert hearts == []
