"""Everybody who watches a task sees the same. Source: A2A 1.0.1 sections 3.1.6, 3.5.2; ours."""

from __future__ import annotations

import anyio

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.model import SubscribeToTaskRequest
from interloom.runtime.testing.engine_agents import Scripted, ask, stops
from interloom.runtime.testing.engine_house import Cluster, Process, drink
from interloom.runtime.testing.promise import same
from interloom.runtime.wire.streams import Numbering


async def _ask_thrice(_: Scripted, task: TaskContext) -> str:
    said = list[str]()
    for number in range(1, 4):
        said.append(await ask(task, f"ask/{number}"))
        await task.status(f"heard {said[-1]}")
    return " ".join(said)


async def subscribers_see_the_same_events_in_the_same_order(cluster: Cluster) -> None:
    """However many there are."""
    process = await cluster.start(Scripted(_ask_thrice).agent)
    await _follow_all(process, process, process)


async def subscribers_of_two_processes_see_the_same_events(cluster: Cluster) -> None:
    """Whichever of them works on the task, and whichever is spoken to."""
    agent = Scripted(_ask_thrice)
    one, other = await cluster.start(agent.agent), await cluster.start(agent.agent)
    await _follow_all(one, other, one)


async def _follow_all(*processes: Process) -> None:
    task = await processes[0].send("begin")
    known = len(await processes[0].ledger.events(task.id))
    seen = list[list[bytes]]()

    async def follow(process: Process, begun: anyio.Event) -> None:
        seen.append(await process.follow(task, begun))

    async with anyio.create_task_group() as group:
        for process in processes:
            begun = anyio.Event()
            group.start_soon(follow, process, begun)
            await begun.wait()
        for word, process in zip("abc", processes, strict=True):
            await process.send(word, task)
    events = await processes[0].ledger.events(task.id, after=known)
    stored = [each.response(task.id, task.context_id) for each in events]
    same(seen, [stored] * len(processes))
    same(b"TASK_STATE_COMPLETED" in stored[-1], True)


async def a_stream_that_broke_goes_on_at_a_process_that_is_behind(cluster: Cluster) -> None:
    """docs/streams.md: numbers are the same everywhere, and what one showed is no news there."""
    agent = Scripted(_ask_thrice)
    one, other = await cluster.start(agent.agent), await cluster.start(agent.agent)
    task = await one.send("begin")
    wanted = SubscribeToTaskRequest(id=task.id)
    async with other.operations.subscribe(other.caller, wanted):
        for word in "abc":
            await one.send(word, task)
        events = await one.ledger.events(task.id)
        stored = [each.response(task.id, task.context_id) for each in events]
        for after in reversed(range(len(events) + 1)):
            caller = other.caller._replace(numbering=Numbering(after))
            async with other.operations.subscribe(caller, wanted) as stream:
                same(await drink(stream), stored[after:])


async def a_process_that_could_not_read_an_event_shows_it_later(cluster: Cluster) -> None:
    """Also when it is the last one of its task, after which no other comes."""
    agent = Scripted(stops)
    one, other = await cluster.start(agent.agent), await cluster.start()
    other.caller = one.caller
    task = await one.begin()
    await agent.until("gate")
    seen, begun = list[bytes](), anyio.Event()

    async def follow() -> None:
        seen.extend(await other.follow(task, begun))

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        await begun.wait()
        other.ledger.blind = 3
        agent.let_through("gate")
    same((b"TASK_STATE_COMPLETED" in seen[-1], other.ledger.blind), (True, 0))
