"""What an event costs the runtime when its task has a hundred already, or ten thousand.

An agent appends chunks to one artifact, each of them a commit, while one subscriber reads and
encodes them as a stream would. The process tells itself what the events of a window cost, for
nothing outside of it could tell them from those before.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from bench.orders import Obey, Order, Report, on_orders
from bench.serving import Place
from interloom.agents import AgentDefinition, Context, agent
from interloom.bridges.handoff import Toolbox
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.operations import Operations
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import Message, Part, Role, SendMessageRequest
from interloom.runtime.serve.runtime import OpenLedger, Runtime
from interloom.runtime.serve.server import calm_collector
from interloom.runtime.wire import jsonrpc, sse


class _Window(NamedTuple):
    """The events that are timed, the one that is asked about in their middle.

    Attributes:
        first: The first of them.
        last: The last.
        tasks: In how many tasks, one after the other; the same number of events in all.
    """

    first: int
    last: int
    tasks: int


# Many, for the garbage collector comes by once in some thousand events.
_HUNDREDTH: Final = _Window(50, 150, 12)
_TEN_THOUSANDTH: Final = _Window(9_400, 10_600, 1)
_CHUNK: Final = "x" * 100
_PATIENCE_S: Final = 30.0


def hundredth(place: Place) -> None:
    """Around the 100th event, on the memory store."""
    _measure(_HUNDREDTH, MemoryLedger, place)


def ten_thousandth(place: Place) -> None:
    """Around the 10,000th event, on the memory store."""
    _measure(_TEN_THOUSANDTH, MemoryLedger, place)


def hundredth_on_sqlite(place: Place) -> None:
    """Around the 100th event, on SQLite."""
    _measure(_HUNDREDTH, lambda: SqliteLedger(place.scratch / "tasks.db"), place)


def ten_thousandth_on_sqlite(place: Place) -> None:
    """Around the 10,000th event, on SQLite."""
    _measure(_TEN_THOUSANDTH, lambda: SqliteLedger(place.scratch / "tasks.db"), place)


class _Meter:
    """What the events of the window cost, in all tasks of an order."""

    def __init__(self, window: _Window) -> None:
        self.window = window
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._cpu_s = self._seconds = 0.0
        self._latencies_s: list[float] = []
        self._begun_s = self._before_s = self._at_s = 0.0

    def take(self, number: int) -> None:
        """Note that an event is stored."""
        now = time.perf_counter()
        if number == self.window.first:
            self._begun_s, self._before_s = now, time.process_time()
        else:
            self._latencies_s.append(now - self._at_s)
        if number == self.window.last:
            self._cpu_s += time.process_time() - self._before_s
            self._seconds += now - self._begun_s
        self._at_s = now

    def told(self) -> Report:
        """As `bench.load.order_events` reads it."""
        return {
            "cpu_s": self._cpu_s,
            "seconds": self._seconds,
            "latencies_s": self._latencies_s,
        }


def _writer(meter: _Meter) -> AgentDefinition:
    @agent(name="writer", description="Writes piece by piece.")
    async def writer(ctx: Context) -> None:
        for number in range(1, meter.window.last + 1):
            await ctx.artifact(_CHUNK, name="text", append=number > 1, last=False)
            if number >= meter.window.first:
                meter.take(number)

    return writer


async def _one_task(operations: Operations) -> None:
    """Begin a task and read its stream to the end."""
    message = Message(
        message_id=secrets.token_hex(16), role=Role.USER, parts=(Part(text="Write."),)
    )
    opened = operations.stream_message(Caller("", "writer"), SendMessageRequest(message=message))
    async with opened as stream:
        follower = stream.follower
        while not follower.done:
            for event in await follower.next(_PATIENCE_S):
                sse.encode(jsonrpc.result(1, follower.response(event)))


def _measure(window: _Window, open_ledger: OpenLedger, place: Place) -> None:
    meter = _Meter(window)
    runtime = Runtime([_writer(meter).bind(Toolbox({}))], open_ledger)
    on_orders(_open(runtime, meter), place)


@asynccontextmanager
async def _open(runtime: Runtime, meter: _Meter) -> AsyncGenerator[Obey]:
    async with runtime.open() as operations:
        calm_collector()

        async def obey(_order: Order) -> Report:
            meter.clear()
            for _ in range(meter.window.tasks):
                await _one_task(operations)
            return meter.told()

        yield obey
