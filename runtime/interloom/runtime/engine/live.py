"""A task while somebody in this process works on it, waits for it or watches it."""

from __future__ import annotations

from collections import deque
from typing import Final

import anyio

from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.core.view import TaskView
from interloom.runtime.errors import InterloomError

TAIL: Final = 256
"""Recent events kept for subscribers; one that is further behind reads the ledger."""


class Live:
    """One task in memory, shared by its run, its callers and its subscribers.

    Attributes:
        record: The task as decided; ahead of `stored` while a commit is under way.
        stored: The task as the ledger has it. Nothing newer is shown to anybody.
        view: What clients may know, as of `record`.
        snapshot: The A2A Task as JSON as of `stored`, or None while it moves.
        tail: The last stored events, oldest first.
        users: How many hold it; at 0 it is forgotten, the ledger has it all.
        failure: Set when a commit failed; the object is of no further use.
        messages: Ids of messages taken since it was loaded: a repeat may come before the first
            is stored.
    """

    __slots__ = (
        "_changed",
        "failure",
        "messages",
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
        self.tail: deque[Event] = deque(maxlen=TAIL)
        self.users = 0
        self.failure: InterloomError | None = None
        self.messages: set[str] = set()
        self._changed: anyio.Event | None = None

    def publish(
        self, record: TaskRecord, events: tuple[Event, ...], snapshot: bytes | None
    ) -> None:
        """Show what is stored now."""
        self.stored = record
        self.snapshot = snapshot
        self.tail.extend(events)
        self._wake()

    def fail(self, failure: InterloomError) -> None:
        """Give up on this object; those who wait are told why."""
        self.failure = failure
        self._wake()

    async def changed(self) -> None:
        """Wait for the next `publish`.

        Raises:
            InterloomError: What `fail` was told.
        """
        if self.failure is None:
            if self._changed is None:
                self._changed = anyio.Event()
            await self._changed.wait()
        if self.failure is not None:
            raise self.failure

    def _wake(self) -> None:
        event, self._changed = self._changed, None
        if event is not None:
            event.set()

    def recent(self, after: int) -> list[Event] | None:
        """Stored events with `seq > after`, or None when the tail does not reach back so far."""
        missing = self.stored.seq - after
        if missing <= 0:
            return []
        if missing > len(self.tail):
            return None
        return list(self.tail)[-missing:]
