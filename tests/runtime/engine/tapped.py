"""A ledger one can listen to, cut off and hold up; otherwise it is the one inside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import anyio

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event
from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Journal, PushRow, RunRow, Seen, StoredTask, Write

Wanted: TypeAlias = Callable[[Write], bool]
"""Picks the writes of a kind."""


class TappedLedger:
    """Passes everything on.

    Attributes:
        written: Every write that was stored, in order.
        refused: How many commits were refused because `fail` said so.
        unreadable: How many times yet a journal cannot be read.
    """

    def __init__(self, inner: Ledger) -> None:
        self._inner = inner
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
        await self._inner.commit(*writes)
        self.written += writes
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        if self._held is not None and any(map(self._held[0], writes)):
            with anyio.CancelScope(shield=True):
                await self._held[1].wait()

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

    async def task(self, task_id: str) -> StoredTask | None:
        return await self._inner.task(task_id)

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        return await self._inner.events(task_id, after=after, limit=limit)

    async def journal(self, task_id: str) -> Journal:
        if self.unreadable > 0:
            self.unreadable -= 1
            raise Unavailable("the store cannot be read")
        return await self._inner.journal(task_id)

    async def runs(self) -> list[RunRow]:
        return await self._inner.runs()

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        return await self._inner.seen(owner, agent, message_id)

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        return await self._inner.page(query)

    async def pushes(self, task_id: str) -> list[PushRow]:
        return await self._inner.pushes(task_id)

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        return await self._inner.outbox(limit=limit, without=without)

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        return await self._inner.undelivered(limit=limit)

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        self._inner.watch_outbox(nudge)

    async def aclose(self) -> None:
        await self._inner.aclose()
