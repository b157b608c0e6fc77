"""A ledger one can listen to, cut off, hold up and freeze; otherwise it is the one inside."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from typing import Final, TypeAlias

import anyio

from interloom.runtime.core.record import Event
from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Journal, ParkRun, RunRow, StoredTask, Write
from interloom.runtime.testing.forwarding import ForwardingLedger

Wanted: TypeAlias = Callable[[Write], bool]
"""Picks the writes of a kind."""


def parks(write: Write) -> bool:
    """Picks those that make a run rows."""
    return isinstance(write, ParkRun)


_TURNS: Final = 5
"""Turns of the event loop after which what was held up is on its way to the store."""


class TappedLedger(ForwardingLedger):
    """Passes everything on.

    Attributes:
        written: Every write that was stored, in order.
        refused: How many commits were refused because `fail` said so.
        late: How many commits the store refused because somebody else had been quicker.
        unreadable: How many times yet a journal cannot be read.
        blind: How many times yet a task cannot be read.
        worker: As whom it was joined last.
    """

    def __init__(self, inner: Ledger) -> None:
        super().__init__(inner)
        self._changed = anyio.Event()
        self.written: list[Write] = []
        self.refused = self.late = self.unreadable = self.blind = 0
        self._failing = range(0)
        self._commits = 0
        self._held: tuple[Wanted, anyio.Event] | None = None
        self._refused: tuple[Wanted, anyio.Event] | None = None
        self._stopped: tuple[Wanted, anyio.Event] | None = None
        self._is_stopped = anyio.Event()
        self.worker = ""
        self._writes, self._moves = anyio.Event(), anyio.Event()  # set unless it is frozen
        self._writes.set()
        self._moves.set()
        self._is_cut_off = False
        self._untold: list[Callable[[], None]] = []  # what a frozen process does not hear yet

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none, unless told otherwise."""
        await self._pass(self._writes)
        self._commits += 1
        if self._commits in self._failing:
            self.refused += 1
            raise Unavailable("the store does not take writes")
        if self._refused is not None and any(map(self._refused[0], writes)):
            with anyio.CancelScope(shield=True):
                await self._refused[1].wait()
            raise Unavailable("the store does not take writes")
        if self._stopped is not None and any(map(self._stopped[0], writes)):
            self._is_stopped.set()
            with anyio.CancelScope(shield=True):
                await self._stopped[1].wait()
        try:
            await self.inner.commit(*writes)
        except Conflict:
            self.late += 1
            self._tell()
            raise
        self.written += writes
        self._tell()
        if self._held is not None and any(map(self._held[0], writes)):
            with anyio.CancelScope(shield=True):
                await self._held[1].wait()

    def fail(self, times: int = 1, *, after: int = 0) -> None:
        """Refuse so many commits as a full disk would, once `after` more have gone well."""
        first = self._commits + after + 1
        self._failing = range(first, first + times)

    def stop(self, wanted: Wanted) -> anyio.Event:
        """Pass commits with such a write on only once the event returned is set."""
        gate = anyio.Event()
        self._stopped = wanted, gate
        return gate

    async def until_stopped(self) -> None:
        """Wait for a commit that is stopped."""
        await self._is_stopped.wait()

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

    def freeze(self) -> None:
        """Let nothing through any more, in either direction, until `thaw`."""
        self._writes, self._moves = anyio.Event(), anyio.Event()

    async def thaw(self) -> None:
        """Store what was held up, and go on; only then it hears what it missed."""
        self._writes.set()
        for _ in range(_TURNS):
            await anyio.lowlevel.cancel_shielded_checkpoint()
        self._moves.set()
        untold, self._untold = self._untold, []
        for tell in untold:
            tell()

    def cut_off(self) -> None:
        """Let nothing through ever again: the process is dead."""
        self._is_cut_off = True
        self._writes.set()
        self._moves.set()
        self._untold.clear()

    async def _pass(self, gate: anyio.Event | None = None) -> None:
        gate = gate or self._moves
        if not gate.is_set():
            with anyio.CancelScope(shield=True):  # who is frozen does not notice anything
                await gate.wait()
        if self._is_cut_off:
            raise Unavailable("the process is dead")

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def until(self, wanted: Wanted, times: int = 1) -> None:
        """Wait for that many writes of a kind, counted from the beginning."""
        while sum(map(wanted, self.written)) < times:
            await self._changed.wait()

    async def until_late(self) -> None:
        """Wait for a commit that comes too late."""
        while not self.late:
            await self._changed.wait()

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        await self._pass()
        if self.blind > 0:
            self.blind -= 1
            raise Unavailable("the store cannot be read")
        return await self.inner.task(task_id)

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        await self._pass()
        return await self.inner.events(task_id, after=after, limit=limit)

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        await self._pass()
        if self.unreadable > 0:
            self.unreadable -= 1
            raise Unavailable("the store cannot be read")
        return await self.inner.journal(task_id)

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Be one of the processes that work on runs."""
        await self._pass()
        self.worker = worker
        await self.inner.join(worker, lambda: self._hear(on_loss))

    def _hear(self, tell: Callable[[], None]) -> None:
        if self._moves.is_set() and not self._is_cut_off:
            tell()
        elif not self._is_cut_off:
            self._untold.append(tell)

    async def leave(self, worker: str) -> None:
        """Work on runs no more."""
        await self._pass()
        if self._commits + 1 in self._failing:
            raise Unavailable("the store does not take writes")
        await self.inner.leave(worker)

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs that have something to do and nobody works on."""
        await self._pass()
        return await self.inner.claim(worker, agents, limit=limit)

    async def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Tasks that got events, by whatever process."""
        try:
            async for changed in self.inner.changes(held, lambda: self._hear(free)):
                await self._pass()
                yield changed
        except Unavailable:
            if not self._is_cut_off:
                raise
            await anyio.sleep_forever()
