"""One request over Streamable HTTP: what is sent, and what a server may answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import (
    Busy,
    Forbidden,
    HttpFailure,
    InvalidParams,
    McpError,
    McpPeerError,
    MethodNotFound,
    Unauthorized,
)
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.port import CEILING_S
from interloom.bridges.mcp.stdio import CommandSpec
from interloom.runtime.errors import BadConfig, LocalError, TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import (
    Frame,
    Reply,
    body,
    client_of,
    depot,
    fails,
    gives,
    progress,
    says,
    streams,
)
from tests.runtime.net.hostile import (
    Seen,
    head,
    never,
    serving,
)

SHIP = Call("depot", "resources/read", {"uri": "depot://a"}).send()
DONE: JsonObject = {"contents": []}
JSON = "application/json"
EVENTS = "text/event-stream"
STREAM = head(200, {"Content-Type": EVENTS, "Transfer-Encoding": "chunked"})


def streamed(result: JsonObject) -> Reply:
    return streams(result=result)


async def read(client: McpClient) -> JsonObject:
    with anyio.fail_after(5):
        return await client.exchange(SHIP)


async def test_json_reply_gives_the_result(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http "Sending Messages" rule 6."""
    async with serving(depot(resources_read=gives(DONE)).answer) as server:
        assert await read(client_of(server, port)) == DONE


