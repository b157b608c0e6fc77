"""Schemas come from strangers and answers from anybody: nothing hangs, fetches, or grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.runtime.core.answers import NotAnAnswer, check_schema, match
from interloom.runtime.core.questions import text_of
from interloom.runtime.errors import LocalError
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
    "schema",
    [
        {"type": "nonsense"},
        {"properties": 5},
        {"properties": {"a": 5}},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"minLength": -1}}},
        {"required": "a"},
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "https://schemas.example/x"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "other.json"},
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}},
        {"$id": "http://127.0.0.1:9/base/", "properties": {"a": {"$ref": "item"}}},
        {"$ref": "#/$defs/missing"},
        {"$schema": "http://127.0.0.1:9/meta"},
        {"$schema": "nonsense"},
    ],
)
def test_schema_that_cannot_check_anything_is_refused(schema: JsonObject) -> None:
    """MCP basic, `$ref` resolution: a schema never makes us open a connection or a file."""
    with pytest.raises(LocalError, match=r"^the question's JSON Schema is not valid$"):
        check_schema(schema)


def test_schema_never_reads_a_file_even_one_that_would_do(tmp_path: Path) -> None:
    """MCP basic, `$ref` resolution: what a server writes is not what we open."""
    there = tmp_path / "schema.json"
    there.write_text('{"type": "string"}', encoding="utf-8")

    with pytest.raises(LocalError, match=r"^the question's JSON Schema is not valid$"):
        check_schema(form(a={"$ref": there.as_uri()}))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        form(a=TEXT),
        form(a={"$ref": "#/$defs/word"}) | {"$defs": {"word": TEXT}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        form(a={"type": "string", "format": "no such format"}),
        form(a={"x-of-the-server": [1]}),
    ],
)
def test_schema_within_itself_is_taken(schema: JsonObject) -> None:
    """JSON Schema 2020-12: unknown words and formats are annotations."""
    check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$dynamicRef": "#"},
        {"properties": {"a": {"$ref": "#/properties/a"}}},
        {"properties": {"a": {"$ref": "#"}}},
    ],
)
def test_schema_that_runs_in_a_circle_ends(schema: JsonObject) -> None:
    """ours: no server may take the process down with a schema that refers to itself."""
    (after,) = match([asked(question(schema))], said(data({"q": {"a": {"a": {}}}})))

    assert after.responses["q"].content == {"a": {"a": {}}}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^(a+)+$", "a" * 40 + "b"),
        (r"^(?=a)(a|aa)+$", "a" * 200 + "b"),
        (r"(a+)+\1c", "a" * 3000 + "b"),
        (r"(x+x+)+y", "x" * 3000),
    ],
)
def test_pattern_that_explodes_is_cut_off_and_counts_as_broken(pattern: str, text: str) -> None:
    """ours: a server's regular expression and a caller's text must not stop the event loop."""
    assert refusal(form(a={**TEXT, "pattern": pattern}), text).startswith("a: ")


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
