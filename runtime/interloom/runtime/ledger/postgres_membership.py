"""This process among those that work on a store: its name, its beats, and the runs it claims."""

from __future__ import annotations

import os
import platform
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Protocol, TypeAlias

import anyio

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger import postgres_workers, queries, run_statements
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.postgres_connection import Values
from interloom.runtime.ledger.postgres_hints import Hint
from interloom.runtime.ledger.postgres_pulse import Pulse
from interloom.runtime.ledger.postgres_writer import PostgresCommitter, Transaction
from interloom.runtime.ledger.rows import RunRow

Transact: TypeAlias = Callable[[Transaction], Awaitable[None]]
"""Stores a transaction, or raises what it was refused with."""


class Read(Protocol):
    """Reads all rows of a query."""

    async def __call__(self, sql: str, values: Values = ..., /) -> list[Any]:
        """Read them."""
        ...


class Membership:
    """One worker at a time, by the words of `Ledger`.

    Attributes:
        me: Who we are to the others; None before we joined, and empty once we left.
    """

    def __init__(
        self,
        committer: PostgresCommitter,
        *,
        read: Read,
        transact: Transact,
        tell: Callable[[Hint], None],
        lease_s: int,
    ) -> None:
        """Prepare to join.

        Args:
            committer: Who writes, and in whose name.
            read: Reads rows.
            transact: Stores transactions.
            tell: Sends hints to other processes.
            lease_s: Seconds a process that says nothing is taken for alive.
        """
        self.me: str | None = None
        self._committer, self._read, self._transact, self._tell = committer, read, transact, tell
        self._lease_s = lease_s
        self._pulses: dict[str, Pulse] = {}
        self._turns, self._is_closed = 0, False
        self._perhaps: list[RunRow] = []  # claimed, if a commit took place of which nobody knows

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Be one of the processes that work on runs; see `Ledger.join`."""
        await self.stop()
        host = f"{platform.node()}:{os.getpid()}"
        join = Transaction(lambda connection: postgres_workers.join(connection, worker, host))
        await self._transact(join)
        if self._is_closed:  # meanwhile: a heart that began now would never be stopped
            raise Unavailable("the store is closed")
        self.me = worker
        self._committer.work_as(worker)
        self._pulses[worker] = Pulse(
            self._committer.url, worker, lease_s=self._lease_s, on_loss=on_loss
        )

    async def beat(self, worker: str) -> bool:
        """Write that a worker is alive; see `Ledger.beat`."""
        is_member = False

        def write(connection: Connection) -> None:
            nonlocal is_member
            is_member = postgres_workers.beat(connection, worker)

        await self._transact(Transaction(write))
        return is_member

    async def leave(self, worker: str) -> None:
        """Work on runs no more; see `Ledger.leave`."""
        if worker == self.me:
            await self.stop()
            self.me = ""
            self._committer.work_as("")
            leave = Transaction(lambda connection: postgres_workers.leave(connection, worker))
            await self._transact(leave)
            self._tell(Hint(runs=True, posts=True))

    async def close(self) -> None:
        """Beat no more, and never again."""
        self._is_closed = True
        await self.stop()

    async def stop(self) -> None:
        """Beat no more, also when whoever wants that is being cancelled."""
        with anyio.CancelScope(shield=True):
            while self._pulses:
                _, pulse = self._pulses.popitem()
                await anyio.to_thread.run_sync(pulse.stop)

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs nobody works on; see `Ledger.claim`."""
        lease_ms = 1000 * self._lease_s
        found = await self._read(postgres_workers.LOOK, (list(agents), worker, lease_ms))
        free = self._in_turn(agent for (agent,) in found if agent is not None)
        if len(free) < len(found):
            bury = Transaction(lambda session: postgres_workers.bury(session, worker, lease_ms))
            await self._transact(bury)
            self._tell(Hint(runs=True, posts=True))
        regained = await self._regained(worker)
        claimed: list[RunRow] = []
        is_member = True

        def take(connection: Connection) -> None:
            nonlocal is_member
            claimed.clear()  # of an attempt that was rolled back
            is_member = postgres_workers.is_member(connection, worker)
            if is_member:
                claimed[:] = postgres_workers.claim(
                    connection, worker, free, limit=limit, lease_s=self._lease_s
                )

        if free:
            try:
                await self._transact(Transaction(take))
            except Unavailable:
                self._perhaps += regained + claimed
                raise
        if not is_member and worker in self._pulses:
            self._pulses[worker].lose()
        return regained + claimed

    async def _regained(self, worker: str) -> list[RunRow]:
        """Runs that a claim took after all which was told that the store is away."""
        if not self._perhaps:
            return []
        names = [row.task_id for row in self._perhaps]
        rows = await self._read(queries.RUNS_OF, (worker, names))
        ours = [run_statements.run(row) for row in rows]
        taken = {(row.task_id, row.token) for row in self._perhaps}
        self._perhaps.clear()
        return [row for row in ours if (row.task_id, row.token) in taken]

    def _in_turn(self, agents: Iterable[str]) -> list[str]:
        """Another one first each time, so that one with much to do does not keep out the others."""
        ordered = sorted(agents)
        self._turns += 1
        first = self._turns % max(len(ordered), 1)
        return ordered[first:] + ordered[:first]
