"""The agent of the replicas: it carries a parcel from stop to stop and knows nothing of crashes."""

from __future__ import annotations

import os

import anyio

from interloom.agents import AgentFailed, Context, agent

STOPS = 8
DRIVING_S = 0.4


async def drive() -> int:
    """Take a parcel to the next stop; the process that did it."""
    await anyio.sleep(DRIVING_S)
    return os.getpid()


@agent(name="courier", description="Carries parcels.", tools=["depot"])
async def courier(ctx: Context) -> str:
    """Carry a parcel to its last stop, with a stamp at each."""
    drivers: list[int] = []
    for stop in range(1, STOPS + 1):
        drivers.append(int(str(await ctx.step(f"drive-{stop}", drive))))
        await ctx.status(f"{ctx.text} is at stop {stop}")
        stamped = await ctx.tool("depot", "stamp", {"parcel": ctx.text, "stop": stop})
        if stamped.is_error:
            raise AgentFailed(stamped.text)
    processes = len(set(drivers))
    by = "1 process" if processes == 1 else f"{processes} processes"
    return f"{ctx.text}: delivered over {STOPS} stops, by {by}"
