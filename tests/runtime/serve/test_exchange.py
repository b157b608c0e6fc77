"""What an application says becomes an answer as HTTP/1.1 frames it, or an error, never both."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.serve.body import Message
from interloom.runtime.serve.exchange import Exchange


class Recorder:
    """A connection that keeps what is sent on it."""

    def __init__(self) -> None:
        self.fields = b"date: today\r\n"
        self.writable: anyio.Event | None = None
        self.is_paused = False
        self.sent: list[bytes] = []
        self.answers = 0

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.sent.append(data)

    def pause(self) -> None:
        """Nothing is read here."""

    def resume(self) -> None:
        """Nothing is read here."""

    def answered(self, exchange: Exchange) -> None:
        """Count it."""
        self.answers += 1


def exchange(line: Recorder, method: str = "POST", version: str = "1.1") -> Exchange:
    scope = {"method": method, "http_version": version}
    return Exchange(line, scope, keeps_alive=version == "1.1", expects=False)


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(piece: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def test_answer_of_known_length_is_one_piece() -> None:
    """RFC 9112 6.2."""
    line = Recorder()
    one = exchange(line)
    await one.send(start((b"content-length", b"2")))
    assert not line.sent
    await one.send(body(b"ok"))

    assert line.sent == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n\r\nok"]
    assert line.answers == 1


async def test_answer_of_unknown_length_is_chunked() -> None:
    """RFC 9112 7.1: an empty piece would end it, so none is sent before the end."""
    line = Recorder()
    one = exchange(line)
    for message in (start(), body(more=True), body(b"first", more=True), body(more=True), body()):
        await one.send(message)

    head, *chunks = line.sent
    assert head == b"HTTP/1.1 200 OK\r\ndate: today\r\ntransfer-encoding: chunked\r\n\r\n"
    assert chunks == [b"5\r\nfirst\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)], ids=str)
async def test_answer_that_may_have_no_body_has_none(method: str, status: int) -> None:
    """RFC 9110 9.3.2, 15.3.5 and 15.4.5."""
    line = Recorder()
    one = exchange(line, method)
    await one.send(start((b"content-length", b"4"), status=status))
    await one.send(body(b"four"))

    (sent,) = line.sent
    assert sent.endswith(b"content-length: 4\r\n\r\n")


async def test_answer_that_closes_says_so_once() -> None:
    """RFC 9112 9.6."""
    line = Recorder()
    one = exchange(line)
    await one.send(start((b"content-length", b"0"), (b"connection", b"close")))
    await one.send(body())

    assert line.sent[0].count(b"connection: close\r\n") == 1
    assert not one.keeps_alive


@pytest.mark.parametrize(
    "messages",
    [
        [body(b"early")],
        [start(), start()],
        [start((b"content-length", b"1")), body(b"long")],
        [start((b"content-length", b"9")), body(b"short")],
        [start((b"content-length", b"0")), body(), body()],
        [start((b"x", b"a\r\nset-cookie: b"))],
        [start((b"x\n", b"a"))],
    ],
    ids=["no head", "two heads", "too long", "too short", "after the end", "split", "line end"],
)
async def test_application_that_breaks_the_rules_is_stopped(messages: list[Message]) -> None:
    """RFC 9112 6.3 and 11.1: a message framed wrongly is read as another one."""
    one = exchange(Recorder())
    *before, last = messages
    for message in before:
        await one.send(message)

    with pytest.raises(RuntimeError):
        await one.send(last)


async def test_client_that_is_gone_is_sent_nothing() -> None:
    """ASGI HTTP 2.3: `send` is a no-op after a disconnect, and `receive` says so."""
    line = Recorder()
    one = exchange(line)
    one.cut()
    await one.send(start())

    assert not line.sent
    assert await one.receive() == {"type": "http.disconnect"}
