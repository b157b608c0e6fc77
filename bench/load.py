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
from bench.request import Question, Template
from bench.servers import SERVERS

_OK = 200
_GRACE_S = 15.0
_STORING_S = 120.0
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


async def ask(target: Running, effort: Effort, *, question: Question) -> Load:
    """Send HTTP requests in a closed loop.

    Args:
        target: Whom to send them.
        effort: How many and for how long.
        question: What to ask, and what every reply must say.

    Raises:
        BadReply: One was wrong, or the target hung up or fell silent.
    """
    template = question.ask(port=target.port, path=SERVERS[target.name].path)
    loops = [_Loop(template, question) for _ in range(effort.in_flight)]
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


async def order_calls(target: Running, effort: Effort, *, with_children: bool = True) -> Load:
    """Have a caller call tools in a closed loop of its own; see `bench.callers`.

    Args:
        target: The caller.
        effort: How many calls and for how long.
        with_children: Whether its child processes' CPU is counted as its own.

    Raises:
        BadReply: A call failed, or the caller fell silent.
    """
    clock = target.cpu_s if with_children else target.own_cpu_s
    order = json.dumps({"in_flight": effort.in_flight, "seconds": effort.seconds})
    exchanges = Exchanges(await connect(target.port))
    try:
        with anyio.fail_after(effort.seconds + _GRACE_S):
            before = clock()
            await _asked(exchanges, target, "POST", order)
            cpu_s = clock() - before
            told = json.loads(await _asked(exchanges, target, "GET", ""))
    except (TimeoutError, ConnectionLost):
        raise BadReply(f"{target.name}: the caller stopped answering") from None
    finally:
        exchanges.close()
    return Load(cpu_s, told["seconds"], told["latencies_s"])


async def order_events(target: Running, effort: Effort) -> Load:
    """Have a process append events to a task; it tells itself what they cost: `bench.slope`.

    Raises:
        BadReply: It failed, or fell silent.
    """
    exchanges = Exchanges(await connect(target.port))
    try:
        with anyio.fail_after(effort.seconds + _STORING_S):
            await _asked(exchanges, target, "POST", "{}")
            told = json.loads(await _asked(exchanges, target, "GET", ""))
    except (TimeoutError, ConnectionLost):
        raise BadReply(f"{target.name}: stopped answering") from None
    finally:
        exchanges.close()
    return Load(told["cpu_s"], told["seconds"], told["latencies_s"])


async def _asked(exchanges: Exchanges, target: Running, method: str, body: str) -> bytes:
    head = f"{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    status, reply = await exchanges.exchange((head + body).encode("ascii"))
    if status != _OK:
        raise BadReply(f"{target.name}: a call failed, its own words are on standard error")
    return reply


class _Loop:
    """One connection that always has a request under way."""

    def __init__(self, template: Template, question: Question) -> None:
        self.latencies_s: list[float] = []
        self._template = template
        self._question = question
        self._mark = question.mark
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
        if self._question.read(self._last) != self._question.answer:
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
