"""Which schemas of tools are taken, and what is held against them (basic/index "JSON Schema")."""

from __future__ import annotations

import pytest

from interloom.bridges.mcp.core.schemas import (
    MAX_BYTES,
    MAX_DEPTH,
    Schemas,
    UnusableSchema,
    compile_schema,
)
from interloom.runtime.values import Json, JsonObject

POINT: JsonObject = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "tag": {"$ref": "#/$defs/tag"}},
    "required": ["x"],
    "$defs": {"tag": {"type": "string", "pattern": "^[a-z]+$"}},
}
TREE: JsonObject = {
    "type": "object",
    "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
}


def nested(depth: int) -> Json:
    value: Json = {}
    for _ in range(depth):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"x": 1}, None),
        ({"x": 1, "tag": "a"}, None),
        ({}, '"x" is a required property'),
        ({"x": "secret"}, 'arguments.x: the value is not of type "integer"'),
        ({"x": 1, "tag": "NO"}, "arguments.tag: the value does not match"),
    ],
)
def test_value_that_does_not_fit_is_told_where_and_why(value: Json, rule: str | None) -> None:
    """2020-12 without `$schema`; ours: the value itself is in no error."""
    found = compile_schema(POINT).broken_rule(value, "arguments")

    assert (found is None) == (rule is None)
    assert rule is None or rule in str(found)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"prefixItems": [{"type": "integer"}]}, [1, "a"], ["a"]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"a": 1}, {"b": 1}),
        ({"contains": {"const": 1}, "minContains": 2}, [1, 1], [1]),
    ],
)
def test_schema_without_a_dialect_is_read_as_2020_12(
    schema: JsonObject, good: Json, bad: Json
) -> None:
    """What only newer dialects have; `prefixItems` is of 2020-12 alone."""
    compiled = compile_schema({"type": "object", "properties": {"x": schema}})

    assert compiled.broken_rule({"x": good}, "arguments") is None
    assert compiled.broken_rule({"x": bad}, "arguments") is not None


@pytest.mark.parametrize(
    "dialect",
    [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema#",
    ],
)
def test_schema_is_read_in_its_own_dialect(dialect: str) -> None:
    """JSON Schema Usage, "Schema Dialect": an explicit dialect counts."""
    schema = compile_schema({"$schema": dialect, "type": "object"})
    assert schema.broken_rule([], "it") is not None
    assert schema.broken_rule({}, "it") is None


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"$schema": "https://example.com/mine"}, "dialect is not supported"),
        ({"$schema": 7}, "dialect is not supported"),
        ({"type": "no such type"}, "not valid"),
        ({"properties": {"a": {"$ref": "https://schemas.example/a"}}}, "refers to what is not in"),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "refers to what is not in it"),
        ({"description": "x" * MAX_BYTES}, f"over {MAX_BYTES} bytes"),
    ],
)
def test_schema_that_is_of_no_use_says_why(schema: JsonObject, rule: str) -> None:
    """JSON Schema Usage, "`$ref` Resolution": rejected, never fetched, not taken for permissive."""
    with pytest.raises(UnusableSchema, match=rule):
        compile_schema(schema)


def test_schema_that_doubles_itself_is_refused() -> None:
    """JSON Schema Usage, "Composition-Keyword Resource Use": 30 definitions, a billion looks."""
    defs: dict[str, Json] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(30)
    }
    with pytest.raises(UnusableSchema, match="may meet more than"):
        compile_schema({"$ref": "#/$defs/d0", "$defs": {**defs, "d30": {"type": "object"}}})


def test_schema_of_itself_is_taken_as_deep_as_it_stays_cheap() -> None:
    """JSON Schema Usage, "Composition-Keyword Resource Use"."""
    inner: JsonObject = {"properties": {"x": {"$ref": "#"}}}
    forked = compile_schema({"allOf": [inner, inner]})

    assert forked.broken_rule(nested(8), "it") is None
    assert "nested too deeply" in str(forked.broken_rule(nested(40), "it"))
    assert compile_schema(TREE).broken_rule({"children": [{"children": []}]}, "it") is None
    assert compile_schema(TREE).broken_rule({"children": [{"children": 1}]}, "it") is not None


REFERENCES: dict[str, JsonObject] = {
    "$ref to the root": {"$ref": "#"},
    "$ref to an anchor": {"$ref": "#node"},
    "$ref by $id": {"$ref": "https://depot.example/node"},
    "$ref by a relative $id": {"$ref": "node"},
    "$dynamicRef": {"$dynamicRef": "#node"},
    "$recursiveRef": {"$recursiveRef": "#"},
}
NODE: dict[str, JsonObject] = {
    "$recursiveRef": {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$recursiveAnchor": True,
    },
    "$dynamicRef": {"$dynamicAnchor": "node"},
    "$ref to an anchor": {"$anchor": "node"},
}


@pytest.mark.parametrize("how", REFERENCES)
def test_schema_of_itself_is_known_by_whatever_reference(how: str) -> None:
    """JSON Schema Usage, "Composition-Keyword Resource Use": 2 to the 40th looks otherwise."""
    inner: JsonObject = {"properties": {"x": REFERENCES[how]}}
    node = {"$id": "https://depot.example/node", **NODE.get(how, {}), "allOf": [inner, inner]}
    forked = compile_schema(node)

    assert forked.broken_rule(nested(8), "it") is None
    assert "nested too deeply" in str(forked.broken_rule(nested(40), "it"))


def test_schema_whose_references_form_a_long_chain_is_refused() -> None:
    """JSON Schema Usage: bounded in depth; 5000 references fit into the bytes it may have."""
    defs: dict[str, Json] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)}
    with pytest.raises(UnusableSchema, match=f"deeper than {MAX_DEPTH}"):
        compile_schema({"$ref": "#/$defs/d0", "$defs": {**defs, "d5000": {"type": "object"}}})


def test_schema_is_compiled_once_and_forgotten_in_turn() -> None:
    """ours: by digest, bounded; a schema of no use stays of no use."""
    schemas = Schemas(most=2)
    first = schemas.get("a", POINT)

    assert schemas.get("a", {}) is first
    for _ in range(2):
        with pytest.raises(UnusableSchema):
            schemas.get("b", {"$schema": "x"})
    schemas.get("c", POINT)
    assert schemas.get("a", POINT) is not first
