"""Streamable HTTP against a server that breaks every rule of it.

Source: MCP 2026-07-28, basic/transports/streamable-http; the caps are ours.
"""

from __future__ import annotations

import gzip
import json

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import (
    BadFrame,
)
from interloom.bridges.mcp.core.frames import MAX_DEPTH, Profile, request
from interloom.bridges.mcp.http import MAX_MESSAGES, ServerSpec, StreamableHttp
from interloom.runtime.errors import BrokenOff, TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import (
    Frame,
    body,
    client_of,
    depot,
    gives,
)
from tests.bridges.mcp.test_http import framed, read
from tests.runtime.net.hostile import (
    Answer,
    Hostile,
    Seen,
    dripping,
    endless,
    head,
    never,
    sends,
    sends_and_hangs_up,
    serving,
)

DONE: JsonObject = {"contents": []}
JSON = "application/json"
EVENTS = "text/event-stream"
STREAM = head(200, {"Content-Type": EVENTS, "Transfer-Encoding": "chunked"})
CLOSING = head(200, {"Content-Type": EVENTS, "Connection": "close"})


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def sse(*data: bytes) -> bytes:
    return CLOSING + b"".join(b"data: " + d + b"\n\n" for d in data)


DEEP = b'{"jsonrpc":"2.0","id":"x","result":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"
BAD_REPLIES: dict[str, tuple[Answer, str]] = {
    "not JSON": (sends(body(200, b"<html>", JSON)), "not JSON"),
    "not UTF-8": (sends(body(200, b'"\xff"', JSON)), "not JSON"),
    "too deep for the parser": (sends(body(200, b"[" * 99_999, JSON)), "not JSON"),
    "too deep for us": (sends(body(200, DEEP, JSON)), "nested deeper than 64"),
    "web page": (sends(body(200, b"<html>", "text/html")), "content type must be"),
    "no content type": (sends(body(200, framed(id="x", result={}), None)), "content type must be"),
    "JSON for another id": (sends(body(200, framed(id="x", result={}), JSON)), "another request"),
    "JSON notification": (
        sends(body(200, framed(method="notifications/message", params={}), JSON)),
        "must be the response itself",
    ),
    "JSON request": (
        sends(body(200, framed(id=1, method="roots/list"), JSON)),
        "requests of its own",
    ),
    "event that is not UTF-8": (sends_and_hangs_up(sse(b'{"a":"\xff"}')), "not JSON"),
    "event that is no JSON": (sends_and_hangs_up(sse(b"hello")), "not JSON"),
    "event for another id": (sends_and_hangs_up(sse(framed(id=1, result={}))), "another request"),
    "request on the stream": (
        sends_and_hangs_up(sse(framed(id=1, method="elicitation/create", params={}))),
        "requests of its own",
    ),
    "notifications for ever": (
        endless(STREAM, chunk(b"data: " + framed(method="notifications/x") + b"\n\n") * 50),
        f"sent more than {MAX_MESSAGES} messages",
    ),
}


@pytest.mark.parametrize("name", BAD_REPLIES)
async def test_reply_that_breaks_a_rule_names_server_method_and_rule(
    port: PooledHttp, name: str
) -> None:
    """MCP 2026-07-28 streamable-http "Sending Messages", "Receiving Messages"; caps are ours."""
    answer, rule = BAD_REPLIES[name]
    async with serving(answer) as server:
        with pytest.raises(BadFrame, match=rule) as caught:
            await read(client_of(server, port))
        posted = [json.loads(seen.body) for seen in server.requests]

    assert [frame.get("method") for frame in posted] == ["resources/read"]
    assert str(caught.value).startswith("MCP server depot: resources/read: ")


OPEN = head(200, {"Content-Type": JSON, "Connection": "close"})
CUT_OFF: dict[str, tuple[Answer, str]] = {
    "empty stream": (sends_and_hangs_up(CLOSING), "stream ended without a response"),
    "stream without a response": (
        sends_and_hangs_up(sse(framed(method="notifications/message"))),
        "stream ended without a response",
    ),
    "half an event": (sends_and_hangs_up(CLOSING + b"data: {"), "ended without a response"),
    "response of another type": (
        sends_and_hangs_up(CLOSING + b"event: other\ndata: {}\n\n"),
        "stream ended without a response",
    ),
    "no body": (sends(body(200, b"", JSON)), "body broke off"),
    "half a body without a length": (
        sends_and_hangs_up(OPEN + b'{"jsonrpc":"2.0","id":"'),
        "body broke off",
    ),
    "half a character": (sends_and_hangs_up(OPEN + b'{"a":"\xc3'), "body broke off"),
    "half a body": (
        sends_and_hangs_up(head(200, {"Content-Type": JSON, "Content-Length": "99"}) + b'{"a"'),
        "body broke off",
    ),
    "half a chunk": (
        sends_and_hangs_up(
            head(200, {"Content-Type": JSON, "Transfer-Encoding": "chunked"}) + b'ff\r\n{"a"'
        ),
        "body broke off",
    ),
}


