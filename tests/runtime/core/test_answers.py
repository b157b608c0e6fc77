"""Every way of answering is understood, and nothing else is taken for an answer."""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.core.answers import NotAnAnswer, match
from interloom.runtime.core.questions import OpenAsk, Response
from interloom.runtime.model import Part
from interloom.runtime.values import Json
from tests.runtime.core.samples import asked, data, form, page, question, said

SEAT = question(
    form("seat", seat={"type": "string", "enum": ["aisle", "window"]}, meal={"type": "string"}),
    "seat",
)
COUNT = question(form("n", n={"type": "integer", "minimum": 1}), "count")
NOTE = question(form(note={"type": "string", "default": "none"}), "note")
ACTIONABLE = question(form("action", action={"enum": ["archive", "decline"]}), "mail")
WINDOW = Response("accept", {"seat": "window"})
TWO = Response("accept", {"n": 2})


def answered(ask: OpenAsk, *parts: str | Part) -> dict[str, Response]:
    (after,) = match([ask], said(*parts))
    return dict(after.responses)


def refusal(ask: OpenAsk, *parts: str | Part) -> str:
    """Why the message is no answer; the ask is not touched."""
    with pytest.raises(NotAnAnswer) as refused:
        match([ask], said(*parts))
    return str(refused.value)


ONE_OPEN: list[tuple[Json, Response]] = [
    ({"answers": {"seat": {"action": "accept", "content": {"seat": "window"}}}}, WINDOW),
    ({"answers": {"seat": {"content": {"seat": "window"}}}}, WINDOW),
    ({"answers": {"seat": {"seat": "window"}}}, WINDOW),
    ({"answers": {"seat": {"action": "decline"}}}, Response("decline")),
    ({"answers": {"seat": {"action": "cancel"}}}, Response("cancel")),
    ({"answers": {"seat": {"action": "decline", "content": {"seat": 7}}}}, Response("decline")),
    ({"answers": {"seat": {"action": "decline"}}, "comment": "x"}, Response("decline")),
    ({"seat": {"action": "accept", "content": {"seat": "window"}}}, WINDOW),
    ({"seat": {"seat": "window"}}, WINDOW),
    ({"seat": {"action": "decline"}}, Response("decline")),
    ({"action": "accept", "content": {"seat": "window"}}, WINDOW),
    ({"action": "decline"}, Response("decline")),
    ({"action": "cancel"}, Response("cancel")),
    ({"seat": "window", "meal": "fish"}, Response("accept", {"seat": "window", "meal": "fish"})),
]
"""What may be sent while `SEAT` alone is open, as data or as JSON in text."""


@pytest.mark.parametrize(("value", "response"), ONE_OPEN)
def test_data_answers_the_one_open_question(value: Json, response: Response) -> None:
    """ours: answers.py, 1."""
    assert answered(asked(SEAT), data(value)) == {"seat": response}


