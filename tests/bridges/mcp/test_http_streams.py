"""What a Streamable HTTP server says on the way to a result, and on a stream that has none.

Source: MCP 2026-07-28, basic/transports/streamable-http "Receiving Messages";
basic/patterns/subscriptions; basic/patterns/cancellation.
"""

from __future__ import annotations

import json

import anyio
import pytest

from interloom.bridges.mcp.core import headers
from interloom.bridges.mcp.core.errors import BadFrame, McpError, MethodNotFound
from interloom.bridges.mcp.core.frames import Notification, Profile, Request, request
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.sse import MAX_EVENT_BYTES
from tests.bridges.mcp.depot import Reply, body, depot, fails, progress, says, streams
from tests.runtime.net.hostile import Answer, Hostile, Seen, head, never, sends, serving

DONE: JsonObject = {"contents": []}
STREAM = head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
LISTEN: JsonObject = {"notifications": {"toolsListChanged": True}}
ACKNOWLEDGED: JsonObject = {"method": "notifications/subscriptions/acknowledged", "params": LISTEN}
CHANGED: JsonObject = {"method": "notifications/tools/list_changed"}


def stamped(method: str, params: JsonObject, **meta: str) -> Request:
    return request("r1", method, params, stamp=Profile().meta("2026-07-28"), meta=meta)


READ = stamped("resources/read", {"uri": "depot://a"}, progressToken="p1")
LISTENING = stamped("subscriptions/listen", LISTEN)


def transport(server: Hostile, port: PooledHttp) -> StreamableHttp:
    return StreamableHttp(ServerSpec("depot", server.url), port)


def fields(sent: Request) -> dict[str, str]:
    return headers.standard(sent.method, sent.params, version="2026-07-28")


async def heard(answer: Answer, port: PooledHttp) -> list[Notification]:
    """What a listening stream brings until it ends."""
    async with serving(answer) as server:
        return await everything(transport(server, port))


async def everything(sender: StreamableHttp) -> list[Notification]:
    with anyio.fail_after(10):
        async with sender.listen(LISTENING, fields(LISTENING)) as news:
            return [notice async for notice in news]


async def test_notices_reach_the_caller_in_order_before_the_result(port: PooledHttp) -> None:
    """Progress and log messages of a request belong to whoever made it."""
    log: JsonObject = {"method": "notifications/message", "params": {"level": "info"}}
    script = depot(resources_read=streams(progress(1), log, progress(2, total=2), result=DONE))
    told: list[Notification] = []

    async def hear(notice: Notification) -> None:
        told.append(notice)

    async with serving(script.answer) as server:
        with anyio.fail_after(10):
            result = await transport(server, port).request(READ, fields(READ), hear=hear)

    assert result == DONE
    assert told == [
        Notification("notifications/progress", {"progressToken": "p1", "progress": 1}),
        Notification("notifications/message", {"level": "info"}),
        Notification("notifications/progress", {"progressToken": "p1", "progress": 2, "total": 2}),
    ]


async def test_what_hearing_raises_ends_the_request_and_its_stream(port: PooledHttp) -> None:
    """ours: a caller that cannot go on must not leave a request behind."""

    async def answer(seen: Seen) -> None:
        data = b"data: " + json.dumps({"jsonrpc": "2.0", **CHANGED}).encode() + b"\n\n"
        await seen.stream.send(STREAM + b"%x\r\n%s\r\n" % (len(data), data))
        await never(seen)

    async def hear(_notice: Notification) -> None:
        raise KeyError("enough")

    async with serving(answer) as server:
        with anyio.fail_after(10):
            with pytest.raises(KeyError, match="enough"):
                await transport(server, port).request(READ, fields(READ), hear=hear)
            await server.hung_up.wait()


async def test_patience_of_one_request_replaces_the_servers(port: PooledHttp) -> None:
    """Cancellation "Timeouts": configurable for each request."""
    async with serving(never) as server:
        sender, patience = transport(server, port), Patience(silence_s=0.2, total_s=9.0)
        with pytest.raises(TransportError, match=r"silent for 0\.2 s"), anyio.fail_after(10):
            await sender.request(READ, fields(READ), patience=patience)


async def test_listening_brings_what_comes_and_ends_with_the_response(port: PooledHttp) -> None:
    """Subscriptions "Graceful Closure"."""
    script = depot(subscriptions_listen=streams(ACKNOWLEDGED, CHANGED, CHANGED, result={}))

    told = [notice.method for notice in await heard(script.answer, port)]

    changed = "notifications/tools/list_changed"
    assert told == ["notifications/subscriptions/acknowledged", changed, changed]
    assert script.headers[0]["mcp-method"] == "subscriptions/listen"


