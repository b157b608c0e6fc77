"""A message begins one task, and its agent is run once. Source: A2A 1.0.1 section 3.3.1; ours."""

from __future__ import annotations

import anyio

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.model import SendMessageConfiguration, Task, TaskState
from interloom.runtime.testing.engine_agents import Scripted, stops
from interloom.runtime.testing.engine_house import Cluster, Process, quiet, request, said
from interloom.runtime.testing.promise import same


async def _echo(_: Scripted, task: TaskContext) -> str:
    return task.text


async def a_message_is_worked_on_once_and_leaves_no_run(cluster: Cluster) -> None:
    """The result is the task's, and nothing is left to be begun again."""
    agent = Scripted(_echo)
    process = await cluster.start(agent.agent)
    task = await process.send("hello")
    same((task.status.state, said(task)), (TaskState.COMPLETED, "hello"))
    same(await process.run_state(task), None)
    await process.kill()
    later = await cluster.start(agent.agent)
    await quiet()
    same((await later.get(task)).status.state, TaskState.COMPLETED)
    same(agent.begun, 1)


async def a_message_sent_again_finds_the_task_it_began(cluster: Cluster) -> None:
    """Also when the agent still works, and when it has finished."""
    agent = Scripted(stops)
    process = await cluster.start(agent.agent)
    first = await process.begin(message_id="start-1")
    await agent.until("gate")
    again = await process.begin(message_id="start-1")
    agent.let_through("gate")
    await process.over(first)
    last = await process.send("begin", message_id="start-1")
    same({again.id, last.id}, {first.id})
    same(agent.begun, 1)


async def one_message_sent_many_times_at_once_begins_one_task(cluster: Cluster) -> None:
    """All callers get that one."""
    agent = Scripted(_echo)
    process = await cluster.start(agent.agent)
    await _send_at_once(agent, process, process)


async def one_message_at_two_processes_begins_one_task(cluster: Cluster) -> None:
    """Whichever stores it first begins it."""
    agent = Scripted(_echo)
    await _send_at_once(agent, await cluster.start(agent.agent), await cluster.start(agent.agent))


async def _send_at_once(agent: Scripted, *processes: Process) -> None:
    begun = list[Task]()

    async def send(process: Process) -> None:
        begun.append(await process.send("hello", message_id="start-2"))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            for process in processes:
                group.start_soon(send, process)
    same(len({task.id for task in begun}), 1)
    same([said(task) for task in begun], ["hello"] * len(begun))
    same(agent.begun, 1)


async def a_task_of_an_unknown_agent_is_left_for_a_process_that_has_it(cluster: Cluster) -> None:
    """It neither fails nor counts as an attempt, whoever took the message."""
    agent = Scripted(_echo)
    stranger = await cluster.start()
    caller = stranger.caller._replace(agent=agent.agent.about.name)
    stranger.caller = caller
    task = await stranger.begin("hello")
    for _ in range(MAX_ATTEMPTS + 1):
        await stranger.kill()
        stranger = await cluster.start()
        await quiet()
        same(stranger.ledger.written, [])
    stranger.caller = caller
    same((await stranger.get(task)).status.state, TaskState.WORKING)
    await stranger.kill()
    process = await cluster.start(agent.agent)
    same(said(await process.over(task)), "hello")


async def what_the_caller_takes_is_known_wherever_the_agent_runs(cluster: Cluster) -> None:
    """A2A 3.2.2: acceptedOutputModes belong to the task, not to the process that took it."""

    async def work(_: Scripted, task: TaskContext) -> str:
        return ", ".join(task.accepted_output_modes)

    agent = Scripted(work)
    desk, _ = await cluster.start(), await cluster.start(agent.agent)
    desk.caller = desk.caller._replace(agent=agent.agent.about.name)
    settings = SendMessageConfiguration(
        accepted_output_modes=("text/plain",), return_immediately=True
    )
    task = await desk.ask_for(request("begin", settings=settings))
    same(said(await desk.over(task)), "text/plain")
