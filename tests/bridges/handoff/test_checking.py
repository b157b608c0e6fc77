"""What a person may say that a tool answered.

Source: DESIGN section 4 (`ours`); MCP 2026-07-28 server/tools "Output Schema". What a server
answers is checked in tests/journeys/test_checked_tools.py.
"""

from __future__ import annotations

import pytest

from interloom.bridges.handoff.checking import NotAResult, stated_result
from interloom.bridges.mcp.core.tools import Tool, read_tool
from interloom.runtime.values import Json, JsonObject


def tool(output: JsonObject | None) -> Tool:
    shape: dict[str, Json] = {"name": "ship", "inputSchema": {"type": "object"}}
    if output is not None:
        shape["outputSchema"] = output
    return read_tool(shape, server="depot")


SEAT: JsonObject = {
    "type": "object",
    "properties": {"seat": {"type": "string"}},
    "required": ["seat"],
}
PLAIN, TYPED = tool(None), tool(SEAT)
RESULTS: dict[str, tuple[Tool | None, str, JsonObject]] = {
    "text": (PLAIN, "seat 4A", {"content": [{"type": "text", "text": "seat 4A"}]}),
    "nothing": (PLAIN, "", {"content": []}),
    "an object": (
        PLAIN,
        '{"seat": "4A"}',
        {
            "content": [{"type": "text", "text": '{"seat": "4A"}'}],
            "structuredContent": {"seat": "4A"},
        },
    ),
    "a number is a text": (PLAIN, "4", {"content": [{"type": "text", "text": "4"}]}),
    "as promised": (
        TYPED,
        '{"seat": "4A"}',
        {
            "content": [{"type": "text", "text": '{"seat": "4A"}'}],
            "structuredContent": {"seat": "4A"},
        },
    ),
    "of a tool that is gone": (None, "4A", {"content": [{"type": "text", "text": "4A"}]}),
    "of a tool with a useless schema": (
        tool({"type": "object", "$ref": "https://elsewhere.example/schema"}),
        "{}",
        {"content": [{"type": "text", "text": "{}"}], "structuredContent": {}},
    ),
}


@pytest.mark.parametrize(("listed", "said", "result"), RESULTS.values(), ids=RESULTS)
def test_result_is_text_or_json(listed: Tool | None, said: str, result: JsonObject) -> None:
    """MCP server/tools: content for people, structured content beside it."""
    assert stated_result(listed, said, server="depot") == result


MISFITS = {
    "no JSON": ("seat 4A", "The result must be JSON, as the tool promises."),
    "nothing": ("", "The result must be JSON, as the tool promises."),
    "another shape": ('{"seat": 4}', "The result is not as the tool promises: structuredContent"),
    "a field is missing": ("{}", "The result is not as the tool promises: structuredContent"),
}


@pytest.mark.parametrize(("said", "reason"), MISFITS.values(), ids=MISFITS)
def test_result_must_be_what_the_tool_promises(said: str, reason: str) -> None:
    """MCP server/tools "Output Schema": what an author may rely on."""
    with pytest.raises(NotAResult) as refused:
        stated_result(TYPED, said, server="depot")

    assert str(refused.value).startswith(reason)
