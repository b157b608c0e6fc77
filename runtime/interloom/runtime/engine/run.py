"""One agent at work on one task: its journal, what it waits for, and when it may be parked.

A run that waits is warm for a while: the coroutine stays, so that a quick answer costs nothing.
Then it is parked: the coroutine is dropped and only rows are left. An answer, tomorrow or after
a crash, begins the agent's code again, and the journal carries it to where it was.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum, unique

import anyio

from interloom.runtime.engine.live import Live
from interloom.runtime.ledger.rows import CallRow, Journal


@unique
class Ending(Enum):
    """Why a run's coroutine is being dropped."""

    PARKED = "parked"
    STOPPED = "stopped"
    DRAINED = "drained"


class Run:
    """The state of one run in this process.

    Attributes:
        live: The task.
        steps: Results of completed steps by key, JSON.
        signals: What was delivered by key, JSON.
        calls: Tool calls by key.
        event_ids: Events appended before this run began.
        ending: Why it is being dropped, or None.
        woken: True when something was delivered while it was being parked.
    """

    def __init__(self, live: Live, journal: Journal, *, warm_s: float) -> None:
        self.live = live
        self.steps = dict(journal.steps)
        self.signals = dict(journal.signals)
        self.calls: dict[str, CallRow] = dict(journal.calls)
        self.event_ids = journal.event_ids
        self.ending: Ending | None = None
        self.woken = False
        self._warm_s = warm_s
        self._scope = anyio.CancelScope()
        self._waiting: dict[str, anyio.Event] = {}
        self._busy = 0

    @property
    def scope(self) -> anyio.CancelScope:
        """The scope the agent's code runs in."""
        return self._scope

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The keys it waits for."""
        return tuple(self._waiting)

    def end(self, ending: Ending) -> None:
        """Drop the coroutine; the first reason given stands, but a stop overrides parking."""
        if self.ending is None or ending is Ending.STOPPED:
            self.ending = ending
        self._scope.cancel()

    def park_if_waiting(self) -> None:
        """Park it now, warm or not, when nothing would be lost."""
        if self._waiting and self._busy == 0:
            self.end(Ending.PARKED)

    def deliver(self, key: str, value: bytes) -> None:
        """Hand it something that is stored; the first value under a key stands."""
        self.signals.setdefault(key, value)
        self.woken = True
        event = self._waiting.get(key)
        if event is not None:
            event.set()

    async def wait(self, key: str) -> bytes:
        """Wait for what is delivered under `key`; may never return, see the module."""
        while (value := self.signals.get(key)) is None:
            event = self._waiting.setdefault(key, anyio.Event())
            with anyio.move_on_after(self._warm_s):
                await event.wait()
            if not event.is_set() and self._busy == 0:
                self.end(Ending.PARKED)
                await anyio.sleep_forever()
        self._waiting.pop(key, None)
        return value

    @contextmanager
    def busy(self) -> Generator[None]:
        """Hold parking off while something is under way that would be lost."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
