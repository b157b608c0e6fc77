"""Tools, results, lists and discovery, read from foreign JSON."""

from __future__ import annotations

import pytest

from interloom.bridges.mcp.core.discovery import Discovery, read_discovery
from interloom.bridges.mcp.core.errors import BadResult, BadTool
from interloom.bridges.mcp.core.headers import Mirror
from interloom.bridges.mcp.core.listing import DOUBT_S, MAX_AGE_S, Page, join, read_page
from interloom.bridges.mcp.core.tools import Hints, read_tool, read_tool_result
from interloom.runtime.values import Json, JsonObject

PLAIN: JsonObject = {"name": "ship", "inputSchema": {"type": "object"}}
FULL: JsonObject = {
    "name": "ship",
    "title": "Ship it",
    "description": "Sends a parcel.",
    "icons": [{"src": "https://x/i.png"}],
    "inputSchema": {
        "type": "object",
        "properties": {"to": {"type": "string", "x-mcp-header": "To"}},
    },
    "outputSchema": {"type": "array"},
    "annotations": {"readOnlyHint": True, "destructiveHint": False, "title": "Other"},
    "_meta": {"com.example/x": 1},
}


def test_whole_definition_is_read_and_nothing_is_lost() -> None:
    """MCP 2026-07-28 server/tools "Tool"."""
    tool = read_tool(FULL, server="depot")

    assert (tool.name, tool.title, tool.description) == ("ship", "Ship it", "Sends a parcel.")
    assert tool.input_schema == FULL["inputSchema"]
    assert tool.output_schema == {"type": "array"}
    assert tool.hints == Hints(is_read_only=True, is_destructive=False)
    assert tool.mirrors == (Mirror("Mcp-Param-To", ("to",)),)
    assert tool.raw == FULL


def test_bare_definition_takes_the_schemas_defaults() -> None:
    """schema.ts `ToolAnnotations`: not read-only, destructive, not idempotent, open world."""
    tool = read_tool(PLAIN, server="depot")

    assert (tool.title, tool.description, tool.output_schema) == ("ship", "", None)
    assert tool.hints == Hints(
        is_read_only=False, is_destructive=True, is_idempotent=False, is_open_world=True
    )


def test_title_of_the_annotations_stands_in() -> None:
    """schema.ts `Tool.annotations`: `title`, `annotations.title`, then `name`."""
    assert read_tool({**PLAIN, "annotations": {"title": "T"}}, server="depot").title == "T"


@pytest.mark.parametrize(
    ("definition", "rule"),
    [
        ("ship", "must be an object"),
        ({}, "name"),
        ({**PLAIN, "name": ""}, "name"),
        ({**PLAIN, "name": 7}, "name"),
        ({"name": "ship"}, "inputSchema"),
        ({**PLAIN, "inputSchema": None}, "inputSchema"),
        ({**PLAIN, "inputSchema": {"type": "array"}}, "inputSchema"),
        ({**PLAIN, "outputSchema": True}, "outputSchema"),
        ({**PLAIN, "annotations": []}, "annotations"),
        ({**PLAIN, "inputSchema": {"type": "object", "x-mcp-header": "A"}}, "x-mcp-header"),
    ],
)
def test_definition_of_the_wrong_shape_names_the_field(definition: Json, rule: str) -> None:
    """MCP 2026-07-28 server/tools "Tool"."""
    with pytest.raises(BadTool, match=rule):
        read_tool(definition, server="depot")


def test_result_keeps_every_block_and_joins_the_text() -> None:
    """MCP 2026-07-28 server/tools "Tool Result"."""
    blocks: list[Json] = [
        {"type": "text", "text": "one"},
        {"type": "image", "data": "AA==", "mimeType": "image/png"},
        {"type": "hologram", "beams": 7},
        {"type": "text", "text": "two"},
    ]
    result = read_tool_result(
        {"content": blocks, "structuredContent": [1], "isError": True, "_meta": {"a": 1}},
        server="depot",
    )

    assert list(result.content) == blocks
    assert (result.text, result.structured, result.is_error) == ("one\ntwo", [1], True)
    assert result.meta == {"a": 1}


def test_result_without_content_still_counts() -> None:
    """ours: the call has happened, and its result is all there is of it."""
    result = read_tool_result({"structuredContent": {"a": 1}}, server="depot")

    assert (result.content, result.text, result.structured) == ((), "", {"a": 1})
    assert not result.is_error


@pytest.mark.parametrize(
    ("result", "field"),
    [
        ({"content": "text"}, "content must"),
        ({"content": {}}, "content must"),
        ({"content": ["text"]}, r"content\[0\] must"),
        ({"content": [{"type": "text", "text": "x"}, {"text": "x"}]}, r"content\[1\] must"),
        ({"content": [{"type": "text"}]}, r"content\[0\].text"),
        ({"content": [], "isError": "no"}, "isError"),
        ({"content": [], "_meta": []}, "_meta"),
    ],
)
def test_result_of_the_wrong_shape_names_the_field(result: JsonObject, field: str) -> None:
    """MCP 2026-07-28 schema.ts `CallToolResult`."""
    with pytest.raises(BadResult, match=f"MCP server depot: tools/call: {field}"):
        read_tool_result(result, server="depot")


