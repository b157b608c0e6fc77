"""What every store promises; `interloom.runtime.testing.ledgers` checks it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.core.record import Event
from interloom.runtime.ledger.rows import Journal, Pruned, PushRow, RunRow, Seen, StoredTask, Write
from interloom.runtime.ledger.shelf import Shelf


class Ledger(Protocol):
    """The system of record.

    Transactions take place in the order in which `commit` was called, so a caller may rely on an
    earlier write being stored when a later one is.
    """

    @property
    def takes_at_write(self) -> bool:
        """Whether a write may name the worker of a run; else a run is had by `claim` alone."""
        ...

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none; on return they survive what the store promises to survive.

        A caller that is cancelled meanwhile is held until the outcome is known: what is stored
        and what the caller believes to be stored must not differ.

        Raises:
            Conflict: A task moved on, a message was seen before (`MessageSeen`), a run is another
                process's (`Fenced`), or a task has all the push configs it may have (`PushesFull`).
            Unavailable: The store takes no writes: disk full, closed.
        """
        ...

    async def task(self, task_id: str) -> StoredTask | None:
        """One task, or None."""
        ...

    async def events(self, task_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        ...

    async def journal(self, task_id: str) -> Journal:
        """Everything a run of the task needs to go on."""
        ...

    async def runs(self) -> list[RunRow]:
        """All unfinished runs, oldest first."""
        ...

    async def now(self) -> datetime:
        """The store's clock: one for all who share it, so that theirs need not agree.

        Raises:
            Unavailable: It cannot be asked.
        """
        ...

    async def join(self, worker: str, on_loss: Callable[[], None]) -> None:
        """Be one of the processes that work on the runs of this store, until `leave`.

        The store says by itself that the process is alive, as long as its event loop turns.

        Args:
            worker: Names the process; no worker had that name before.
            on_loss: Called in the event loop when others took it for dead: its runs are theirs.

        Raises:
            BadConfig: The store cannot be shared with those who serve it.
        """
        ...

    async def beat(self, worker: str) -> bool:
        """Write that a worker is alive, out of turn: whoever asks learns whether writes are taken.

        Returns:
            False when it has not joined, has left, or was taken for dead.

        Raises:
            Unavailable: The store takes no writes.
        """
        ...

    async def leave(self, worker: str) -> None:
        """Work on runs no more; those the worker holds are nobody's, and active."""
        ...

    async def claim(self, worker: str, agents: Collection[str], *, limit: int) -> list[RunRow]:
        """Take over runs that have something to do and nobody works on, oldest first.

        Nobody works on a run that was let go of, whose time has come, or whose worker is dead. Each
        claim counts as an attempt.

        Args:
            worker: Who takes them; it has joined.
            agents: Whose runs it can go on with; those of others are left.
            limit: Runs at most.

        Returns:
            The rows as they are now, with their new tokens.
        """
        ...

    def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Tasks that got events, by whatever process, and the number of the last; as it happens.

        A store of one process says nothing.

        Args:
            held: Gives the tasks that are of interest, to a store that has to look at each.
            free: Called, in the event loop, when another process left a run to be claimed; a hint.
        """
        ...

    async def seen(self, owner: str, agent: str, message_id: str) -> Seen | None:
        """What became of a message, or None when it is new."""
        ...

    async def page(self, query: Query) -> tuple[list[StoredTask], int]:
        """Tasks that match, newest status first, and how many match in all.

        At most `query.size + 1` are returned: one more than fits says there is a next page.
        """
        ...

    async def pushes(self, task_id: str) -> list[PushRow]:
        """A task's push configs, in the order of their ids."""
        ...

    async def outbox(self, *, limit: int, without: Collection[str] = ()) -> list[PushRow]:
        """What is to be posted, now or later, the earliest first, at most `limit`.

        Of several processes that have joined only one gets a row: the one whose commit put it
        there, or who asks first once that one has left or is dead. What is moved meanwhile by a
        process that was taken for dead counts only if nobody else was quicker (`MovePush`).

        Args:
            limit: Rows at most.
            without: Hosts whose rows are left out.
        """
        ...

    async def undelivered(self, *, limit: int) -> list[Undelivered]:
        """Events that were given up, the latest first, at most `limit`."""
        ...

    async def prune(self, before: datetime, *, limit: int) -> Pruned:
        """Delete tasks that were over before a moment, and messages answered at once before it.

        A task goes whole: events, messages, steps, signals, calls, push configs, dead letters. Ids
        of its messages are new afterwards. One with an event that is still to be posted stays until
        that was delivered or given up.

        Args:
            before: Since when a task is over.
            limit: Tasks and replies at most; fewer where those have many events, as it is all one
                transaction. To be called again until nothing is deleted.

        Raises:
            Unavailable: The store takes no writes.
        """
        ...

    async def prunable(self, before: datetime) -> Pruned:
        """What `prune`, called again and again, would delete."""
        ...

    async def take_turn(self, chore: str, every_s: float) -> bool:
        """Whether something that one process at a time does for all is this one's to do now.

        It is once in `every_s` seconds, by the store's clock, for whichever process asks first.

        Raises:
            Unavailable: The store takes no writes.
        """
        ...

    @property
    def shelf(self) -> Shelf | None:
        """Where results of others are kept for a while; None where that is this process's memory.

        It is good for as long as the ledger is open.
        """
        ...

    def watch_outbox(self, nudge: Callable[[], None]) -> None:
        """Have `nudge` called, in the event loop, when there is something new for this process.

        After each commit of its own that put something there; `changes` learns what others left.
        """
        ...

    async def aclose(self) -> None:
        """Finish what was begun and let go of the store."""
        ...