async def test_listening_ends_when_the_server_cancels_it(port: PooledHttp) -> None:
    """Cancellation: a server that tears a subscription down says so."""
    cancelled: JsonObject = {"method": "notifications/cancelled", "params": {"requestId": "r1"}}
    script = depot(subscriptions_listen=streams(ACKNOWLEDGED, cancelled, CHANGED))

    told = [notice.method for notice in await heard(script.answer, port)]

    assert told == ["notifications/subscriptions/acknowledged", "notifications/cancelled"]


async def test_leaving_a_listening_stream_closes_it(port: PooledHttp) -> None:
    """Subscriptions "Cancellation": closing the stream is how a client ends it."""

    async def answer(seen: Seen) -> None:
        data = b"data: " + json.dumps({"jsonrpc": "2.0", **ACKNOWLEDGED}).encode() + b"\n\n"
        await seen.stream.send(STREAM + b"%x\r\n%s\r\n" % (len(data), data))
        await never(seen)

    async with serving(answer) as server:
        with anyio.fail_after(10):
            listening = transport(server, port).listen(LISTENING, fields(LISTENING))
            async with listening as news:
                assert (await anext(news)).method == ACKNOWLEDGED["method"]
            await server.hung_up.wait()


BROKEN: dict[str, tuple[Reply, type[Exception], str]] = {
    "cut off": (streams(ACKNOWLEDGED), TransportError, "listen: the stream broke off"),
    "no listening here": (fails(-32601, status=404), MethodNotFound, "-32601"),
    "error on the stream": (
        lambda frame: streams(json.loads(_error(frame["id"])))(frame),
        McpError,
        "-32603",
    ),
    "web page": (says(body(200, b"<html>", "text/html")), BadFrame, "content type must be"),
    "oversized event": (
        says(body(200, b"data: " + b"x" * (MAX_EVENT_BYTES + 1), "text/event-stream")),
        BadFrame,
        "a server-sent line is over 1048576 bytes",
    ),
}


def _error(request_id: object) -> str:
    return json.dumps({"id": request_id, "error": {"code": -32603, "message": "x"}})


@pytest.mark.parametrize("name", BROKEN)
async def test_listening_stream_that_breaks_says_which_rule(port: PooledHttp, name: str) -> None:
    """Subscriptions: a stream that closes without its response is an unexpected disconnect."""
    reply, kind, rule = BROKEN[name]
    async with serving(depot(subscriptions_listen=reply).answer) as server:
        with pytest.raises(kind, match=rule) as caught:
            await everything(transport(server, port))

    assert str(caught.value).startswith("MCP server depot: subscriptions/listen: ")


@pytest.mark.parametrize("status", [200, 404])
async def test_answer_to_listening_that_is_no_stream_keeps_to_the_caps_of_a_reply(
    port: PooledHttp, status: int
) -> None:
    """ours: only what is read event by event may go on for ever."""
    fields_ = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}

    async def answer(seen: Seen) -> None:
        await seen.stream.send(head(status, fields_))
        while True:
            await seen.stream.send(b"400\r\n" + b" " * 1024 + b"\r\n")

    async with serving(answer) as server:
        spec = ServerSpec("depot", server.url, max_bytes=100_000)
        with pytest.raises(TransportError, match="listen: the body is over 100000 bytes"):
            await everything(StreamableHttp(spec, port))


@pytest.mark.parametrize("said", [b"", head(200, {"Content-Type": "application/json"}) + b" "])
async def test_answer_to_listening_that_is_no_stream_keeps_to_the_time_of_a_reply(
    port: PooledHttp, said: bytes
) -> None:
    """ours: a stream has no end of its own; an answer that is none, or never begins, has."""

    async def answer(seen: Seen) -> None:
        await seen.stream.send(said)
        await never(seen)

    async with serving(answer) as server:
        spec = ServerSpec("depot", server.url, timeout_s=0.2, total_s=0.2)
        with pytest.raises(TransportError, match=r"listen: not done within 0\.2 s"):
            await everything(StreamableHttp(spec, port))


async def test_one_listening_stream_may_bring_more_than_a_reply(port: PooledHttp) -> None:
    """ours: the caps of a reply are for replies; an event keeps its own."""
    many = 12_000
    event = b"data: " + json.dumps({"jsonrpc": "2.0", **CHANGED}).encode() + b"\n\n"
    last = b'data: {"jsonrpc":"2.0","id":"r1","result":{}}\n\n'
    closing = head(200, {"Content-Type": "text/event-stream", "Connection": "close"})

    async def answer(seen: Seen) -> None:
        await sends(closing + event * many + last)(seen)

    assert len(await heard(answer, port)) == many