@pytest.mark.parametrize(("value", "response"), ONE_OPEN)
def test_json_in_text_is_read_as_data_is(value: Json, response: Response) -> None:
    """ours: answers.py, 2; many clients can send text only."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

    assert answered(asked(SEAT), f" \n{text}\n") == {"seat": response}


SEVERAL_OPEN: list[tuple[Json, dict[str, Response]]] = [
    ({"seat": {"seat": "window"}, "count": {"n": 2}}, {"seat": WINDOW, "count": TWO}),
    ({"seat": {"seat": "window"}}, {"seat": WINDOW}),
    ({"count": 2}, {"count": TWO}),
    ({"answers": {"count": 2, "page": {}}}, {"count": TWO, "page": Response("accept")}),
    ({"page": {"action": "accept"}}, {"page": Response("accept")}),
    ({"page": {"action": "decline"}, "count": {"action": "cancel"}},
     {"page": Response("decline"), "count": Response("cancel")}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "responses"), SEVERAL_OPEN)
def test_several_questions_are_answered_by_name_some_or_all(
    value: Json, responses: dict[str, Response]
) -> None:
    """DESIGN section 5: independent questions, answerable in one or several messages."""
    assert answered(asked(SEAT, COUNT, page()), data(value)) == responses


def test_answers_find_their_way_to_the_ask_they_belong_to() -> None:
    """ours: parallel calls ask side by side."""
    first, second = asked(SEAT, NOTE), asked(COUNT, key="ask/2")

    after = match([first, second], said(data({"count": 2, "note": {}})))

    assert [dict(each.responses) for each in after] == [
        {"note": Response("accept", {"note": "none"})},
        {"count": TWO},
    ]
    assert [len(each.unanswered) for each in after] == [1, 0]


def test_question_answered_before_is_open_no_more() -> None:
    """ours: the first answer stands; it may have been acted on."""
    ask = OpenAsk("ask/1", (SEAT, COUNT), {"seat": WINDOW})

    assert answered(ask, "2") == {"seat": WINDOW, "count": TWO}
    late_ones: list[Json] = [
        {"seat": {"seat": "aisle"}, "count": 2},
        {"seat": {"action": "decline"}},
    ]
    for late in late_ones:
        assert refusal(ask, data(late)) == "answers.seat: no such question is open; open: count."


def test_one_bad_answer_keeps_the_good_ones_out() -> None:
    """ours: all or nothing, so that the caller can send the same message mended."""
    ask = asked(SEAT, COUNT)

    assert refusal(ask, data({"seat": {"seat": "window"}, "count": 0})) == (
        "n: the answer is less than the minimum of 1."
    )
    assert ask == asked(SEAT, COUNT)


def test_defaults_fill_what_was_left_out_and_nothing_else() -> None:
    """MCP client/elicitation: a default is what the form shows at first."""
    assert answered(asked(NOTE), data({"note": {}})) == {
        "note": Response("accept", {"note": "none"})
    }
    assert answered(asked(NOTE), data({"note": {"note": "two"}})) == {
        "note": Response("accept", {"note": "two"})
    }


def test_object_that_fills_in_no_field_is_not_content() -> None:
    """ours: what was meant for another question must not be taken for a form left empty."""
    note, sign_in = asked(NOTE), asked(page())
    reason = "answers.seat: no such question is open; open: {}."

    assert refusal(note, data({"seat": {"action": "decline"}})) == reason.format("note")
    assert refusal(sign_in, data({"seat": {"action": "decline"}})) == reason.format("page")
    assert refusal(note, data({"seat": 1, "note": {}})) == (
        'note: the answer is not of type "string".'
    )


def test_form_without_fields_takes_any_object_unless_it_says_otherwise() -> None:
    """ours: its schema says what it takes."""
    free = question({"type": "object"})
    closed = question({"type": "object", "additionalProperties": False})

    assert answered(asked(free), data({"a": 1})) == {"q": Response("accept", {"a": 1})}
    assert refusal(asked(closed), data({"a": 1})) == ("q: False schema does not allow the answer.")


def test_field_called_action_belongs_to_the_form_that_has_one() -> None:
    """ours: the content of such a form is not mistaken for a response."""
    assert answered(asked(ACTIONABLE), data({"action": "decline"})) == {
        "mail": Response("accept", {"action": "decline"})
    }
    assert answered(asked(ACTIONABLE), data({"answers": {"mail": {"action": "decline"}}})) == {
        "mail": Response("decline")
    }


@pytest.mark.parametrize(
    ("parts", "responses"),
    [
        (("below:", data({"seat": "window", "meal": ""})), {"seat": "window", "meal": ""}),
        ((data([1]), data({"seat": "aisle", "meal": ""})), {"seat": "aisle", "meal": ""}),
        ((data(None), '{"seat": "aisle", "meal": ""}'), {"seat": "aisle", "meal": ""}),
        (("{not json}", '{"seat": "aisle", "meal": ""}'), {"seat": "aisle", "meal": ""}),
        ((data({"seat": "aisle", "meal": "a"}), data({"seat": "window"})),
         {"seat": "aisle", "meal": "a"}),
        ((Part(url="https://x.example"), data({"seat": "aisle", "meal": ""})),
         {"seat": "aisle", "meal": ""}),
    ],
)  # fmt: skip
def test_first_object_of_a_message_is_the_answer(
    parts: tuple[str | Part, ...], responses: Json
) -> None:
    """ours: answers.py, data before JSON before plain text, in the order sent."""
    assert answered(asked(SEAT), *parts)["seat"].content == responses


REFUSED: list[tuple[tuple[OpenAsk, str | Part], str]] = [
    ((asked(SEAT), Part(url="https://x.example")),
     "The reply has neither text nor a JSON object."),
    ((asked(SEAT), Part(raw=b"window")), "The reply has neither text nor a JSON object."),
    ((asked(SEAT), data(["window"])), "The reply has neither text nor a JSON object."),
    ((asked(SEAT), data(None)), "The reply has neither text nor a JSON object."),
    ((asked(SEAT), "  \n "), "The reply has neither text nor a JSON object."),
    ((asked(SEAT), data({})), "The reply answers no question."),
    ((asked(SEAT), data({"answers": {}})), "The reply answers no question."),
    ((asked(SEAT), data({"answers": ["window"]})),
     "answers: must be an object, question name to answer."),
    ((asked(SEAT), data({"answers": None})),
     "answers: must be an object, question name to answer."),
    ((asked(SEAT), data({"answers": {"sit": {}}})),
     "answers.sit: no such question is open; open: seat."),
    ((asked(SEAT, COUNT), data({"sit": {}})),
     "answers.sit: no such question is open; open: seat, count."),
    ((asked(SEAT), data({"seat": {"action": "maybe"}})),
     "seat: action must be accept, decline or cancel."),
    ((asked(SEAT), data({"seat": {"action": None}})),
     "seat: action must be accept, decline or cancel."),
    ((asked(SEAT), data({"seat": {"action": ["accept"]}})),
     "seat: action must be accept, decline or cancel."),
    ((asked(SEAT), data({"seat": {"action": "Accept"}})),
     "seat: action must be accept, decline or cancel."),
    ((asked(SEAT), data({"seat": {"action": "accept"}})), 'seat: "seat" is a required property.'),
    ((asked(SEAT), data({"seat": {"content": "window"}})), "seat: content must be an object."),
    ((asked(SEAT), data({"seat": {"content": None}})), "seat: content must be an object."),
    ((asked(SEAT), data({"seat": "window"})), "seat: must be an object with seat, meal."),
    ((asked(SEAT), data({"seat": {"seat": "roof"}})),
     'seat: the answer is not one of "aisle" or "window".'),
    ((asked(SEAT), data({"meal": "fish"})), 'seat: "seat" is a required property.'),
    ((asked(SEAT), data({"seat": {"seat": "aisle", "meal": 7}})),
     'meal: the answer is not of type "string".'),
    ((asked(COUNT), data({"count": "2"})), 'n: the answer is not of type "integer".'),
    ((asked(COUNT), data({"count": 1.5})), 'n: the answer is not of type "integer".'),
    ((asked(COUNT), data({"count": True})), 'n: the answer is not of type "integer".'),
    ((asked(SEAT), data({"seat": {"action": "accept", "meal": "fish"}})),
     "seat: meal belongs inside content."),
    ((asked(NOTE), data({"action": "decline", "note": "x"})),
     "note: note belongs inside content."),
    ((asked(page()), data({"page": True})), "page: must be an object with an action."),
    ((asked(page()), data({"done": False})),
     "answers.done: no such question is open; open: page."),
    ((asked(page()), data({"action": "perhaps"})),
     "page: action must be accept, decline or cancel."),
]  # fmt: skip


@pytest.mark.parametrize(("given", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_is_no_answer_is_refused_with_the_rule_it_breaks(
    given: tuple[OpenAsk, str | Part], reason: str
) -> None:
    """ours: a person reads the reason and can do better."""
    assert refusal(given[0], given[1]) == reason


def test_reason_never_repeats_the_answer() -> None:
    """DESIGN section 5: the reason is shown to everybody who watches; an answer may be private."""
    pin = question(form("pin", pin={"type": "string", "pattern": "^[0-9]{4}$"}))

    assert "hunter2" not in refusal(asked(pin), "hunter2")
    assert "hunter2" not in refusal(asked(pin), data({"pin": "hunter2"}))
    assert "hunter2" not in refusal(asked(COUNT), "hunter2")
    assert "hunter2" not in refusal(asked(SEAT), data({"seat": {"seat": "hunter2"}}))
