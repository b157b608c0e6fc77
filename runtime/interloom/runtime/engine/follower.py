"""A subscriber of a task: what is stored, in order, from wherever it had got to."""

from __future__ import annotations

import anyio

from interloom.runtime.core.delivery import Cursor, advance
from interloom.runtime.core.record import Event
from interloom.runtime.engine.caller import no_task
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.tasks import PAGE, Tasks
from interloom.runtime.errors import Unavailable
from interloom.runtime.model import TaskState
from interloom.runtime.wire.streams import numbered


class Follower:
    """One subscriber of one task: the same events in the same order as everybody else's."""

    def __init__(
        self,
        tasks: Tasks,
        live: Live,
        *,
        after: int,
        ends: frozenset[TaskState],
        is_numbered: bool = False,
    ) -> None:
        """Follow a task.

        Args:
            tasks: Where it is kept.
            live: The task; its holder keeps it.
            after: The number of the last event that is known.
            ends: States whose event is the last.
            is_numbered: Events carry their numbers; see `wire.streams`.
        """
        self._tasks, self._live, self._ends = tasks, live, ends
        self._is_numbered = is_numbered
        self._present = live.stored.seq
        at_the_end = 0 < after == live.stored.seq and live.stored.state in ends
        self._cursor = Cursor(after, done=at_the_end)

    @property
    def done(self) -> bool:
        """True once the last event has been given out."""
        return self._cursor.done

    @property
    def is_behind(self) -> bool:
        """Whether there is something to give out, or to say, at once."""
        return self._live.stored.seq != self._cursor.seq or self._tasks.leaving

    def response(self, event: Event) -> bytes:
        """An event as the stream carries it: a `StreamResponse` as JSON."""
        record = self._live.stored
        response = event.response(record.id, record.context_id)
        return numbered(response, event.seq) if self._is_numbered else response

    async def next(self, patience_s: float) -> list[Event]:
        """The next events, at least one, or none at all after `patience_s` seconds of silence.

        Raises:
            TaskNotFound: The task was deleted meanwhile.
            Unavailable: The task can no longer be followed here; subscribe again.
        """
        if not self.is_behind:
            with anyio.move_on_after(patience_s):
                await self._live.changed()
        if self._tasks.leaving:
            raise Unavailable("this server is going down; subscribe again")
        after = self._cursor.seq
        found = self._live.recent(after)
        if found is None:
            # Never beyond what was shown: this process may not know yet that more is stored.
            limit = min(PAGE, self._live.stored.seq - after)
            found = await self._tasks.ledger.events(self._live.stored.id, after=after, limit=limit)
            if not found and limit > 0:  # it was kept long enough (`engine.retention`)
                raise no_task(self._live.stored.id)
        fresh: list[Event] = []
        for cursor, event in advance(self._cursor, found, self._ends, present=self._present):
            self._cursor = cursor
            fresh.append(event)
        return fresh
