"""A task that waits for a time is rows, and the time brings it back. Ours (DESIGN section 4).

Where the time is the store's, a nap is long enough for a process to be killed in it.
"""

from __future__ import annotations

from typing import Final

from interloom.runtime.core.questions import Question
from interloom.runtime.engine.asking import Overdue
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.ledger.rows import PutStep, RunState
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.agents import FIELD, FORM
from interloom.runtime.testing.engine_agents import Scripted, ask, gather
from interloom.runtime.testing.engine_house import (
    COLD_S,
    LIMIT_S,
    WARM_S,
    Cluster,
    Process,
    quiet,
    said,
    words,
)
from interloom.runtime.testing.promise import same
from interloom.runtime.testing.tapped import parks

NAP_S: Final = 0.4
LONG_S: Final = 86_400.0
"""Nobody waits for that."""


async def _asleep(cluster: Cluster, agent: Scripted) -> tuple[Process, Task]:
    """A process, and a task of it that has become rows to wait for a time."""
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    task = await process.begin()
    await process.ledger.until(parks)
    return process, task


def _sleeper(*naps: float) -> Scripted:
    """Sleeps, one time after the other, and notes after each that it is awake."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        for seconds in naps:
            await task.sleep(task.key("sleep"), seconds)
            agent.ran.append("awake")
        return f"begun {agent.begun}"

    return Scripted(work)


async def a_short_sleep_is_waited_for(cluster: Cluster) -> None:
    """Beginning again would cost more."""
    process = await cluster.start(_sleeper(0.01).agent)
    same(said(await process.send("begin")), "begun 1")


async def a_long_sleep_is_rows_and_wakes_by_itself(cluster: Cluster) -> None:
    """No coroutine waits for the time to come."""
    process, task = await _asleep(cluster, _sleeper(NAP_S))
    same((await process.get(task)).status.state, TaskState.WORKING)
    await cluster.let_pass(NAP_S)
    same(said(await process.over(task)), "begun 2")


async def a_sleep_goes_on_across_a_restart(cluster: Cluster) -> None:
    """It ends when it was to end from the beginning, however often the agent is begun."""
    agent = _sleeper(NAP_S)
    process, task = await _asleep(cluster, agent)
    await process.kill()
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    await cluster.let_pass(NAP_S)
    same((said(await process.over(task)), agent.ran), ("begun 2", ["awake"]))


async def a_sleep_that_is_kept_warm_goes_on_across_a_restart(cluster: Cluster) -> None:
    """Its end is in the journal from the beginning, and not from when it is parked."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        await task.sleep("sleep/1", NAP_S if agent.begun == 1 else LONG_S)
        agent.ran.append("awake")
        return "done"

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await process.ledger.until(lambda write: isinstance(write, PutStep))
    await process.kill()
    process = await cluster.start(agent.agent)
    await cluster.let_pass(NAP_S)
    await process.over(task)
    same(agent.ran.count("awake"), 1)


async def a_sleep_that_ended_while_nobody_was_there_ends_at_once(cluster: Cluster) -> None:
    """The next process finds that its time has come."""
    agent = _sleeper(NAP_S)
    process, task = await _asleep(cluster, agent)
    await process.kill()
    await cluster.let_pass(NAP_S)
    same(agent.ran, [])
    same(said(await (await cluster.start(agent.agent)).over(task)), "begun 2")


async def a_sleep_that_is_over_is_not_slept_again(cluster: Cluster) -> None:
    """Whatever the agent waits for afterwards, and whatever its code says now."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        await task.sleep("sleep/1", NAP_S if agent.begun == 1 else LONG_S)
        return await ask(task, "ask/1")

    agent = Scripted(work)
    process, task = await _asleep(cluster, agent)
    await cluster.let_pass(NAP_S)
    await process.until(task, TaskState.INPUT_REQUIRED)
    await process.until_parked(task)
    same((said(await process.send("blue", task)), agent.begun), ("blue", 3))


async def the_earliest_of_several_sleeps_wakes_the_run(cluster: Cluster) -> None:
    """The later one sleeps on, as a row again."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        async def nap(seconds: float) -> None:
            await task.sleep(task.key("sleep"), seconds)
            agent.ran.append(f"after {seconds}")

        await gather(task, lambda: nap(LONG_S), lambda: nap(NAP_S))
        return "never"

    agent = Scripted(work)
    process, task = await _asleep(cluster, agent)
    await cluster.let_pass(NAP_S)
    await process.ledger.until(parks, 2)
    await process.until_parked(task)
    same(agent.ran, [f"after {NAP_S}"])


async def a_sleep_beside_a_question_ends_before_its_answer(cluster: Cluster) -> None:
    """The question stays open meanwhile, and is not put twice."""
    agent = _beside(NAP_S)
    process, task = await _asleep(cluster, agent)
    await cluster.let_pass(NAP_S)
    await agent.until("slept")
    same((await process.get(task)).status.state, TaskState.INPUT_REQUIRED)
    same(said(await process.send("blue", task)), "blue")
    asked = [each for each in await process.ledger.events(task.id) if "ask/1" in each.id]
    same(len(asked), 1)


