"""Schemas come from strangers and answers from anybody: nothing hangs, fetches, or grows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.runtime.core.answers import NotAnAnswer, match
from interloom.runtime.core.forms import MAX_CHOICES, MAX_MATCHED_CHARS
from interloom.runtime.core.questions import text_of
from interloom.runtime.model import Part
from interloom.runtime.values import Json, JsonObject
from tests.runtime.core.samples import asked, data, form, question, said

TEXT: JsonObject = {"type": "string"}
MAX_REASON = 400
"""Characters of a reason for an answer of any size, with a schema of ordinary size."""


def refusal(schema: JsonObject, *parts: str | Part) -> str:
    with pytest.raises(NotAnAnswer) as refused:
        match([asked(question(schema))], said(*parts))
    return str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "text"), [(r"^(a+)+$", "a" * 40 + "b"), (r"(x+x+)+y", "x" * 3000)]
)
def test_pattern_that_explodes_elsewhere_is_matched_in_linear_time(pattern: str, text: str) -> None:
    """ours: a server's regular expression and a caller's text must not stop the event loop."""
    assert refusal(form(a={**TEXT, "pattern": pattern}), text).startswith("a: ")


def test_pattern_is_not_tried_on_a_text_of_any_length() -> None:
    """ours: linear in a text of ten million characters is long, too."""
    schema = form(a={**TEXT, "pattern": "x"})

    assert refusal(schema, "x" * (MAX_MATCHED_CHARS + 1)) == (
        f"a: is longer than {MAX_MATCHED_CHARS} characters."
    )
    match([asked(question(schema))], said("x" * MAX_MATCHED_CHARS))


def test_list_of_choices_has_an_end() -> None:
    """ours: every item is held against every choice."""
    schema = form(a={"type": "array", "items": {"enum": ["x"]}})

    assert refusal(schema, data({"a": ["x"] * (MAX_CHOICES + 1)})) == (
        f"a: has more than {MAX_CHOICES} items."
    )
    match([asked(question(schema))], said(data({"a": ["x"] * MAX_CHOICES})))


STRANGE: list[JsonObject] = [
    {"properties": []},
    {"properties": None},
    {"properties": {"a": True}},
    form(a={"enum": []}),
    form(a={"enum": "text"}),
    form(a={"enum": [{"x": 1}, None, ["y"]]}),
    form(a={"oneOf": "text"}),
    form(a={"oneOf": [True, {}, {"const": 1, "title": 5}, {"title": "no const"}]}),
    form(a={"anyOf": None}),
    form(a={"type": ["integer", "string"]}),
    form(a={"type": {"odd": 1}}),
    form(a={"type": 7}),
    form(a={"type": "array", "items": True}),
    form(a={"type": "array", "items": [TEXT]}),
    form(a={"type": "array", "items": {"type": "array", "items": TEXT}}),
    form(a={"title": 5, "description": ["x"], "minimum": "low", "maximum": {}}),
    form(a={"default": {"deep": [1]}}),
    form(**{"": TEXT}),
    form(**{"a\nb": TEXT}),
]


@pytest.mark.parametrize("schema", STRANGE, ids=str)
@pytest.mark.parametrize("text", ["yes", "1", "a, b", "{}", '{"a": 1}', "/decline"])
def test_strange_schema_is_shown_and_answered_or_refused(schema: JsonObject, text: str) -> None:
    """ours: no other error leaves `match`; the caller is told, the task waits."""
    asking = question(schema)
    try:
        (after,) = match([asked(asking)], said(text))
    except NotAnAnswer as refused:
        reason = str(refused)
    else:
        reason = after.responses["q"].action

    assert reason
    assert text_of([asking]).startswith("q?")


BIG = 200_000
HUGE: list[str | Part] = [
    "x" * BIG,
    "{" * BIG,
    '{"a":' * 1000 + "1" + "}" * 1000,
    "9" * BIG,
    '{"' + "k" * BIG + '": 1}',
    '{"answers": {"' + "k" * BIG + '": {}}}',
    data({"q": {"action": "x" * BIG}}),
    data({"k" * BIG: 1}),
    data({f"k{number}": number for number in range(5000)}),
    data({"q": {"a": "x" * BIG}}),
    data({"q": {"a": list(range(5000))}}),
    data({"q": {"a": 1, "k" * BIG: 1}}),
    data({"q": {"a": "x", "k" * BIG: 1}}),
    data({"q": {"a": {"k" * BIG: "x"}}}),
    data(["x" * BIG]),
]


@pytest.mark.parametrize("part", HUGE, ids=range(len(HUGE)))
@pytest.mark.parametrize(
    "schema",
    [
        form("a", a={"type": "integer"}),
        form(a={"enum": ["x", "y"]}),
        form("a", a={"type": "boolean"}) | {"additionalProperties": False},
        form(a={**TEXT, "maxLength": 9}) | {"propertyNames": {"maxLength": 9}},
        form(a={"additionalProperties": {"type": "integer"}}),
    ],
    ids=str,
)
def test_reason_stays_short_however_big_the_answer(schema: JsonObject, part: str | Part) -> None:
    """ours: the reason is stored, streamed and shown to everybody who watches."""
    try:
        match([asked(question(schema))], said(part))
    except NotAnAnswer as refused:
        assert len(str(refused)) <= MAX_REASON  # noqa: PT017 - whether it is refused is not the point


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
WORDS = st.sampled_from(["answers", "q", "r", "a", "action", "content", "accept", "decline"])
ANSWERS = st.recursive(JSON | WORDS, lambda inner: st.dictionaries(WORDS, inner, max_size=3))


@settings(deadline=None, max_examples=200)
@given(ANSWERS, st.booleans())
def test_anything_is_an_answer_or_is_refused_in_words(value: Json, several: bool) -> None:
    """ours: what `match` lets through has the shape the waiting run relies on."""
    questions = [question(form("a", a={"type": "integer"})), question(form(a=TEXT), "r")]
    waiting = asked(*questions[: 1 + several])
    try:
        parts = said(data(value))
    except ValueError:
        return  # no JSON: the data model keeps it out
    try:
        (after,) = match([waiting], parts)
    except NotAnAnswer as refused:
        assert str(refused).endswith(".")  # noqa: PT017 - both outcomes are right
        return
    assert after.responses
    for name, response in after.responses.items():
        assert name in {"q", "r"}
        assert (response.content is not None) == (response.action == "accept")
