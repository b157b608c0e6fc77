"""What is put on the wire is stamped; what comes off it is checked."""

from __future__ import annotations

import pytest

from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import (
    BadFrame,
    BadResult,
    HeaderMismatch,
    InvalidParams,
    McpError,
    MethodNotFound,
    MissingCapability,
    UnsupportedVersion,
)
from interloom.bridges.mcp.core.frames import (
    LATEST,
    MAX_DEPTH,
    Message,
    Notification,
    Profile,
    Request,
    Result,
    is_cut_off,
    is_too_deep,
    read_message,
    request,
    require_complete,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

STAMP = Profile("loom", "9").meta(LATEST)
ASKED = Request("r1", "tools/call", {"name": "ship"})
STATE = "b3BhcXVl"


def read(frame: Json) -> Message:
    return read_message(frame, ASKED, server="depot")


def test_request_is_stamped_and_keeps_what_the_caller_put_beside() -> None:
    """MCP 2026-07-28 basic/index `_meta`: required fields, trace keys, vendor keys."""
    built = request(
        "r1",
        "tools/call",
        {"name": "ship", "_meta": {"com.example/a": 1}},
        stamp=STAMP,
        meta={"traceparent": "00-1-2-01", "tracestate": "a=b", "baggage": "k=v", "org.x/y": [2]},
    )

    assert built.to_json() == {
        "jsonrpc": "2.0",
        "id": "r1",
        "method": "tools/call",
        "params": {
            "name": "ship",
            "_meta": {
                "com.example/a": 1,
                "org.x/y": [2],
                "traceparent": "00-1-2-01",
                "tracestate": "a=b",
                "baggage": "k=v",
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "loom", "version": "9"},
                "io.modelcontextprotocol/clientCapabilities": {
                    "elicitation": {"form": {}, "url": {}}
                },
            },
        },
    }


def test_caller_cannot_overwrite_the_stamp() -> None:
    """ours: the header carries the same version as the body, always."""
    meta: JsonObject = {"io.modelcontextprotocol/protocolVersion": "1999-01-01"}
    built = request("r1", "tools/list", {}, stamp=STAMP, meta=meta)

    assert built.params["_meta"] == STAMP


@pytest.mark.parametrize(
    ("params", "meta", "field"),
    [({}, {"traceparent": 1}, "_meta.traceparent"), ({"_meta": "x"}, {}, "params._meta")],
)
def test_meta_that_cannot_be_sent_is_the_callers_mistake(
    params: JsonObject, meta: JsonObject, field: str
) -> None:
    """MCP 2026-07-28 basic/index: trace values follow W3C formats, which are text."""
    with pytest.raises(LocalError, match=field):
        request("r1", "tools/list", params, stamp=STAMP, meta=meta)


@pytest.mark.parametrize(
    ("capabilities", "declared"),
    [
        (Capabilities(), {"elicitation": {"form": {}, "url": {}}}),
        (Capabilities(url=False), {"elicitation": {"form": {}}}),
        (Capabilities(form=False), {"elicitation": {"url": {}}}),
        (Capabilities(form=False, url=False), {}),
    ],
)
def test_only_what_is_offered_is_declared(capabilities: Capabilities, declared: JsonObject) -> None:
    """MCP 2026-07-28 client/elicitation "Capabilities"."""
    assert capabilities.to_json() == declared


def test_response_gives_its_result_as_sent() -> None:
    """MCP 2026-07-28 basic/index: an absent resultType is no error."""
    assert read({"jsonrpc": "2.0", "id": "r1", "result": {"a": 1}}) == Result({"a": 1})


