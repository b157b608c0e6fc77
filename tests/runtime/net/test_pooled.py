"""The aiohttp adapter keeps the port's promises, whatever the other side does."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import anyio
import pytest
from anyio.abc import SocketStream

from interloom.runtime.errors import LocalError, TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.net.port import Limits
from tests.runtime.net.hostile import (
    Answer,
    Seen,
    dripping,
    endless,
    head,
    in_turn,
    never,
    port_of,
    reply,
    sends,
    sends_and_hangs_up,
    serving,
)

CHUNKED = head(200, {"Transfer-Encoding": "chunked"})
QUICK = Limits(connect_s=1.0, total_s=1.5, idle_s=0.3, max_bytes=4096)


async def fetch(port: PooledHttp, url: str, *, limits: Limits = QUICK) -> bytes:
    with anyio.fail_after(5):
        async with port.send("POST", url, headers={}, body=b"{}", limits=limits) as answer:
            return await answer.read()


async def test_reply_carries_status_headers_and_body(port: PooledHttp) -> None:
    """ours: port.Reply."""
    raw = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nX-A: b\r\nWWW-Authenticate: Bearer\r\n"
    async with serving(sends(raw + b"Content-Length: 2\r\n\r\nno")) as server:
        with anyio.fail_after(5):
            async with port.send("POST", server.url, headers={"X-Mine": "1"}, body=b"ask") as got:
                assert got.status == 401
                assert got.headers["www-authenticate"] == "Basic, Bearer"
                assert await got.read() == b"no"

    assert server.requests[0].body == b"ask"
    assert server.requests[0].headers["x-mine"] == "1"


@dataclass(frozen=True)
class Attack:
    answer: Answer
    rule: str


BOMB = gzip.compress(b"\0" * 5_000_000)
ATTACKS = {
    "never answers": Attack(never, "silent for 0.3 s"),
    "hangs up": Attack(sends_and_hangs_up(b""), "closed the connection without an answer"),
    "garbage": Attack(sends(b"\x16\x03\x01 not http at all\r\n\r\n"), "is not HTTP"),
    "endless head": Attack(
        endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 4000 + b"\r\n"), "is not HTTP"
    ),
    "truncated body": Attack(
        sends_and_hangs_up(head(200, {"Content-Length": "100"}) + b"half"), "broke off"
    ),
    "truncated chunk": Attack(sends_and_hangs_up(CHUNKED + b"64\r\nhalf"), "broke off"),
    "silent body": Attack(sends(head(200, {"Content-Length": "9"}) + b"x"), "silent for 0.3 s"),
    "slow drip": Attack(dripping(CHUNKED, b"1\r\nx\r\n", every_s=0.1), "not done within 1.5 s"),
    "endless body": Attack(endless(CHUNKED, b"10\r\n" + b"x" * 16 + b"\r\n"), "over 4096 bytes"),
    "declared too large": Attack(sends(head(200, {"Content-Length": "4097"})), "over 4096 bytes"),
    "gzip bomb": Attack(reply(BOMB[:4000], headers={"Content-Encoding": "gzip"}), "over 4096"),
    "damaged gzip": Attack(reply(b"not gzip", headers={"Content-Encoding": "gzip"}), "decode"),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_bad_answer_is_a_transport_error_that_names_host_and_rule(
    port: PooledHttp, name: str
) -> None:
    """ours: port.py; the peer may have acted, so every one of these counts as delivered."""
    async with serving(ATTACKS[name].answer) as server:
        with pytest.raises(TransportError) as caught:
            await fetch(port, server.url)

        with anyio.fail_after(5):
            await server.hung_up.wait()

    assert ATTACKS[name].rule in str(caught.value)
    assert str(caught.value).startswith("127.0.0.1:")
    assert "s3cret" not in str(caught.value)
    assert caught.value.delivered
    assert caught.value.__context__ is None or caught.value.__suppress_context__


async def test_refused_connection_was_not_delivered(port: PooledHttp) -> None:
    """ours: port.py."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    number = port_of(listener)
    await listener.aclose()

    with pytest.raises(TransportError, match="refused or unreachable") as caught:
        await fetch(port, f"http://127.0.0.1:{number}/?key=s3cret")

    assert not caught.value.delivered


async def test_unknown_name_was_not_delivered(port: PooledHttp) -> None:
    """RFC 6761 section 6.4: names under .invalid never resolve."""
    with pytest.raises(TransportError) as caught:
        await fetch(port, "http://nobody.invalid/")

    assert str(caught.value).startswith("nobody.invalid: ")
    assert not caught.value.delivered


async def test_failed_tls_handshake_was_not_delivered(port: PooledHttp) -> None:
    """ours: no request leaves before the handshake is done."""

    async def greet_in_plain_text(stream: SocketStream) -> None:
        async with stream:
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, greet_in_plain_text)
        with pytest.raises(TransportError, match="TLS handshake failed") as caught:
            await fetch(port, f"https://127.0.0.1:{port_of(listener)}/")
        assert not caught.value.delivered
        tasks.cancel_scope.cancel()


