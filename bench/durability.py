"""Measures what is promised of durability, with real processes on real stores.

A store is given by its URL. Each measurement starts replicas of its own (`bench.replica`).
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio
import orjson
import psycopg
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from bench.figures import percentile
from bench.limits import Limit
from tests import postgres

LEASE_S: Final = 5
STEPS: Final = 400
PARKED: Final = 10_000
"""Tasks that wait."""
ANSWERS: Final = 60
TICKS: Final = 200
CANCELS: Final = 25
SETTLE_S: Final = LEASE_S + 2.0
"""Seconds in which a process is not idle yet: it began, and buries the one before it."""
IDLE_S: Final = 5.0
_LINE: Final = 4_000_000
_PATIENCE_S: Final = 300.0

Measure: TypeAlias = Callable[[str, str], Awaitable[list[Limit]]]
"""Measures on a store, by its name and its URL."""


class Replica:
    """A process that takes orders."""

    def __init__(self, process: Process) -> None:
        self._process = process
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("a replica without pipes")
        self._said, self._told = BufferedByteReceiveStream(process.stdout), process.stdin

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def order(self, do: str, **more: object) -> Any:  # noqa: ANN401 - each order has its shape
        """Give an order; its answer, which the order knows the shape of."""
        await self.tell(do, **more)
        return await self.answer()

    async def tell(self, do: str, **more: object) -> None:
        """Give an order and do not wait."""
        await self._told.send(orjson.dumps({"do": do, **more}) + b"\n")

    async def answer(self) -> Any:  # noqa: ANN401 - as above
        """What it says next."""
        with anyio.fail_after(_PATIENCE_S):
            return orjson.loads(await self._said.receive_until(b"\n", _LINE))

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()


@asynccontextmanager
async def replica(store: str) -> AsyncGenerator[Replica]:
    """A process on a store; killed in the end."""
    command = [sys.executable, "-m", "bench.replica", store, str(LEASE_S)]
    async with await anyio.open_process(
        command, stderr=None, cwd=Path(__file__).parents[1]
    ) as process:
        try:
            made = Replica(process)
            await made.answer()
            yield made
        finally:
            with suppress(ProcessLookupError):  # it was killed already
                process.kill()


async def steps(name: str, store: str) -> list[Limit]:
    """A step of an agent, journaled before it goes on, beside a bare commit."""
    before = percentile(_commits(store), 0.5)
    async with replica(store) as one:
        await one.order("send", agent="stepper", text="50")
        told = await one.order("send", agent="stepper", text=str(STEPS))
    floor = min(before, percentile(_commits(store), 0.5))
    gate = 1 if name == "sqlite" else 5
    measured = percentile(told["result"], 0.5)
    return [Limit("journaled step, p50 ms", name, measured, gate, f"bare commit {floor:.2f} ms")]


def _commits(store: str) -> list[float]:
    """Milliseconds of single-row commits on the same disk."""
    taken: list[float] = []
    with _bare(store) as commit:
        for number in range(STEPS):
            began = time.perf_counter()
            commit(number)
            taken.append((time.perf_counter() - began) * 1e3)
    return taken


@contextmanager
def _bare(store: str) -> Generator[Callable[[int], object]]:
    if store.startswith("postgresql:"):
        with psycopg.connect(store, autocommit=True) as session:
            session.execute("CREATE TABLE IF NOT EXISTS bare (n INTEGER)")
            yield lambda number: session.execute("INSERT INTO bare VALUES (%s)", (number,))
        return
    path = Path(store.removeprefix("sqlite:///")).with_name("bare.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS bare (n INTEGER)")
        yield lambda number: connection.execute("INSERT INTO bare VALUES (?)", (number,))


async def parked(name: str, store: str) -> list[Limit]:
    """A process on a store with many tasks that wait: what it holds, does, and how it wakes one."""
    async with replica(store) as first:
        ids: list[str] = await first.order("fill", tasks=PARKED)
    async with replica(store) as one:
        await one.order("usage", seconds=SETTLE_S)
        usage = await one.order("usage", seconds=IDLE_S)
        taken: list[float] = []
        for task in ids[:: PARKED // ANSWERS]:
            told = await one.order("send", agent="asker", text="blue", task=task)
            taken.append((told["result"] - told["sent"]) * 1e3)
    many = f"{PARKED:,} parked tasks"
    return [
        Limit(f"{many}, resident MB", name, usage["mb"], 120),
        Limit(f"{many}, % of a core", name, usage["share"] * 100, 3),
        Limit("answer to running, p95 ms", name, percentile(taken, 0.95), 100),
    ]


async def failover(name: str, store: str) -> list[Limit]:
    """From the death of the process at work to the next one at its place."""
    async with replica(store) as one, replica(store) as other:
        told = await one.order("send", agent="survivor", text=str(one.pid), at_once=True)
        await one.order("began")
        killed = time.time()
        one.kill()
        # A message joins the task; who sent it waits for its end.
        told = await other.order("send", agent="survivor", text="well?", task=told["id"])
    gate = LEASE_S + 2
    measured = told["result"] - killed
    return [Limit(f"failover, s (lease {LEASE_S} s)", name, measured, gate)]


async def across(name: str, store: str) -> list[Limit]:
    """From one replica to another: events, and a cancel."""
    async with replica(store) as one, replica(store) as other:
        told = await one.order("send", agent="ticker", text=str(TICKS), at_once=True)
        ticks: list[float] = await other.order("ticks", task=told["id"])
        cancels: list[float] = []
        for _ in range(CANCELS):
            told = await one.order("send", agent="sitter", text="sit", at_once=True)
            await one.order("began")
            await one.tell("stopped")
            at = await other.order("cancel", task=told["id"])
            cancels.append((await one.answer() - at) * 1e3)
    return [
        Limit("event at another replica, p95 ms", name, percentile(ticks[5:], 0.95), 50),
        Limit("cancel at another replica, p95 ms", name, percentile(cancels, 0.95), 100),
    ]


MEASURES: Final[dict[str, Measure]] = {
    "step": steps,
    "parked": parked,
    "failover": failover,
    "across": across,
}

_ON_DISK: Final = "fsync = on\nfull_page_writes = on\nautovacuum = on\n"


async def measured(names: tuple[str, ...], scratch: Path) -> list[Limit]:
    """Measure on SQLite, and on PostgreSQL where there are binaries of it."""
    found: list[Limit] = []
    for name in names:
        folder = scratch / name
        folder.mkdir(parents=True)
        found += await MEASURES[name]("sqlite", f"sqlite:///{folder / 'tasks.db'}")
    try:
        with postgres.cluster(settings=_ON_DISK) as cluster:
            for name in names:
                with cluster.database() as url:
                    found += await MEASURES[name]("postgres", url)
    except postgres.NoPostgres as reason:
        print(reason)
    return found
