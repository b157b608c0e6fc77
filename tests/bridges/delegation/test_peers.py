"""Every agent that can be told that nobody wants its task is told.

Source: DESIGN section 5 (`ours`): CancelTask to every child, whether code is running or
rows are left.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from interloom.agents import Context, agent
from interloom.bridges.delegation import Peer, Peers, rows
from interloom.bridges.delegation.child import Child
from interloom.bridges.handoff import Toolbox
from interloom.bridges.handoff.pending import Made
from interloom.bridges.mcp.core.rounds import Call
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.pair import World, pair
from interloom.runtime.values import Json
from tests.journeys.words import send, until


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@agent(name="hotel")
async def hotel(ctx: Context) -> Json:
    """Books a room, after a question."""
    return await ctx.ask("How many nights?")


MADE = Made("t1", "delegate/hotel/1", "hotel", "hotel", "")


@asynccontextmanager
async def asking() -> AsyncGenerator[tuple[World, Peers, Task]]:
    """An agent whose task asks, and whoever may call it."""
    with anyio.fail_after(20):
        async with pair([hotel.bind(Toolbox({}))], MemoryLedger) as there:
            peers = Peers([Peer("hotel", lambda _owner: there.client("hotel"))])
            yield there, peers, await send(there.client("hotel"), "Lisbon")


async def is_canceled(there: World, task: Task) -> bool:
    """Whether the task ends so."""
    gone = await until(there.client("hotel"), task, TaskState.CANCELED)
    return gone.status.state is TaskState.CANCELED


async def test_row_that_cannot_be_abandoned_takes_no_other_along() -> None:
    async with asking() as (there, peers, task):
        good = rows.working(MADE, Child(task.id))
        damaged = good._replace(body=good.body.replace(b'"v":1', b'"v":0'))
        await peers.abandon([damaged, good], owner="ada")

        assert damaged != good
        assert await is_canceled(there, task)


async def test_agents_are_told_also_when_the_tool_servers_cannot_be() -> None:
    """ours: a row nobody can read breaks the one, and not the other."""
    call = {"call": Call("flights", "tools/call", {}).dump()}
    unreadable: CallRow = MADE.row(CallState.INPUT_REQUIRED, call)
    async with asking() as (there, peers, task):
        abandon = hotel.bind(Toolbox({}), peers).abandon
        assert abandon is not None
        with pytest.raises(KeyError, match="responses"):
            await abandon([unreadable, rows.working(MADE, Child(task.id))], owner="ada")

        assert await is_canceled(there, task)