async def test_post_carries_what_the_page_demands(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http "Sending Messages", "Request Metadata"."""
    script = depot(resources_read=gives(DONE))
    async with serving(script.answer) as server:
        spec = ServerSpec("depot", server.url, {"Authorization": "Bearer t0ken"})
        await read(McpClient(StreamableHttp(spec, port)))

    assert server.requests[0].head.startswith("POST /mcp?key=s3cret HTTP/1.1")
    fields = script.headers[0]
    (frame,) = script.frames
    assert (frame["method"], "id" in frame, "result" in frame) == ("resources/read", True, False)
    assert fields["accept"] == "application/json, text/event-stream"
    assert fields["content-type"] == "application/json"
    assert fields["mcp-protocol-version"] == "2026-07-28"
    assert fields["mcp-method"] == "resources/read"
    assert fields["mcp-name"] == "depot://a"
    assert fields["authorization"] == "Bearer t0ken"
    assert "t0ken" not in repr(spec)
    assert "s3cret" not in repr(spec)


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
async def test_header_is_read_whatever_the_case_of_its_name(port: PooledHttp, name: str) -> None:
    """MCP 2026-07-28 streamable-http "Case Sensitivity"."""

    def reply(frame: Frame) -> bytes:
        content = framed(id=frame["id"], result=DONE)
        return body(200, content, None, **{name: "application/json"})

    async with serving(depot(resources_read=reply).answer) as server:
        assert await read(client_of(server, port)) == DONE


async def test_notices_on_the_way_are_passed_over(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http "Receiving Messages"; ours: no progress is asked for."""
    log: JsonObject = {"method": "notifications/message", "params": {"level": "info"}}
    script = depot(
        resources_read=streams(progress(1), log, {"method": "notifications/new"}, result=DONE)
    )
    async with serving(script.answer) as server:
        assert await read(client_of(server, port)) == DONE

    assert "progressToken" not in json.dumps(script.frames)


@pytest.mark.parametrize("reply", [gives, streamed], ids=["JSON", "stream"])
async def test_large_result_arrives_whole_however_it_is_sent(
    port: PooledHttp, reply: Callable[[JsonObject], Reply]
) -> None:
    """ours: one cap for a reply, `max_bytes`, and none of its own for an event."""
    picture: JsonObject = {"contents": [{"uri": "depot://a", "blob": "A" * 10_000_000}]}
    async with serving(depot(resources_read=reply(picture)).answer) as server:
        assert await read(client_of(server, port)) == picture


async def test_finished_stream_gives_its_connection_to_the_next(port: PooledHttp) -> None:
    """ours: a connection per call would cost more than the call."""
    async with serving(depot(resources_read=streams(result=DONE)).answer) as server:
        for _ in range(3):
            await read(client_of(server, port))

    assert server.connections == 1


async def test_stream_that_stays_open_after_the_response_is_left(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http: the response SHOULD end the stream; it may not."""

    async def answer(seen: Seen) -> None:
        frame = json.loads(seen.body)
        event = json.dumps({"jsonrpc": "2.0", "id": frame["id"], "result": DONE})
        data = f"data: {event}\n\n".encode()
        await seen.stream.send(STREAM + b"%x\r\n%s\r\n" % (len(data), data))

    async with serving(answer) as server:
        assert await read(client_of(server, port)) == DONE
        with anyio.fail_after(5):
            await server.hung_up.wait()


def framed(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


async def test_server_that_is_down_got_nothing_and_only_the_log_says_where_it_is(
    port: PooledHttp, caplog: pytest.LogCaptureFixture
) -> None:
    """ours: sending again repeats nothing; an address is not for an agent's caller."""
    async with serving(never) as server:
        pass

    with pytest.raises(TransportError) as caught:
        await read(client_of(server, port))

    assert not caught.value.delivered
    rule = "no connection: refused or unreachable"
    assert str(caught.value) == f"MCP server depot: resources/read: {rule}"
    (line,) = (record.__dict__ for record in caplog.records)
    address = server.url.split("/")[2]
    assert (line["msg"], line["reason"]) == ("mcp.request_failed", f"{address}: {rule}")


NO_MATCH = framed(id="x", error={"code": -32602, "message": "x"})
REFUSALS: dict[str, tuple[Reply, type[McpPeerError], str]] = {
    "bad parameters": (fails(-32602), InvalidParams, "error -32602"),
    "no such method": (fails(-32601, status=404), MethodNotFound, "error -32601"),
    "error with status 200": (fails(-32603, status=200), McpError, "error -32603"),
    "error without an id": (
        says(body(400, framed(error={"code": -32700, "message": "x"}), JSON)),
        McpError,
        "error -32700",
    ),
    "400 with a page": (says(body(400, b"<html>", "text/html")), HttpFailure, "HTTP 400"),
    "400 with other JSON": (says(body(400, b'{"detail":"no"}', JSON)), HttpFailure, "HTTP 400"),
    "400 for another id": (says(body(400, NO_MATCH, JSON)), HttpFailure, "HTTP 400"),
    "400 with a result": (gives(DONE, status=400), HttpFailure, "HTTP 400"),
    "404 of a web server": (says(body(404, b"", None)), HttpFailure, "HTTP 404"),
    "202 for a request": (says(body(202, b"", None)), HttpFailure, "HTTP 202"),
    "redirect": (says(body(307, b"", None, Location="http://x/")), HttpFailure, "HTTP 307"),
    "broken": (says(body(500, b"trace s3cret", "text/plain")), HttpFailure, "HTTP 500"),
    "overloaded": (says(body(503, b"", None)), Busy, "HTTP 503"),
    "too many": (says(body(429, b"", None)), Busy, "HTTP 429"),
    "no credentials": (
        says(body(401, b"", None, **{"WWW-Authenticate": 'Bearer scope="a b"'})),
        Unauthorized,
        "HTTP 401",
    ),
    "not enough": (
        says(body(403, b"", None, **{"WWW-Authenticate": 'Bearer scope="a b"'})),
        Forbidden,
        "HTTP 403",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusal_has_the_class_of_its_code_or_status(port: PooledHttp, name: str) -> None:
    """MCP 2026-07-28 streamable-http "Protocol Version Header"; basic/authorization."""
    reply, kind, rule = REFUSALS[name]
    async with serving(depot(resources_read=reply).answer) as server:
        with pytest.raises(McpPeerError) as caught:
            await read(client_of(server, port))

    assert type(caught.value) is kind
    assert str(caught.value).startswith("MCP server depot: resources/read: answered ")
    assert rule in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.retryable == (kind is Busy)
    if isinstance(caught.value, Unauthorized | Forbidden):
        assert caught.value.challenge == 'Bearer scope="a b"'


async def test_cancelling_closes_the_stream(port: PooledHttp) -> None:
    """MCP 2026-07-28 cancellation: on this transport a closed stream is the cancel signal."""
    asked = anyio.Event()

    async def answer(seen: Seen) -> None:
        await seen.stream.send(STREAM)
        asked.set()
        await never(seen)

    async with serving(answer) as server:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read, client_of(server, port))
                await asked.wait()
                tasks.cancel_scope.cancel()
            await server.hung_up.wait()


async def test_request_that_cannot_be_sent_is_a_local_error_without_the_address(
    port: PooledHttp,
) -> None:
    """ours: such a text may be shown to an agent's caller."""
    async with serving(never) as server:
        spec = ServerSpec("depot", server.url, {"Authorization": "two\nlines"})
        with pytest.raises(LocalError) as caught:
            await read(McpClient(StreamableHttp(spec, port)))

    text = "MCP server depot: resources/read: the URL or a header cannot be sent"
    assert str(caught.value) == text


@pytest.mark.parametrize("url", ["", "depot", "ftp://depot/", "http://", "https://[", "/mcp"])
def test_server_needs_a_web_url(url: str) -> None:
    """ours: said when the configuration is read, not at the first call."""
    with pytest.raises(BadConfig, match="MCP server depot: url"):
        ServerSpec("depot", url)


@pytest.mark.parametrize("name", ["Accept", "content-type", "MCP-Protocol-Version", "Mcp-Name"])
def test_server_may_not_set_the_protocols_headers(name: str) -> None:
    """MCP 2026-07-28 streamable-http: they mirror the body."""
    with pytest.raises(BadConfig, match=f"MCP server depot: header '{name}'"):
        ServerSpec("depot", "https://depot/", {name: "s3cret"})


@pytest.mark.parametrize("total_s", [CEILING_S + 1, math.inf, math.nan, 0.0, -1.0])
@pytest.mark.parametrize("kind", [ServerSpec, CommandSpec])
def test_time_of_a_request_has_a_ceiling(
    kind: type[ServerSpec | CommandSpec], total_s: float
) -> None:
    """basic/patterns/cancellation "Timeouts": a maximum is always enforced; ours: CEILING_S."""
    with pytest.raises(BadConfig, match="MCP server depot: total_s must be above 0 and at most"):
        kind("depot", "http://depot.example/", total_s=total_s)
    assert kind("depot", "http://depot.example/", total_s=CEILING_S).total_s == CEILING_S
