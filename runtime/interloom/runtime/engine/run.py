"""One agent at work on one task: its journal, what it waits for, and when it may be parked.

A run that waits is warm for a while: the coroutine stays, so that a quick answer costs nothing.
Then it is parked: the coroutine is dropped and only rows are left. An answer, tomorrow or after
a crash, begins the agent's code again, and the journal carries it to where it was.
"""

from __future__ import annotations

# Every SendMessage begins one task: asyncio's costs 9 microseconds, one of anyio's groups 38, and
# a scope to cancel it by another 6 (measured).
import asyncio  # noqa: TID251
import math
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from enum import Enum, unique
from typing import Any, Final

import anyio

from interloom.runtime.engine.live import Live
from interloom.runtime.ledger.rows import AdvanceRun, HoldRun, Journal, Write

FIRST: Final = 1
"""Token of a run that is held by the process that took the task's first message."""


@unique
class Ending(Enum):
    """Why a run's coroutine is being dropped."""

    PARKED = "parked"
    STOPPED = "stopped"
    DRAINED = "drained"
    LOST = "lost"


class Run:
    """The state of one run in this process.

    Attributes:
        live: The task.
        hold: Stands before everything it writes: nothing is written for another process's run.
        steps: Results of completed steps by key, JSON.
        signals: What was delivered by key, JSON.
        calls: Tool calls by key.
        event_ids: Events appended before this run began.
        ending: Why it is being dropped, or None.
    """

    __slots__ = (
        "_alarms",
        "_attempt",
        "_branches",
        "_busy",
        "_cancels",
        "_is_working",
        "_task",
        "_waiting",
        "_warm_s",
        "calls",
        "ending",
        "event_ids",
        "hold",
        "live",
        "signals",
        "steps",
    )

    def __init__(self, live: Live, journal: Journal, *, warm_s: float) -> None:
        row = journal.run
        self.live = live
        self.hold = HoldRun(live.record.id, FIRST if row is None else row.token)
        self.steps = {**journal.steps}
        self.signals = {**journal.signals}
        self.calls = {**journal.calls}
        self.event_ids = journal.event_ids
        self.ending: Ending | None = None
        self._warm_s, self._attempt = warm_s, 1 if row is None else row.attempt
        self._task: asyncio.Task[None] | None = None
        self._cancels = 0
        self._is_working = False
        self._waiting: dict[str, anyio.Event] = {}
        self._alarms: dict[str, float] = {}
        self._busy = 0
        self._branches = 1

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the agent's code as a task of the event loop; the run keeps it alive."""
        self._task = asyncio.Task(work, loop=asyncio.get_running_loop())

    async def until_ended(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, or as much of it as there is until the run is ended."""
        if self.ending is not None:  # before it began
            work.close()
            return
        self._is_working = True
        try:
            await work
        except asyncio.CancelledError:
            if not self._cancels:
                raise
        finally:
            self._is_working = False
            if self._task is not None:
                for _ in range(self._cancels):  # they were for the work; what follows is ours
                    self._task.uncancel()

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The keys it waits for."""
        return tuple(self._waiting)

    @property
    def warm_s(self) -> float:
        """Seconds it may wait before it is parked."""
        return self._warm_s

    @property
    def wake_in_s(self) -> float | None:
        """Seconds until the first of its waits is over by itself; None when none of them is."""
        first_s = min(self._alarms.values(), default=math.inf)
        return None if first_s == math.inf else max(first_s - anyio.current_time(), 0.0)

    def end(self, ending: Ending) -> None:
        """Drop the coroutine; the first reason given stands, but its end or loss override it."""
        if self.ending is None or ending in {Ending.STOPPED, Ending.LOST}:
            self.ending = ending
        if self._is_working and self._task is not None:
            self._cancels += 1
            self._task.cancel()

    def park_soon(self) -> None:
        """Park it as soon as nothing would be lost, warm or not."""
        self._warm_s = 0.0
        self._look_again()

    def _may_park(self) -> bool:
        """Whether all it does is wait: nothing would be lost and nobody would be stopped."""
        return self._busy == 0 and len(self._waiting) >= self._branches

    def deliver(self, key: str, value: bytes) -> None:
        """Hand it something that is stored; the first value under a key stands."""
        self.signals.setdefault(key, value)
        event = self._waiting.get(key)
        if event is not None:
            event.set()

    async def wait(self, key: str, *, within_s: float = math.inf) -> bytes:
        """Wait for what is delivered under `key`; may never return, see the module.

        Args:
            key: What is waited for.
            within_s: Seconds until the wait is over by itself.

        Raises:
            TimeoutError: They are over.
        """
        self._alarms[key] = anyio.current_time() + within_s
        try:
            while (value := self.signals.get(key)) is None:
                left_s = self._alarms[key] - anyio.current_time()
                if left_s <= 0:
                    raise TimeoutError
                event = self._waiting[key] = anyio.Event()
                with anyio.move_on_after(min(left_s, self._warm_s if self._may_park() else left_s)):
                    await event.wait()
                if not event.is_set() and self._may_park() and not self._is_due_soon():
                    self.end(Ending.PARKED)
                    await anyio.sleep_forever()
            return value
        finally:
            if self.ending is None:  # a run that is dropped still waits; one that gave up does not
                self._waiting.pop(key, None)
                self._alarms.pop(key, None)

    def _is_due_soon(self) -> bool:
        """Whether it would be woken before it was worth while to park it."""
        wake_in_s = self.wake_in_s
        return wake_in_s is not None and wake_in_s <= self._warm_s

    def progress(self) -> tuple[Write, ...]:
        """The row to store with whatever shows that it got further; mostly there is none."""
        if self._attempt == 1:
            return ()
        self._attempt = 1
        return (AdvanceRun(self.live.record.id),)

    @contextmanager
    def busy(self) -> Generator[None]:
        """Hold parking off while something is under way that would be lost."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._look_again()

    @contextmanager
    def branch(self) -> Generator[None]:
        """One more thing the agent does at the same time; parking waits until all of them wait."""
        self._branches += 1
        self._look_again()
        try:
            yield
        finally:
            self._branches -= 1
            self._look_again()

    @contextmanager
    def joining(self) -> Generator[None]:
        """While inside, the code that began the branches waits for them and does nothing itself."""
        self._branches -= 1
        try:
            yield
        finally:
            self._branches += 1

    def _look_again(self) -> None:
        """Have those who wait find out anew whether they may be parked."""
        for event in self._waiting.values():
            event.set()
