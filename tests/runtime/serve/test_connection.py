"""Connections that dawdle are cut off; the others are answered in one piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
import uvicorn
from anyio.abc import SocketStream

from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.connection import bounded
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.serve.server import listen
from interloom.runtime.testing.agents import echo

LIMITS = BodyLimits(max_s=0.4)
HEAD_S = 0.2
BODY = (
    b'{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":'
    b'{"messageId":"%s","role":"ROLE_USER","parts":[{"text":"hello"}]}}}'
)
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\na2a-version: 1.0\r\ncontent-length: %d\r\n%s\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n"


def request(message_id: bytes, more: bytes = b"") -> bytes:
    body = BODY % message_id
    return HEAD % (len(body), more) + body


@asynccontextmanager
async def connected() -> AsyncGenerator[SocketStream]:
    """A raw connection to a real server with small limits."""
    listener = listen("127.0.0.1", 0)
    connection = bounded(LIMITS, head_s=HEAD_S)
    app = Runtime([echo()], MemoryLedger).app()
    http = uvicorn.Server(uvicorn.Config(app, http=connection, log_config=None, lifespan="on"))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(http.serve, [listener])
            async with await anyio.connect_tcp("127.0.0.1", listener.getsockname()[1]) as stream:
                yield stream
            http.should_exit = True


async def all_of(stream: SocketStream) -> bytes:
    received = b""
    async for piece in stream:
        received += piece
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nhost: x\r\n",
        HEAD % (100, b""),
        HEAD % (100, b"") + b'{"jsonrpc":',
        HEAD % (100, b"expect: 100-continue\r\n"),
    ],
    ids=["nothing", "half a line", "half a head", "no body", "half a body", "waits to be asked"],
)
async def test_request_that_never_gets_whole_is_cut_off(sent: bytes) -> None:
    """Ours: uvicorn bounds neither head nor body; 408 is RFC 9110 15.5.9."""
    async with connected() as stream:
        if sent:
            await stream.send(sent)
        received = await all_of(stream)

    assert received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").startswith(TOO_SLOW)


async def test_second_request_of_a_connection_is_cut_off_as_the_first() -> None:
    """Ours: a deadline a request, not a connection."""
    async with connected() as stream:
        await stream.send(request(b"m1"))
        first = await stream.receive()
        await stream.send(b"POST / HT")
        rest = await all_of(stream)

    assert b"TASK_STATE_COMPLETED" in first
    assert rest.startswith(TOO_SLOW)


async def test_answer_arrives_in_one_piece() -> None:
    """Ours: one system call an answer."""
    async with connected() as stream:
        await stream.send(request(b"m1"))
        received = await stream.receive()

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"}}}")


async def test_requests_on_one_connection_are_answered_in_turn() -> None:
    """RFC 9112 9.3.2: answers come in the order of the requests."""
    async with connected() as stream:
        await stream.send(request(b"m1") + request(b"m2", b"connection: close\r\n"))
        received = await all_of(stream)

    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.index(b'"m1"') < received.index(b'"m2"')


async def test_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    """RFC 9110 10.1.1: 100 Continue goes out by itself."""
    body = BODY % b"m1"
    async with connected() as stream:
        await stream.send(HEAD % (len(body), b"expect: 100-continue\r\n"))
        asked = await stream.receive()
        await stream.send(body)
        answer = await stream.receive()

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"TASK_STATE_COMPLETED" in answer


async def test_stream_lets_its_head_go_before_its_first_event() -> None:
    """Ours: a subscriber learns at once that it is one."""
    body = (BODY % b"m1").replace(b"SendMessage", b"SendStreamingMessage")
    async with connected() as stream:
        await stream.send(HEAD % (len(body), b"connection: close\r\n") + body)
        received = await all_of(stream)

    assert b"content-type: text/event-stream" in received
    assert received.count(b"data: ") == 4
