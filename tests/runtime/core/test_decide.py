"""Each decision, told once: what it stores, what it says, what it sets going."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision, Start, Stop, Wake
from interloom.runtime.core.questions import OpenAsk, Question, Response, unanswered
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.errors import LocalError, TaskNotCancelable, UnsupportedOperation
from interloom.runtime.model import (
    Message,
    TaskArtifactUpdateEvent,
    TaskState,
    decode_json,
)
from tests.runtime.core.samples import (
    NOW,
    artifact,
    asked,
    data,
    form,
    names,
    new_record,
    page,
    product,
    question,
    said,
    wire,
)

LATER = NOW + timedelta(milliseconds=1)
SURE = question(form("sure", sure={"type": "boolean"}), "sure")
SEAT = question(form("seat", seat={"enum": ["aisle", "window"]}), "seat")
YES = Response("accept", {"sure": True})
WORKING = new_record(TaskState.WORKING, seq=2)
TERMINAL = [TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED]


def waiting(*asks: OpenAsk, state: TaskState = TaskState.INPUT_REQUIRED) -> TaskRecord:
    return new_record(state, *asks, seq=5)


def message_of(event: Event) -> Message:
    """What the agent says with an event."""
    update = wire(event).status_update
    assert update is not None
    assert update.status.message is not None
    return update.status.message


def says(decision: Decision) -> str | None:
    return message_of(decision.events[-1]).parts[0].text


def test_first_message_begins_a_task_that_works_at_once() -> None:
    """A2A 3.1.1: the message becomes the task's history."""
    decision = decide.accept(new_record(), said("book", message_id="m0"))
    first, second = map(wire, decision.events)

    assert [event.id for event in decision.events] == ["submitted", "started"]
    assert decision.effects == (Start(),)
    assert decision.record == WORKING
    assert first.task is not None
    assert first.task.status.state is TaskState.SUBMITTED
    assert [each.message_id for each in first.task.history] == ["m0"]
    assert second.status_update is not None
    assert second.status_update.status.state is TaskState.WORKING


@pytest.mark.parametrize(
    "ids", [{}, {"context_id": "c1"}, {"task_id": "t1"}, {"context_id": "c1", "task_id": "t1"}]
)
def test_message_is_kept_with_the_ids_of_its_task_each_once(ids: dict[str, str]) -> None:
    """A2A 3.4.2, 3.4.3: what the client left out, the server fills in."""
    message = said("book", data({"deep": [1, None]})).model_copy(update=ids)
    cause = decide.follow_up(WORKING, message, now=NOW).events[0].message

    assert cause is not None
    assert decode_json(Message, cause) == message.model_copy(
        update={"context_id": "c1", "task_id": "t1"}
    )
    assert (cause.count(b'"contextId"'), cause.count(b'"taskId"')) == (1, 1)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NOW, b"2026-07-28T09:30:00.123Z"),
        (NOW.replace(microsecond=0), b"2026-07-28T09:30:00.000Z"),
        (NOW.replace(microsecond=7000), b"2026-07-28T09:30:00.007Z"),
        (NOW.replace(year=99), b"0099-07-28T09:30:00.123Z"),
    ],
)
def test_time_is_written_in_utc_to_the_millisecond(moment: datetime, written: bytes) -> None:
    """A2A 5.6.1."""
    assert written in decide.cancel(WORKING, now=moment).events[0].body


def test_question_is_asked_and_the_task_waits() -> None:
    """A2A 3.4.3, DESIGN section 5."""
    decision = decide.ask(WORKING, "ask/1", [SURE], now=LATER)
    message = message_of(decision.events[0])

    assert decision.record == new_record(TaskState.INPUT_REQUIRED, asked(SURE), seq=3).moved(
        TaskState.INPUT_REQUIRED, LATER, events=0, asks=(asked(SURE),)
    )
    assert decision.effects == ()
    assert message.message_id == "t1/ask/1"
    assert [part.kind for part in message.parts] == ["text", "data"]


@pytest.mark.parametrize(
    ("state", "questions"),
    [
        (TaskState.AUTH_REQUIRED, [page()]),
        (TaskState.AUTH_REQUIRED, [page(), page()]),
        (TaskState.INPUT_REQUIRED, [page(), SURE]),
        (TaskState.INPUT_REQUIRED, [SURE]),
    ],
)
def test_task_needs_authorisation_when_pages_are_all_that_is_asked(
    state: TaskState, questions: list[Question]
) -> None:
    """A2A 7.6, DESIGN section 5: a form can be answered here and now."""
    assert decide.ask(WORKING, "ask/1", questions, now=NOW).record.state is state


