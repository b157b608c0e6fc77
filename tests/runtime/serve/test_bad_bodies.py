"""Bodies no client should send, over each HTTP binding: the specified 4xx, and nothing is lost.

Source: issue 3, "Bad input"; A2A 1.0.1 sections 3.3.2, 5.5, 9.5, 11.6; RFC 8259 8.1, RFC 7493 2.3.
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.errors import (
    BadJson,
    BadParams,
    BadRequest,
    RequestError,
    TooLarge,
    UnsupportedMediaType,
    VersionNotSupported,
)
from interloom.runtime.values import Json, JsonObject
from tests.runtime.serve.raw import BINDINGS, HEADERS, RPC, Answer, Server, message, running

MEGABYTE = 1024 * 1024
DEEP = b'{"a":' * 100 + b"1" + b"}" * 100


def wrapped(binding: str, params: bytes) -> bytes:
    """Parameters as a binding's body carries them."""
    if binding == RPC:
        return b'{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":%b}' % params
    return params


async def sent(
    server: Server, binding: str, *chunks: bytes, content_type: str = "application/json"
) -> Answer:
    """Send a body to where messages are sent to."""
    path = "/a2a/echo" if binding == RPC else "/a2a/echo/message:send"
    headers = {**HEADERS, "content-type": content_type}
    return await server.ask(*chunks, path=path, headers=headers)


def written(**changes: Json) -> bytes:
    """A proper request, unless the changes spoil it."""
    return orjson.dumps({"message": {**message(), **changes}})


def twice(name: str, value: bytes) -> bytes:
    """A proper request, but for a name of the message that stands twice."""
    return b'{"message":{"%b":%b,' % (name.encode(), value) + written()[len(b'{"message":{') :]


BAD: dict[str, tuple[bytes, type[RequestError], tuple[str, ...]]] = {
    "not UTF-8": (written().replace(b"hi", b"\xff"), BadJson, ()),
    "UTF-16": (written().decode().encode("utf-16"), BadJson, ()),
    "a lone surrogate": (written().replace(b"hi", b"\\ud800"), BadJson, ()),
    "cut off": (written()[:-1], BadJson, ()),
    "a name twice": (twice("role", b'"ROLE_USER"'), BadRequest, ("role",)),
    "a name twice in metadata": (
        written(metadata={}).replace(b'"metadata":{}', b'"metadata":{"k":1,"k":2}'),
        BadRequest,
        ("k",),
    ),
    "100 levels of metadata": (
        written(metadata={}).replace(b'"metadata":{}', b'"metadata":' + DEEP),
        BadParams,
        ("message.metadata",),
    ),
    "100 levels of data": (
        written(parts=[{"data": 1}]).replace(b'"data":1', b'"data":' + DEEP),
        BadParams,
        ("message.parts[0].data",),
    ),
    "100000 levels": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, BadJson, ()),
    "an unknown enum name": (written(role="ROLE_KING"), BadParams, ("message.role",)),
    "an unknown enum number": (written(role=99), BadParams, ("message.role",)),
    "a negative enum number": (written(role=-1), BadParams, ("message.role",)),
    "no parts": (written(parts=[]), BadParams, ("message.parts",)),
    "an empty part": (written(parts=[{}]), BadParams, ("message.parts[0]",)),
    "bad base64": (written(parts=[{"raw": "%%%"}]), BadParams, ("message.parts[0].raw",)),
    "base64 of odd length": (written(parts=[{"raw": "A"}]), BadParams, ("message.parts[0].raw",)),
    "a history length below 32 bits": (
        orjson.dumps({"message": message(), "configuration": {"historyLength": -(2**40)}}),
        BadParams,
        ("configuration.historyLength",),
    ),
}


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize(("body", "error", "fields"), BAD.values(), ids=BAD)
async def test_bad_body_is_the_peers_mistake_and_the_field_is_named(
    binding: str, body: bytes, error: type[RequestError], fields: tuple[str, ...]
) -> None:
    """A2A 3.3.2: a 4xx that says where; no task is made of it."""
    async with running() as server:
        answer = await sent(server, binding, wrapped(binding, body))
        listed = (await server.call("ListTasks", {})).result

    answer.is_refusal_of(binding, error, *fields)
    assert listed["totalSize"] == 0


TAKEN: dict[str, bytes] = {
    "enum numbers": written(role=1),
    "the proto's names": written().replace(b"messageId", b"message_id"),
    "unknown fields": written(shoe="size", parts=[{"text": "hi", "colour": 1}]),
    "unknown fields of 100 levels": written(shoe=0).replace(b'"shoe":0', b'"shoe":' + DEEP),
    "nulls for what is unset": written(taskId=None, contextId=None, metadata=None),
    "blanks and line ends": b"\n "
    + orjson.dumps({"message": message()}, option=orjson.OPT_INDENT_2),
}


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN)
async def test_odd_but_proper_body_is_taken(binding: str, body: bytes) -> None:
    """A2A 5.5, 5.7 and ProtoJSON: enum numbers, both names of a field, what is newer."""
    async with running() as server:
        answer = await sent(server, binding, wrapped(binding, body))

    frame: JsonObject = answer.result if binding == RPC else answer.frame
    assert (answer.status, list(frame)) == (200, ["task"])


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-protobuf", "application/jsonp", "json", "*/*"]
)
async def test_wrong_content_type_is_415(binding: str, content_type: str) -> None:
    """A2A 9.1, 11.1; RFC 9110 15.5.16."""
    async with running() as server:
        answer = await sent(server, binding, wrapped(binding, written()), content_type=content_type)

    answer.is_refusal_of(binding, UnsupportedMediaType)


@pytest.mark.parametrize("binding", BINDINGS)
async def test_fifty_megabytes_are_not_read_to_the_end(binding: str) -> None:
    """RFC 9110 15.5.14: refused at the limit, whatever else would come."""
    async with running() as server:
        answer = await sent(server, binding, *[b"x" * MEGABYTE] * 50)

    answer.is_refusal_of(binding, TooLarge)


@pytest.mark.parametrize("binding", BINDINGS)
async def test_two_hundred_thousand_bad_parts_are_one_short_answer(binding: str) -> None:
    """Ours: a refusal's size and time do not follow what is refused."""
    parts: list[Json] = [{}] * 200_000
    async with running() as server:
        answer = await sent(server, binding, wrapped(binding, written(parts=parts)))

    answer.is_refusal_of(binding, BadParams, "message.parts[0]")
    assert len(answer.body) < 1000


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize(
    "query",
    ["x=%C3%92", "%ff=%ff", "A2A-Version=%E2%82%AC", "a" * 10_000, "&&==&", "%", "x=" * 500],
)
async def test_odd_query_is_no_reason_to_break(binding: str, query: str) -> None:
    """A2A 3.6.1: it is looked through for a version only; found by schemathesis."""
    path = "/a2a/echo" if binding == RPC else "/a2a/echo/message:send"
    headers = {key: text for key, text in HEADERS.items() if key != "a2a-version"}
    async with running() as server:
        answer = await server.ask(
            wrapped(binding, written()), path=path, query=query, headers=headers
        )

    answer.is_refusal_of(binding, VersionNotSupported)
