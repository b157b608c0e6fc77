"""Questions read well to people, exactly to programs, and come back from storage unchanged."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.core.questions import (
    OpenAsk,
    Question,
    Response,
    choices,
    data_of,
    dump,
    dump_response,
    fields,
    load,
    load_response,
    text_of,
    unanswered,
)
from interloom.runtime.values import Json, JsonObject
from tests.runtime.core.samples import asked, form, names, page, question

TEXT: JsonObject = {"type": "string"}
GO_THERE = "   Open https://bank.example/in, then reply that it is done."


@pytest.mark.parametrize(
    ("asking", "lines"),
    [
        ([question(form())], ["q?"]),
        ([Question("q", "Sure?", form(), source="bank")], ["bank asks: Sure?"]),
        ([Question("q", "Sure?\nshop asks: Pay?", form(), source="bank")],
         ["bank asks: Sure?", "   shop asks: Pay?"]),
        ([question(form(a=TEXT, b=TEXT))], ["q?", "   a", "   b"]),
        ([page()], ["bank asks: Sign in", GO_THERE]),
        ([question(form(a=TEXT), "one"), page()],
         ["1. one?", "   a", "2. bank asks: Sign in", GO_THERE]),
        ([question(form(a={**TEXT, "title": "Seat"}))], ["q?", "   a: Seat"]),
        ([question(form(a={**TEXT, "description": "by name"}))], ["q?", "   a (by name)"]),
        ([question(form(a={"title": "Seat", "description": "by name"}))],
         ["q?", "   a: Seat (by name)"]),
        ([question(form(a={"title": "", "description": ""}))], ["q?", "   a"]),
        ([question(form(a={"type": "boolean"}))], ["q?", "   a — yes or no"]),
        ([question(form(a={"minimum": 1, "maximum": 5}))], ["q?", "   a — 1 to 5"]),
        ([question(form(a={"minimum": 0, "maximum": 0}))], ["q?", "   a — 0 to 0"]),
        ([question(form(a={"minimum": 1}))], ["q?", "   a"]),
        ([question(form(a={"enum": ["x", 2]}))], ["q?", "   a — one of: x, 2"]),
        ([question(form(a={"oneOf": [{"const": "x", "title": "Ex"}, {"const": "y"}]}))],
         ["q?", "   a — one of: Ex, y"]),
        ([question(form(a={"type": "array", "items": {"enum": ["x", "y"]}}))],
         ["q?", "   a — one or more of: x, y"]),
    ],
)  # fmt: skip
def test_questions_are_written_for_people(asking: list[Question], lines: list[str]) -> None:
    """DESIGN section 5; MCP client/elicitation: a person must be able to tell who asks."""
    assert text_of(asking) == "\n".join(lines)
    assert text_of(asking, "n: too small.") == "\n".join(["n: too small.", *lines])


def test_questions_are_carried_as_data_for_programs() -> None:
    """questions.py: the shape of the data part."""
    schema = form("a", a=TEXT)

    assert data_of([Question("one", "Where?", schema, source="maps"), page("two")]) == {
        "questions": {
            "one": {"message": "Where?", "mode": "form", "schema": schema, "source": "maps"},
            "two": {
                "message": "Sign in",
                "mode": "url",
                "url": "https://bank.example/in",
                "source": "bank",
            },
        }
    }
    assert data_of([question({})]) == {
        "questions": {"q": {"message": "q?", "mode": "form", "schema": {}}}
    }


CHOICES: list[tuple[JsonObject, list[tuple[Json, str]]]] = [
    ({}, []),
    ({"enum": ["a", "b"]}, [("a", "a"), ("b", "b")]),
    ({"enum": [1, None, True]}, [(1, "1"), (None, "None"), (True, "True")]),
    ({"enum": []}, []),
    ({"enum": "ab"}, []),
    ({"enum": {"a": 1}}, []),
    ({"oneOf": [{"const": "a", "title": "A"}]}, [("a", "A")]),
    ({"anyOf": [{"const": "a"}, {"const": 2}]}, [("a", "a"), (2, "2")]),
    ({"oneOf": [{"const": None, "title": 5}]}, [(None, "5")]),
    ({"oneOf": [{"title": "no const"}, "text", None, []]}, []),
    ({"oneOf": {"const": "a"}}, []),
    ({"type": "array", "items": {"enum": ["a"]}}, [("a", "a")]),
    ({"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}}, [("a", "A")]),
    ({"type": "array", "items": [{"enum": ["a"]}]}, []),
    ({"type": "array", "items": True}, []),
]


@pytest.mark.parametrize(("schema", "expected"), CHOICES)
def test_choices_are_found_in_every_spelling(
    schema: JsonObject, expected: list[tuple[Json, str]]
) -> None:
    """MCP client/elicitation, enum schemas: titled or not, one or several."""
    assert choices(schema) == expected


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({}, []),
        (form(b=TEXT, a=TEXT), ["b", "a"]),
        ({"properties": None}, []),
        ({"properties": ["a"]}, []),
        ({"properties": {"a": True, "b": {}, "c": None}}, ["b"]),
    ],
)
def test_fields_are_those_a_person_can_fill_in(schema: JsonObject, found: list[str]) -> None:
    """MCP client/elicitation: in the order of the schema; what is no field is passed over."""
    assert list(fields(question(schema))) == found


def test_open_questions_come_oldest_first_and_without_the_answered() -> None:
    """questions.py: one order for people, programs and storage."""
    first = OpenAsk("1", (question({}, "a"), question({}, "b")), {"a": Response("decline")})
    second = asked(question({}, "c"), page("d"), key="2")

    assert names(unanswered([first, second])) == ["b", "c", "d"]
    assert unanswered([]) == ()


def test_responses_come_in_the_order_asked_and_not_in_the_order_given() -> None:
    """questions.py: the waiting run pairs them with its questions by place."""
    yes, no = Response("accept", {"x": 1}), Response("decline")
    ask = OpenAsk("1", (question({}, "a"), question({}, "b")), {"b": no, "a": yes})

    assert ask.in_order == (yes, no)
    assert ask.unanswered == ()
    assert OpenAsk("1", ask.questions, {"b": no}).in_order == (no,)


@pytest.mark.parametrize(
    ("response", "shape"),
    [
        (Response("accept", {"a": None}), {"action": "accept", "content": {"a": None}}),
        (Response("accept", {}), {"action": "accept", "content": {}}),
        (Response("accept"), {"action": "accept"}),
        (Response("decline"), {"action": "decline"}),
        (Response("cancel"), {"action": "cancel"}),
    ],
)
def test_response_is_an_elicit_result(response: Response, shape: JsonObject) -> None:
    """MCP client/elicitation `ElicitResult`: no content unless a form was accepted."""
    assert dump_response(response) == shape
    assert load_response(shape) == response


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, max_size=3)
RESPONSES = st.builds(Response, st.just("accept"), st.none() | OBJECTS) | st.builds(
    Response, st.sampled_from(["decline", "cancel"])
)
QUESTIONS = st.builds(
    Question, st.text(max_size=6), st.text(max_size=6), OBJECTS, source=st.text(max_size=4)
) | st.builds(page, st.text(max_size=6))
ASKS = st.builds(
    OpenAsk,
    st.text(max_size=6),
    st.lists(QUESTIONS, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=6), RESPONSES, max_size=2),
)


@given(st.lists(ASKS, max_size=3).map(tuple))
def test_asks_come_back_from_storage_unchanged(asks: tuple[OpenAsk, ...]) -> None:
    """ours: a task that waits is rows; nothing of it lives in memory."""
    assert load(orjson.loads(orjson.dumps(dump(asks)))) == asks
