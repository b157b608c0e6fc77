"""Connections that dawdle or sprawl are cut off; the others are answered in one piece."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.arrivals import MAX_FIELDS, MAX_HEAD_BYTES
from interloom.runtime.serve.body import App, Receive, Scope, Send
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.testing.agents import Slow, echo
from tests.runtime.serve.over_tcp import (
    BODY,
    GET,
    HEAD,
    LAST,
    LIMITS,
    all_of,
    connected,
    connected_to,
    request,
)

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nhost: localhost\r\n",
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


HALVES = {
    "half a line": b"POST / HT",
    "half a head": b"POST / HTTP/1.1\r\nhost: localhost\r\n",
    "no body": HEAD % (100, b""),
    "half a body": HEAD % (100, b"") + b'{"jsonrpc":',
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_request_that_begins_in_the_packet_of_another_is_cut_off_like_any(
    half: bytes,
) -> None:
    """Ours: what is whole in a packet says nothing of what is not."""
    async with connected() as stream:
        await stream.send(request(b"m1") + half)
        received = await all_of(stream)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.count(TOO_SLOW) == 1
    assert received.index(b"TASK_STATE_COMPLETED") < received.index(TOO_SLOW)


@pytest.mark.parametrize("apart", [False, True], ids=["in its packet", "in another"])
@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_request_behind_one_at_work_has_its_time_when_its_turn_comes(
    half: bytes, apart: bool
) -> None:
    """Ours: nobody waits for it, and the one before it must not be cut off for it."""
    slow = Slow()
    async with connected(slow.agent) as stream:
        if apart:
            await stream.send(request(b"m1"))
            await slow.working.wait()
            await stream.send(half)
        else:
            await stream.send(request(b"m1") + half)
        with anyio.move_on_after(LIMITS.max_s * 1.5) as patience:
            await stream.receive()
        slow.finish.set()
        received = await all_of(stream)

    assert patience.cancelled_caught
    assert received.index(b"TASK_STATE_COMPLETED") < received.index(TOO_SLOW)


async def test_request_whose_rest_comes_while_another_is_at_work_is_answered() -> None:
    """RFC 9112 9.3.2: to send ahead is allowed."""
    slow, second = Slow(), request(b"m2", LAST)
    async with connected(slow.agent) as stream:
        await stream.send(request(b"m1") + second[:-20])
        await slow.working.wait()
        await stream.send(second[-20:])
        slow.finish.set()
        received = await all_of(stream)

    assert received.count(b"TASK_STATE_COMPLETED") == 2


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01", b"POST / HTTP/9\r\n\r\n", GET % b"content-length: x\r\n"]
)
async def test_what_is_no_request_is_refused(junk: bytes) -> None:
    """RFC 9112 2.2: 400, and the connection is closed."""
    async with connected() as stream:
        await stream.send(junk)
        received = await all_of(stream)

    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_junk_behind_a_request_does_not_cost_it_its_answer() -> None:
    """Ours: what follows a good request says nothing of it."""
    slow = Slow()
    async with connected(slow.agent) as stream:
        await stream.send(request(b"m1") + b"\x16\x03\x01")
        await slow.working.wait()
        slow.finish.set()
        received = await all_of(stream)

    assert received.count(b"HTTP/1.1 ") == 1
    assert b"TASK_STATE_COMPLETED" in received


async def test_offer_to_change_the_protocol_is_passed_over() -> None:
    """RFC 9110 7.8: a server that does not want to upgrade answers as if nothing had been said."""
    offer = b"connection: upgrade\r\nupgrade: h2c\r\n"
    async with connected() as stream:
        await stream.send(request(b"m1", offer) + request(b"m2", LAST))
        received = await all_of(stream)

    assert received.count(b"TASK_STATE_COMPLETED") == 2


async def test_http_1_0_is_answered_and_closed() -> None:
    """RFC 9112 9.3: it knows no persistence, and (7.1) no chunks."""
    body = (BODY % b"m1").replace(b"SendMessage", b"SendStreamingMessage")
    async with connected() as stream:
        await stream.send((HEAD % (len(body), b"")).replace(b"1.1", b"1.0") + body)
        received = await all_of(stream)

    assert b"connection: close\r\n" in received
    assert b"transfer-encoding" not in received
    assert received.endswith(b"\n\n")


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers nothing."""


async def raising(scope: Scope, receive: Receive, send: Send) -> None:
    """Breaks."""
    raise LookupError("secret")


@pytest.mark.parametrize("app", [silent, raising])
async def test_client_of_an_application_that_breaks_is_told(app: App) -> None:
    """RFC 9110 15.6.1: 500, with none of our reasons."""
    async with connected_to(app, lifespan="off") as stream:
        await stream.send(GET % b"")
        received = await all_of(stream)

    assert received == (
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )


