"""Another agent's task as a value: what follows from a look at it.

Source: A2A 1.0.1 section 4.1.3 (states); DESIGN section 4 (`ours`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.delegation.child import (
    MAX_LOOK_MS,
    MAX_MISSES,
    Asks,
    Child,
    Over,
    Works,
)
from interloom.runtime.core.machine import INTERRUPTED, TERMINAL
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Message, Part, Role, Task, TaskState, TaskStatus

CHILD = Child("t1")


def task(state: TaskState, says: str = "", number: int = 1) -> Task:
    """A task that says something."""
    message = Message(message_id=f"s{number}", role=Role.AGENT, parts=(Part(text=says or "x"),))
    at = datetime(2026, 7, 28, tzinfo=UTC)
    return Task(id="t1", status=TaskStatus(state=state, message=message, timestamp=at))


@pytest.mark.parametrize("state", TaskState)
def test_state_says_what_follows(state: TaskState) -> None:
    """A2A 4.1.3: each state is one of three kinds; an unknown one is no end."""
    _, step = CHILD.look(task(state, "counting"))

    if state in TERMINAL:
        assert isinstance(step, Over)
    elif state in INTERRUPTED:
        assert isinstance(step, Asks)
    else:
        assert step == Works("counting")


def test_question_that_was_answered_is_not_asked_again() -> None:
    """ours: the answer may be on its way; a question that follows it is another one."""
    asked = task(TaskState.INPUT_REQUIRED)
    child, _ = CHILD.look(asked)
    told = child.answer()

    assert told.rounds == 1
    assert told.look(asked)[1] == Works("")
    assert isinstance(told.look(task(TaskState.INPUT_REQUIRED, number=2))[1], Asks)


def test_answer_that_arrived_has_moved_the_task() -> None:
    """ours: so a look tells whether it has to be sent again."""
    asked = task(TaskState.INPUT_REQUIRED)
    child, _ = CHILD.look(asked)

    assert child.is_shown(asked)
    assert not child.is_shown(task(TaskState.INPUT_REQUIRED, number=2))
    assert not child.is_shown(task(TaskState.WORKING))


def test_silent_task_is_looked_at_less_and_less() -> None:
    """ours: and at once when it has said something new."""
    child, waits = CHILD.look(task(TaskState.WORKING))[0], list[int]()
    for _ in range(9):
        child = child.later(now_ms=1000)
        waits.append(child.due_ms - 1000)

    assert waits == [1000, 2000, 4000, 8000, 16000, 32000, MAX_LOOK_MS, MAX_LOOK_MS, MAX_LOOK_MS]
    assert child.look(task(TaskState.WORKING))[0].looks == 9
    assert child.look(task(TaskState.WORKING, number=2))[0].looks == 0


@pytest.mark.parametrize(
    ("now_ms", "left_ms"), [(90_000, 10_000), (100_000, 0), (200_000, 0), (-10_000, MAX_LOOK_MS)]
)
def test_clock_that_was_set_back_makes_nobody_wait(now_ms: int, left_ms: int) -> None:
    """ours: due times are on the wall clock; no pause is longer than the longest."""
    assert replace(CHILD, due_ms=100_000).left_ms(now_ms) == left_ms


def test_agent_that_is_away_is_given_up_after_an_hour() -> None:
    """ours; one that is back begins anew."""
    last, away, times = CHILD, CHILD.missed(), 1
    while away is not None:
        last, away, times = away, away.missed(), times + 1

    assert times == MAX_MISSES + 1
    assert last.look(task(TaskState.WORKING))[0].misses == 0


numbers = st.integers(0, 2**40)


@given(
    st.builds(
        Child,
        task_id=st.text(min_size=1),
        context_id=st.text(),
        rounds=numbers,
        answered=st.text(),
        seen=st.text(),
        looks=numbers,
        misses=numbers,
        due_ms=numbers,
    )
)
def test_child_that_was_saved_is_the_same(child: Child) -> None:
    """ours: another process goes on with it."""
    assert Child.load(child.dump()) == child


def test_child_of_another_format_is_refused() -> None:
    """ours: never guessed at."""
    with pytest.raises(LocalError, match="format 1"):
        Child.load({**replace(CHILD).dump(), "v": 2})
