"""A run goes on in another process when its own is gone. Source: DESIGN section 4 (ours)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.ledger.rows import MoveTask
from interloom.runtime.model import TaskState
from interloom.runtime.testing.engine_agents import Scripted, asks, stops
from interloom.runtime.testing.engine_house import COLD_S, Cluster, Process, quiet, said
from interloom.runtime.testing.promise import same


async def _two_steps(agent: Scripted, task: TaskContext) -> str:
    await task.status("setting out")
    first = await task.step("first", agent.step("first", "there"))
    await agent.stop_at(f"gate {agent.begun}")
    second = await task.step("second", agent.step("second", "and back"))
    await task.status("arriving")
    return f"{first} {second}"


async def the_run_of_a_killed_process_goes_on_in_another(cluster: Cluster) -> None:
    """What it completed is not run again."""
    await _goes_on(cluster, Process.kill)


async def _goes_on(cluster: Cluster, end: Callable[[Process], Awaitable[None]]) -> None:
    agent = Scripted(_two_steps)
    agent.let_through("gate 2")
    one, other = await cluster.start(agent.agent), await cluster.start(agent.agent)
    task = await one.begin()
    await agent.until("gate 1")
    await end(one)
    same(said(await other.over(task)), "there and back")
    same(agent.ran, ["first", "gate 1", "gate 2", "second"])


async def a_stream_goes_on_through_a_failover_without_gap_or_repeat(cluster: Cluster) -> None:
    """Whoever watches the task at another process does not notice."""
    agent = Scripted(_two_steps)
    agent.let_through("gate 2")
    one, other = await cluster.start(agent.agent), await cluster.start(agent.agent)
    task = await one.begin()
    await agent.until("gate 1")
    seen, begun = list[bytes](), anyio.Event()

    async def follow() -> None:
        seen.extend(await other.follow(task, begun))

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        await begun.wait()
        await one.kill()
    events = await other.ledger.events(task.id)
    ids = ["submitted", "started", "status/1", "status/2", "finished/1", "finished"]
    same([each.id for each in events], ids)
    stored = [each.response(task.id, task.context_id) for each in events]
    same(seen, stored[-len(seen) :])
    same(len(seen) >= len(ids) - ids.index("status/2"), True)


async def a_process_whose_clock_is_wrong_takes_nothing_from_anybody(cluster: Cluster) -> None:
    """Leases and times to wake are the store's, whatever the clock of a process says."""
    agent, asker = Scripted(_two_steps), Scripted(asks, "asker")
    agents = agent.agent, asker.agent
    one = await cluster.start(*agents)
    other = await cluster.start(*reversed(agents), warm_s=COLD_S)
    other.clock.advance(86_400)
    task = await one.begin()
    await agent.until("gate 1")
    asked = await other.send("begin")
    await other.until_parked(asked)  # after which it looks for runs that nobody works on
    same(said(await other.send("blue", asked)), "blue")
    agent.let_through("gate 1")
    same((said(await one.over(task)), agent.begun), ("there and back", 1))


async def the_runs_of_a_drained_process_go_on_at_once_elsewhere(cluster: Cluster) -> None:
    """It hands them back: nobody waits for a lease to run out."""
    await _goes_on(cluster, Process.drain)


async def a_parked_run_of_a_killed_process_is_woken_in_another(cluster: Cluster) -> None:
    """It was nobody's already."""
    agent = Scripted(asks)
    one, other = await cluster.start(agent.agent, warm_s=COLD_S), await cluster.start(agent.agent)
    task = await one.send("begin")
    await one.until_parked(task)
    await one.kill()
    same((said(await other.send("blue", task)), agent.begun), ("blue", 2))


async def a_woken_run_of_an_agent_that_only_the_other_has_goes_on_there(cluster: Cluster) -> None:
    """Who takes the answer need not be able to work with it."""
    agent = Scripted(asks)
    one, stranger = await cluster.start(agent.agent, warm_s=COLD_S), await cluster.start()
    stranger.caller = one.caller
    task = await one.send("begin")
    await one.until_parked(task)
    same(said(await stranger.send("blue", task)), "blue")


async def a_task_that_ends_every_process_is_begun_so_often_and_fails(cluster: Cluster) -> None:
    """Else it would end them for ever; the caller is told why."""
    agent = Scripted(stops)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    for number in range(1, MAX_ATTEMPTS + 1):
        await agent.until_begun(number)
        await agent.until("gate", number)
        await process.kill()
        process = await cluster.start(agent.agent)
    ended = await process.over(task)
    same(ended.status.state, TaskState.FAILED)
    same(said(ended), f"The agent was begun {MAX_ATTEMPTS} times and never got any further.")
    same((agent.begun, await process.run_state(task)), (MAX_ATTEMPTS, None))


async def a_message_meanwhile_does_not_keep_a_task_from_being_given_up(cluster: Cluster) -> None:
    """What was decided on a task that moved on is decided anew; its run is not forgotten."""
    agent = Scripted(stops)
    process, desk = await cluster.start(agent.agent), await cluster.start()
    desk.caller = process.caller
    task = await process.begin()
    for number in range(1, MAX_ATTEMPTS):
        await agent.until("gate", number)
        await process.kill()
        process = await cluster.start(agent.agent)
    await agent.until("gate", MAX_ATTEMPTS)
    last = await cluster.start(agent.agent)
    gate = last.ledger.stop(lambda write: isinstance(write, MoveTask))
    await process.kill()
    await last.ledger.until_stopped()
    await desk.begin("Still there?", task)
    gate.set()
    same((await desk.over(task)).status.state, TaskState.FAILED)


async def a_task_that_gets_further_each_time_is_never_given_up(cluster: Cluster) -> None:
    """Attempts count from where the run last got anywhere."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        for number in range(agent.begun):
            await task.step(f"{number}", agent.step("step"))
        await agent.stop_at("gate")
        return "done"

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    times = MAX_ATTEMPTS + 2
    for number in range(1, times + 1):
        await agent.until("gate", number)
        await process.kill()
        process = await cluster.start(agent.agent)
    agent.let_through("gate")
    same(said(await process.over(task)), "done")
    same(agent.ran.count("step"), times + 1)


async def a_task_that_waits_is_never_given_up(cluster: Cluster) -> None:
    """Restarts while a person thinks are no attempts, however many there are."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent)
    task = await process.send("begin")
    for number in range(2, MAX_ATTEMPTS + 3):
        await process.kill()
        process = await cluster.start(agent.agent)
        await agent.until_begun(number)
    await quiet()
    same(said(await process.send("blue", task)), "blue")