async def test_answer_that_breaks_off_is_not_ended() -> None:
    """RFC 9112 8: a chunked answer without its last chunk is incomplete, and known to be."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise LookupError

    async with connected_to(app, lifespan="off") as stream:
        await stream.send(GET % b"")
        received = await all_of(stream)

    assert received.endswith(b"4\r\nhalf\r\n")


async def test_empty_lines_do_not_keep_a_connection() -> None:
    """RFC 9112 2.2 lets them precede a request, which must then come."""
    async with connected() as stream:
        await stream.send(request(b"m1"))
        await stream.receive()
        await stream.send(b"\r\n")
        await all_of(stream)


@pytest.mark.parametrize("page", ["/health", "/nothing", "/"])
async def test_head_on_a_kept_connection_is_answered_at_once(page: str) -> None:
    """RFC 9110 9.3.2: what GET would say of it, and nothing after."""
    get = GET.replace(b"/health", page.encode())
    async with connected() as stream:
        await stream.send(get.replace(b"GET", b"HEAD") % b"")
        head = await stream.receive()
        await stream.send(get % b"")
        whole = await stream.receive()

    assert head.endswith(b"\r\n\r\n")
    assert _fields(head) == _fields(whole)


def _fields(answer: bytes) -> list[bytes]:
    """The status line and the fields of an answer, but for the time."""
    lines = answer.partition(b"\r\n\r\n")[0].splitlines()
    return [line for line in lines if not line.startswith(b"date:")]


@pytest.mark.parametrize("status", [204, 304])
async def test_answer_that_has_no_body_is_sent_at_once(status: int) -> None:
    """RFC 9110 6.4.1."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body"})

    async with connected_to(app, lifespan="off") as stream:
        for _ in range(2):
            await stream.send(GET % b"")
            answer = await stream.receive()
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert answer.endswith(b"\r\n\r\n")


LONG = b"x: " + b"y" * MAX_HEAD_BYTES
MANY = b"x: y\r\n" * MAX_FIELDS
SPRAWLING = {
    "a long line": GET.replace(b"/health", b"/" + b"x" * MAX_HEAD_BYTES)[: MAX_HEAD_BYTES + 1],
    "a long field": (GET % LONG)[: MAX_HEAD_BYTES + 1],
    "a long whole head": GET % (LONG + b"\r\n"),
    "many fields": GET % MANY,
    "many fields and half a body": HEAD % (100, MANY) + b"{",
}


@pytest.mark.parametrize("sent", SPRAWLING.values(), ids=SPRAWLING)
@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
async def test_head_that_sprawls_is_cut_off(sent: bytes, again: bool) -> None:
    """RFC 6585 5: 431."""
    async with connected() as stream:
        if again:
            await stream.send(GET % b"")
            await stream.receive()
        await stream.send(sent)
        received = await all_of(stream)

    assert received.startswith(TOO_LARGE)
    assert received.count(b"HTTP/1.1 ") == 1


async def test_head_that_sprawls_in_small_pieces_is_cut_off() -> None:
    """RFC 6585 5: 431, whatever the packets' borders."""
    async with connected() as stream:
        for at in range(0, MAX_HEAD_BYTES + 1, 16_384):
            await stream.send((GET % LONG)[at : min(at + 16_384, MAX_HEAD_BYTES + 1)])
        received = await all_of(stream)

    assert received.startswith(TOO_LARGE)


@pytest.mark.parametrize("sent", [GET % MANY, GET % (LONG + b"\r\n")], ids=["many", "long"])
async def test_head_that_sprawls_behind_another_request_is_not_answered(sent: bytes) -> None:
    """Ours: the packet's first request is no cover; an answer now would be taken for its own."""
    async with connected() as stream:
        await stream.send(request(b"m1") + sent)
        received = await all_of(stream)

    assert b'"status":"ok"' not in received


async def test_head_of_the_largest_size_is_answered() -> None:
    """Ours: a limit is the largest size that passes; a body does not count."""
    fields = MANY[: -6 * 3] + b"z: " + b"y" * (MAX_HEAD_BYTES - 1000) + b"\r\n"
    large = (BODY % b"m1").replace(b"hello", b"y" * MAX_HEAD_BYTES * 2)
    async with connected() as stream:
        await stream.send(GET % fields)
        page = await stream.receive()
        await stream.send(HEAD % (len(large), LAST) + large)
        received = await all_of(stream)

    assert page.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"TASK_STATE_COMPLETED" in received


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
        await stream.send(request(b"m1") + request(b"m2", LAST))
        received = await all_of(stream)

    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.index(b'"m1"') < received.index(b'"m2"')


async def test_connection_is_closed_when_nobody_has_used_it_for_a_while() -> None:
    """Ours: one timer a connection; it counts from the last answer, not from the first."""
    app = Runtime([echo()], MemoryLedger).app()
    async with connected_to(app, idle_s=1) as stream:
        await stream.send(request(b"m1"))
        await stream.receive()
        with anyio.move_on_after(0.6) as pause:
            await stream.receive()
        await stream.send(request(b"m2"))
        second = await stream.receive()
        answered_at = anyio.current_time()
        assert await all_of(stream) == b""
        open_s = anyio.current_time() - answered_at

    assert pause.cancelled_caught
    assert b"TASK_STATE_COMPLETED" in second
    assert 0.9 < open_s < 5


@pytest.mark.parametrize("expects", [b"expect: 100-continue\r\n", b"Expect: 100-Continue\r\n"])
async def test_client_that_waits_to_be_asked_for_its_body_is_asked(expects: bytes) -> None:
    """RFC 9110 10.1.1: 100 Continue goes out by itself."""
    body = BODY % b"m1"
    async with connected() as stream:
        await stream.send(HEAD % (len(body), expects))
        asked = await stream.receive()
        await stream.send(body)
        answer = await stream.receive()

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"TASK_STATE_COMPLETED" in answer


async def test_stream_lets_its_head_go_before_its_first_event() -> None:
    """Ours: a subscriber learns at once that it is one."""
    body = (BODY % b"m1").replace(b"SendMessage", b"SendStreamingMessage")
    async with connected() as stream:
        await stream.send(HEAD % (len(body), LAST) + body)
        received = await all_of(stream)

    assert b"content-type: text/event-stream" in received
    assert received.count(b"data: ") == 4