async def test_connection_that_never_stands_was_not_delivered(port: PooledHttp) -> None:
    """ours: a server that accepts and keeps silent during the TLS handshake."""
    async with serving(never) as server:
        with pytest.raises(TransportError, match=r"no connection within 0\.2 s") as caught:
            await fetch(port, server.url.replace("http:", "https:"), limits=Limits(connect_s=0.2))

    assert not caught.value.delivered


async def test_request_over_the_pool_waits_and_is_not_delivered() -> None:
    """ours: PooledHttp `connections`."""
    port = PooledHttp(connections=1)
    async with serving(sends(CHUNKED)) as server, port.send("GET", server.url, headers={}):
        with pytest.raises(TransportError, match=r"no connection within 0\.2 s") as caught:
            await fetch(port, server.url, limits=Limits(connect_s=0.2))
    await port.aclose()

    assert not caught.value.delivered


async def test_compressed_body_arrives_in_the_clear(port: PooledHttp) -> None:
    """RFC 9110 section 8.4."""
    packed = gzip.compress(b"plain" * 100)
    async with serving(reply(packed, headers={"Content-Encoding": "gzip"})) as server:
        assert await fetch(port, server.url) == b"plain" * 100


async def test_chunks_arrive_before_the_body_ends(port: PooledHttp) -> None:
    """ours: port.Reply.chunks."""
    async with serving(sends(CHUNKED + b"3\r\none\r\n")) as server:
        with anyio.fail_after(5):
            async with port.send("GET", server.url, headers={}) as answer:
                assert await anext(answer.chunks()) == b"one"


async def test_redirect_is_the_reply(port: PooledHttp) -> None:
    """ours: port.HttpPort.send."""
    async with serving(reply(b"go", status=307, headers={"Location": "/elsewhere"})) as server:
        with anyio.fail_after(5):
            async with port.send("POST", server.url, headers={}, body=b"") as answer:
                assert answer.status == 307

    assert len(server.requests) == 1


async def test_cookies_are_not_kept(port: PooledHttp) -> None:
    """ours: credentials are sent only when the caller gives them."""
    async with serving(reply(b"", headers={"Set-Cookie": "a=b; Path=/"})) as server:
        await fetch(port, server.url)
        await fetch(port, server.url)

    assert "cookie" not in server.requests[1].headers


async def test_environment_sets_no_proxy(port: PooledHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    """ours: a proxy would see every token."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving(reply(b"direct")) as server:
        assert await fetch(port, server.url) == b"direct"


async def test_finished_exchange_gives_its_connection_to_the_next(port: PooledHttp) -> None:
    """RFC 9112 section 9.3."""
    async with serving(reply(b"ok")) as server:
        for _ in range(3):
            await fetch(port, server.url)

    assert server.connections == 1


async def test_leaving_early_closes_the_connection(port: PooledHttp) -> None:
    """ours: port.HttpPort.send."""
    async with serving(sends(CHUNKED + b"3\r\none\r\n")) as server:
        with anyio.fail_after(5):
            async with port.send("GET", server.url, headers={}):
                pass
            await server.hung_up.wait()


async def test_cancelling_closes_the_connection(port: PooledHttp) -> None:
    """ours: a cancel must reach the peer."""
    asked = anyio.Event()

    async def hang(seen: Seen) -> None:
        asked.set()
        await never(seen)

    async with serving(hang) as server:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(fetch, port, server.url)
                await asked.wait()
                tasks.cancel_scope.cancel()
            await server.hung_up.wait()


async def test_pool_recovers_after_a_broken_exchange(port: PooledHttp) -> None:
    """ours: one bad answer costs one connection."""
    half = sends_and_hangs_up(head(200, {"Content-Length": "100"}) + b"half")
    async with serving(in_turn(half, reply(b"whole"))) as server:
        with pytest.raises(TransportError):
            await fetch(port, server.url)

        assert await fetch(port, server.url) == b"whole"


@pytest.mark.parametrize("url", ["ftp://host/x", "/relative", "http://", "http://[", "nonsense"])
async def test_url_that_is_not_http_is_the_callers_mistake(port: PooledHttp, url: str) -> None:
    """ours: port.HttpPort.send."""
    with pytest.raises(LocalError):
        await fetch(port, url)


async def test_header_with_a_line_end_is_never_sent(port: PooledHttp) -> None:
    """RFC 9110 section 5.5."""
    async with serving(reply(b"")) as server:
        with pytest.raises(LocalError) as caught, anyio.fail_after(5):
            async with port.send("GET", server.url, headers={"X-A": "t0ken\r\nX-B: 1"}):
                pass

    assert not server.requests
    assert "t0ken" not in str(caught.value)


async def test_closed_port_sends_nothing() -> None:
    """ours: port.HttpPort.aclose."""
    port = PooledHttp()
    await port.aclose()

    with pytest.raises(LocalError, match="closed"):
        await fetch(port, "http://127.0.0.1:9/")
