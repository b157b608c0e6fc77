"""The question about a call in doubt: what is asked, what an answer says.

Source: DESIGN section 4 (`ours`).
"""

from __future__ import annotations

import pytest

from interloom.bridges.handoff.doubt import Decided, Verdict, decided, question
from interloom.runtime.core.answers import NotAnAnswer, match
from interloom.runtime.core.forms import check_form
from interloom.runtime.core.questions import OpenAsk, Response
from interloom.runtime.model import Message, Part, Role
from interloom.runtime.values import Json

QUESTION = question("depot", "ship")
ASK = OpenAsk("doubt/1", (QUESTION,))


def answered(part: Part) -> Decided:
    """What a message of one part comes to."""
    (after,) = match([ASK], Message(message_id="m", role=Role.USER, parts=(part,)))
    (response,) = after.in_order
    return decided(response)


def data(**content: Json) -> Part:
    return Part(data=content)


ANSWERS = {
    "retry": (Part(text="retry"), Decided(Verdict.RETRY)),
    "in words": (Part(text="Call it again."), Decided(Verdict.RETRY)),
    "fail": (Part(text="fail"), Decided(Verdict.FAIL)),
    "give up": (Part(text="give up"), Decided(Verdict.FAIL)),
    "done": (Part(text="done"), Decided(Verdict.DONE)),
    "done with a text": (Part(text="it worked: seat 4A"), Decided(Verdict.DONE, "seat 4A")),
    "with a colon in it": (Part(text="done: at 10:30"), Decided(Verdict.DONE, "at 10:30")),
    "done with JSON": (
        Part(text='done: {"seat": "4A"}'),
        Decided(Verdict.DONE, '{"seat": "4A"}'),
    ),
    "data": (data(decision="retry"), Decided(Verdict.RETRY)),
    "data, by its title": (data(decision="call it again"), Decided(Verdict.RETRY)),
    "data with a result": (
        data(decision="done", result="seat 4A"),
        Decided(Verdict.DONE, "seat 4A"),
    ),
    "JSON as text": (
        Part(text='{"decision": "done", "result": "seat 4A"}'),
        Decided(Verdict.DONE, "seat 4A"),
    ),
    "declined": (Part(text="/decline"), Decided(Verdict.FAIL)),
    "undecided": (Part(text="cancel"), Decided(Verdict.FAIL)),
}


@pytest.mark.parametrize(("part", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answer_decides(part: Part, expected: Decided) -> None:
    """DESIGN 4: retry, treat as done with this result, fail; in words or as data."""
    assert answered(part) == expected


@pytest.mark.parametrize("text", ["perhaps", "it failed: no", ": done", "yes"])
def test_other_words_leave_the_task_waiting(text: str) -> None:
    """ours: a guess would act on what nobody said."""
    with pytest.raises(NotAnAnswer, match="must be one of call it again, it worked, give up"):
        answered(Part(text=text))


def test_question_is_a_flat_form() -> None:
    """MCP client/elicitation: so every client that shows forms can show it."""
    check_form(QUESTION.schema)


def test_reason_comes_before_the_question() -> None:
    """ours: whoever is asked again must see why."""
    asked = question("depot", "ship", reason="The result must be JSON, as the tool promises.")

    assert asked.message == f"The result must be JSON, as the tool promises. {QUESTION.message}"


def test_no_content_gives_up() -> None:
    """ours: an accepted form without content decides nothing."""
    assert decided(Response("accept")) == Decided(Verdict.FAIL)
