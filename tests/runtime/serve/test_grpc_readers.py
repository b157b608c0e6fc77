"""A gRPC client that reads nothing is cut off, and goes on; one that is slow gets everything.

Ours: gRPC's keep-alive asks whether the other end is there, and not whether it reads.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import anyio
import grpc
import pytest
from grpc import aio

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.serve.connection import STALL_S
from interloom.runtime.serve.grpc_port import GrpcSettings
from interloom.runtime.testing.agents import result
from interloom.runtime.wire.card import About
from tests.runtime.serve.over_grpc import VERSION, Caller, calling, refusal, said

SHORT_S: Final = 1.0
PIECES: Final = 40
PIECE: Final = "x" * 100_000
"""All of them are more than both ends of a connection hold."""
NARROW: Final = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535))
"""A client that takes little ahead of who reads."""


class Refusals(logging.Handler):
    """Hears that the server gave a call up."""

    def __init__(self) -> None:
        super().__init__()
        self.told = anyio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Be told of a line."""
        if record.getMessage() == "request.refused":
            self.told.set()


@contextmanager
def refusals() -> Generator[Refusals]:
    """What is refused while the block lasts."""
    heard, logger = Refusals(), logging.getLogger("interloom.serve")
    before = logger.level
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    try:
        yield heard
    finally:
        logger.setLevel(before)
        logger.removeHandler(heard)


class Shouter:
    """An agent that says more than a client that does not read can be sent."""

    def __init__(self) -> None:
        self.agent, self.done = Agent(About("shouter", "Shouts."), self._body), anyio.Event()

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        for number in range(PIECES):
            await task.artifact(Product.of_text(f"piece-{number}", PIECE))
        self.done.set()
        return result("said")


@asynccontextmanager
async def shouting(stall_s: float) -> AsyncGenerator[tuple[Caller, Shouter]]:
    shouter = Shouter()
    settings = GrpcSettings(stall_s=stall_s)
    async with calling(shouter.agent, grpc_settings=settings, channel_options=NARROW) as caller:
        yield caller, shouter


async def read(call: Any, into: list[pb.StreamResponse]) -> None:  # noqa: ANN401 - grpc.aio's
    """Read to the end, whatever that is."""
    while (event := await call.read()) is not aio.EOF:
        into.append(event)


def artifacts(events: list[pb.StreamResponse]) -> list[str]:
    """Which artifacts were told of, in order."""
    updates = [each.artifact_update for each in events if each.HasField("artifact_update")]
    return [update.artifact.artifact_id for update in updates]


async def test_client_that_reads_nothing_is_cut_off_and_goes_on_after_what_it_got() -> None:
    seen = list[pb.StreamResponse]()
    with refusals() as refused:
        async with shouting(SHORT_S) as (caller, shouter):
            stream = caller.start("SendStreamingMessage", said("go"))
            await refused.told.wait()
            await shouter.done.wait()

            with pytest.raises(aio.AioRpcError) as cut:
                await read(stream, seen)
            missed = len(seen)
            again = caller.start(
                "SubscribeToTask",
                pb.SubscribeToTaskRequest(id=seen[0].task.id),
                metadata={**VERSION, "last-event-id": str(missed)},
            )
            await read(again, seen)

    assert cut.value.code() is grpc.StatusCode.UNAVAILABLE
    assert refusal(cut.value).reason[0] == "UNAVAILABLE"
    assert missed < PIECES
    assert artifacts(seen)[:PIECES] == [f"piece-{number}" for number in range(PIECES)]
    assert seen[-1].status_update.status.state == pb.TASK_STATE_COMPLETED


async def test_client_that_reads_late_gets_everything() -> None:
    seen = list[pb.StreamResponse]()
    async with shouting(STALL_S) as (caller, shouter):
        stream = caller.start("SendStreamingMessage", said("go"))
        await shouter.done.wait()
        await read(stream, seen)

    assert artifacts(seen)[:PIECES] == [f"piece-{number}" for number in range(PIECES)]
    assert seen[-1].status_update.status.state == pb.TASK_STATE_COMPLETED