async def an_answer_beside_a_sleep_comes_before_its_end(cluster: Cluster) -> None:
    """The run is rows again for the rest of the time."""
    agent = _beside(LONG_S)
    process, task = await _asleep(cluster, agent)
    await process.begin("blue", task)
    await agent.until("heard blue")
    await process.ledger.until(parks, 2)
    await process.until_parked(task)
    same((await process.get(task)).status.state, TaskState.WORKING)
    same(agent.ran, ["heard blue"])


def _beside(seconds: float) -> Scripted:
    """Sleeps and asks, side by side."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        heard = list[str]()

        async def nap() -> None:
            await task.sleep(task.key("sleep"), seconds)
            agent.ran.append("slept")

        async def question() -> None:
            heard.append(await ask(task, task.key("ask")))
            agent.ran.append(f"heard {heard[0]}")

        await gather(task, nap, question)
        return heard[0]

    return Scripted(work)


async def a_cancel_ends_a_sleep(cluster: Cluster) -> None:
    """Warm or as rows; nothing of it wakes any more."""
    agent = _sleeper(NAP_S)
    for warm_s in (COLD_S, WARM_S):
        process = await cluster.start(agent.agent, warm_s=warm_s)
        task = await process.begin()
        await agent.until_begun(1 if warm_s == COLD_S else 2)
        if warm_s == COLD_S:
            await process.ledger.until(parks)
        same((await process.cancel(task)).status.state, TaskState.CANCELED)
        same(await process.run_state(task), None)
        await process.kill()
    process = await cluster.start(agent.agent)
    await cluster.let_pass(NAP_S)
    await quiet()
    same((agent.begun, len(agent.ran)), (2, 0))


async def a_drain_leaves_a_sleep_to_the_next_process(cluster: Cluster) -> None:
    """It is parked at once, however long the grace time, and not begun for nothing."""
    agent = _sleeper(LONG_S)
    process = await cluster.start(agent.agent, warm_s=2 * LONG_S)
    task = await process.begin()
    await agent.until_begun(1)
    await quiet()
    await process.drain(LIMIT_S)
    same(await process.run_state(task), RunState.PARKED)
    await cluster.start(agent.agent)
    await quiet()
    same(agent.begun, 1)


async def a_task_that_sleeps_again_and_again_is_never_given_up(cluster: Cluster) -> None:
    """That it is begun again is no attempt that failed."""
    times = MAX_ATTEMPTS + 1
    agent = _sleeper(*[0.02] * times)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    task = await process.begin()
    for number in range(1, times + 1):
        await process.ledger.until(parks, number)
        await cluster.let_pass(0.02)
    same(said(await process.over(task)), f"begun {times + 1}")


async def a_sleep_ends_at_whichever_process_is_there(cluster: Cluster) -> None:
    """The one it began at is gone."""
    agent = _sleeper(NAP_S)
    one, other = await cluster.start(agent.agent, warm_s=COLD_S), await cluster.start(agent.agent)
    task = await one.begin()
    await agent.until_begun(1)
    await one.drain(LIMIT_S)
    await cluster.let_pass(NAP_S)
    same((said(await other.over(task)), agent.ran), ("begun 2", ["awake"]))


def _limited(seconds: float) -> Scripted:
    """Asks, waits so long for the answer, and stops for a moment before its last words."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        try:
            asked = [Question("question", "Which?", FORM)]
            (response,) = await task.ask("ask/1", asked, within_s=seconds)
            word = str((response.content or {})[FIELD])
        except Overdue:
            word = "no answer"
        await agent.stop_at(word)
        return word

    return Scripted(work)


async def a_question_is_withdrawn_when_its_time_has_passed(cluster: Cluster) -> None:
    """The agent learns of it, and the task asks nothing any more."""
    agent = _limited(NAP_S)
    process, task = await _asleep(cluster, agent)
    same((await process.get(task)).status.state, TaskState.INPUT_REQUIRED)
    await cluster.let_pass(NAP_S)
    await agent.until("no answer")
    same((await process.get(task)).status.state, TaskState.WORKING)
    agent.let_through("no answer")
    same(said(await process.over(task)), "no answer")


async def an_answer_within_its_time_is_taken(cluster: Cluster) -> None:
    """Nothing happens when the time has passed."""
    agent = _limited(LONG_S)
    agent.let_through("blue")
    process, task = await _asleep(cluster, agent)
    same(said(await process.send("blue", task)), "blue")


async def the_time_of_a_question_passes_while_nobody_is_there(cluster: Cluster) -> None:
    """The next process withdraws it."""
    agent = _limited(NAP_S)
    agent.let_through("no answer")
    process, task = await _asleep(cluster, agent)
    await process.kill()
    await cluster.let_pass(NAP_S)
    same(said(await (await cluster.start(agent.agent)).over(task)), "no answer")


async def an_answer_after_its_time_is_none_however_often_the_agent_is_begun(
    cluster: Cluster,
) -> None:
    """It joins the history; the agent comes to the same end."""
    agent = _limited(NAP_S)
    process, task = await _asleep(cluster, agent)
    await cluster.let_pass(NAP_S)
    await agent.until("no answer")
    await process.begin("late", task)
    await process.kill()
    agent.let_through("no answer")
    process = await cluster.start(agent.agent)
    task = await process.over(task)
    same((said(task), words(task)[-1]), ("no answer", "late"))
