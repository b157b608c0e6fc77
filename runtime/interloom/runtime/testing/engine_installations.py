"""The engines that come with the runtime, each on its store."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import anyio

from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.embedded import EmbeddedEngine
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.run_statements import disown
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.testing.clock import FakeClock
from interloom.runtime.testing.engine_house import Settings
from interloom.runtime.testing.forwarding import ForwardingLedger


def embedded(tasks: Tasks, agents: Mapping[str, Agent], settings: Settings) -> Engine:
    """The embedded engine, which works on any ledger."""
    clock, ids, warm_s, retry_s = settings
    return EmbeddedEngine(tasks, agents, clock, ids, warm_s=warm_s, retry_s=retry_s)


class MemoryInstallation:
    """A store in memory: one process after the other, since nobody else can reach it.

    It goes by a clock that moves when told, and outlives its processes, as a file would.
    """

    is_shared = False

    def __init__(self) -> None:
        self._clock = FakeClock()
        self._ledger = MemoryLedger(self._clock)

    async def open(self) -> Ledger:
        """The store, as the next process finds it."""
        return _Kept(self._ledger)

    def engine(self, tasks: Tasks, agents: Mapping[str, Agent], settings: Settings) -> Engine:
        """The engine of a process."""
        return embedded(tasks, agents, settings)

    async def take_for_dead(self, worker: str) -> None:
        """Nothing: there is nobody who could."""

    async def let_pass(self, seconds: float) -> None:
        """Move the clock."""
        self._clock.advance(seconds)


class _Kept(ForwardingLedger):
    """What is in memory stays there when a process closes it."""

    async def aclose(self) -> None:
        """Nothing: the next process finds it."""


class SqliteInstallation:
    """A file, which several processes of one host share."""

    is_shared = True

    def __init__(self, path: Path) -> None:
        """Make no file yet; `path` is where it will be."""
        self._path = path

    async def open(self) -> Ledger:
        """The file, with connections and a lock of the process's own."""
        return SqliteLedger(self._path)

    def engine(self, tasks: Tasks, agents: Mapping[str, Agent], settings: Settings) -> Engine:
        """The engine of a process."""
        return embedded(tasks, agents, settings)

    async def take_for_dead(self, worker: str) -> None:
        """Delete its row, as whoever finds its lease over does."""
        with closing(sqlite3.connect(self._path, timeout=10)) as connection, connection:
            connection.execute("DELETE FROM worker WHERE name = ?", (worker,))
            disown(connection, worker)

    async def let_pass(self, seconds: float) -> None:
        """Wait: the time is the file's."""
        await anyio.sleep(seconds)
