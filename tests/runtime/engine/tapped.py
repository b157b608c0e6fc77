"""A ledger one can listen to, cut off and hold up; otherwise it is the one inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import anyio

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Journal, Write
from interloom.runtime.testing.forwarding import ForwardingLedger

Wanted: TypeAlias = Callable[[Write], bool]
"""Picks the writes of a kind."""


class TappedLedger(ForwardingLedger):
    """Passes everything on.

    Attributes:
        written: Every write that was stored, in order.
        refused: How many commits were refused because `fail` said so.
        unreadable: How many times yet a journal cannot be read.
    """

    def __init__(self, inner: Ledger) -> None:
        super().__init__(inner)
        self._changed = anyio.Event()
        self.written: list[Write] = []
        self.refused = 0
        self._failing = range(0)
        self._commits = 0
        self._held: tuple[Wanted, anyio.Event] | None = None
        self._refused: tuple[Wanted, anyio.Event] | None = None
        self.unreadable = 0

    async def commit(self, *writes: Write) -> None:
        self._commits += 1
        if self._commits in self._failing:
            self.refused += 1
            raise Unavailable("the store does not take writes")
        if self._refused is not None and any(map(self._refused[0], writes)):
            with anyio.CancelScope(shield=True):
                await self._refused[1].wait()
            raise Unavailable("the store does not take writes")
        await self.inner.commit(*writes)
        self.written += writes
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        if self._held is not None and any(map(self._held[0], writes)):
            with anyio.CancelScope(shield=True):
                await self._held[1].wait()

    async def leave(self, worker: str) -> None:
        """Write what a process that is going writes last, unless it is refused."""
        if self._commits + 1 in self._failing:
            raise Unavailable("the store does not take writes")
        await self.inner.leave(worker)

    def fail(self, times: int = 1, *, after: int = 0) -> None:
        """Refuse so many commits as a full disk would, once `after` more have gone well."""
        first = self._commits + after + 1
        self._failing = range(first, first + times)

    def hold_back(self, wanted: Wanted) -> anyio.Event:
        """Acknowledge commits with such a write only once the event returned is set."""
        gate = anyio.Event()
        self._held = wanted, gate
        return gate

    def refuse(self, wanted: Wanted) -> anyio.Event:
        """Refuse commits with such a write, but only once the event returned is set."""
        gate = anyio.Event()
        self._refused = wanted, gate
        return gate

    async def until(self, wanted: Wanted, times: int = 1) -> None:
        """Wait for that many writes of a kind, counted from the beginning."""
        while sum(map(wanted, self.written)) < times:
            await self._changed.wait()

    async def journal(self, task_id: str) -> Journal:
        if self.unreadable > 0:
            self.unreadable -= 1
            raise Unavailable("the store cannot be read")
        return await self.inner.journal(task_id)