@pytest.mark.parametrize("name", CUT_OFF)
async def test_reply_that_ends_before_its_response_leaves_the_outcome_open(
    port: PooledHttp, name: str
) -> None:
    """ours: no rule tells whether a tool ran; streamable-http: nothing is taken up again."""
    answer, rule = CUT_OFF[name]
    params: JsonObject = {"name": "ship"}
    sent = request("r1", "tools/call", params, stamp=Profile().meta("2026-07-28"), meta={})
    async with serving(answer) as server:
        transport = StreamableHttp(ServerSpec("depot", server.url, timeout_s=5.0), port)
        with pytest.raises(BrokenOff, match=rule) as caught, anyio.fail_after(10):
            await transport.request(sent, {})

    assert caught.value.delivered
    assert str(caught.value).startswith("MCP server depot: tools/call: ")
    assert len(server.requests) == 1


BOMB = gzip.compress(b"[" + b"0," * 10_000_000 + b"0]")
LATE: dict[str, tuple[Answer, str]] = {
    "never answers": (never, "silent for 0.3 s"),
    "silent stream": (sends(STREAM), "silent for 0.3 s"),
    "comments for ever": (dripping(STREAM, chunk(b":\n"), every_s=0.1), "not done within 1.5 s"),
    "line that never ends": (
        endless(STREAM, chunk(b"data: " + b"x" * 65_536)),
        "over 10485760 bytes",
    ),
    "ten megabytes": (endless(STREAM, chunk(b":" + b"x" * 65_536 + b"\n")), "over 10485760 bytes"),
    "gzip bomb": (
        sends(
            head(
                200,
                {
                    "Content-Type": JSON,
                    "Content-Encoding": "gzip",
                    "Content-Length": str(len(BOMB)),
                },
            )
            + BOMB
        ),
        "over 10485760 bytes",
    ),
    "header without an end": (
        sends_and_hangs_up(head(200, {"Content-Type": JSON, "X": "x" * 100_000})),
        "the answer is not HTTP",
    ),
    "gzip bomb on a stream": (
        sends(
            head(
                200,
                {
                    "Content-Type": EVENTS,
                    "Content-Encoding": "gzip",
                    "Content-Length": str(len(BOMB)),
                },
            )
            + BOMB
        ),
        "over 10485760 bytes",
    ),
    "truncated stream": (sends_and_hangs_up(STREAM + b"ff\r\ndata"), "broke off"),
    "hangs up": (sends_and_hangs_up(b""), "without an answer"),
}


@pytest.mark.parametrize("name", LATE)
async def test_answer_that_never_comes_whole_is_a_transport_error(
    port: PooledHttp, name: str
) -> None:
    """ours: sizes and times are capped, and the tool may have run."""
    answer, rule = LATE[name]
    async with serving(answer) as server:
        spec = ServerSpec("depot", server.url, timeout_s=0.3, total_s=1.5)
        with pytest.raises(TransportError, match=rule) as caught:
            await read(McpClient(StreamableHttp(spec, port)))

    assert caught.value.delivered
    assert str(caught.value).startswith("MCP server depot: resources/read: ")


@pytest.mark.parametrize("name", ["never answers", "ten megabytes", "gzip bomb", "hangs up"])
async def test_bad_answer_harms_no_other_request(port: PooledHttp, name: str) -> None:
    """ours: whatever one tool's server does, the others' calls go on."""
    held, results = anyio.Event(), list[JsonObject]()

    async def answer(seen: Seen) -> None:
        held.set()
        await LATE[name][0](seen)

    async def fail(server: Hostile) -> None:
        spec = ServerSpec("depot", server.url, timeout_s=0.3, total_s=1.5)
        with pytest.raises(TransportError):
            await read(McpClient(StreamableHttp(spec, port)))

    script = depot(resources_read=gives(DONE))
    async with (
        serving(answer) as bad,
        serving(script.answer) as good,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(fail, bad)
        await held.wait()
        results.extend([await read(client_of(good, port)) for _ in range(5)])

    assert results == [DONE] * 5


async def test_second_response_on_a_stream_is_passed_over(port: PooledHttp) -> None:
    """JSON-RPC: one response for each request; ours: the first one counts."""
    async with serving(depot(resources_read=answered_twice).answer) as server:
        assert await read(client_of(server, port)) == DONE


def answered_twice(frame: Frame) -> bytes:
    other: JsonObject = {"contents": [{"uri": "depot://b"}]}
    return sse(framed(id=frame["id"], result=DONE), framed(id=frame["id"], result=other))
