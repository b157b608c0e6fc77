"""What a delegation comes to: results and failures, live and read back.

Source: A2A 1.0.1 section 3.7 (results are artifacts); DESIGN section 8 (`ours`).
"""

from __future__ import annotations

import pytest

from interloom.bridges.delegation import rows
from interloom.bridges.delegation.child import Child
from interloom.bridges.delegation.climbing import Climbed
from interloom.bridges.delegation.outcome import (
    Delegated,
    DelegationFailed,
    DelegationUnanswered,
    result,
)
from interloom.bridges.handoff.pending import PathChanged
from interloom.runtime.core.questions import Question
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.model import Artifact, Message, Part, Role, Task, TaskState, TaskStatus

TEXT, DATA = Part(text="a room"), Part(data={"room": 4}, media_type="application/json")
MADE = rows.made_of("t1", "delegate/hotel/1", "hotel", (TEXT,))


def said(text: str) -> Message:
    return Message(message_id="m1", role=Role.AGENT, parts=(Part(text=text),))


def task(state: TaskState, says: str = "", *artifacts: Artifact) -> Task:
    status = TaskStatus(state=state, message=said(says) if says else None)
    return Task(id="h1", status=status, artifacts=artifacts)


def test_result_is_the_artifacts() -> None:
    """A2A 3.7: what is said beside them is no result."""
    made = [Artifact(artifact_id=name, parts=(part,)) for name, part in (("a", TEXT), ("b", DATA))]

    found = result(task(TaskState.COMPLETED, "Done!", *made), peer="hotel")

    assert found == Delegated((TEXT, DATA), "h1")
    assert (found.text, found.structured) == ("a room", {"room": 4})


def test_words_are_the_result_of_an_agent_that_made_nothing_else() -> None:
    """ours: many agents know no artifacts."""
    assert result(task(TaskState.COMPLETED, "a room"), peer="hotel").text == "a room"
    assert Delegated.of(said("a room")) == Delegated((TEXT,))
    assert Delegated().structured is None


ENDS = {
    TaskState.FAILED: "hotel failed: full",
    TaskState.REJECTED: "hotel rejected it: full",
    TaskState.CANCELED: "hotel was canceled: full",
    TaskState.UNSPECIFIED: "hotel ended: full",
}


@pytest.mark.parametrize("state", ENDS)
def test_any_other_end_is_a_failure_with_its_reason(state: TaskState) -> None:
    """DESIGN 8: typed, so that an author can tell."""
    with pytest.raises(DelegationFailed) as failed:
        result(task(state, "full"), peer="hotel")

    assert str(failed.value) == ENDS[state]
    assert (failed.value.peer, failed.value.task_id, failed.value.state) == ("hotel", "h1", state)


def test_end_without_a_word_is_a_failure_too() -> None:
    """ours."""
    with pytest.raises(DelegationFailed, match=r"^hotel failed\.$"):
        result(task(TaskState.FAILED), peer="hotel")


STATED = {
    "room 4": Delegated((Part(text="room 4"),)),
    "": Delegated(),
    '{"room": 4}': Delegated((Part(text='{"room": 4}'), DATA)),
}


@pytest.mark.parametrize("text", STATED)
def test_person_may_say_what_it_answered(text: str) -> None:
    """DESIGN 4: text or JSON."""
    assert Delegated.stated(text) == STATED[text]


FAILURES = [
    DelegationFailed("hotel failed: full", peer="hotel", task_id="h1", state=TaskState.FAILED),
    DelegationFailed("hotel: broke the protocol", peer="hotel"),
    DelegationUnanswered("hotel is away", peer="hotel", took_effect=False),
    DelegationUnanswered("hotel is away", peer="hotel", task_id="h1"),
    LocalError("no such peer"),
]


@pytest.mark.parametrize("error", FAILURES, ids=str)
def test_failure_is_read_back_as_it_was(error: DelegationFailed | DelegationUnanswered) -> None:
    """ours: an author's `except` takes the same path again."""
    row = rows.failed(MADE, error)

    with pytest.raises(type(error)) as again:
        rows.read_outcome(MADE, row.state, MADE.check(row))

    assert (str(again.value), vars(again.value)) == (str(error), vars(error))


def test_result_is_read_back_as_it_was() -> None:
    """ours."""
    row = rows.done(MADE, Delegated((TEXT, DATA), "h1"))

    assert rows.read_outcome(MADE, row.state, MADE.check(row)) == Delegated((TEXT, DATA), "h1")


STATES = {
    CallState.INTENDED: rows.sent(MADE, 0),
    CallState.IN_DOUBT: rows.sent(MADE, 1, CallState.IN_DOUBT),
    CallState.REMOTE_TASK: rows.working(MADE, Child("h1")),
    CallState.INPUT_REQUIRED: rows.waiting(MADE, Child("h1"), Climbed((Question("q", "?"),))),
    CallState.DONE: rows.done(MADE, Delegated()),
}


@pytest.mark.parametrize("state", STATES)
def test_row_tells_which_task_may_be_at_work(state: CallState) -> None:
    """DESIGN 5: so that a cancel reaches it when only rows are left."""
    row = STATES[state]
    is_known = state in {CallState.REMOTE_TASK, CallState.INPUT_REQUIRED}

    assert row.state is state
    assert rows.found_child(row) == (("hotel", Child("h1")) if is_known else None)


def test_other_words_are_another_delegation() -> None:
    """ours: the result of one must not become another's."""
    other = rows.made_of("t1", "delegate/hotel/1", "hotel", (DATA,))

    with pytest.raises(PathChanged, match="the arguments were others before"):
        other.check(STATES[CallState.DONE])


def test_message_ids_are_the_same_for_every_repeat_and_for_nothing_else() -> None:
    """DESIGN 4: derived from the task and the call's key."""
    ids = [rows.message_id(MADE), rows.message_id(MADE, 0), rows.message_id(MADE, 1)]

    assert ids == [
        "t1/delegate/hotel/1",
        "t1/delegate/hotel/1/answer/0",
        "t1/delegate/hotel/1/answer/1",
    ]
