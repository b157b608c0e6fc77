"""Two processes on one store: an answer and a cancel reach a called agent from either of them.

Source: DESIGN section 5 (`ours`): cancel reaches every child, on whichever replica it runs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from interloom.bridges.delegation import Peer, Peers
from interloom.bridges.handoff import Toolbox
from interloom.runtime.client import A2AClient
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.local import Neighbours, local_client
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Runtime, Settings
from tests.journeys.elsewhere import concierge, hotel
from tests.journeys.matrix import BOUND_S
from tests.journeys.words import message, result, send, until

WARMTH = {"in memory": Settings(grace_s=1.0), "parked": Settings(warm_s=0.0, grace_s=1.0)}


def replica(store: Path, settings: Settings) -> Runtime:
    """A process that serves both agents."""
    neighbours = Neighbours()
    peers = Peers([Peer.local(neighbours, "hotel")])
    agents = [concierge.bind(Toolbox({}), peers), hotel.bind(Toolbox({}))]
    neighbours.host = runtime = Runtime(agents, lambda: SqliteLedger(store), settings)
    return runtime


@asynccontextmanager
async def two(store: Path, settings: Settings) -> AsyncGenerator[tuple[Runtime, Runtime]]:
    """Two of them, for as long as a journey may take."""
    first, second = replica(store, settings), replica(store, settings)
    with anyio.fail_after(BOUND_S):
        async with AsyncExitStack() as stack:
            for each in (first, second):
                await stack.enter_async_context(each.open())
            yield first, second


def clients(one: Runtime, other: Runtime) -> tuple[A2AClient, A2AClient, A2AClient]:
    """Of the concierge at either, and of the hotel."""
    called = local_client(other, "hotel")
    return local_client(one, "concierge"), local_client(other, "concierge"), called


@pytest.mark.parametrize("settings", WARMTH.values(), ids=WARMTH)
async def test_answer_to_another_process_finds_the_call(tmp_path: Path, settings: Settings) -> None:
    async with two(tmp_path / "s.db", settings) as runtimes:
        here, there, called = clients(*runtimes)
        asked = await send(here, "Lisbon")
        done = await send(there, message("3", task=asked))
        listed = (await called.list()).tasks

    assert result(done) == "Booked: 3 nights in Lisbon"
    assert len(listed) == 1


@pytest.mark.parametrize("settings", WARMTH.values(), ids=WARMTH)
async def test_cancel_at_another_process_reaches_the_called_agent(
    tmp_path: Path, settings: Settings
) -> None:
    async with two(tmp_path / "s.db", settings) as runtimes:
        here, there, called = clients(*runtimes)
        asked = await send(here, "Lisbon")
        await there.cancel(asked.id)
        (listed,) = (await called.list()).tasks
        gone = await until(called, listed, TaskState.CANCELED)

    assert gone.status.state is TaskState.CANCELED