def test_answering_the_form_leaves_a_task_that_needs_authorisation() -> None:
    """ours: the state says what the open questions still need."""
    record = waiting(asked(SURE), asked(page(), key="ask/2"))
    decision = decide.follow_up(record, said(data({"sure": {"sure": True}})), now=LATER)

    assert decision.record.state is TaskState.AUTH_REQUIRED
    assert decision.effects == (Wake("ask/1", (YES,)),)


def test_ask_of_nothing_is_refused_for_it_could_never_be_answered() -> None:
    """ours: a task must not wait for nobody."""
    with pytest.raises(LocalError, match="ask/1: asks nothing"):
        decide.ask(WORKING, "ask/1", [], now=NOW)


def test_question_with_a_name_that_is_taken_gets_a_number() -> None:
    """ours: two tools may both ask `confirm`, and one may ask twice."""
    first = decide.ask(WORKING, "ask/1", [SURE, SURE], now=NOW)
    second = decide.ask(first.record, "ask/2", [SURE, SEAT], now=NOW)

    assert names(unanswered(second.record.asks)) == ["sure", "sure-2", "sure-3", "seat"]


def test_number_is_given_to_no_name_that_is_there_already() -> None:
    """ours: a server may have called its question `sure-2` itself."""
    numbered = question(form(), "sure-2")
    decision = decide.ask(WORKING, "ask/1", [SURE, numbered, SURE], now=NOW)

    assert names(unanswered(decision.record.asks)) == ["sure", "sure-2", "sure-3"]


def test_last_answer_wakes_the_run_with_responses_in_the_order_asked() -> None:
    """ours: a wake comes once, and only when an ask is complete."""
    record = waiting(asked(SURE, SEAT))
    first = decide.follow_up(record, said(data({"seat": {"action": "decline"}})), now=NOW)
    second = decide.follow_up(first.record, said("yes", message_id="m2"), now=LATER)

    assert first.effects == ()
    assert first.record.state is TaskState.INPUT_REQUIRED
    assert names(unanswered(first.record.asks)) == ["sure"]
    assert second.effects == (Wake("ask/1", (YES, Response("decline"))),)
    assert second.record == new_record(TaskState.WORKING, seq=7).moved(
        TaskState.WORKING, LATER, events=0, asks=()
    )


def test_one_message_may_wake_several_calls() -> None:
    """DESIGN section 5: parallel calls ask side by side."""
    record = waiting(asked(SURE), asked(SEAT, key="ask/2"))
    decision = decide.follow_up(record, said("/decline"), now=NOW)

    declined = (Response("decline"),)
    assert decision.effects == (Wake("ask/1", declined), Wake("ask/2", declined))
    assert decision.record.state is TaskState.WORKING


def test_bad_answer_leaves_the_task_waiting_with_the_reason() -> None:
    """DESIGN section 5: checked before the task leaves INPUT_REQUIRED."""
    record = waiting(asked(SURE))
    decision = decide.follow_up(record, said("perhaps"), now=LATER)

    assert decision.record.asks == record.asks
    assert decision.record.state is TaskState.INPUT_REQUIRED
    assert decision.effects == ()
    assert says(decision) == "sure: answer yes or no.\nsure?\n   sure — yes or no"
    assert decision.events[0].message is not None


def test_message_while_nothing_is_asked_wakes_nobody() -> None:
    """A2A 3.4.3: it joins the history; what is not there yet cannot be answered."""
    decision = decide.follow_up(WORKING, said("yes"), now=LATER)

    assert decision.effects == ()
    assert decision.record.state is TaskState.WORKING
    assert decision.events[0].id == "message/m1"


def test_progress_does_not_cover_a_question() -> None:
    """ours: the question must stay in view until it is answered."""
    record = waiting(asked(SURE))

    assert decide.report(record, "on it", event_id="status/1", now=NOW) == Decision(record, ())


