"""A task that waits for a time is rows, and the time brings it back. Ours (DESIGN section 4)."""

from __future__ import annotations

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.testing.engine_agents import Scripted
from interloom.runtime.testing.engine_house import COLD_S, Cluster, said
from interloom.runtime.testing.promise import same


def _pausing(*pauses: float) -> Scripted:
    """Pauses as long as it is told, each time it is begun."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        await task.pause("nap", pauses[agent.begun - 1])
        return f"begun {agent.begun}"

    return Scripted(work)


async def a_pause_that_takes_long_is_a_row_that_wakes_by_itself(cluster: Cluster) -> None:
    """No coroutine waits for the time to come."""
    process = await cluster.start(_pausing(0.2, 0).agent, warm_s=COLD_S)
    task = await process.begin()
    await process.until_parked(task)
    await cluster.let_pass(0.2)
    same(said(await process.over(task)), "begun 2")


async def a_pause_that_is_short_is_waited_for(cluster: Cluster) -> None:
    """Beginning again would cost more."""
    process = await cluster.start(_pausing(0.01).agent)
    same(said(await process.send("begin")), "begun 1")
