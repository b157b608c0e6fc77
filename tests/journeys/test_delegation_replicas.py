"""Two processes on one store: an answer and a cancel reach a called agent from either of them.

Source: DESIGN section 5 (`ours`): cancel reaches every child, on whichever replica it runs; section
4: what holds on one store holds on the other.
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
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.local import Neighbours, local_client
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import OpenLedger, Runtime, Settings
from tests.journeys.elsewhere import concierge, hotel
from tests.journeys.words import message, result, send, until

BOUND_S = 30.0
WARMTH = {"in memory": Settings(grace_s=1.0), "parked": Settings(warm_s=0.0, grace_s=1.0)}


@pytest.fixture(params=["sqlite", "postgres"])
def open_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> OpenLedger:
    """Opens the store that both share."""
    if request.param == "sqlite":
        return lambda: SqliteLedger(tmp_path / "s.db")
    url: str = request.getfixturevalue("store_url")
    return lambda: PostgresLedger(url)


def replica(open_ledger: OpenLedger, settings: Settings) -> Runtime:
    """A process that serves both agents."""
    neighbours = Neighbours()
    peers = Peers([Peer.local(neighbours, "hotel")])
    agents = [concierge.bind(Toolbox({}), peers), hotel.bind(Toolbox({}))]
    neighbours.host = runtime = Runtime(agents, open_ledger, settings)
    return runtime


@asynccontextmanager
async def two(
    open_ledger: OpenLedger, settings: Settings
) -> AsyncGenerator[tuple[Runtime, Runtime]]:
    """Two of them, for as long as a journey may take."""
    first, second = replica(open_ledger, settings), replica(open_ledger, settings)
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
async def test_answer_to_another_process_finds_the_call(
    open_ledger: OpenLedger, settings: Settings
) -> None:
    async with two(open_ledger, settings) as runtimes:
        here, there, called = clients(*runtimes)
        asked = await send(here, "Lisbon")
        done = await send(there, message("3", task=asked))
        listed = (await called.list()).tasks

    assert result(done) == "Booked: 3 nights in Lisbon"
    assert len(listed) == 1


@pytest.mark.parametrize("settings", WARMTH.values(), ids=WARMTH)
async def test_cancel_at_another_process_reaches_the_called_agent(
    open_ledger: OpenLedger, settings: Settings
) -> None:
    async with two(open_ledger, settings) as runtimes:
        here, there, called = clients(*runtimes)
        asked = await send(here, "Lisbon")
        await there.cancel(asked.id)
        (listed,) = (await called.list()).tasks
        gone = await until(called, listed, TaskState.CANCELED)

    assert gone.status.state is TaskState.CANCELED
