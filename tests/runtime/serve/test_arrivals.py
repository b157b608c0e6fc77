"""Requests are the same however the network cut their bytes (RFC 9112 2.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.serve.arrivals import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    Arrivals,
    Malformed,
    Sprawling,
)
from interloom.runtime.serve.exchange import Exchange
from tests.runtime.serve.test_exchange import Recorder

REQUESTS: Final = (
    b"GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nt: v\r\n\r\n",
    b"GET http://x/y?z HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    b"POST /u HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 4\r\n\r\nGET ",
)


@dataclass
class Taken:
    """What was taken from a connection."""

    exchanges: list[Exchange] = field(default_factory=list[Exchange])

    def arrivals(self) -> Arrivals:
        return Arrivals(Recorder(), {"type": "http"}, self.exchanges.append)

    def told(self) -> list[tuple[object, ...]]:
        names = ("method", "path", "raw_path", "query_string", "headers", "http_version")
        return [
            (*(each.scope[name] for name in names), each.keeps_alive, anyio.run(_body, each))
            for each in self.exchanges
        ]


async def _body(one: Exchange) -> bytes:
    body, more = b"", True
    while more:
        message = await one.receive()
        body, more = body + message["body"], message["more_body"]
    return body


def whole() -> list[tuple[object, ...]]:
    taken = Taken()
    taken.arrivals().feed(b"".join(REQUESTS))
    return taken.told()


@given(st.sets(st.integers(1, len(b"".join(REQUESTS)) - 1), max_size=30))
def test_cuts_in_the_bytes_change_nothing(cuts: set[int]) -> None:
    """RFC 9112 2.2."""
    data, taken = b"".join(REQUESTS), Taken()
    arrivals = taken.arrivals()
    borders = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(borders):
        arrivals.feed(data[start:end])

    assert taken.told() == whole()
    assert arrivals.whole == len(REQUESTS)
    assert arrivals.exchange is None
    assert not arrivals.is_in_head


def test_targets_are_path_and_query() -> None:
    """RFC 9112 3.2: origin form and absolute form; ASGI: `path` is decoded, `raw_path` is not."""
    first, _, _, last, _ = whole()

    assert first[:5] == ("GET", "/a b", b"/a%20b", b"c=d", [(b"host", b"x")])
    assert last[1:4] == ("/y", b"/y", b"z")


def test_body_of_a_request_that_offers_another_protocol_is_its_own() -> None:
    """RFC 9110 7.8: an offer may be passed over; what follows the head is no request then."""
    assert whole()[-1][-1] == b"GET "


def test_trailers_are_passed_over() -> None:
    """RFC 9110 6.5.1: none of ours is let in behind a body."""
    chunked = whole()[2]

    assert chunked[4] == [(b"transfer-encoding", b"chunked")]
    assert chunked[-1] == b"abc"


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ],
)
def test_what_is_no_request_to_us_is_malformed(junk: bytes) -> None:
    """RFC 9112 3 and 6.3; and this is no proxy."""
    taken = Taken()

    with pytest.raises(Malformed):
        taken.arrivals().feed(junk)
    assert not taken.exchanges


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n",
        b"GET /" + b"x" * MAX_HEAD_BYTES,
    ],
    ids=["many", "long", "unfinished"],
)
def test_head_over_the_limits_sprawls(head: bytes) -> None:
    """RFC 6585 5."""
    with pytest.raises(Sprawling):
        Taken().arrivals().feed(head)
