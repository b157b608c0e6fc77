"""The port without sockets keeps the promises of `HttpPort`, and is a server's side of ASGI."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import anyio
import pytest
from anyio.lowlevel import checkpoint

from interloom.runtime.errors import LocalError, TransportError
from interloom.runtime.net.port import Limits
from interloom.runtime.serve.body import App, Receive, Scope, Send
from interloom.runtime.testing.in_process import in_process

URL = "http://Here.test:81/a%20b/c?q=1"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what was asked, in two pieces."""
    body = (await receive())["body"]
    target = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} ".encode()
    names = (b"host", b"content-length", b"x-one")
    fields = [(b"Seen", b"%b=%b" % each) for each in scope["headers"] if each[0] in names]
    await send({"type": "http.response.start", "status": 201, "headers": fields})
    await send({"type": "http.response.body", "body": target, "more_body": True})
    await send({"type": "http.response.body", "body": body})


async def test_request_and_answer_go_through_whole() -> None:
    """HttpPort: status, joined headers by lower-case name, body."""
    with anyio.fail_after(5):
        async with (
            in_process(echo) as port,
            port.send("PUT", URL, headers={"X-One": "é"}, body=b"hi") as reply,
        ):
            body = await reply.read()

    assert (reply.status, body) == (201, b"PUT /a b/c q=1 hi")
    assert reply.headers == {"seen": "x-one=Ã©, host=Here.test:81, content-length=2"}


async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Ends without an answer."""
    del scope, send
    await receive()


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    """Does not answer."""
    del scope, receive, send
    await anyio.sleep_forever()


def begins(then: Callable[[], object] | None = None, *, size: int = 1) -> App:
    """Begins to answer, and then ends or falls silent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
        if then is not None:
            await anyio.sleep_forever()

    return app


SILENT = begins(anyio.sleep_forever)
Case: TypeAlias = tuple[App | None, Limits, str, bool]
FAILURES: dict[str, Case] = {
    "nobody listens": (None, Limits(), "no connection: refused or unreachable", False),
    "no answer": (says_nothing, Limits(), "closed the connection without an answer", True),
    "no head in time": (never, Limits(idle_s=0.01), "silent for 0.01 s", True),
    "no head in all": (never, Limits(total_s=0.01), "not done within 0.01 s", True),
    "no more body": (SILENT, Limits(idle_s=0.01), "silent for 0.01 s", True),
    "not done": (SILENT, Limits(total_s=0.01), "not done within 0.01 s", True),
    "cut off": (begins(), Limits(), "the body broke off", True),
    "too large": (begins(size=11), Limits(max_bytes=10), "the body is over 10 bytes", True),
}


@pytest.mark.parametrize(("app", "limits", "rule", "delivered"), FAILURES.values(), ids=FAILURES)
async def test_failed_exchange_says_why_and_whether_it_was_delivered(
    app: App | None, limits: Limits, rule: str, delivered: bool
) -> None:
    """HttpPort.send and Reply.read: a TransportError, within the limits."""
    with anyio.fail_after(5):
        async with in_process(app) as port:
            with pytest.raises(TransportError) as failure:
                async with port.send("POST", URL, headers={}, limits=limits) as reply:
                    await reply.read()

    assert str(failure.value) == f"Here.test:81: {rule}"
    assert failure.value.delivered is delivered


@pytest.mark.parametrize("url", ["", "/a", "ftp://x/", "http://", "here.test"])
async def test_address_that_is_none_is_our_callers_mistake(url: str) -> None:
    """HttpPort.send: nothing was sent."""
    async with in_process(echo) as port:
        with pytest.raises(LocalError, match="the URL or a header cannot be sent"):
            port.send("GET", url, headers={})


async def test_closed_port_sends_nothing() -> None:
    """HttpPort.aclose."""
    async with in_process(echo) as port:
        await port.aclose()
        with pytest.raises(LocalError, match="this HTTP port is closed"):
            port.send("GET", URL, headers={})


async def test_client_that_leaves_is_a_disconnect_and_sends_go_nowhere() -> None:
    """ASGI, "Disconnected Client": the application is told, and may go on."""
    told: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({"type": "http.response.start", "status": 200})
        told.append((await receive())["type"])
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        told.append((await receive())["type"])

    with anyio.fail_after(5):
        async with in_process(app) as port:
            async with port.send("GET", URL, headers={}):
                pass
            while port.open:
                await checkpoint()

    assert told == ["http.disconnect", "http.disconnect"]


async def test_slow_reader_holds_its_server_back() -> None:
    """As a full socket would."""
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200})
        for number in range(100):
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 99})
            sent.append(number)

    with anyio.fail_after(5):
        async with in_process(app) as port, port.send("GET", URL, headers={}) as reply:
            await anyio.wait_all_tasks_blocked()
            ahead = len(sent)
            body = await reply.read()

    assert ahead < 100
    assert len(body) == 100


async def test_cut_breaks_what_is_open_and_lets_new_requests_in() -> None:
    """A crash of the server, seen by its client."""
    failures, status = list[TransportError](), 0
    with anyio.fail_after(5):
        async with in_process(never) as port, anyio.create_task_group() as group:

            async def ask() -> None:
                try:
                    async with port.send("GET", URL, headers={}):
                        pass
                except TransportError as failure:
                    failures.append(failure)

            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            await port.cut()
            port.app = echo
            async with port.send("GET", URL, headers={}) as reply:
                status = reply.status

    assert [each.delivered for each in failures] == [True]
    assert status == 201
