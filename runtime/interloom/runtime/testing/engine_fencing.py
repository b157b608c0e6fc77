"""What a process that was taken for dead still writes for a run counts no more.

Source: DESIGN section 4, notes on failures in ARCHITECTURE.md (ours). The process stands still in
the middle of a run; another has taken it over and ended it when the first one comes back.
"""

from __future__ import annotations

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.engine_agents import Scripted, ask
from interloom.runtime.testing.engine_house import Cluster, Process, quiet, said
from interloom.runtime.testing.promise import same


async def a_frozen_process_that_comes_back_stores_no_step(cluster: Cluster) -> None:
    """The step's result is that of the process that took over."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        begun = agent.begun

        async def step() -> str:
            await agent.stop_at(f"gate {begun}")
            return f"by {begun}"

        return str(await task.step("work", step))

    task, other = await _comes_back(cluster, Scripted(work))
    same((await other.ledger.journal(task.id)).steps, {"work": b'"by 2"'})


async def a_frozen_process_that_comes_back_appends_no_event(cluster: Cluster) -> None:
    """Not even one that its successor never had."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        begun = agent.begun
        await agent.stop_at(f"gate {begun}")
        if begun == 1:
            await task.report("I am back", key="ghost")
        return f"by {begun}"

    task, other = await _comes_back(cluster, Scripted(work))
    events = await other.ledger.events(task.id)
    same([each.id for each in events if b"ghost" in each.id.encode()], [])


async def a_frozen_process_that_comes_back_asks_nothing(cluster: Cluster) -> None:
    """A question nobody waits for would be there for good."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        begun = agent.begun
        await agent.stop_at(f"gate {begun}")
        return await ask(task, "ask/1") if begun == 1 else f"by {begun}"

    await _comes_back(cluster, Scripted(work))


async def a_frozen_process_that_comes_back_ends_nothing(cluster: Cluster) -> None:
    """A task has one end, and its result is the successor's."""
    await _comes_back(cluster, Scripted(_by))


async def a_frozen_process_that_comes_back_works_on(cluster: Cluster) -> None:
    """It joins anew, and new tasks are its own."""
    agent = Scripted(_by)
    one = await cluster.start(agent.agent)
    _, other = await _taken_over(cluster, agent, one)
    agent.let_through("gate 1")
    await one.thaw()
    await other.drain()
    agent.let_through("gate 3")
    same(said(await one.send("begin")), "by 3")


async def a_task_begun_by_a_process_that_was_taken_for_dead_is_not_lost(cluster: Cluster) -> None:
    """It does not know yet, and gives the run to a worker that is no more."""
    agent = Scripted(_by)
    process = await cluster.start(agent.agent)
    await cluster.installation.take_for_dead(process.ledger.worker)
    task = await process.begin()
    for number in (1, 2):  # it may have begun before it learned
        agent.let_through(f"gate {number}")
    same((await process.over(task)).status.state, TaskState.COMPLETED)
    await quiet()
    same(await process.run_state(task), None)


async def _by(agent: Scripted, _: TaskContext) -> str:
    begun = agent.begun
    await agent.stop_at(f"gate {begun}")
    return f"by {begun}"


async def _taken_over(cluster: Cluster, agent: Scripted, one: Process) -> tuple[Task, Process]:
    """A task whose process stands still, and another that has taken it over and ended it."""
    task = await one.begin()
    await agent.until("gate 1")
    other = await cluster.start(agent.agent)
    await one.freeze()
    agent.let_through("gate 2")
    same(said(await other.over(task)), "by 2")
    return task, other


async def _comes_back(cluster: Cluster, agent: Scripted) -> tuple[Task, Process]:
    """The same, after the first process has come back."""
    one = await cluster.start(agent.agent)
    task, other = await _taken_over(cluster, agent, one)
    before = await other.ledger.events(task.id)
    agent.let_through("gate 1")  # what follows is on its way to the store when it comes back
    await quiet()
    await one.thaw()
    await one.ledger.until_late()
    await quiet()
    same(await other.ledger.events(task.id), before)
    same((said(await one.get(task)), agent.begun), ("by 2", 2))
    same(await other.run_state(task), None)
    return task, other