BAD_FRAMES: list[tuple[Json, str]] = [
    (None, "JSON-RPC 2.0"),
    ([], "JSON-RPC 2.0"),
    ([{"jsonrpc": "2.0", "id": "r1", "result": {}}], "JSON-RPC 2.0"),
    ({"id": "r1", "result": {}}, "JSON-RPC 2.0"),
    ({"jsonrpc": "1.0", "id": "r1", "result": {}}, "JSON-RPC 2.0"),
    ({"jsonrpc": "2.0", "id": "r2", "result": {}}, "another request id"),
    ({"jsonrpc": "2.0", "result": {}}, "another request id"),
    ({"jsonrpc": "2.0", "id": None, "result": {}}, "another request id"),
    ({"jsonrpc": "2.0", "id": "r1"}, "result must be an object"),
    ({"jsonrpc": "2.0", "id": "r1", "result": None}, "result must be an object"),
    ({"jsonrpc": "2.0", "id": "r1", "result": [1]}, "result must be an object"),
    ({"jsonrpc": "2.0", "id": "r1", "error": "no"}, "error must be an object"),
    ({"jsonrpc": "2.0", "id": "r1", "error": {"message": "x"}}, "error.code"),
    ({"jsonrpc": "2.0", "id": "r1", "error": {"code": True, "message": "x"}}, "error.code"),
    ({"jsonrpc": "2.0", "id": "r1", "error": {"code": "-1", "message": "x"}}, "error.code"),
    ({"jsonrpc": "2.0", "id": "r1", "error": {"code": -1}}, "error.message"),
    ({"jsonrpc": "2.0", "id": "r2", "error": {"code": -1, "message": "x"}}, "another request"),
    ({"jsonrpc": "2.0", "id": 9, "method": "roots/list"}, "requests of its own"),
    ({"jsonrpc": "2.0", "id": "r1", "method": "ping", "params": {}}, "requests of its own"),
]


@pytest.mark.parametrize(("frame", "rule"), BAD_FRAMES)
def test_frame_that_is_no_answer_to_us_names_server_method_and_rule(frame: Json, rule: str) -> None:
    """MCP 2026-07-28 basic/index "Responses"; streamable-http "Receiving Messages"."""
    with pytest.raises(BadFrame, match=rule) as caught:
        read(frame)

    assert str(caught.value).startswith("MCP server depot: tools/call: ")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32601, MethodNotFound),
        (-32602, InvalidParams),
        (-32020, HeaderMismatch),
        (-32021, MissingCapability),
        (-32022, UnsupportedVersion),
        (-32603, McpError),
        (-32700, McpError),
        (-32000, McpError),
        (-32019, McpError),
        (-32023, McpError),
        (-32099, McpError),
        (7, McpError),
    ],
)
def test_error_code_chooses_the_class(code: int, kind: type[McpError]) -> None:
    """MCP 2026-07-28 basic/index "Error Codes"."""
    error: Json = {"code": code, "message": f"no {STATE}", "data": {"a": [1]}}

    with pytest.raises(McpError) as caught:
        read({"jsonrpc": "2.0", "id": "r1", "error": error})

    assert type(caught.value) is kind
    assert (caught.value.error_code, caught.value.data) == (code, {"a": [1]})
    assert caught.value.said == f"no {STATE}"
    assert f"answered error {code}" in str(caught.value)
    assert STATE not in str(caught.value)


MISSING: list[tuple[Json, str]] = [
    ({"requiredCapabilities": {"roots": {}}}, ": roots"),
    ({"requiredCapabilities": {"elicitation": {"url": {}}, "x": 1}}, ": elicitation.url, x"),
    (
        {"requiredCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}},
        ": extensions.io.modelcontextprotocol/tasks",
    ),
    ({"requiredCapabilities": {"no name": {}, "a" * 65: {}, "": {}, "\x1b[2J": {}}}, ""),
    (
        {"requiredCapabilities": {f"c{n}": {} for n in range(9)}},
        ": c0, c1, c2, c3, c4, c5, c6, c7",
    ),
    ({"requiredCapabilities": ["roots"]}, ""),
    ({}, ""),
    (None, ""),
    ("roots", ""),
]


@pytest.mark.parametrize(("data", "named"), MISSING)
def test_capabilities_that_are_missing_are_named(data: Json, named: str) -> None:
    """basic/index: `data.requiredCapabilities` lists them; ours: names alone, and eight at most."""
    error: Json = {"code": -32021, "message": f"no {STATE}", "data": data}

    with pytest.raises(MissingCapability) as caught:
        read({"jsonrpc": "2.0", "id": "r1", "error": error})

    rule = f"answered error -32021 (a client capability is missing{named})"
    assert str(caught.value) == f"MCP server depot: tools/call: {rule}"


def test_error_without_an_id_is_about_our_only_request() -> None:
    """MCP 2026-07-28 basic/index: the id is left out when the server could not read it."""
    with pytest.raises(McpError):
        read({"jsonrpc": "2.0", "error": {"code": -32700, "message": "parse error"}})
    with pytest.raises(McpError):
        read({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "parse error"}})