@pytest.mark.parametrize(
    ("result", "page"),
    [
        ({"tools": [], "ttlMs": 5}, Page([], None, 5, 2)),
        ({"tools": [1], "nextCursor": "", "ttlMs": -1}, Page([1], "", 0, 3)),
        ({"tools": [], "nextCursor": "x"}, Page([], "x", 0, 2)),
        ({"tools": [], "nextCursor": None, "ttlMs": "5"}, Page([], None, 0, 2)),
        ({"tools": [], "ttlMs": True}, Page([], None, 0, 2)),
    ],
)
def test_page_is_read(result: JsonObject, page: Page) -> None:
    """MCP 2026-07-28 pagination (an empty cursor is a cursor), caching (absent ttlMs is 0)."""
    assert read_page(result, server="depot") == page


@pytest.mark.parametrize(
    ("result", "field"),
    [({}, "tools"), ({"tools": {}}, "tools"), ({"tools": [], "nextCursor": 1}, "nextCursor")],
)
def test_page_of_the_wrong_shape_names_the_field(result: JsonObject, field: str) -> None:
    """MCP 2026-07-28 schema.ts `ListToolsResult`."""
    with pytest.raises(BadResult, match=f"tools/list: {field}"):
        read_page(result, server="depot")


def test_bad_tool_is_left_out_and_the_others_stay() -> None:
    """MCP 2026-07-28 streamable-http "Schema Extension"; ours: of two with one name the first."""
    bad: JsonObject = {"name": "bad", "inputSchema": {"type": "object", "x-mcp-header": "A"}}
    twin: JsonObject = {**PLAIN, "description": "another"}
    pages = [
        Page([bad, PLAIN], "x", 900, received_s=10.0),
        Page([twin, "junk"], None, 400, received_s=10.2),
    ]

    joined = join(pages, server="depot")

    assert list(joined.tools) == ["ship"]
    assert joined.tools["ship"].description == ""
    assert [reason.tool for reason in joined.rejected] == ["bad", "ship", ""]
    assert joined.why_rejected("bad") is joined.rejected[0]
    assert joined.why_rejected("other") is None
    assert joined.fresh_until_s == pytest.approx(10.6)


@pytest.mark.parametrize(
    ("ttl_ms", "now_s", "is_fresh", "is_doubtful", "is_expired"),
    [
        (1000, 10.0, True, False, False),
        (1000, 10.999, True, False, False),
        (1000, 11.0, False, False, True),
        (60_000, 10.0 + DOUBT_S, True, False, False),
        (0, 10.0, False, False, False),
        (0, 10.0 + DOUBT_S, False, True, False),
        (0, 9.0 + MAX_AGE_S, False, True, False),
        (0, 10.0 + MAX_AGE_S, False, True, True),
    ],
)
def test_list_is_fresh_before_its_time_is_up(
    ttl_ms: int, now_s: float, is_fresh: bool, is_doubtful: bool, is_expired: bool
) -> None:
    """MCP 2026-07-28 caching "Freshness Calculation": now < t_received + ttlMs; else ours."""
    kept = join([Page([], None, ttl_ms, received_s=10.0)], server="depot")

    assert kept.is_fresh(now_s) is is_fresh
    assert kept.is_doubtful(now_s) is is_doubtful
    assert kept.is_expired(now_s) is is_expired


def test_discovery_is_read() -> None:
    """MCP 2026-07-28 server/discover."""
    result: JsonObject = {
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}},
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "depot"}},
        "instructions": "Be kind.",
    }

    assert read_discovery(result, server="depot") == Discovery(
        ("2026-07-28",), {"tools": {}}, {"name": "depot"}, "Be kind."
    )


@pytest.mark.parametrize(
    ("result", "field"),
    [
        ({"capabilities": {}}, "supportedVersions"),
        ({"supportedVersions": [], "capabilities": {}}, "supportedVersions"),
        ({"supportedVersions": [1], "capabilities": {}}, "supportedVersions"),
        ({"supportedVersions": ["x"]}, "capabilities"),
        ({"supportedVersions": ["x"], "capabilities": {}, "instructions": 1}, "instructions"),
    ],
)
def test_discovery_of_the_wrong_shape_names_the_field(result: JsonObject, field: str) -> None:
    """MCP 2026-07-28 schema.ts `DiscoverResult`."""
    with pytest.raises(BadResult, match=f"depot: server/discover: {field}"):
        read_discovery(result, server="depot")
