"""A cancelled task is over wherever it stands. Source: A2A 3.1.5; what its agent sees is ours."""

from __future__ import annotations

from typing import Final

import anyio

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import TaskNotCancelable, UnsupportedOperation
from interloom.runtime.ledger.rows import RunState
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.engine_agents import Scripted, asks
from interloom.runtime.testing.engine_house import COLD_S, Cluster, Process, quiet
from interloom.runtime.testing.promise import refusal, same
from interloom.runtime.testing.tapped import parks

LONG_S: Final = 3600.0
"""Nobody waits for that."""


async def _wait(agent: Scripted, _: TaskContext) -> str:
    try:
        await agent.stop_at("gate")
    except anyio.get_cancelled_exc_class():
        agent.ran.append("cancelled")
        raise
    return "done"


async def _is_over(process: Process, task: Task) -> None:
    """Nothing of the task runs, waits or would be begun again."""
    await quiet()
    same((await process.get(task)).status.state, TaskState.CANCELED)
    same(await process.run_state(task), None)
    events = await process.ledger.events(task.id)
    same([each.id for each in events if each.state in TERMINAL], ["canceled"])
    same(events[-1].id, "canceled")
    await refusal(UnsupportedOperation, process.send("too late", task))


async def a_cancel_interrupts_an_agent_at_work(cluster: Cluster) -> None:
    """It is told at once, where it stands."""
    agent = Scripted(_wait)
    process = await cluster.start(agent.agent)
    before = len(anyio.get_running_tasks())
    task = await process.begin()
    await agent.until("gate")
    same((await process.cancel(task)).status.state, TaskState.CANCELED)
    await agent.until("cancelled")
    await _is_over(process, task)
    same(len(anyio.get_running_tasks()), before)


async def a_cancel_of_a_warm_run_withdraws_its_question(cluster: Cluster) -> None:
    """And no process after this one begins it again."""
    await _cancel_waiting(cluster, warm_s=3600)


async def a_cancel_of_a_parked_run_is_all_that_happens_to_it(cluster: Cluster) -> None:
    """Only rows are left of it, so nobody has to be told."""
    agent = await _cancel_waiting(cluster, warm_s=COLD_S)
    same(agent.begun, 1)


async def _cancel_waiting(cluster: Cluster, *, warm_s: float) -> Scripted:
    agent = Scripted(asks)
    process = await cluster.start(agent.agent, warm_s=warm_s)
    task = await process.send("begin")
    if warm_s == COLD_S:
        await process.until_parked(task)
    same((await process.cancel(task)).status.message, None)
    await _is_over(process, task)
    await process.kill()
    await _is_over(await cluster.start(agent.agent), task)
    return agent


async def a_cancel_while_the_run_is_being_parked_stands(cluster: Cluster) -> None:
    """The row says parked, and the process does not know yet."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    gate = process.ledger.hold_back(parks)
    task = await process.send("begin")
    await process.ledger.until(parks)
    await process.cancel(task)
    gate.set()
    await _is_over(process, task)


async def a_cancel_of_a_run_that_nobody_has_begun_is_all_that_happens_to_it(
    cluster: Cluster,
) -> None:
    """Its agent is deployed nowhere: whoever comes to have it has nothing to begin."""
    agent = Scripted(asks)
    stranger = await cluster.start()
    stranger.caller = stranger.caller._replace(agent=agent.agent.about.name)
    task = await stranger.begin()
    same(await stranger.run_state(task), RunState.ACTIVE)
    same((await stranger.cancel(task)).status.state, TaskState.CANCELED)
    await _is_over(stranger, task)
    await stranger.kill()
    await _is_over(await cluster.start(agent.agent), task)
    same(agent.begun, 0)


async def a_cancel_while_draining_ends_the_agent_and_the_drain(cluster: Cluster) -> None:
    """Nobody waits out the grace time for it, and the next process does not begin it again."""
    agent = Scripted(_wait)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("gate")
    async with anyio.create_task_group() as group:
        group.start_soon(process.drain, LONG_S)
        await quiet()
        same((await process.cancel(task)).status.state, TaskState.CANCELED)
    same(agent.ran, ["gate", "cancelled"])
    await _is_over(await cluster.start(agent.agent), task)
    same(agent.begun, 1)


async def a_result_that_comes_after_the_cancel_changes_nothing(cluster: Cluster) -> None:
    """The agent does not let itself be interrupted, and ends as if nothing had happened."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        async def step() -> str:
            with anyio.CancelScope(shield=True):
                await agent.stop_at("step")
            return "late"

        return str(await task.step("work", step))

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("step")
    await process.cancel(task)
    agent.let_through("step")
    await _is_over(process, task)
    same((await process.get(task)).artifacts, ())
    same(dict((await process.ledger.journal(task.id)).steps), {})


async def of_an_end_and_a_cancel_at_once_one_stands(cluster: Cluster) -> None:
    """Whichever is stored first; the other is refused."""
    agent = Scripted(_wait)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("gate")
    agent.let_through("gate")
    try:
        await process.cancel(task)
    except TaskNotCancelable:
        same((await process.over(task)).status.state, TaskState.COMPLETED)
    else:
        await _is_over(process, task)
    events = await process.ledger.events(task.id)
    same(len([each for each in events if each.state in TERMINAL]), 1)


async def a_cancel_at_another_process_interrupts_the_agent(cluster: Cluster) -> None:
    """Whichever process is asked, the run hears of it."""
    agent = Scripted(_wait)
    one, other = await cluster.start(agent.agent), await cluster.start(agent.agent)
    task = await one.begin()
    await agent.until("gate")
    await other.cancel(task)
    await agent.until("cancelled")
    for process in (one, other):
        await _is_over(process, task)
    same(agent.begun, 1)


async def a_cancel_at_another_process_ends_a_parked_run(cluster: Cluster) -> None:
    """Nobody begins it any more."""
    agent = Scripted(asks)
    one, other = await cluster.start(agent.agent, warm_s=COLD_S), await cluster.start(agent.agent)
    task = await one.send("begin")
    await one.until_parked(task)
    await other.cancel(task)
    for process in (one, other):
        await _is_over(process, task)
    same(agent.begun, 1)