def test_foreign_sentence_is_cut_and_printable() -> None:
    """ours: what goes to a log line is one short line."""
    with pytest.raises(McpError) as caught:
        read({"jsonrpc": "2.0", "id": "r1", "error": {"code": 1, "message": "a\r\n\x1b" * 99}})

    assert len(caught.value.said) == 200
    assert caught.value.said.isprintable()


@pytest.mark.parametrize(
    ("data", "supported"),
    [
        (
            {"supported": ["2026-07-28", "2025-11-25"], "requested": "x"},
            ("2026-07-28", "2025-11-25"),
        ),
        ({"supported": ["2026-07-28", 7]}, ("2026-07-28",)),
        ({"supported": "2026-07-28"}, ()),
        ([], ()),
        (None, ()),
    ],
)
def test_supported_versions_are_read_from_the_error(data: Json, supported: tuple[str, ...]) -> None:
    """MCP 2026-07-28 basic/versioning."""
    error: Json = {"code": -32022, "message": "no", "data": data}

    with pytest.raises(UnsupportedVersion) as caught:
        read({"jsonrpc": "2.0", "id": "r1", "error": error})

    assert caught.value.supported == supported


@pytest.mark.parametrize("params", [{}, {"progressToken": "p1", "progress": 1}, [], 1, None])
def test_notification_is_read_whatever_it_says(params: Json) -> None:
    """MCP 2026-07-28 basic/index "Notifications"; ours: bad params are read as none."""
    frame: Json = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
    kept = params if isinstance(params, dict) else {}

    assert read(frame) == Notification("notifications/progress", kept)


def test_method_of_a_notification_is_cut_and_printable() -> None:
    """ours: it goes to a log line."""
    found = read({"jsonrpc": "2.0", "method": "a\n" * 200})

    assert isinstance(found, Notification)
    assert len(found.method) == 200
    assert found.method.isprintable()


def test_method_without_rounds_takes_a_complete_result_only() -> None:
    """MCP 2026-07-28 basic/patterns/mrtr "Supported Requests"."""
    assert require_complete({"tools": []}, server="depot", method="tools/list") == {"tools": []}
    with pytest.raises(BadResult, match="depot: tools/list: resultType must be complete"):
        require_complete({"resultType": "input_required"}, server="depot", method="tools/list")


def nested(levels: int) -> Json:
    value: Json = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_depth_is_counted_over_arrays_and_objects() -> None:
    """ours: every later walk over a message is bounded."""
    assert not is_too_deep(nested(0))
    assert not is_too_deep(nested(MAX_DEPTH))
    assert is_too_deep(nested(MAX_DEPTH + 1))
    assert is_too_deep([1, "x", {"flat": []}, nested(MAX_DEPTH)])


WHOLE = '{"jsonrpc":"2.0","id":"ü€😀","result":{"a":[true,null,-1.5e3,"\\u00fc"]}}'.encode()


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_beginning_of_a_message_is_told_from_a_message(end: int) -> None:
    """ours: a body that was cut off anywhere leaves open what became of its request."""
    assert is_cut_off(WHOLE[:end])


@pytest.mark.parametrize("body", [WHOLE, b"<html>", b'"\xff"', b'{"a":1}x', b"[1,]", b"[" * 9999])
def test_what_is_no_beginning_is_not_taken_for_one(body: bytes) -> None:
    """ours: a server that sends something else has broken a rule."""
    assert not is_cut_off(body)
