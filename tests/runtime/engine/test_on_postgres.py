"""What the engine makes of a PostgreSQL server that fails under it. Ours (decision 0026).

The failure matrix: a server that is stopped at once and started again loses no task, no completed
step is run again, and no stream has a gap; a hint that is lost costs a look, and never an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import anyio

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.rows import PutStep
from interloom.runtime.model import TaskState
from interloom.runtime.testing import asker
from interloom.runtime.testing.agents import result
from interloom.runtime.testing.engine_house import LIMIT_S, Process
from interloom.runtime.testing.engine_house import cluster as processes
from interloom.runtime.testing.engine_on_postgres import PostgresInstallation
from interloom.runtime.wire.card import About
from tests.postgres import Cluster, asked, cut
from tests.runtime.engine.house import COLD_S, WARM_S, said

TASKS: Final = 12
STEPS: Final = 5
LEASE_S: Final = 20.0
"""Longer than the server is away."""
FULL_DISK: Final = """
    CREATE SEQUENCE public.refused;
    CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('public.refused');
        RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON interloom.step
        FOR EACH ROW EXECUTE FUNCTION public.full_disk();
"""
"""Has no step stored any more; a sequence counts what was refused, as it is never rolled back."""


@asynccontextmanager
async def two(url: str, agent: Agent, *, warm_s: float = WARM_S) -> AsyncGenerator[list[Process]]:
    """Two processes on a server, which then end in good order."""
    async with processes(PostgresInstallation(url, lease_s=LEASE_S)) as room:
        with anyio.fail_after(LIMIT_S):
            made = [await room.start(agent, warm_s=warm_s) for _ in range(2)]
            yield made
            for process in made:
                await process.drain()


class Worker:
    """An agent that does its steps one after the other, and says which it really did."""

    def __init__(self) -> None:
        self.agent = Agent(About("worker", "Does steps."), self._body)
        self.done: Counter[tuple[str, str]] = Counter()
        self._moved = anyio.Event()

    async def until(self, so_many: int) -> None:
        """Wait for that many steps, whichever process does them."""
        while self.done.total() < so_many:
            await self._moved.wait()

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        for number in range(STEPS):
            key = f"step/{number}"
            await task.step(key, partial(self._step, task, key))
            await task.status(f"{number}")
        return result("done")

    async def _step(self, task: TaskContext, key: str) -> int:
        self.done[task.task_id, key] += 1
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
        return len(self.done)


async def test_server_that_is_stopped_and_started_under_running_tasks_costs_nothing(
    cluster: Cluster,
) -> None:
    worker = Worker()
    async with two(cluster.url, worker.agent) as (one, other):
        tasks = [await (one, other)[n % 2].begin("go") for n in range(TASKS)]
        for so_many in (TASKS, 3 * TASKS):
            await worker.until(so_many)
            await anyio.to_thread.run_sync(cluster.stop)
            await anyio.to_thread.run_sync(cluster.start)
        ended = [await one.over(task) for task in tasks]

        assert [(task.status.state, said(task)) for task in ended] == [
            (TaskState.COMPLETED, "done")
        ] * TASKS
        stored = Counter(
            (write.task_id, write.key)
            for each in (one, other)
            for write in each.ledger.written
            if isinstance(write, PutStep)
        )
        for task in tasks:
            events = await other.ledger.events(task.id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            told = [event.id for event in events if event.id.startswith("status/")]
            assert told == [f"status/{number + 1}" for number in range(STEPS)]
        assert max(stored.values()) == 1
        assert len(stored) == TASKS * STEPS
        assert worker.done == stored


async def test_task_stands_still_while_the_servers_disk_is_full_and_goes_on_after(
    database_url: str,
) -> None:
    """It does again what it could not store, and nothing else."""
    worker = Worker()
    async with two(database_url, worker.agent) as (one, other):
        asked(database_url, FULL_DISK)
        task = await one.begin("go")
        while asked(database_url, "SELECT last_value < 3 FROM public.refused") == [(True,)]:
            await anyio.lowlevel.checkpoint()
        for process in (one, other):
            assert (await process.get(task)).status.state is TaskState.WORKING
            assert (await process.ledger.journal(task.id)).steps == {}
        asked(database_url, "DROP TRIGGER full_disk ON interloom.step")
        ended = await one.over(task)
    assert (ended.status.state, said(ended)) == (TaskState.COMPLETED, "done")
    assert worker.done.pop((task.id, "step/0")) > 1
    assert worker.done == {(task.id, f"step/{number}"): 1 for number in range(1, STEPS)}


async def test_subscriber_elsewhere_sees_every_event_though_all_connections_are_cut(
    store_url: str,
) -> None:
    """Those of the listener and of who tells among them: it finds out by looking."""
    async with two(store_url, asker(questions=3)) as (one, other):
        task = await one.send("begin")
        seen: list[bytes] = []

        async def follow() -> None:
            seen.extend(await other.follow(task, begun))

        begun = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            await begun.wait()
            for word in ("a", "b", "c"):
                cut(store_url)
                await one.send(word, task)
        assert b"TASK_STATE_COMPLETED" in seen[-1]
        assert said(await other.get(task)) == "a b c"


async def test_parked_tasks_outlive_a_server_that_crashes(cluster: Cluster) -> None:
    async with two(cluster.url, asker(), warm_s=COLD_S) as (one, other):
        tasks = [await one.send("begin") for _ in range(5)]
        for task in tasks:
            await one.until_parked(task)
        await anyio.to_thread.run_sync(cluster.stop)
        await anyio.to_thread.run_sync(cluster.start)
        for task in tasks:
            assert said(await other.send("blue", task)) == "blue"
