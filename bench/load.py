"""The closed loops that drive a target: N requests in flight, each reply starts the next.

An error is never counted as work: every reply must be a 200 that holds the expected text, and the
first and last reply of every connection are parsed and held against it.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

import anyio

from bench.figures import Load
from bench.http1 import Connection, ConnectionLost, Exchanges, connect
from bench.process import Running
from bench.request import Template, answer_of, send_message
from bench.servers import SERVERS

_OK = 200
_GRACE_S = 15.0
_SHOWN_BYTES = 300


class BadReply(Exception):
    """A target answered wrongly, or not at all."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to press.

    Attributes:
        in_flight: Requests under way at any time, each on a connection of its own.
        seconds: How long new ones are started.
    """

    in_flight: int
    seconds: float


async def send_messages(target: Running, effort: Effort, *, answer: str) -> Load:
    """Send SendMessage requests in a closed loop.

    Args:
        target: Whom to send them.
        effort: How many and for how long.
        answer: The text every reply must carry.

    Raises:
        BadReply: One was wrong, or the target hung up or fell silent.
    """
    template = send_message(port=target.port, path=SERVERS[target.name].path)
    loops = [_Loop(template, answer) for _ in range(effort.in_flight)]
    try:
        with anyio.fail_after(effort.seconds + _GRACE_S):
            for loop in loops:
                await loop.open(target.port)
                loop.begin(0.0)
                await loop.end()
            before, begun = target.cpu_s(), time.perf_counter()
            for loop in loops:
                loop.begin(effort.seconds)
            for loop in loops:
                await loop.end()
            seconds, cpu_s = time.perf_counter() - begun, target.cpu_s() - before
    except TimeoutError:
        raise BadReply(f"{target.name}: no reply within {_GRACE_S:g} s") from None
    except (BadReply, ConnectionLost, OSError) as why:
        raise BadReply(f"{target.name}: {why}") from None
    finally:
        for loop in loops:
            loop.close()
    return Load(cpu_s, seconds, [latency for loop in loops for latency in loop.latencies_s])


async def order_calls(target: Running, effort: Effort) -> Load:
    """Have a caller call tools in a closed loop of its own; see `bench.callers`.

    Raises:
        BadReply: A call failed, or the caller fell silent.
    """
    order = json.dumps({"in_flight": effort.in_flight, "seconds": effort.seconds})
    exchanges = Exchanges(await connect(target.port))
    try:
        with anyio.fail_after(effort.seconds + _GRACE_S):
            before = target.cpu_s()
            outcome = json.loads(await _asked(exchanges, target, "POST", order))
            cpu_s = target.cpu_s() - before
            latencies_s = json.loads(await _asked(exchanges, target, "GET", ""))
    except (TimeoutError, ConnectionLost):
        raise BadReply(f"{target.name}: the caller stopped answering") from None
    finally:
        exchanges.close()
    return Load(cpu_s, outcome["seconds"], latencies_s)


async def _asked(exchanges: Exchanges, target: Running, method: str, body: str) -> bytes:
    head = f"{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    status, reply = await exchanges.exchange((head + body).encode("ascii"))
    if status != _OK:
        raise BadReply(f"{target.name}: a call failed, its own words are on standard error")
    return reply


class _Loop:
    """One connection that always has a request under way."""

    def __init__(self, template: Template, answer: str) -> None:
        self.latencies_s: list[float] = []
        self._template = template
        self._answer = answer
        self._mark = answer.encode()
        self._connection: Connection | None = None
        self._done = anyio.Event()
        self._bad: str | None = None
        self._last = b""
        self._sent_at = 0.0
        self._until = 0.0

    async def open(self, port: int) -> None:
        self._connection = await connect(port, self._replied, self._lost)

    def begin(self, seconds: float) -> None:
        """Keep a request under way for so long; no time means exactly one."""
        self.latencies_s.clear()
        self._done = anyio.Event()
        now = time.perf_counter()
        self._until = now + seconds
        self._send(now)

    async def end(self) -> None:
        """Wait for the last reply and parse it."""
        await self._done.wait()
        if self._bad is not None:
            raise BadReply(self._bad)
        if answer_of(self._last) != self._answer:
            raise BadReply(f"not the answer due: {self._last[:_SHOWN_BYTES]!r}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _send(self, now: float) -> None:
        if self._connection is None:
            raise BadReply("sent on a connection that was never opened")
        self._sent_at = now
        self._connection.send(self._template.fill(secrets.token_hex(16)))

    def _replied(self, status: int, body: bytes) -> None:
        now = time.perf_counter()
        self._last = body
        if status != _OK or self._mark not in body:
            self._bad = f"status {status}, {body[:_SHOWN_BYTES]!r}"
            self._done.set()
            return
        self.latencies_s.append(now - self._sent_at)
        if now < self._until:
            self._send(now)
        else:
            self._done.set()

    def _lost(self) -> None:
        if not self._done.is_set():
            self._bad = "hung up with a request under way"
            self._done.set()
