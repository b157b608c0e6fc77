"""What of a task is kept in memory for those who follow it. Ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from interloom.runtime.core.record import Event
from interloom.runtime.core.view import TaskView
from interloom.runtime.engine.live import TAIL, TAIL_BYTES, Live
from interloom.runtime.testing import samples

HALF: Final = TAIL_BYTES // 2


def followed(*steps: Iterable[Event]) -> Live:
    """A task of one event when somebody began to follow it, after some more."""
    live = Live(samples.record(seq=1), TaskView("task-1", "context-1"))
    assert live.recent(0) is None
    for events in map(tuple, steps):
        live.publish(samples.record(seq=events[-1].seq), events, None)
    return live


def numbers(found: list[Event] | None) -> list[int] | None:
    """Which events they are."""
    return None if found is None else [event.seq for event in found]


def test_the_last_events_are_kept_and_those_before_are_read_from_the_ledger() -> None:
    live = followed(samples.events(2, 10), samples.events(11, TAIL + 10))

    assert numbers(live.recent(10)) == list(range(11, TAIL + 11))
    assert live.recent(9) is None


def test_of_large_events_fewer_are_kept() -> None:
    """Messages count, too: they are kept with the event that came of them."""
    large = [samples.event(n, body=bytes(HALF // 2), message=bytes(HALF // 2)) for n in (2, 3, 4)]
    live = followed(large, [samples.event(5)], [samples.event(6)])

    assert numbers(live.recent(3)) == [4, 5, 6]
    assert live.recent(2) is None


def test_an_event_that_is_larger_than_all_is_not_kept_and_the_next_ones_are() -> None:
    live = followed(samples.events(2, 3), [samples.event(4, body=bytes(TAIL_BYTES + 1))])
    assert live.recent(3) is None

    live.publish(samples.record(seq=6), samples.events(5, 6), None)
    assert numbers(live.recent(4)) == [5, 6]
    assert live.recent(3) is None
