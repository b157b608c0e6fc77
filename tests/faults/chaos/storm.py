"""Starts processes on one store, gives them tasks, kills them, and counts what was broken."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from interloom.runtime.net.pooled import PooledHttp
from tests.faults.chaos.stores import holes
from tests.faults.chaos.watcher import Watched, Watcher
from tests.faults.chaos.workers import HOST, ROOT, Worker, free_port, listening

LEASE_S: Final = 5
"""Seconds a process that was killed is waited for, where no kernel tells that it is dead."""
TOLLS: Final = (1, 2, 3)
"""What each task pays, see `chain`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard the storm is.

    Attributes:
        tasks: Tasks to be done, at least.
        kills: Processes to be killed meanwhile.
        workers: Processes at a time.
        at_once: Tasks under way at a time.
        pause_s: Seconds between two kills, at most.
        patience_s: Seconds all of it may take; what is not over then is lost.
        seed: Of everything that is left to chance here.
    """

    tasks: int
    kills: int
    workers: int = 3
    at_once: int = 12
    pause_s: float = 1.0
    patience_s: float = 600.0
    seed: int = 20260728


@dataclass(frozen=True, slots=True)
class Toll:
    """What the storm cost; all but the first two ought to be 0.

    Attributes:
        tasks: Tasks that were begun.
        kills: Processes that were killed.
        lost: Tasks that did not complete.
        rerun: Steps that were begun although their row was committed.
        gaps: Events missing on a stream, or numbers missing in the store.
        duplicates: Events that came twice on a stream, and effects nobody allowed to be repeated.
    """

    tasks: int
    kills: int
    lost: int
    rerun: int
    gaps: int
    duplicates: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing was broken."""
        return self.lost == self.rerun == self.gaps == self.duplicates == 0

    def line(self, engine: str) -> str:
        """The toll in one line."""
        return (
            f"CHAOS {engine}: tasks {self.tasks} kills {self.kills} lost {self.lost}"
            f" rerun {self.rerun} gaps {self.gaps} duplicates {self.duplicates}"
        )


async def storm(plan: Plan, folder: Path, store: str) -> Toll:
    """Do all the tasks while processes are killed; then count.

    Args:
        plan: How hard it is.
        folder: Empty; files of the storm go there.
        store: As in `interloom.yaml`.
    """
    watchers: list[Watcher] = []
    async with _tools(folder) as tools, _workers(plan, folder, store, tools) as workers:
        killer = Killer(plan, workers)
        port = PooledHttp()

        async def lane() -> None:
            """One task after the other, as long as there are tasks to do or kills to come."""
            while len(watchers) < plan.tasks or killer.kills < plan.kills:
                number = len(watchers)
                chosen = random.Random(number)  # noqa: S311 - picks moments, keeps no secret
                watchers.append(
                    Watcher(port, workers_at(workers, chosen), f"task-{number}", chosen)
                )
                await watchers[-1].run()

        with anyio.move_on_after(plan.patience_s):  # a task that is lost is not waited for
            async with anyio.create_task_group() as lanes:
                for _ in range(plan.at_once):
                    lanes.start_soon(lane)
                await killer.kill_all()
        await port.aclose()
    return _count(killer.kills, [each.seen for each in watchers], folder, store)


class Killer:
    """Kills one process after another, and starts another one in its place.

    Attributes:
        kills: How many so far.
    """

    def __init__(self, plan: Plan, workers: list[Worker]) -> None:
        self.kills = 0
        self._plan, self._workers = plan, workers
        self._chance = random.Random(plan.seed)  # noqa: S311 - as above

    async def kill_all(self) -> None:
        """All that are planned, at random; somebody is always left."""
        async with anyio.create_task_group() as starting:
            while self.kills < self._plan.kills:
                await anyio.sleep(self._chance.uniform(0, self._plan.pause_s))
                up = [worker for worker in self._workers if worker.is_up]
                if len(up) > 1:
                    victim = self._chance.choice(up)
                    await victim.kill()
                    self.kills += 1
                    starting.start_soon(victim.start)


def workers_at(workers: list[Worker], chance: random.Random) -> Callable[[], str]:
    """Gives the agent's URL at one worker or another."""
    return lambda: chance.choice(workers).url


@asynccontextmanager
async def _tools(folder: Path) -> AsyncGenerator[int]:
    port = free_port()
    command = [sys.executable, "-m", "tests.faults.chaos.tolls"]
    options = ["--port", str(port), "--log", str(folder / "effects.log")]
    log = (folder / "tools.log").open("ab")
    with log:
        process = await anyio.open_process([*command, *options], cwd=ROOT, stdout=log, stderr=log)
    try:
        await listening(port)
        yield port
    finally:
        process.kill()
        with anyio.CancelScope(shield=True):
            await process.wait()


@asynccontextmanager
async def _workers(
    plan: Plan, folder: Path, store: str, tools: int
) -> AsyncGenerator[list[Worker]]:
    agent = "tests.faults.chaos.chain:chain"
    config = (
        f"agents: {{chain: {{use: '{agent}', tools: [tolls]}}}}\n"
        f"mcpServers: {{tolls: {{url: 'http://{HOST}:{tools}/mcp'}}}}\n"
        f"store: {store}\nlease: {LEASE_S}\n"
    )
    (folder / "interloom.yaml").write_text(config, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CHAOS_STORE": store,
        "CHAOS_NOTES": str(folder / "notes.log"),
    }
    command = [sys.executable, "-m", "interloom.apps.cli", "run"]
    workers = [Worker(command, folder, environment, "/a2a/chain") for _ in range(plan.workers)]
    try:
        async with anyio.create_task_group() as starting:
            for worker in workers:
                starting.start_soon(worker.start)
        yield workers
    finally:
        with anyio.CancelScope(shield=True):
            for worker in workers:
                await worker.kill()


def _count(kills: int, seen: list[Watched], folder: Path, store: str) -> Toll:
    effects = Counter((folder / "effects.log").read_text("utf-8").splitlines())
    notes = folder / "notes.log"
    return Toll(
        tasks=len(seen),
        kills=kills,
        lost=sum(each.state != "COMPLETED" for each in seen),
        rerun=notes.read_text("utf-8").count("rerun") if notes.exists() else 0,
        gaps=sum(each.gaps for each in seen) + holes(store),
        duplicates=sum(each.repeats + _unasked(each, effects) for each in seen),
    )


def _unasked(task: Watched, effects: Counter[str]) -> int:
    """Effects of a task's calls that came again though nobody had said so."""
    paid = [effects[f"{task.name} {toll}"] for toll in TOLLS]
    return max(0, sum(times - 1 for times in paid if times) - task.allowed)
