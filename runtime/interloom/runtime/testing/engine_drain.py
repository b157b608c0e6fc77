"""A process that is told to end: what works may finish, what waits is parked. Ours."""

from __future__ import annotations

import anyio

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.rows import PutSignal, RunState
from interloom.runtime.model import TaskState
from interloom.runtime.testing.engine_agents import Scripted, ask, asks
from interloom.runtime.testing.engine_house import LIMIT_S, Cluster, Process, quiet, said
from interloom.runtime.testing.promise import same


async def _work(agent: Scripted, task: TaskContext) -> str:
    await task.step("work", agent.step("worked"))
    await agent.stop_at("gate")
    return "done"


async def _stop_and_ask(agent: Scripted, task: TaskContext) -> str:
    await agent.stop_at("gate")
    return await ask(task, "ask/1")


async def _drained_at_gate(process: Process, agent: Scripted) -> None:
    """Drain a process whose agent is at work, and let the agent go on meanwhile."""
    await agent.until("gate")
    async with anyio.create_task_group() as group:
        group.start_soon(process.engine.drain, LIMIT_S)
        await quiet()
        agent.let_through("gate")


async def an_agent_at_work_may_finish_within_the_grace_time(cluster: Cluster) -> None:
    """Nothing of it is left for the next process."""
    agent = Scripted(_work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await _drained_at_gate(process, agent)
    same(said(await process.get(task)), "done")
    same((agent.begun, await process.run_state(task)), (1, None))


async def an_agent_that_outlasts_the_grace_time_is_begun_again_later(cluster: Cluster) -> None:
    """Its row stays active, and its steps are kept."""
    agent = Scripted(_work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("gate")
    await process.drain()
    same((await process.get(task)).status.state, TaskState.WORKING)
    same(await process.run_state(task), RunState.ACTIVE)
    agent.let_through("gate")
    same(said(await (await cluster.start(agent.agent)).over(task)), "done")
    same(agent.ran, ["worked", "gate", "gate"])


async def an_agent_that_waits_warm_is_parked_at_once(cluster: Cluster) -> None:
    """The next process need not begin it until there is an answer."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent)
    task = await process.send("begin")
    await process.drain(LIMIT_S)
    same(await process.run_state(task), RunState.PARKED)
    process = await cluster.start(agent.agent)
    await quiet()
    same((len(process.ledger.written), agent.begun), (0, 1))
    same(said(await process.send("blue", task)), "blue")


async def a_message_taken_while_draining_is_for_the_next_process(cluster: Cluster) -> None:
    """Nothing is begun any more, and nothing is lost."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent)
    asked = await process.send("begin")
    await process.drain()
    task = await process.begin()
    async with anyio.create_task_group() as group:
        group.start_soon(process.send, "blue", asked)
        await process.ledger.until(lambda write: isinstance(write, PutSignal))
        await quiet()
        group.cancel_scope.cancel()
    same(agent.begun, 1)
    process = await cluster.start(agent.agent)
    same(said(await process.over(asked)), "blue")
    await process.until(task, TaskState.INPUT_REQUIRED)


async def an_agent_that_gave_up_waiting_has_its_grace_time(cluster: Cluster) -> None:
    """It works, whatever it waited for before."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        with anyio.move_on_after(0):
            await ask(task, "ask/1")
        await agent.stop_at("gate")
        return "done without you"

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await _drained_at_gate(process, agent)
    same(said(await process.get(task)), "done without you")


async def a_drain_without_work_ends_at_once(cluster: Cluster) -> None:
    """However long the grace time; it may be repeated."""
    process = await cluster.start(Scripted(asks).agent)
    await process.drain(3600)
    await process.drain(3600)
    same(process.ledger.written, [])


async def an_agent_that_asks_while_draining_is_parked_at_once(cluster: Cluster) -> None:
    """It would otherwise stay warm for its answer, and hold up the end of the process."""
    agent = Scripted(_stop_and_ask)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await _drained_at_gate(process, agent)
    same(await process.run_state(task), RunState.PARKED)


async def a_process_that_retires_claims_nothing_more(cluster: Cluster) -> None:
    """What comes is others' from the moment the process is to end, and not from when it does."""
    agent = Scripted(_stop_and_ask)
    process = await cluster.start(agent.agent)
    await process.begin()
    await agent.until("gate")
    async with anyio.create_task_group() as group:
        group.start_soon(process.engine.retire, LIMIT_S)
        await quiet()
        await process.begin()
        agent.let_through("gate")  # the first is parked, and that has claims looked for
    await quiet()
    _, row = await process.ledger.runs()
    same((row.state, row.worker, agent.begun), (RunState.ACTIVE, "", 1))
