"""Bodies that are no JSON-RPC request: each gets the code the specification names, and no more.

Source: JSON-RPC 2.0 sections 4, 5 and 5.1; A2A 1.0.1 section 9.5.
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.values import Json, JsonObject
from tests.runtime.serve.raw import A2A, HEADERS, message, running

GOOD: JsonObject = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {}}


def like(**spoiled: Json) -> bytes:
    """A good request with some members replaced."""
    return orjson.dumps({**GOOD, **spoiled})


def start(value: object) -> str:
    """The beginning of a value, for the name of a test."""
    return ascii(value)[:12]


def without(member: str) -> bytes:
    """A good request that lacks a member."""
    return orjson.dumps({key: value for key, value in GOOD.items() if key != member})


NOT_JSON = {
    "nothing": b"",
    "blank": b" \n",
    "cut off": b'{"jsonrpc": "2.0", "id": 1, "met',
    "two documents": b"{}{}",
    "a comment": b"{} // please",
    "single quotes": b"{'jsonrpc': '2.0'}",
    "not UTF-8": b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}',
    "UTF-16": '{"jsonrpc": "2.0"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": b'{"id": "\\ud800"}',
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"params": {"x": -Infinity}}',
    "a number beyond a double": b'{"params": {"x": 1e400}}',
    "a form": b"jsonrpc=2.0&id=1",
    "100000 open brackets": b"[" * 100_000,
    "100000 levels": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_body_that_is_not_json_is_a_parse_error(body: bytes) -> None:
    """JSON-RPC 5.1: -32700, the id is null because it cannot be known."""
    async with running() as server:
        answer = await server.ask(body)

    answer.is_refusal(-32700, "INVALID_JSON", call_id=None)
    assert answer.error["message"] == "Invalid JSON payload"


NOT_A_REQUEST = {
    "an empty array": b"[]",
    "a batch": b"[" + like() + b"]",
    "null": b"null",
    "a string": b'"SendMessage"',
    "a number": b"1",
    "true": b"true",
}


@pytest.mark.parametrize("body", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST)
async def test_json_that_is_no_object_is_an_invalid_request(body: bytes) -> None:
    """JSON-RPC 5.1: -32600; batches are none of A2A's (ours)."""
    async with running() as server:
        answer = await server.ask(body)

    answer.is_refusal(-32600, "INVALID_REQUEST", call_id=None)


WRONG_ENVELOPES = {
    "no jsonrpc": (without("jsonrpc"), "jsonrpc"),
    "jsonrpc 1.0": (like(jsonrpc="1.0"), "jsonrpc"),
    "jsonrpc as a number": (like(jsonrpc=2.0), "jsonrpc"),
    "no method": (without("method"), "method"),
    "method null": (like(method=None), "method"),
    "method a number": (like(method=1), "method"),
    "method an array": (like(method=["ListTasks"]), "method"),
}


@pytest.mark.parametrize(("body", "field"), WRONG_ENVELOPES.values(), ids=WRONG_ENVELOPES)
async def test_wrong_envelope_names_the_member(body: bytes, field: str) -> None:
    """JSON-RPC 4 and 5.1; A2A 9.5: the BadRequest detail says where."""
    async with running() as server:
        answer = await server.ask(body)

    answer.is_refusal(-32600, "INVALID_REQUEST")
    assert answer.fields == [field]


WRONG_IDS: dict[str, bytes] = {
    "none": without("id"),
    "null": like(id=None),
    "an object": like(id={"a": 1}),
    "an array": like(id=[1]),
    "true": like(id=True),
    "a fraction": like(id=1.5),
    "a whole float": like(id=1.0),
    "more than 64 bits": like().replace(b'"id":1', b'"id":123456789012345678901234567890'),
}


@pytest.mark.parametrize("body", WRONG_IDS.values(), ids=WRONG_IDS)
async def test_wrong_id_is_refused_and_not_repeated(body: bytes) -> None:
    """A2A 9.1, JSON-RPC 4: a string or an integer; notifications are none of A2A's (ours)."""
    async with running() as server:
        answer = await server.ask(body)

    answer.is_refusal(-32600, "INVALID_REQUEST", call_id=None)
    assert answer.fields == ["id"]


@pytest.mark.parametrize("call_id", ["", "é" * 100_000, 0, -1, 2**63, "1"], ids=start)
async def test_proper_id_comes_back_as_it_was(call_id: str | int) -> None:
    """JSON-RPC 5: the same value, of the same type, however long."""
    async with running() as server:
        answer = await server.ask(like(id=call_id))

    assert answer.status == 200
    assert answer.frame["id"] == call_id
    assert type(answer.frame["id"]) is type(call_id)


@pytest.mark.parametrize("params", [None, [], ["x"], "x", 1, True], ids=str)
async def test_params_that_are_no_object_are_named(params: Json) -> None:
    """A2A 9.1: params are the request message."""
    async with running() as server:
        answer = await server.ask(like(params=params))

    answer.is_refusal(-32602, "INVALID_PARAMS")
    assert answer.fields == ["params"]


@pytest.mark.parametrize(
    "method", ["", "Nothing", "sendmessage", "message/send", "__class__", "x" * 100_000], ids=start
)
async def test_unknown_method_is_told(method: str) -> None:
    """JSON-RPC 5.1: -32601; 0.3's names are unknown too, and a long name is cut."""
    async with running() as server:
        answer = await server.ask(like(method=method))

    answer.is_refusal(-32601, "METHOD_NOT_FOUND")
    assert answer.details[0]["metadata"] == {"method": method[:100]}


NOT_OFFERED = {
    "CreateTaskPushNotificationConfig": (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
    "GetTaskPushNotificationConfig": (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
    "ListTaskPushNotificationConfigs": (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
    "DeleteTaskPushNotificationConfig": (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
    "GetExtendedAgentCard": (-32004, "UNSUPPORTED_OPERATION"),
}


@pytest.mark.parametrize("method", NOT_OFFERED)
async def test_operation_the_card_does_not_promise_has_its_own_error(method: str) -> None:
    """A2A 3.3.4: capability validation."""
    code, reason = NOT_OFFERED[method]
    async with running() as server:
        answer = await server.ask(like(method=method))

    answer.is_refusal(code, reason, domain=A2A)


@pytest.mark.parametrize("version", [None, "", "0.3", "2.0", "1", "1.1", "one", "1.0,0.3"])
async def test_version_that_is_not_served_is_refused(version: str | None) -> None:
    """A2A 3.6.2: -32009; none or an empty one means 0.3."""
    headers = {key: text for key, text in HEADERS.items() if key != "a2a-version"}
    if version is not None:
        headers["a2a-version"] = version
    async with running() as server:
        answer = await server.ask(like(), headers=headers)

    answer.is_refusal(-32009, "VERSION_NOT_SUPPORTED", domain=A2A)
    assert answer.details[0]["metadata"] == {"supported": "1.0"}


@pytest.mark.parametrize("version", ["1.0", "1.0.1", " 1.0 "])
async def test_patch_number_of_the_version_does_not_count(version: str) -> None:
    """A2A 3.6.2: Major.Minor decide."""
    async with running() as server:
        answer = await server.ask(like(), headers={**HEADERS, "a2a-version": version})

    assert answer.result["tasks"] == []


async def test_streaming_method_refuses_like_the_others() -> None:
    """A2A 9.4.2: before the stream begins an error is a plain JSON response."""
    async with running() as server:
        answer = await server.call("SendStreamingMessage", {"message": message(parts=[])})

    answer.is_refusal(-32602, "INVALID_PARAMS")
    assert answer.fields == ["message.parts"]
