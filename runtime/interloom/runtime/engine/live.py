"""A task while somebody in this process works on it, waits for it or watches it."""

from __future__ import annotations

# A future each is a third of what an event of anyio costs, and every SendMessage waits once.
import asyncio  # noqa: TID251
from collections import deque
from collections.abc import Sequence
from typing import Final

from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.core.view import TaskView
from interloom.runtime.errors import InterloomError
from interloom.runtime.model import Message

TAIL: Final = 256
"""Recent events kept for subscribers; one that is further behind reads the ledger."""
TAIL_BYTES: Final = 1024 * 1024
"""Bytes of them, at most: of large events fewer are kept, or none."""


async def next_turn() -> None:
    """Let everything that is ready run once; a checkpoint of anyio's costs four times as much."""
    await asyncio.sleep(0)


class Live:
    """One task in memory, shared by its run, its callers and its subscribers.

    Attributes:
        record: The task as decided; ahead of `stored` while a commit is under way.
        stored: The task as the ledger has it. Nothing newer is shown to anybody.
        view: What clients may know, as of `record`.
        snapshot: The A2A Task as JSON as of `stored`, or None while it moves.
        tail: The last stored events, oldest first, as many as `TAIL` and `TAIL_BYTES` let be; kept
            from the first subscriber on.
        users: How many hold it; at 0 it is forgotten, the ledger has it all.
        failure: Set when a commit failed; the object is of no further use.
        messages: Ids of messages taken since it was loaded: a repeat may come before the first
            is stored.
        opening: The message that began the task, as received; None where it was loaded.
        accepted: Media types the caller takes, when the task was begun here; empty for any.
    """

    __slots__ = (
        "_tail_bytes",
        "_waiters",
        "accepted",
        "failure",
        "messages",
        "opening",
        "record",
        "snapshot",
        "stored",
        "tail",
        "users",
        "view",
    )

    def __init__(self, record: TaskRecord, view: TaskView, snapshot: bytes | None = None) -> None:
        self.record = record
        self.stored = record
        self.view = view
        self.snapshot = snapshot
        self.tail: deque[Event] | None = None
        self._tail_bytes = 0
        self.users = 0
        self.failure: InterloomError | None = None
        self.messages: set[str] = set()
        self.opening: Message | None = None
        self.accepted: Sequence[str] = ()
        self._waiters: list[asyncio.Future[None]] = []

    def publish(
        self, record: TaskRecord, events: tuple[Event, ...], snapshot: bytes | None
    ) -> None:
        """Show what is stored now."""
        self.stored = record
        self.snapshot = snapshot
        if self.tail is not None:
            self._keep(self.tail, events)
        self.nudge()

    def _keep(self, tail: deque[Event], events: tuple[Event, ...]) -> None:
        for event in events:
            tail.append(event)
            self._tail_bytes += event.size
            while len(tail) > TAIL or self._tail_bytes > TAIL_BYTES:
                self._tail_bytes -= tail.popleft().size

    def retake(
        self,
        record: TaskRecord,
        events: tuple[Event, ...],
        *,
        view: TaskView | None = None,
        snapshot: bytes | None = None,
    ) -> None:
        """Take over what another process stored.

        Args:
            record: The task now.
            events: Those after the last that was stored here, in order.
            view: What clients may know now; None where `events` are to be added to what there is.
            snapshot: The A2A Task as JSON now, or None while it moves.
        """
        if view is None:
            for event in events:
                self.view.apply(event)
        else:
            self.view = view
        self.record = record
        self.publish(record, events, snapshot)

    def fail(self, failure: InterloomError) -> None:
        """Give up on this object; those who wait are told why."""
        self.failure = failure
        self.nudge()

    async def changed(self) -> None:
        """Wait for the next `publish`.

        Raises:
            InterloomError: What `fail` was told.
        """
        if self.failure is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:  # or a silent task would gather those who gave up
                    self._waiters.remove(waiter)
        if self.failure is not None:
            raise self.failure

    def nudge(self) -> None:
        """Have those who wait look again."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def recent(self, after: int) -> list[Event] | None:
        """Stored events with `seq > after`, or None when the tail does not reach back so far."""
        missing = self.stored.seq - after
        if missing <= 0:
            return []
        if self.tail is None:
            self.tail = deque()
        if missing > len(self.tail):
            return None
        return list(self.tail)[-missing:]
