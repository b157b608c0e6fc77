"""Every subscriber sees the same events in the same order, however they reach it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.runtime.core.delivery import MESSAGE_ENDS, SUBSCRIPTION_ENDS, Cursor, advance
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import Event
from interloom.runtime.model import TaskState as S

BEFORE_THE_END = (S.WORKING, S.INPUT_REQUIRED, S.AUTH_REQUIRED)
ENDS = (MESSAGE_ENDS, SUBSCRIPTION_ENDS)


def event(seq: int, state: S = S.WORKING) -> Event:
    return Event(seq, f"e{seq}", state, b"{}")


def events(*states: S) -> list[Event]:
    return [event(seq, state) for seq, state in enumerate(states, 1)]


def read(log: list[Event], ends: frozenset[S], cursor: Cursor | None = None) -> list[Event]:
    return [each for _, each in advance(cursor or Cursor(), log, ends)]


def finished(before: list[S], last: S) -> list[Event]:
    return events(*before, last)


LOGS = st.builds(
    finished,
    st.lists(st.sampled_from(BEFORE_THE_END), max_size=12),
    st.sampled_from(sorted(TERMINAL, key=str)),
)


@settings(deadline=None)
@given(LOGS, st.sampled_from(ENDS), st.data())
def test_any_chunking_with_repeats_gives_the_same_sequence(
    log: list[Event], ends: frozenset[S], data: st.DataObject
) -> None:
    """A2A 3.5.2: same events, same order, on every stream."""
    cursor, seen, draws = Cursor(), list[Event](), 0
    while not cursor.done:
        start = data.draw(st.integers(0, cursor.seq))  # a read may begin with what is known
        stop = data.draw(st.integers(cursor.seq + (draws % 2), len(log)))
        for after, each in advance(cursor, log[start:stop], ends):
            seen.append(each)
            cursor = after
        draws += 1

    assert seen == read(log, ends)
    assert [each.seq for each in seen] == list(range(1, len(seen) + 1))
    assert [each.state in ends for each in seen] == [False] * (len(seen) - 1) + [True]


@settings(deadline=None)
@given(LOGS, st.sampled_from(ENDS), st.data())
def test_late_subscriber_sees_the_rest_of_what_the_first_one_saw(
    log: list[Event], ends: frozenset[S], data: st.DataObject
) -> None:
    """A2A 3.1.6: whoever subscribes later joins the same sequence."""
    whole = read(log, ends)
    joined = data.draw(st.integers(0, len(whole) - 1))

    assert read(log, ends, Cursor(joined)) == whole[joined:]


@pytest.mark.parametrize("first", [2, 3, 99])
def test_gap_before_the_first_event_is_refused(first: int) -> None:
    """ours: a subscriber that would lose an event reads again instead."""
    with pytest.raises(ValueError, match=f"event {first} follows 0"):
        read([event(first)], MESSAGE_ENDS)


def test_gap_in_the_middle_gives_what_came_before_it_and_then_an_error() -> None:
    """ours: the cursor stands where the gap is."""
    moves = advance(Cursor(1), [event(1), event(2), event(4)], MESSAGE_ENDS)

    assert next(moves) == (Cursor(2), event(2))
    with pytest.raises(ValueError, match="event 4 follows 2"):
        next(moves)


@pytest.mark.parametrize(
    ("state", "ends_message", "ends_subscription"),
    [
        (S.SUBMITTED, False, False),
        (S.WORKING, False, False),
        (S.INPUT_REQUIRED, True, False),
        (S.AUTH_REQUIRED, False, False),
        (S.COMPLETED, True, True),
        (S.FAILED, True, True),
        (S.CANCELED, True, True),
        (S.REJECTED, True, True),
    ],
)
def test_stream_ends_at_the_states_its_operation_ends_at(
    state: S, ends_message: bool, ends_subscription: bool
) -> None:
    """A2A 3.1.2, 3.1.6, 7.6.1 and 11.7."""
    log = events(state, S.WORKING)

    assert (len(read(log, MESSAGE_ENDS)) == 1) == ends_message
    assert (len(read(log, SUBSCRIPTION_ENDS)) == 1) == ends_subscription


def test_nothing_follows_the_end_not_even_a_gap() -> None:
    """A2A 3.1.2: the stream is closed."""
    assert read([event(9)], MESSAGE_ENDS, Cursor(3, done=True)) == []


def test_events_known_already_are_passed_over() -> None:
    """ours: a reader may be handed more than it asked for."""
    assert read(events(S.WORKING, S.WORKING), MESSAGE_ENDS, Cursor(2)) == []
    assert read([], MESSAGE_ENDS, Cursor(2)) == []


def test_question_of_the_past_does_not_end_a_stream_that_goes_on() -> None:
    """Ours, docs/streams.md: it was answered before the stream went on; the present one ends it."""
    log = events(S.WORKING, S.INPUT_REQUIRED, S.WORKING, S.INPUT_REQUIRED, S.WORKING)
    given_out = [each.seq for _, each in advance(Cursor(1), log, MESSAGE_ENDS, present=4)]
    assert given_out == [2, 3, 4]
