"""What a subscriber sees of a task, and when its stream ends.

Source: A2A 1.0.1 sections 3.1.2 and 3.1.6 (a stream begins with the Task and closes at a
terminal state), 3.5.2 (same events, same order, on every stream), 7.6.1 (streams stay open
through AUTH_REQUIRED), 11.7 (a message's stream also closes when the task waits for input).

A subscriber is a cursor, not a buffer: it remembers the last sequence number it was given and
reads what follows. So nothing is held for a slow reader, and nothing can be lost to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import Event
from interloom.runtime.model import TaskState

SUBSCRIPTION_ENDS: Final = TERMINAL
"""SubscribeToTask watches a task to its end, through every question."""
MESSAGE_ENDS: Final = TERMINAL | {TaskState.INPUT_REQUIRED}
"""SendStreamingMessage ends when the next word is the caller's."""


class Cursor(NamedTuple):
    """How far one subscriber has read.

    Attributes:
        seq: Sequence number of the last event it was given; 0 before the first.
        done: True once it was given an event that ends the stream.
    """

    seq: int = 0
    done: bool = False


def advance(
    cursor: Cursor, events: Iterable[Event], ends: frozenset[TaskState], *, present: int = 0
) -> Iterator[tuple[Cursor, Event]]:
    """Yield the events that are new to the subscriber, each with the cursor after it.

    Args:
        cursor: Where the subscriber stands.
        events: Events of one task in order; ones it already has are passed over.
        ends: States whose event is the stream's last.
        present: The task's last event when the stream began. Events before it are the past: a
            question that was answered since ends nothing.

    Raises:
        ValueError: The events leave a gap after the cursor; read again from `cursor.seq`.
    """
    for event in events:
        if cursor.done or event.seq <= cursor.seq:
            continue
        if event.seq != cursor.seq + 1:
            raise ValueError(f"event {event.seq} follows {cursor.seq}")
        cursor = Cursor(event.seq, done=event.seq >= present and event.state in ends)
        yield cursor, event
