"""A connection is made to an address that was judged for it, and to no other.

Source: A2A 13.2; DNS rebinding and secrets that go astray are ours to keep out.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import anyio
import pytest
import trustme
from anyio.streams.tls import TLSListener

from interloom.runtime.core.egress import Address, Egress
from interloom.runtime.errors import Refused, TransportError
from interloom.runtime.net.guard import Guard
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.net.port import Limits
from tests.runtime.net.hostile import head, port_of, reply, sends, serving

LIMIT_S = 10
QUICK = Limits(connect_s=5.0, total_s=5.0, idle_s=5.0, max_bytes=4096)
LOOPBACK = Egress.of(["127.0.0.0/8"])


@dataclass
class Names:
    """A resolver that answers what it is told, one answer after the other."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        answers = self.answers.get(host, [])
        if not answers:
            raise OSError(f"{host}:{port} is not there")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(each) for each in found]


@asynccontextmanager
async def guarded(
    egress: Egress, names: Names, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[PooledHttp]:
    http = PooledHttp(guard=Guard(egress, names), tls=tls)
    try:
        with anyio.fail_after(LIMIT_S):
            yield http
    finally:
        await http.aclose()


async def fetch(http: PooledHttp, url: str) -> int:
    async with http.send("POST", url, headers={}, body=b"{}", limits=QUICK) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]],
)
async def test_name_that_leads_inwards_is_refused_before_anything_is_sent(
    answers: list[str],
) -> None:
    """One such address among public ones is enough: it might be the one that is tried."""
    async with serving(reply(b"")) as server:
        url = server.url.replace("http://127.0.0.1", "https://rebound.example")
        names = Names({"rebound.example": [answers]})
        async with guarded(Egress(), names) as http:
            with pytest.raises(Refused, match="must not lead to an address that is"):
                await fetch(http, url)
    assert server.requests == []


async def test_name_that_leads_elsewhere_later_is_refused_then() -> None:
    """DNS rebinding: what was admitted a moment ago is judged again, by the address dialled."""
    names = Names({"rebound.example": [["8.8.8.8"], ["127.0.0.1"]]})
    async with serving(reply(b"")) as server:
        url = server.url.replace("http://127.0.0.1", "https://rebound.example")
        await Guard(Egress(), names).admit(url)
        async with guarded(Egress(), names) as http:
            with pytest.raises(Refused):
                await fetch(http, url)
    assert server.requests == []
    assert names.asked == ["rebound.example"] * 2


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{}/", "https://[::ffff:127.0.0.1]:{}/", "http://127.0.0.1:{}/"]
)
async def test_address_in_the_url_is_judged_though_nothing_is_resolved(url: str) -> None:
    names = Names({})
    async with serving(reply(b"")) as server, guarded(Egress(), names) as http:
        with pytest.raises(Refused):
            await fetch(http, url.format(server.url.split(":")[2].partition("/")[0]))
    assert server.requests == []
    assert names.asked == []


async def test_name_is_resolved_once_and_the_judged_address_is_dialled() -> None:
    """`nowhere.example` exists for our resolver only: had aiohttp asked another, it would fail."""
    names = Names({"nowhere.example": [["127.0.0.1"]]})
    egress = Egress.of(["127.0.0.0/8", "nowhere.example"])
    async with serving(reply(b"")) as server, guarded(egress, names) as http:
        url = server.url.replace("127.0.0.1", "nowhere.example")
        for _ in range(2):
            assert await fetch(http, url) == 200
    assert names.asked == ["nowhere.example"]  # the second went over the kept connection
    assert server.requests[0].headers["host"].startswith("nowhere.example:")


async def test_certificate_is_held_against_the_name_and_not_the_address() -> None:
    authority, tls = trustme.CA(), ssl.create_default_context()
    tls.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    names = Names({name: [["127.0.0.1"]] for name in ("hooks.example", "other.example")})
    at_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued = authority.issue_cert("hooks.example")
    with issued.private_key_and_cert_chain_pem.tempfile() as pem:
        at_server.load_cert_chain(pem)

    async def answer(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(head(204, {"Content-Length": "0"}))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = port_of(listener)
    secure = TLSListener(listener, at_server, standard_compatible=False)
    async with secure, anyio.create_task_group() as group, guarded(LOOPBACK, names, tls) as http:
        group.start_soon(secure.serve, answer)
        assert await fetch(http, f"https://hooks.example:{port}/") == 204
        with pytest.raises(TransportError, match="its TLS certificate is not trusted"):
            await fetch(http, f"https://other.example:{port}/")
        group.cancel_scope.cancel()


async def test_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = head(307, {"Location": "http://169.254.169.254/", "Content-Length": "0"})
    async with serving(sends(moved)) as server, guarded(LOOPBACK, Names({})) as http:
        assert await fetch(http, server.url) == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["inside.example", "missing.example", "mixed.example"])
async def test_name_inside_and_name_that_is_not_there_are_told_in_the_same_words(name: str) -> None:
    """ours: or a caller could ask us which names our network knows."""
    names = Names({"inside.example": [["10.0.0.1"]], "mixed.example": [["8.8.8.8", "10.0.0.1"]]})
    with pytest.raises(Refused, match=r"^must be of a host with a public address$"):
        await Guard(Egress(), names).admit(f"https://{name}/")


async def test_url_that_is_admitted_says_where_it_leads() -> None:
    names = Names({"hooks.example": [["8.8.8.8", "2606:4700::1111"]]})
    target = await Guard(Egress(), names).admit("https://hooks.example/x")
    assert target.origin == "hooks.example:443"
    assert (await Guard(Egress(), names).admit("https://8.8.8.8/")).origin == "8.8.8.8:443"


async def test_machine_is_asked_when_nobody_else_is_named() -> None:
    """The system's resolver knows `localhost`, and that is inside."""
    with anyio.fail_after(LIMIT_S), pytest.raises(Refused):
        await Guard(Egress()).admit("https://localhost/")
    with anyio.fail_after(LIMIT_S):
        found = await Guard(Egress.of(["127.0.0.0/8", "::1"])).admit("https://localhost/")
    assert found.host == "localhost"
