"""The life cycle holds, pair by pair and under every order of events."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interloom.runtime.core.machine import INTERRUPTED, SETTLED, TABLE, TERMINAL, Move, move
from interloom.runtime.errors import IllegalMove
from interloom.runtime.model import TaskState as S

M = Move

LEGAL = {
    (S.SUBMITTED, M.STARTED): S.WORKING,
    (S.SUBMITTED, M.DECLINED): S.REJECTED,
    (S.SUBMITTED, M.CANCELED): S.CANCELED,
    (S.SUBMITTED, M.BROKE): S.FAILED,
    (S.WORKING, M.REPORTED): S.WORKING,
    (S.WORKING, M.ASKED_INPUT): S.INPUT_REQUIRED,
    (S.WORKING, M.ASKED_AUTH): S.AUTH_REQUIRED,
    (S.WORKING, M.FINISHED): S.COMPLETED,
    (S.WORKING, M.BROKE): S.FAILED,
    (S.WORKING, M.CANCELED): S.CANCELED,
    (S.WORKING, M.DECLINED): S.REJECTED,
    (S.INPUT_REQUIRED, M.ASKED_INPUT): S.INPUT_REQUIRED,
    (S.INPUT_REQUIRED, M.ASKED_AUTH): S.AUTH_REQUIRED,
    (S.INPUT_REQUIRED, M.ANSWERED): S.WORKING,
    (S.INPUT_REQUIRED, M.WITHDRAWN): S.WORKING,
    (S.INPUT_REQUIRED, M.FINISHED): S.COMPLETED,
    (S.INPUT_REQUIRED, M.BROKE): S.FAILED,
    (S.INPUT_REQUIRED, M.CANCELED): S.CANCELED,
    (S.INPUT_REQUIRED, M.DECLINED): S.REJECTED,
    (S.AUTH_REQUIRED, M.ASKED_INPUT): S.INPUT_REQUIRED,
    (S.AUTH_REQUIRED, M.ASKED_AUTH): S.AUTH_REQUIRED,
    (S.AUTH_REQUIRED, M.ANSWERED): S.WORKING,
    (S.AUTH_REQUIRED, M.WITHDRAWN): S.WORKING,
    (S.AUTH_REQUIRED, M.FINISHED): S.COMPLETED,
    (S.AUTH_REQUIRED, M.BROKE): S.FAILED,
    (S.AUTH_REQUIRED, M.CANCELED): S.CANCELED,
    (S.AUTH_REQUIRED, M.DECLINED): S.REJECTED,
}
"""The whole life cycle; what is not here is refused."""

OVER = frozenset({S.COMPLETED, S.FAILED, S.CANCELED, S.REJECTED})


def pair_id(value: S | M) -> str:
    return value.name


@pytest.mark.parametrize(("state", "event"), list(product(S, M)), ids=pair_id)
def test_event_leads_where_the_table_says_or_is_refused(state: S, event: M) -> None:
    """A2A 3.1.1, 3.1.5, 7.6 and the readings marked `ours` in machine.py."""
    if (state, event) in LEGAL:
        assert move(state, event) is LEGAL[state, event]
        return
    with pytest.raises(IllegalMove, match=f"state {state.name} does not accept {event.value}"):
        move(state, event)


def test_every_state_that_means_something_has_a_row() -> None:
    """A2A TaskState: UNSPECIFIED is no state a task can be in."""
    assert set(TABLE) == set(S) - {S.UNSPECIFIED}


def test_states_are_sorted_into_the_kinds_the_specification_names() -> None:
    """A2A 3.2.2: a blocking call returns at a terminal or an interrupted state."""
    assert TERMINAL == OVER
    assert {S.INPUT_REQUIRED, S.AUTH_REQUIRED} == INTERRUPTED
    assert SETTLED == TERMINAL | INTERRUPTED


def test_refusal_names_state_and_event_for_programs_too() -> None:
    """ours: a handler must not parse the sentence."""
    with pytest.raises(IllegalMove) as refused:
        move(S.COMPLETED, M.REPORTED)

    assert (refused.value.state, refused.value.event) == ("COMPLETED", "reported")


class Life(RuleBasedStateMachine):
    """The model: the states a task has been in."""

    def __init__(self) -> None:
        super().__init__()
        self.trail = [S.SUBMITTED]

    @rule(event=st.sampled_from(Move))
    def happens(self, event: Move) -> None:
        try:
            self.trail.append(move(self.trail[-1], event))
        except IllegalMove:
            assert (self.trail[-1], event) not in LEGAL

    @invariant()
    def only_the_last_state_may_be_terminal(self) -> None:
        assert not OVER & set(self.trail[:-1])

    @invariant()
    def nothing_is_submitted_twice(self) -> None:
        assert S.SUBMITTED not in self.trail[1:]

    @invariant()
    def whoever_waited_works_before_finding_something_else_to_report(self) -> None:
        for before, after in pairwise(self.trail):
            if before in INTERRUPTED:
                assert after in SETTLED | {S.WORKING}

    @invariant()
    def completion_comes_after_work(self) -> None:
        if self.trail[-1] is S.COMPLETED:
            assert S.WORKING in self.trail


Life.TestCase.settings = settings(max_examples=50, deadline=None)
TestLife = Life.TestCase
