"""The conformance client, without the suite: it must notice what the suite does not look at."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext

import anyio
import pytest

from interloom.bridges.mcp.core.errors import InvalidParams
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import Depot, depot, fails, gives
from tests.peers.mcp_client import main
from tests.runtime.net.hostile import serving

DISCOVERY: JsonObject = {"supportedVersions": ["2026-07-28"], "capabilities": {}}
TOOLS: JsonObject = {
    "tools": [
        {
            "name": name,
            "inputSchema": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "note": {"type": "string"}},
                "required": ["to"],
            },
        }
        for name in ("first", "second")
    ]
}
ASK: JsonObject = {
    "resultType": "input_required",
    "inputRequests": {
        "sure": {
            "method": "elicitation/create",
            "params": {
                "message": "Sure?",
                "requestedSchema": {
                    "type": "object",
                    "properties": {
                        "yes": {"type": "boolean"},
                        "size": {"type": "string", "enum": ["S", "M"]},
                        "color": {"type": "string", "default": "red"},
                    },
                },
            },
        }
    },
    "requestState": "1",
}
DONE: JsonObject = {"content": [{"type": "text", "text": "done"}]}


async def test_every_call_is_open_before_the_first_is_answered() -> None:
    """MCP 2026-07-28 mrtr, client rule 4: what one call carries must not get into another."""
    script = depot(
        server_discover=gives(DISCOVERY),
        tools_list=gives(TOOLS),
        tools_call=[gives(ASK), gives(DONE), gives(DONE)],
    )
    await _run(script)

    calls = [json.loads(json.dumps(frame["params"])) for frame in script.frames[2:]]
    assert [call["name"] for call in calls] == ["first", "second", "first"]
    assert all(call["arguments"] == {"to": "sample"} for call in calls)
    assert calls[2]["inputResponses"] == {
        "sure": {"action": "accept", "content": {"yes": True, "size": "S", "color": "red"}}
    }


async def test_only_what_the_scenario_names_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """ours: the scenario's context is the list of calls."""
    wanted = {"toolCalls": [{"name": "second", "arguments": {"to": None}}]}
    monkeypatch.setenv("MCP_CONFORMANCE_SCENARIO", "http-custom-headers")
    monkeypatch.setenv("MCP_CONFORMANCE_CONTEXT", json.dumps(wanted))
    script = depot(
        server_discover=gives(DISCOVERY), tools_list=gives(TOOLS), tools_call=gives(DONE)
    )
    await _run(script)

    (call,) = [frame["params"] for frame in script.frames[2:]]
    assert isinstance(call, dict)
    assert (call["name"], call["arguments"]) == ("second", {"to": None})


async def test_refused_call_is_no_success() -> None:
    """ours: exit code 0 means that all of it went well."""
    script = depot(
        server_discover=gives(DISCOVERY), tools_list=gives(TOOLS), tools_call=fails(-32602)
    )
    await _run(script, ends_in=InvalidParams)


async def _run(script: Depot, *, ends_in: type[Exception] | None = None) -> None:
    async with serving(script.answer) as server:
        with anyio.fail_after(10), _ends_in(ends_in):
            await main(server.url)


def _ends_in(error: type[Exception] | None) -> AbstractContextManager[object]:
    """What a conversation ends in; an open transport wraps it into groups."""
    return nullcontext() if error is None else pytest.RaisesGroup(error, flatten_subgroups=True)
