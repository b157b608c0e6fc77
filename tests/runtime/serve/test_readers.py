"""A peer that does not take what it is sent holds nothing for long; one that does is served on.

Ours: HTTP has no word for it, and a socket's buffer is all that such a peer may cost.
"""

from __future__ import annotations

from typing import Final

import anyio
import pytest

from interloom.runtime.serve.body import App, Receive, Scope, Send
from interloom.runtime.serve.connection import Connection, bounded
from tests.runtime.serve.over_tcp import GET, LAST, LIMITS, connected_to

PIECE: Final = bytes(1_000_000)
PIECES: Final = 20
"""More than the socket buffers of both ends hold."""


class Seen:
    """What became of a connection and of the application's last word on it."""

    def __init__(self, *, stall_s: float) -> None:
        self.is_lost, self.is_told = anyio.Event(), anyio.Event()
        seen = self

        class Watched(bounded(LIMITS, stall_s=stall_s)):  # type: ignore[misc]  # made at run time
            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                seen.is_lost.set()

        self.connection: type[Connection] = Watched


def streaming(seen: Seen) -> App:
    """An application that says a lot, piece by piece, and asks whether anybody is there."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        for _ in range(PIECES):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        assert (await receive())["type"] == "http.disconnect"
        seen.is_told.set()

    return app


def answering() -> App:
    """An application that says as much at once, and ends."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": PIECE * PIECES})

    return app


async def test_peer_that_never_reads_a_stream_is_cut_off_and_the_application_goes_on() -> None:
    seen = Seen(stall_s=0.2)
    async with connected_to(streaming(seen), "off", connection=seen.connection) as stream:
        await stream.send(GET % b"")
        await seen.is_lost.wait()
        await seen.is_told.wait()


@pytest.mark.parametrize("more", [b"", LAST], ids=["kept", "to be closed"])
async def test_peer_that_never_reads_an_answer_is_cut_off(more: bytes) -> None:
    seen = Seen(stall_s=0.2)
    async with connected_to(answering(), "off", connection=seen.connection) as stream:
        await stream.send(GET % more)
        await seen.is_lost.wait()


async def test_peer_that_reads_after_all_gets_everything() -> None:
    seen = Seen(stall_s=5)
    async with connected_to(streaming(seen), "off", connection=seen.connection) as stream:
        await stream.send(GET % LAST)
        received = 0
        while received < PIECES * len(PIECE):
            received += len(await stream.receive())
        await seen.is_told.wait()
