"""A question's schema is a flat form of bounded size, or it is refused by the name of its field."""

from __future__ import annotations

import pytest

from interloom.runtime.core.answers import match
from interloom.runtime.core.forms import (
    MAX_CHOICES,
    MAX_FIELDS,
    MAX_NAME_CHARS,
    MAX_PATTERN_CHARS,
    MAX_TEXT_CHARS,
    check_form,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject
from tests.runtime.core.samples import asked, data, form, question, said

TEXT: JsonObject = {"type": "string"}
RED: JsonObject = {"const": "#F00", "title": "Red"}

FIELDS: dict[str, tuple[JsonObject, Json]] = {
    "string": ({"type": "string", "title": "Name", "description": "Text", "minLength": 3,
                "maxLength": 50, "format": "email", "default": "user@example.com"}, "a@b.example"),
    "uri": ({"type": "string", "format": "uri"}, "https://x.example"),
    "date": ({"type": "string", "format": "date"}, "2026-07-28"),
    "date-time": ({"type": "string", "format": "date-time"}, "2026-07-28T09:30:00Z"),
    "number": ({"type": "number", "minimum": 0, "maximum": 100, "default": 50}, 2.5),
    "integer": ({"type": "integer", "minimum": -1, "maximum": 3}, -1),
    "boolean": ({"type": "boolean", "default": False}, True),
    "enum": ({"type": "string", "enum": ["Red", "Green"], "default": "Red"}, "Green"),
    "enum with names": ({"type": "string", "enum": ["r"], "enumNames": ["Red"]}, "r"),
    "titled enum": ({"type": "string", "oneOf": [RED], "default": "#F00"}, "#F00"),
    "several": ({"type": "array", "minItems": 1, "maxItems": 2, "default": ["Red"],
                 "items": {"type": "string", "enum": ["Red", "Green"]}}, ["Green"]),
    "several titled": ({"type": "array", "items": {"anyOf": [RED]}, "default": ["#F00"]}, ["#F00"]),
}  # fmt: skip
"""The published subset, as its page shows it, and an answer each."""

BEYOND: dict[str, tuple[JsonObject, Json]] = {
    "open bounds": ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    "steps": ({"type": "integer", "multipleOf": 5}, 10),
    "a set": ({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}, ["b", "a"]),
    "a pattern": ({"type": "string", "pattern": r"^[A-Z]{2}\d{4}$"}, "LH1166"),
    "values without a type": ({"enum": ["a", 2, True, None]}, 2),
    "titled numbers": ({"oneOf": [{"const": 1, "title": "One"}]}, 1),
    "unknown words": ({"type": "string", "x-widget": {"rows": [3]}, "placeholder": "Ann"}, "Bob"),
    "other notes": ({"type": "string", "examples": ["a"], "$comment": "c", "readOnly": False}, "a"),
}
"""What is taken besides; see the module."""


@pytest.mark.parametrize(("field", "answer"), (FIELDS | BEYOND).values(), ids=FIELDS | BEYOND)
def test_field_of_a_flat_form_is_taken_and_can_be_answered(field: JsonObject, answer: Json) -> None:
    """MCP client/elicitation "Requested Schema"; the second table is ours."""
    schema = form("a", a=field)
    check_form(schema)
    (after,) = match([asked(question(schema))], said(data({"q": {"a": answer}})))

    assert after.responses["q"].content == {"a": answer}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        form(),
        form(a=TEXT) | {"additionalProperties": False, "title": "T", "description": "D"},
        form(a=TEXT) | {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        form(a=TEXT) | {"$schema": "http://json-schema.org/draft-07/schema#"},
        form(**{f"f{n}": TEXT for n in range(MAX_FIELDS)}),
        form(a={"enum": [str(n) for n in range(MAX_CHOICES)]}),
        form(a={**TEXT, "title": "é" * MAX_TEXT_CHARS}),
    ],
)
def test_form_with_notes_or_of_the_largest_size_is_taken(schema: JsonObject) -> None:
    """JSON Schema 2020-12: what is no assertion says nothing about an answer."""
    check_form(schema)


