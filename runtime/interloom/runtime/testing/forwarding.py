"""A ledger that passes everything on to another: what tests put in front of a real one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from datetime import datetime

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Journal, Pruned, PushRow, RunRow, Seen, StoredTask, Write
from interloom.runtime.ledger.shelf import Shelf


class ForwardingLedger:
    """Passes everything on; a subclass says what it does otherwise. See `Ledger`."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner

    @property
    def takes_at_write(self) -> bool:
        """Whether a write may name the worker of a run."""
        return self.inner.takes_at_write

    @property
    def shelf(self) -> Shelf | None:
        """Where results of others are kept for a while."""
        return self.inner.shelf

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none."""
        await self.inner.commit(*writes)

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        return await self.inner.task(task_id)

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        return await self.inner.events(task_id, after=after, limit=limit)

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        return await self.inner.journal(task_id)

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        return await self.inner.runs()

    async def now(self) -> datetime:
        """The store's clock."""
        return await self.inner.now()

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Be one of the processes that work on runs."""
        await self.inner.join(worker, on_loss)

    async def beat(self, worker: str) -> bool:
        """Write that a worker is alive."""
        return await self.inner.beat(worker)

    async def leave(self, worker: str) -> None:
        """Work on runs no more."""
        await self.inner.leave(worker)

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs that have something to do and nobody works on."""
        return await self.inner.claim(worker, agents, limit=limit)

    def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Tasks that got events, by whatever process."""
        return self.inner.changes(held, free)

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        """What became of a message, or None when it is new."""
        return await self.inner.seen(owner, agent, message_id)

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        """Tasks that match, and how many match in all."""
        return await self.inner.page(query)

    async def pushes(self, task_id: str) -> list[PushRow]:
        """A task's push configs, in the order of their ids."""
        return await self.inner.pushes(task_id)

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """What is to be posted."""
        return await self.inner.outbox(limit=limit, without=without)

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        """Events that were given up, the latest first."""
        return await self.inner.undelivered(limit=limit)

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        """Delete tasks that were over before a moment."""
        return await self.inner.prune(before, limit=limit)

    async def prunable(self, before: datetime) -> Pruned:
        """What `prune` would delete."""
        return await self.inner.prunable(before)

    async def take_turn(self, chore: str, every_s: float) -> bool:
        """Whether a chore is this process's to do now."""
        return await self.inner.take_turn(chore, every_s)

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        """Have `nudge` called after each commit that put something there."""
        self.inner.watch_outbox(nudge)

    async def aclose(self) -> None:
        """Finish what was begun and let go of the store."""
        await self.inner.aclose()
