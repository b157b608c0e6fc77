"""A task is what its events say, in order, and shows as much as is asked for."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.core.view import shorten
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Message, Task, decode_json
from tests.runtime.core.samples import (
    NOW,
    form,
    new_record,
    new_view,
    page,
    product,
    question,
    said,
)

SURE = question(form("sure", sure={"type": "boolean"}))
LATER = NOW + timedelta(seconds=1)


class Told:
    """A task and its view, moved together."""

    def __init__(self) -> None:
        self.record: TaskRecord = new_record()
        self.view = new_view()
        self.take(decide.accept(self.record, said("book", message_id="m0")))

    def take(self, decision: Decision) -> None:
        for event in decision.events:
            self.view.apply(event)
        self.record = decision.record

    def say(self, text: str, message_id: str) -> None:
        message = said(text, message_id=message_id)
        self.take(decide.follow_up(self.record, message, now=LATER))

    def produce(self, name: str, *texts: str, append: bool = False) -> None:
        event_id = f"{name}/{self.record.seq}"
        self.take(
            decide.produce(
                self.record,
                product(name, *texts),
                event_id=event_id,
                append=append,
                last_chunk=False,
            )
        )

    @property
    def task(self) -> Task:
        return decode_json(Task, self.view.json())

    @property
    def artifacts(self) -> dict[str, list[str | None]]:
        return {each.artifact_id: [p.text for p in each.parts] for each in self.task.artifacts}


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [each.message_id for each in messages]


def test_history_has_the_callers_words_and_the_questions_and_not_the_chatter() -> None:
    """A2A 3.7: what was said; the present status message stays in the status."""
    told = Told()
    told.take(decide.report(told.record, "looking", event_id="status/1", now=NOW))
    told.take(decide.ask(told.record, "ask/1", [SURE], now=NOW))
    told.say("perhaps", "m1")
    told.say("yes", "m2")
    told.take(decide.report(told.record, "booking", event_id="status/2", now=LATER))

    assert ids(told.task.history) == ["m0", "t1/ask/1", "m1", "t1/message/m1", "m2"]
    assert told.task.status.message is not None
    assert told.task.status.message.parts[0].text == "booking"


def test_message_to_a_working_task_joins_the_history() -> None:
    """A2A 3.4.3: further messages are part of the task."""
    told = Told()
    told.say("window, please", "m1")

    assert ids(told.task.history) == ["m0", "m1"]
    assert told.task.history[1].task_id == "t1"
    assert told.task.history[1].context_id == "c1"


@pytest.mark.parametrize(
    ("length", "kept"),
    [(None, ["m0", "m1", "m2"]), (0, []), (1, ["m2"]), (2, ["m1", "m2"]), (9, ["m0", "m1", "m2"])],
)
def test_history_length_keeps_the_latest(length: int | None, kept: list[str]) -> None:
    """A2A 3.2.4: unset is all, 0 is none, and then the field is left out."""
    told = Told()
    told.say("a", "m1")
    told.say("b", "m2")
    shown, whole = told.view.json(length), told.view.json()

    assert ids(decode_json(Task, shown).history) == kept
    assert ("history" in orjson.loads(shown)) == bool(kept)
    assert shorten(whole, length) == shown
    assert told.view.json() == whole


def test_chunks_are_added_to_the_artifact_they_belong_to() -> None:
    """A2A 4.2.2: append adds, its absence replaces; an unknown artifact begins with its chunk."""
    told = Told()
    told.produce("a", "1", "2")
    told.produce("b", "x", append=True)
    told.produce("a", "3", append=True)
    assert told.artifacts == {"a": ["1", "2", "3"], "b": ["x"]}

    told.produce("a", "new")
    told.produce("b", "y", append=True)
    assert told.artifacts == {"a": ["new"], "b": ["x", "y"]}


def test_list_without_artifacts_leaves_the_field_out() -> None:
    """A2A 3.1.4: `includeArtifacts` false omits the field; the rest is untouched."""
    told = Told()
    told.produce("a", "1")
    whole = orjson.loads(told.view.json())
    short = orjson.loads(shorten(told.view.json(), None, artifacts=False))

    assert whole.pop("artifacts")
    assert short == whole
    assert orjson.loads(shorten(told.view.json(), 0, artifacts=False)).keys() == {
        "id",
        "contextId",
        "status",
    }


def test_what_was_shown_before_does_not_change_afterwards() -> None:
    """ours: a view is mutable, its answers are not."""
    told = Told()
    told.produce("a", "1")
    before = told.view.json()
    copy = bytes(before)
    told.produce("a", "2", append=True)

    assert before == copy
    assert told.view.json() != before


def test_first_message_is_the_one_that_began_the_task() -> None:
    """ours: an agent that is begun again gets the same message."""
    told = Told()
    told.take(decide.ask(told.record, "ask/1", [page()], now=NOW))
    told.say("done", "m1")

    assert told.view.first_message == said("book", message_id="m0").model_copy(
        update={"task_id": "t1", "context_id": "c1"}
    )


def test_view_without_events_shows_nothing() -> None:
    """ours: half a task is never shown."""
    with pytest.raises(LocalError, match="shows no task"):
        new_view().json()
    with pytest.raises(LocalError, match="has no message"):
        _ = new_view().first_message


def test_content_goes_through_byte_for_byte() -> None:
    """A2A 5.5, 5.6: what a caller or an agent wrote is what is shown."""
    told = Told()
    odd = 'é\u2028\U0001f600\\"\x00'
    told.say(odd, "m1")
    told.produce("a", odd)
    told.take(decide.ask(told.record, "ask/1", [question({}, odd)], now=NOW))

    assert told.task.history[1].parts[0].text == odd
    assert told.artifacts == {"a": [odd]}
    status = told.task.status.message
    assert status is not None
    assert status.parts[1].data == {
        "questions": {odd: {"message": f"{odd}?", "mode": "form", "schema": {}}}
    }
