"""A server on a stream of lines that breaks every rule of it, beside calls that go well.

Source: MCP 2026-07-28, basic/transports/stdio; the bounds are ours.
"""

from __future__ import annotations

import anyio
import pytest
from anyio.streams.stapled import StapledObjectStream

from interloom.bridges.mcp.channel import MAX_STRAYS, MAX_UNREAD
from interloom.bridges.mcp.core.errors import BadFrame, McpError, McpPeerError, MethodNotFound
from interloom.bridges.mcp.core.frames import MAX_DEPTH
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import LocalError, TransportError
from tests.bridges.mcp.spoken import (
    Frame,
    Server,
    echo,
    framed,
    opened,
    result_of,
    stamped,
)

DEEP = "[" * MAX_DEPTH + "]" * MAX_DEPTH
BAD: dict[str, tuple[bytes, type[McpPeerError], str]] = {
    "method not found": (
        framed(id="r1", error={"code": -32601, "message": "x"}),
        MethodNotFound,
        "-32601",
    ),
    "no object": (framed(id="r1", result=[]), BadFrame, "result must be an object"),
    "too deep": (
        b'{"jsonrpc":"2.0","id":"r1","result":{"a":' + DEEP.encode() + b"}}",
        BadFrame,
        "nested deeper",
    ),
    "too large": (
        b'{"jsonrpc":"2.0","id":"r1","result":{"a":"' + b"x" * 11_000_000 + b'"}}',
        BadFrame,
        "the reply is over 10485760 bytes",
    ),
    "too large, with its id at the end": (
        b'{"jsonrpc":"2.0","result":{"a":"' + b"x" * 11_000_000 + b'"},"id":"r1"}',
        BadFrame,
        "the reply is over 10485760 bytes",
    ),
    "not UTF-8": (
        b'{"jsonrpc":"2.0","id":"r1","result":{"a":"\xff"}}',
        BadFrame,
        "the reply is not JSON",
    ),
    "half a reply": (
        b'{"jsonrpc":"2.0","id":"r1","result":{"a":',
        BadFrame,
        "the reply is not JSON",
    ),
    "error about no request": (
        framed(id=None, error={"code": -32700, "message": "x"}),
        McpError,
        "-32700",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_reply_fails_its_request_at_once_and_no_other(name: str) -> None:
    """ours: a typed error that names server, method and rule."""
    line, kind, rule = BAD[name]

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("id") == "r1":
            await server.say(line)
        else:
            await echo(server, frame)

    async with opened(react) as (transport, _server):
        with pytest.raises(kind, match=rule) as caught:
            await transport.request(stamped("r1"), {})
        assert await transport.request(stamped("r2"), {}) == {"said": "r2"}

    assert str(caught.value).startswith("MCP server depot: resources/read: ")


STRAYS: dict[str, bytes] = {
    "garbage": b"Listening on port 3000!",
    "not UTF-8": b"\xff\xfe",
    "array": b"[1]",
    "request": framed(id=1, method="roots/list"),
    "what we said": b'log: {"jsonrpc":"2.0","id":"r1","method":"tools/call", ...',
    "half of what we said": b'{"jsonrpc":"2.0","id":"r1","method":"tools/call","par',
    "answer to nothing": framed(id="nobody", result={}),
    "answer to a number": framed(id=1, result={}),
    "carriage return": b"\r",
    "nothing": b"",
}


@pytest.mark.parametrize("name", STRAYS)
async def test_line_that_belongs_to_nobody_is_passed_over(name: str) -> None:
    """stdio: a server MUST NOT write such a line; ours: many do, and mean nothing by it.

    None is answered: a client MUST NOT write responses.
    """

    async def react(server: Server, frame: Frame) -> None:
        await server.say(STRAYS[name], result_of(frame, said="r1"), STRAYS[name])

    async with opened(react) as (transport, server):
        assert await transport.request(stamped("r1"), {}) == {"said": "r1"}

    assert [frame.get("method") for frame in server.frames] == ["resources/read"]


async def test_notification_that_is_nested_too_deeply_fails_its_request_and_no_other() -> None:
    """ours: whoever looks through it must come to an end."""
    note = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","x":'

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("id") == "r1":
            await server.say(note + DEEP.encode() + b"}}")
        else:
            await echo(server, frame)

    async with opened(react) as (transport, _server):
        with pytest.raises(BadFrame, match="nested deeper"):
            await transport.request(stamped("r1", meta={"progressToken": "t"}), {})
        assert await transport.request(stamped("r2"), {}) == {"said": "r2"}


async def test_result_as_large_as_may_be_arrives_whole() -> None:
    """ours: the cap is `max_bytes`, and nothing below it is lost."""
    text = "x" * 10_000_000

    async def react(server: Server, frame: Frame) -> None:
        await server.say(result_of(frame, said=text))

    async with opened(react) as (transport, _server):
        assert (await transport.request(stamped("r1"), {}))["said"] == text


async def test_server_that_stops_reading_is_given_up() -> None:
    """ours: it answers nothing any more, however long it lives."""

    async def deaf(end: StapledObjectStream[bytes]) -> None:
        await end.receive()
        await end.receive_stream.aclose()
        await anyio.sleep_forever()

    transport = InMemory("depot", deaf)
    with anyio.fail_after(10):
        async with transport.open():
            with pytest.raises(TransportError, match="silent for"):
                await transport.request(stamped("r1"), {}, patience=Patience(0.2, 9.0))
            with pytest.raises(TransportError, match="closed its end"):
                await transport.request(stamped("r2"), {})


async def test_server_that_has_us_answer_and_reads_nothing_is_given_up() -> None:
    """ours: MAX_UNREAD; what it does not read must not fill the memory."""

    async def deaf(end: StapledObjectStream[bytes]) -> None:
        await end.receive()
        asked.set()
        await answered.wait()
        await end.send(framed(method="notifications/message") + b"\n")
        await anyio.sleep_forever()

    asked, answered = anyio.Event(), anyio.Event()
    transport, request = InMemory("depot", deaf), stamped("r1")
    with anyio.fail_after(10):
        async with transport.open(), anyio.create_task_group() as tasks:

            async def ask() -> None:
                with pytest.raises(BadFrame, match="reads nothing, and 10000 messages wait"):
                    await transport.request(request, {})

            tasks.start_soon(ask)
            await asked.wait()
            channel = await transport.channel(request, Patience(9.0, 9.0))
            for _ in range(MAX_UNREAD + 1):
                channel.tell({"jsonrpc": "2.0", "id": 1, "result": {}})
            answered.set()


async def test_second_response_to_a_request_is_passed_over() -> None:
    """JSON-RPC: one response for each request; ours: the first one counts."""

    async def react(server: Server, frame: Frame) -> None:
        await server.say(result_of(frame, said=1), result_of(frame, said=2))

    async with opened(react) as (transport, _server):
        for name in ("r1", "r2"):
            assert await transport.request(stamped(name), {}) == {"said": 1}


async def test_server_that_writes_nothing_but_garbage_is_given_up() -> None:
    """ours: MAX_STRAYS; every request under way says so, long before its time is up."""

    async def react(server: Server, frame: Frame) -> None:
        await server.say(*[b"garbage"] * MAX_STRAYS)

    async with opened(react) as (transport, _server):
        with pytest.raises(BadFrame, match="the last one is not JSON") as caught:
            await transport.request(stamped("r1"), {})
        with pytest.raises(TransportError, match="closed its end") as later:
            await transport.request(stamped("r2"), {})

    assert str(caught.value).startswith("MCP server depot: resources/read: ")
    assert not later.value.delivered


async def test_end_of_the_stream_ends_what_is_under_way() -> None:
    """stdio "Unexpected Termination": requests in flight are lost."""

    async def react(server: Server, frame: Frame) -> None:
        assert server.end is not None
        await server.end.send(b'{"jsonrpc":"2.0","id":"r1","resu')
        await server.end.send_stream.aclose()

    async with opened(react) as (transport, _server):
        with pytest.raises(TransportError, match="closed its end") as end:
            await transport.request(stamped("r1"), {})

    assert end.value.delivered


async def test_server_that_crashes_ends_its_requests_and_nothing_else() -> None:
    """ours: one server down does not take others along."""

    async def crash(end: StapledObjectStream[bytes]) -> None:
        await end.receive()
        raise KeyError("s3cret")

    transport = InMemory("depot", crash)
    with anyio.fail_after(10):
        async with transport.open():
            with pytest.raises(TransportError, match="closed its end") as caught:
                await transport.request(stamped("r1"), {})

    assert caught.value.delivered
    assert "s3cret" not in str(caught.value)


async def test_request_outside_the_block_is_a_local_error() -> None:
    """`Transport.open`: there is nobody to talk to."""
    transport = InMemory("depot", Server(echo).serve)

    with pytest.raises(LocalError, match="depot: its transport is not open"):
        await transport.request(stamped("r1"), {})