NOTHING: JsonObject = {}
TREE: JsonObject = {"allOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}]}

REFUSED: list[tuple[JsonObject, str]] = [
    ({}, "the form: type must be 'object'"),
    ({"type": "array"}, "the form: type must be 'object'"),
    ({"type": "object", "properties": 5}, "the form: properties must be an object of at most 50 "),
    ({"type": "object", "required": "a"}, "the form: required must be a list of names"),
    (form("b", a=TEXT), "the form: required 'b' is no field of it"),
    (form("a", "a", a=TEXT), "the form: is not a valid JSON Schema"),
    (form(a=TEXT) | {"$comment": 5}, "the form: is not a valid JSON Schema"),
    (form(a=TEXT) | {"$defs": {"b": TREE}}, "the form: '$defs' is not supported in a question"),
    (form(a=TEXT) | {"$id": "https://x.example"}, "the form: '$id' is not supported"),
    (form(a=TEXT) | {"additionalProperties": TEXT}, "the form: additionalProperties must be true"),
    (form(a=TEXT) | {"propertyNames": {}}, "the form: 'propertyNames' is not supported"),
    (form(**{"": TEXT}), "the form: properties must be"),
    (form(**{"a\nb": TEXT}), "the form: properties must be"),
    (form(**{"n" * (MAX_NAME_CHARS + 1): TEXT}), "the form: properties must be"),
    (form(**{f"f{n}": TEXT for n in range(MAX_FIELDS + 1)}), "the form: properties must be"),
    ({"type": "object", "properties": {"a": 5}}, "field 'a': must be an object"),
    (form(a={}), "field 'a': type must be one of string, integer, number, boolean, array"),
    (form(a={"type": "nonsense"}), "field 'a': type must be one of"),
    (form(a={"type": ["string", "null"]}), "field 'a': type must be one of"),
    (form(a={"type": "object", "properties": {}}), "field 'a': type must be one of"),
    (form(a={"$ref": "#/properties/b"}), "field 'a': type must be one of"),
    (form(a={**TEXT, "$ref": "file:///etc/passwd"}), "field 'a': '$ref' is not supported"),
    (form(a={**TEXT, "$dynamicRef": "#"}), "field 'a': '$dynamicRef' is not supported"),
    (form(a={**TEXT, "allOf": [TEXT]}), "field 'a': 'allOf' is not supported"),
    (form(a={**TEXT, "not": {}}), "field 'a': 'not' is not supported"),
    (form(a={**TEXT, "if": {}}), "field 'a': 'if' is not supported"),
    (form(a={**TEXT, "oneOf": [TEXT, {"type": "null"}]}), "field 'a': oneOf must list 1 to 500"),
    (form(a={**TEXT, "oneOf": [{**RED, "allOf": []}]}), "field 'a': oneOf must list 1 to 500"),
    (form(a={"anyOf": [RED] * (MAX_CHOICES + 1)}), "field 'a': anyOf must list 1 to 500 values"),
    (form(**{name: {"enum": ["x"] * MAX_CHOICES} for name in "abc"}), "the form: its fields offer"),
    (form(a={"enum": []}), "field 'a': enum must list 1 to 500 plain values"),
    (form(a={"enum": [{"x": 1}]}), "field 'a': enum must list 1 to 500 plain values"),
    (form(a={"enum": ["x" * (MAX_TEXT_CHARS + 1)]}), "field 'a': enum must list 1 to 500"),
    (form(a={"type": "boolean", "enum": [True]}), "field 'a': 'enum' is not supported"),
    (form(a={"type": "boolean", "minimum": 1}), "field 'a': 'minimum' is not supported"),
    (form(a={**TEXT, "minLength": -1}), "field 'a': minLength must be a whole number, 0 or more"),
    (form(a={**TEXT, "maxLength": True}), "field 'a': maxLength must be a whole number"),
    (form(a={**TEXT, "format": "regex"}), "field 'a': format must be one of date, date-time, "),
    (form(a={**TEXT, "pattern": "("}), "field 'a': pattern must be a regular expression of at"),
    (form(a={**TEXT, "pattern": r"(?=a)b"}), "field 'a': pattern must be a regular expression"),
    (form(a={**TEXT, "pattern": r"(a)\1"}), "field 'a': pattern must be a regular expression"),
    (form(a={**TEXT, "pattern": "(x{99}){99}{99}"}), "field 'a': pattern must be"),
    (form(a={**TEXT, "pattern": "x" * (MAX_PATTERN_CHARS + 1)}), "field 'a': pattern must be"),
    (form(a={**TEXT, "title": 5}), "field 'a': title must be text of at most 4000 characters"),
    (form(a={**TEXT, "description": "x" * (MAX_TEXT_CHARS + 1)}), "field 'a': description must"),
    (form(a={"type": "number", "minimum": "low"}), "field 'a': minimum must be a number"),
    (form(a={"type": "number", "maximum": 1e300}), "field 'a': maximum must be a number between"),
    (form(a={"type": "number", "multipleOf": 0}), "field 'a': multipleOf must be a number above"),
    (form(a={"type": "array"}), "field 'a', items: must list what may be chosen"),
    (form(a={"type": "array", "items": TEXT}), "field 'a', items: must list what may be chosen"),
    (form(a={"type": "array", "items": {"enum": ["a"], "type": "array"}}),
     "field 'a', items: type must be 'string'"),
    (form(a={"type": "array", "items": {"enum": ["a"], "not": {}}}),
     "field 'a', items: 'not' is not supported"),
    (form(a={"type": "array", "items": {"enum": ["a"]}, "contains": {}}),
     "field 'a': 'contains' is not supported"),
    (form(a={**TEXT, "default": 5}), "field 'a': default is no valid answer"),
    (form(a={**TEXT, "enum": ["x"], "default": "y"}), "field 'a': default is no valid answer"),
    (form(a={**TEXT, "default": {"deep": [1]}}), "field 'a': default must be a plain value"),
    (form(**{"n" * 90: NOTHING}), f"field '{'n' * 60}': type must be one of"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "rule"), REFUSED, ids=[rule for _, rule in REFUSED])
def test_anything_else_is_refused_by_field_and_rule(schema: JsonObject, rule: str) -> None:
    """MCP client/elicitation: nesting and "other advanced JSON Schema features" are not supported.

    MCP basic, `$ref` resolution: a schema never makes us open a connection or a file.
    """
    with pytest.raises(LocalError) as refused:
        check_form(schema)

    assert str(refused.value).startswith(rule)


def test_schema_that_doubles_with_each_reference_is_refused_before_it_is_followed() -> None:
    """ours: thirty levels are two kilobytes, and a billion checks."""
    levels: dict[str, Json] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)
    }
    schema = form(a={"$ref": "#/$defs/d0"}) | {"$defs": {**levels, "d30": TEXT}}

    with pytest.raises(LocalError, match=r"'\$defs' is not supported"):
        check_form(schema)
