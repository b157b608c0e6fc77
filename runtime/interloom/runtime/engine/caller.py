"""Who asks, what a stream is, and what every operation refuses in the same words.

Source: A2A 1.0.1 sections 3.2.4 (history length), 3.3.2 (errors name the field) and 13.1 (nobody
sees another's task, nor learns that it is there).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from interloom.runtime.core.record import Event
from interloom.runtime.core.trace import Trace
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.tasks import Tasks, owned
from interloom.runtime.errors import BadParams, TaskNotFound, Violation
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import StoredTask
from interloom.runtime.wire.streams import Numbering


class Caller(NamedTuple):
    """Who asks, of which agent, and in which trace.

    Attributes:
        owner: Verified principal; tasks belong to it.
        agent: The agent addressed.
        trace: W3C trace context of the request, or None.
        numbering: What is wanted of a stream beyond A2A; see `wire.streams`.
    """

    owner: str
    agent: str
    trace: Trace | None = None
    numbering: Numbering | None = None


class Events(Protocol):
    """The events of a stream, one after the other; a `Follower` unless there are none."""

    @property
    def done(self) -> bool:
        """True once the last event has been given out."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether `next` returns at once."""
        ...

    def response(self, event: Event) -> bytes:
        """An event as the stream carries it: a `StreamResponse` as JSON."""
        ...

    async def next(self, patience_s: float) -> list[Event]:
        """The next events, or none after so many seconds of silence.

        Raises:
            Unavailable: The task can no longer be followed here; subscribe again.
        """
        ...


class NoEvents:
    """What follows a Message: it is all there is (A2A 3.1.2)."""

    done = True
    is_behind = False

    def response(self, event: Event) -> bytes:
        """As for `Events`; there is none to ask it for."""
        return event.response("", "")

    async def next(self, patience_s: float) -> list[Event]:
        """None, at once."""
        del patience_s
        return []


class Stream(NamedTuple):
    """A stream under way.

    Attributes:
        opening: The first `StreamResponse` as JSON, or None when the events begin with the Task,
            or go on where an earlier stream broke.
        follower: The events after it.
        seq: The number of the last event the opening knows of; 0 when it is no Task.
    """

    opening: bytes | None
    follower: Events
    seq: int = 0


async def find(ledger: Ledger, caller: Caller, task_id: str) -> StoredTask:
    """A task of the caller's, as stored: how whatever serves clients reads a task by its id.

    Raises:
        TaskNotFound: Not there, or not the caller's.
    """
    stored = await ledger.task(task_id)
    if stored is None or not owned(stored.record, caller.owner, caller.agent):
        raise no_task(task_id)
    return stored


async def own(tasks: Tasks, caller: Caller, task_id: str) -> Live:
    """A task of the caller's, held; it must be released.

    Raises:
        TaskNotFound: Not there, or not the caller's.
    """
    live = await tasks.hold(task_id)
    if not owned(live.record, caller.owner, caller.agent):
        tasks.release(live)
        raise no_task(task_id)
    return live


def history_length(requested: int | None, field: str = "historyLength") -> int | None:
    """How much history is asked for.

    Raises:
        BadParams: Less than none.
    """
    if requested is not None and requested < 0:
        raise bad(field, "must be 0 or more")
    return requested


def no_task(task_id: str) -> TaskNotFound:
    """What there is to say of a task that is not there, or not the caller's."""
    return TaskNotFound("no such task", details={"taskId": task_id[:100]})


def bad(field: str, rule: str) -> BadParams:
    """A field that breaks a rule."""
    return BadParams(f"{field}: {rule}", violations=(Violation(field, rule),))
