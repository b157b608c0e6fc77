"""Request fields mirrored into HTTP headers."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.mcp.core.errors import BadTool
from interloom.bridges.mcp.core.headers import (
    MAX_SUBSCHEMAS,
    Mirror,
    encode,
    mirrored,
    read_mirrors,
    standard,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("", ""),
        ("a b", "a b"),
        ("=?base64?open", "=?base64?open"),
        ("=?BASE64?x?=", "=?BASE64?x?="),
        ("a\tb", "=?base64?YQli?="),
        ("a\r\nX-Evil: 1", "=?base64?YQ0KWC1FdmlsOiAx?="),
        ("trailing\n", "=?base64?dHJhaWxpbmcK?="),
        ("\x7f", "=?base64?fw==?="),
    ],
)
def test_value_is_encoded_where_it_is_not_plain(value: str, header: str) -> None:
    """MCP 2026-07-28 streamable-http "Value Encoding", its five examples first."""
    assert encode(value) == header


@given(st.text())
def test_encoded_value_is_safe_and_can_be_decoded(value: str) -> None:
    """RFC 9110 section 5.5; MCP 2026-07-28 streamable-http "Value Encoding"."""
    header = encode(value)

    assert header.isascii()
    assert header == header.strip()
    assert not header or header.isprintable()
    if header != value:
        payload = header.removeprefix("=?base64?").removesuffix("?=")
        assert b64decode(payload, validate=True).decode() == value


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/call", {"name": "ship"}, "ship"),
        ("prompts/get", {"name": "é"}, "=?base64?w6k=?="),
        ("resources/read", {"uri": "file:///a b"}, "file:///a b"),
        ("tools/list", {"name": "not a name"}, None),
        ("server/discover", {}, None),
    ],
)
def test_standard_headers_mirror_version_method_and_name(
    method: str, params: JsonObject, name: str | None
) -> None:
    """MCP 2026-07-28 streamable-http "Standard Request Headers"."""
    wanted = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}

    assert standard(method, params, version="2026-07-28") == (
        wanted if name is None else {**wanted, "Mcp-Name": name}
    )


@pytest.mark.parametrize("params", [{}, {"name": 7}, {"uri": "x"}])
def test_call_without_a_name_is_the_callers_mistake(params: JsonObject) -> None:
    """MCP 2026-07-28 streamable-http: the header is required."""
    with pytest.raises(LocalError, match=r"params\.name"):
        standard("tools/call", params, version="2026-07-28")


SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "size": {"type": "integer", "x-mcp-header": "Size"},
        "to": {
            "type": "object",
            "properties": {"urgent": {"type": "boolean", "x-mcp-header": "Urgent"}},
        },
        "weight": {"type": "number"},
        "x-mcp-header": {"type": "array", "default": [{"x-mcp-header": "no"}]},
    },
}


def test_annotations_are_found_along_properties() -> None:
    """MCP 2026-07-28 streamable-http "Schema Extension": nested objects are permitted."""
    assert read_mirrors(SCHEMA, server="depot", tool="ship") == (
        Mirror("Mcp-Param-Region", ("region",)),
        Mirror("Mcp-Param-Size", ("size",)),
        Mirror("Mcp-Param-Urgent", ("to", "urgent")),
    )


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "us", "size": 42, "weight": 1.5}, {"Region": "us", "Size": "42"}),
        ({"size": -7, "to": {"urgent": True}}, {"Size": "-7", "Urgent": "true"}),
        ({"size": 42.0, "to": {"urgent": False}}, {"Size": "42", "Urgent": "false"}),
        ({"region": "", "size": None, "to": None}, {"Region": ""}),
        ({"region": " x", "to": "not an object"}, {"Region": "=?base64?IHg=?="}),
        ({"region": ["us"], "size": 1.5, "to": []}, {}),
        ({"size": 2**53 - 1}, {"Size": "9007199254740991"}),
        ({}, {}),
        (None, {}),
        ("us", {}),
    ],
)
def test_values_are_mirrored_from_their_path(arguments: Json, headers: dict[str, str]) -> None:
    """MCP 2026-07-28 streamable-http "Value Encoding" and "Server Behavior" table."""
    mirrors = read_mirrors(SCHEMA, server="depot", tool="ship")

    assert mirrored(mirrors, arguments) == {f"Mcp-Param-{k}": v for k, v in headers.items()}


@pytest.mark.parametrize("value", [2**53, -(2**53), 1e300])
def test_integer_a_double_cannot_hold_is_the_callers_mistake(value: Json) -> None:
    """MCP 2026-07-28 server/tools: within the safe range."""
    mirrors = read_mirrors(SCHEMA, server="depot", tool="ship")

    with pytest.raises(LocalError, match="argument size"):
        mirrored(mirrors, {"size": value})


def on(**schema: Json) -> JsonObject:
    return {"type": "object", "properties": {"a": {"type": "string", **schema}}}


MARK: JsonObject = {"type": "string", "x-mcp-header": "A"}
INNER: JsonObject = {"properties": {"a": MARK}}
BAD_SCHEMAS: list[tuple[JsonObject, str]] = [
    (on(**{"x-mcp-header": ""}), "not empty"),
    (on(**{"x-mcp-header": 7}), "must be a string"),
    (on(**{"x-mcp-header": None}), "must be a string"),
    (on(**{"x-mcp-header": "a b"}), "token"),
    (on(**{"x-mcp-header": "a:b"}), "token"),
    (on(**{"x-mcp-header": "é"}), "token"),
    (on(**{"x-mcp-header": "Region\t1"}), "token"),
    (on(**{"x-mcp-header": "A\r\nB"}), "token"),
    (on(**{"x-mcp-header": "A\n"}), "token"),
    (on(type="object", **{"x-mcp-header": "A"}), "string, integer or boolean"),
    (on(type="array", **{"x-mcp-header": "A"}), "string, integer or boolean"),
    (on(type="null", **{"x-mcp-header": "A"}), "string, integer or boolean"),
    (on(type="number", **{"x-mcp-header": "A"}), "string, integer or boolean"),
    (on(type=["string", "null"], **{"x-mcp-header": "A"}), "string, integer or boolean"),
    ({"type": "object", "properties": {"a": {"x-mcp-header": "A"}}}, "string, integer"),
    ({"type": "object", "properties": {"a": MARK, "b": MARK}}, "unique"),
    (
        {"type": "object", "properties": {"a": MARK, "b": {**MARK, "x-mcp-header": "a"}}},
        "unique",
    ),
    ({"type": "object", "x-mcp-header": "A"}, "chain of properties"),
    (on(type="array", items=MARK), "chain of properties"),
    (on(prefixItems=[MARK]), "chain of properties"),
    (on(items={"properties": {"b": MARK}}), "chain of properties"),
    ({"type": "object", "additionalProperties": MARK}, "chain of properties"),
    ({"type": "object", "patternProperties": {"a": MARK}}, "chain of properties"),
    ({"type": "object", "$defs": {"a": MARK}}, "chain of properties"),
    ({"type": "object", "definitions": {"a": MARK}}, "chain of properties"),
    ({"type": "object", "dependentSchemas": {"a": MARK}}, "chain of properties"),
    ({"type": "object", "oneOf": [INNER]}, "chain of properties"),
    ({"type": "object", "anyOf": [INNER]}, "chain of properties"),
    ({"type": "object", "allOf": [INNER]}, "chain of properties"),
    ({"type": "object", "not": INNER}, "chain of properties"),
    ({"type": "object", "if": INNER}, "chain of properties"),
    ({"type": "object", "then": INNER}, "chain of properties"),
    ({"type": "object", "else": INNER}, "chain of properties"),
    ({"type": "object", "anyOf": [{}] * MAX_SUBSCHEMAS}, "more than 4096 schemas"),
]


@pytest.mark.parametrize(("schema", "rule"), BAD_SCHEMAS)
def test_annotation_that_breaks_a_rule_condemns_the_tool(schema: JsonObject, rule: str) -> None:
    """MCP 2026-07-28 streamable-http "Schema Extension", each constraint."""
    with pytest.raises(BadTool, match=rule) as caught:
        read_mirrors(schema, server="depot", tool="ship")

    assert "MCP server depot: tools/list: tool 'ship'" in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        on(default={"x-mcp-header": "A"}),
        on(const={"x-mcp-header": ""}),
        on(enum=[{"x-mcp-header": ""}]),
        on(examples=[{"x-mcp-header": ""}]),
        {"type": "object", "required": ["x-mcp-header"]},
        {"type": "object", "properties": {"x-mcp-header": {"type": "object"}}},
        {"type": "object", "$defs": {"x-mcp-header": {"type": "object"}}},
        {"type": "object", "properties": None},
    ],
)
def test_the_keywords_name_elsewhere_is_no_annotation(schema: JsonObject) -> None:
    """JSON Schema 2020-12: the value of these keywords is data, or names."""
    assert read_mirrors(schema, server="depot", tool="ship") == ()
