"""A store that takes no writes for a while: work goes on afterwards, nothing is doubled. Ours."""

from __future__ import annotations

from itertools import product

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import Unavailable
from interloom.runtime.model import TaskState
from interloom.runtime.testing.agents import result
from interloom.runtime.testing.engine_agents import Scripted, asks, gather, stops
from interloom.runtime.testing.engine_house import COLD_S, Cluster, said, words
from interloom.runtime.testing.promise import refusal, same

_COMMITS = 7
"""Of a journey, the one that creates the task left out."""


async def _journey(agent: Scripted, task: TaskContext) -> str:
    async def do(step: str) -> None:
        await task.step(step, agent.step(step))

    await task.status("setting out")
    await do("pack")
    await task.artifact(*result("half-way"))
    await gather(task, lambda: do("walk"), lambda: do("sing"))
    await task.status("arriving")
    return "arrived"


async def a_run_whose_commits_fail_goes_on_and_says_nothing_twice(cluster: Cluster) -> None:
    """Whichever commit it is, and however often; also when two fail that are side by side."""
    ids = ["submitted", "started", "status/1", "artifact/result/1", "status/2"]
    for after, times in product(range(_COMMITS), (1, 2, 3)):
        agent = Scripted(_journey)
        process = await cluster.start(agent.agent)
        process.ledger.fail(times, after=1 + after)
        task = await process.over(await process.begin())
        same(process.ledger.refused, times)
        same((task.status.state, said(task)), (TaskState.COMPLETED, "arrived"))
        events = await process.ledger.events(task.id)
        same([each.id for each in events], [*ids, "finished/1", "finished"])
        same(set((await process.ledger.journal(task.id)).steps), {"pack", "1.1/walk", "1.2/sing"})
        same(await process.run_state(task), None)
        await process.kill()


async def a_message_that_cannot_be_stored_begins_nothing(cluster: Cluster) -> None:
    """It may be sent again."""
    agent = Scripted(_journey)
    process = await cluster.start(agent.agent)
    process.ledger.fail()
    await refusal(Unavailable, process.send("begin", message_id="trouble-1"))
    same((len(await process.ledger.runs()), agent.begun), (0, 0))
    same(said(await process.send("begin", message_id="trouble-1")), "arrived")


async def an_answer_that_cannot_be_stored_leaves_the_question(cluster: Cluster) -> None:
    """It may be sent again."""
    process = await cluster.start(Scripted(asks).agent, warm_s=COLD_S)
    task = await process.send("begin")
    await process.until_parked(task)
    process.ledger.fail()
    await refusal(Unavailable, process.send("blue", task, message_id="trouble-2"))
    same((await process.get(task)).status.state, TaskState.INPUT_REQUIRED)
    task = await process.send("blue", task, message_id="trouble-2")
    same((said(task), words(task)[-1]), ("blue", "blue"))


async def a_run_that_cannot_be_parked_is_parked_later(cluster: Cluster) -> None:
    """Until then it waits as it is."""
    process = await cluster.start(Scripted(asks).agent, warm_s=COLD_S)
    process.ledger.fail(3, after=2)
    task = await process.send("begin")
    await process.until_parked(task)
    same(process.ledger.refused, 3)
    same(said(await process.send("blue", task)), "blue")


async def a_cancel_that_cannot_be_stored_changes_nothing(cluster: Cluster) -> None:
    """The agent works on, and nobody ever saw the task canceled; it may be repeated."""
    agent = Scripted(stops)
    process = await cluster.start(agent.agent)
    task, other = await process.begin(), await process.begin()
    await agent.until("gate", 2)
    for each in (task, other):
        process.ledger.fail()
        await refusal(Unavailable, process.cancel(each))
        same((await process.get(each)).status.state, TaskState.WORKING)
    same((await process.cancel(other)).status.state, TaskState.CANCELED)
    agent.let_through("gate")
    same(said(await process.over(task)), "done")