def test_withdrawn_question_lets_the_task_work_on() -> None:
    """ours: an answer to a question nobody waits on would go nowhere."""
    decision = decide.withdraw(waiting(asked(SURE)), "ask/1", event_id="w/1", now=LATER)

    assert (decision.record.state, decision.record.asks) == (TaskState.WORKING, ())
    assert [(event.id, event.state) for event in decision.events] == [("w/1", TaskState.WORKING)]
    assert decision.effects == ()
    assert wire(decision.events[0]).status_update is not None


def test_withdrawing_one_question_leaves_those_of_others_open() -> None:
    """ours: a page is left, so it is an authorisation the task waits for now."""
    record = waiting(asked(SURE), asked(page(), key="ask/2"))
    decision = decide.withdraw(record, "ask/1", event_id="w/1", now=LATER)

    assert decision.record.state is TaskState.AUTH_REQUIRED
    assert names(unanswered(decision.record.asks)) == ["page"]
    assert (says(decision) or "").startswith("bank asks: Sign in")


@pytest.mark.parametrize("state", [TaskState.WORKING, *TERMINAL])
def test_withdrawing_what_is_not_asked_changes_nothing(state: TaskState) -> None:
    """ours: the answer, or the end of the task, came first."""
    record = new_record(state, seq=5)

    assert decide.withdraw(record, "ask/1", event_id="w/1", now=LATER) == Decision(record, ())


def test_artifact_goes_out_while_a_question_is_open() -> None:
    """ours: results are not held back by a person who thinks."""
    record = waiting(asked(SURE))
    decision = decide.produce(
        record, product("a", "x"), event_id="a/1", append=False, last_chunk=True
    )

    assert decision.record == waiting(asked(SURE)).moved(
        record.state, record.status_at, events=1, asks=record.asks
    )
    assert wire(decision.events[0]).artifact_update == (
        TaskArtifactUpdateEvent(
            task_id="t1",
            context_id="c1",
            artifact=artifact("a", "x"),
            append=False,
            last_chunk=True,
        )
    )


def test_results_of_one_name_do_not_collide() -> None:
    """ours: an author may return two artifacts of one id, or one called like a streamed chunk."""
    twin = product("a/1", "x")
    decision = decide.finish(WORKING, [twin, twin], now=NOW)

    assert [event.id for event in decision.events] == ["finished/1", "finished/2", "finished"]
    assert [event.seq for event in decision.events] == [3, 4, 5]
    assert decision.record.state is TaskState.COMPLETED


@pytest.mark.parametrize("state", [TaskState.WORKING, TaskState.INPUT_REQUIRED])
def test_end_drops_the_questions_nobody_waits_for_any_more(state: TaskState) -> None:
    """ours: an agent may stop waiting; its caller is not asked on."""
    record = new_record(state, asked(SURE), seq=5)

    for decision in (
        decide.finish(record, [], now=NOW),
        decide.fail(record, "broken", now=NOW),
        decide.reject(record, "will not", now=NOW),
        decide.cancel(record, now=NOW),
    ):
        assert decision.record.asks == ()
        assert decision.record.seq == 6


def test_failure_and_refusal_say_why() -> None:
    """A2A 4.1.2: the status message explains the state."""
    assert says(decide.fail(WORKING, "no seats", now=NOW)) == "no seats"
    assert says(decide.reject(WORKING, "not mine", now=NOW)) == "not mine"


def test_text_that_json_cannot_carry_is_carried_as_far_as_it_can() -> None:
    """ours: a file name in an agent's last words must not keep the task from ending."""
    decision = decide.fail(WORKING, "cannot read caf\udce9.txt — ç", now=NOW)

    assert says(decision) == "cannot read caf?.txt — ç"


def test_cancel_stops_the_run() -> None:
    """A2A 3.1.5."""
    decision = decide.cancel(waiting(asked(SURE)), now=LATER)

    assert decision.effects == (Stop(),)
    assert decision.record.state is TaskState.CANCELED


@pytest.mark.parametrize("state", TERMINAL)
def test_task_that_is_over_says_so_to_its_caller(state: TaskState) -> None:
    """A2A 3.1.1, 3.1.5: and names the task, which the caller knows."""
    with pytest.raises(UnsupportedOperation, match=f"the task is {state.name}") as late:
        decide.follow_up(new_record(state), said("more"), now=NOW)
    with pytest.raises(TaskNotCancelable, match=f"already {state.name}") as too_late:
        decide.cancel(new_record(state), now=NOW)

    assert late.value.details == too_late.value.details == {"taskId": "t1"}
