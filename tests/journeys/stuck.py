"""A tool that hangs, and a runtime that is killed meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from interloom.agents import Context, agent
from interloom.bridges.handoff import Policy
from interloom.runtime.client import A2AClient
from interloom.runtime.model import Task
from interloom.runtime.testing.pair import World
from interloom.runtime.values import JsonObject
from tests.journeys.desk import Desk, HangUp, Seen, says
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, send


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Books a flight."""
    flight = await ctx.tool("flights", "book", {"destination": ctx.text})
    return f"Booked: {flight.text}"


class Stuck:
    """A tool that hangs for its first calls, breaks off the next ones, and then answers.

    Args:
        times: How many hang.
        breaks: How many break off.

    Attributes:
        desk: The server it is on.
        arrived: Set by each call that hangs; renewed by `crash`.
    """

    def __init__(self, times: int = 1, breaks: int = 0) -> None:
        self.desk = Desk(book=self.book)
        self.arrived = anyio.Event()
        self._left, self._breaks = times, breaks

    async def book(self, seen: Seen) -> JsonObject:
        """Hangs, breaks off, books."""
        if self._left:
            self._left -= 1
            self.arrived.set()
            await anyio.sleep_forever()
        if self._breaks:
            self._breaks -= 1
            raise HangUp
        return says(f"call {len(self.desk.calls)}")

    async def crash(self, world: World) -> None:
        """Kill the runtime while a call hangs."""
        await self.arrived.wait()
        self.arrived = anyio.Event()
        await world.crash()


@asynccontextmanager
async def interrupted(
    stage: Stage, stuck: Stuck, policy: Policy | None = None
) -> AsyncGenerator[tuple[World, A2AClient, Task]]:
    """A task whose only tool call was under way when the runtime was killed and came back."""
    async with (
        stuck.desk.open(policy=policy) as tools,
        stage.play(concierge, tools=tools) as world,
    ):
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await stuck.crash(world)
        yield world, client, task
