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
from itertools import pairwise
from typing import Final

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

WINDOW: Final = 100
"""Events that are timed: half of them before the one that is asked about."""
_CHUNK: Final = "x" * 100
_PATIENCE_S: Final = 30.0


def hundredth(place: Place) -> None:
    """Around the 100th event, on the memory store."""
    _measure(100, MemoryLedger, place)


def ten_thousandth(place: Place) -> None:
    """Around the 10,000th event, on the memory store."""
    _measure(10_000, MemoryLedger, place)


def hundredth_on_sqlite(place: Place) -> None:
    """Around the 100th event, on SQLite."""
    _measure(100, lambda: SqliteLedger(place.scratch / "tasks.db"), place)


def ten_thousandth_on_sqlite(place: Place) -> None:
    """Around the 10,000th event, on SQLite."""
    _measure(10_000, lambda: SqliteLedger(place.scratch / "tasks.db"), place)


class _Marks:
    """When the events of the window were stored, and the CPU used until then."""

    def __init__(self, event: int) -> None:
        self.first, self.last = event - WINDOW // 2, event + WINDOW // 2
        self.at_s: list[float] = []
        self.cpu_s: list[float] = []

    def clear(self) -> None:
        """Begin anew, with another task."""
        self.at_s.clear()
        self.cpu_s.clear()

    def take(self) -> None:
        """Note this moment."""
        self.at_s.append(time.perf_counter())
        self.cpu_s.append(time.process_time())

    def told(self) -> Report:
        """What the window cost, as `bench.load.order_events` reads it."""
        return {
            "cpu_s": self.cpu_s[-1] - self.cpu_s[0],
            "seconds": self.at_s[-1] - self.at_s[0],
            "latencies_s": [end - begin for begin, end in pairwise(self.at_s)],
        }


def _writer(marks: _Marks) -> AgentDefinition:
    @agent(name="writer", description="Writes piece by piece.")
    async def writer(ctx: Context) -> None:
        for number in range(1, marks.last + 1):
            await ctx.artifact(_CHUNK, name="text", append=number > 1, last=False)
            if number >= marks.first:
                marks.take()

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


def _measure(event: int, open_ledger: OpenLedger, place: Place) -> None:
    marks = _Marks(event)
    runtime = Runtime([_writer(marks).bind(Toolbox({}))], open_ledger)
    on_orders(_open(runtime, marks), place)


@asynccontextmanager
async def _open(runtime: Runtime, marks: _Marks) -> AsyncGenerator[Obey]:
    async with runtime.open() as operations:
        calm_collector()

        async def obey(_order: Order) -> Report:
            marks.clear()
            await _one_task(operations)
            return marks.told()

        yield obey
