"""A task that waits is rows, and an answer brings it back. Source: DESIGN section 4 (ours)."""

from __future__ import annotations

import anyio
import orjson

from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import UnsupportedOperation
from interloom.runtime.ledger.rows import PutSignal, RunState, Write
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.agents import FIELD
from interloom.runtime.testing.engine_agents import Scripted, ask, asks, gather
from interloom.runtime.testing.engine_house import (
    COLD_S,
    Cluster,
    Process,
    quiet,
    said,
    until,
    words,
)
from interloom.runtime.testing.promise import same
from interloom.runtime.testing.tapped import parks


def _is_signal(write: Write) -> bool:
    return isinstance(write, PutSignal)


async def _ask_twice(_: Scripted, task: TaskContext) -> str:
    return f"{await ask(task, 'ask/1', 'First?')} {await ask(task, 'ask/2', 'Second?')}"


async def _parked(cluster: Cluster, agent: Scripted) -> tuple[Process, Task]:
    """A process, and a task of it that is rows."""
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    task = await process.send("begin")
    await process.until_parked(task)
    return process, task


async def a_task_that_waits_is_rows_and_no_coroutine(cluster: Cluster) -> None:
    """So that ten thousand of them cost next to nothing."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    await quiet()
    before = len(anyio.get_running_tasks())
    tasks = [await process.send("begin") for _ in range(5)]
    for task in tasks:
        await process.until_parked(task)
    while len(anyio.get_running_tasks()) > before:  # one may be at its last words, or look around
        await quiet()
    states = [(await process.get(task)).status.state for task in tasks]
    same(states, [TaskState.INPUT_REQUIRED] * 5)


async def a_quick_answer_costs_no_second_beginning(cluster: Cluster) -> None:
    """A run that waits is kept warm for a while."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent)
    task = await process.send("begin")
    same(await process.run_state(task), RunState.ACTIVE)
    same((said(await process.send("blue", task)), agent.begun), ("blue", 1))


async def an_answer_wakes_a_parked_run(cluster: Cluster) -> None:
    """Again and again; each time the journal carries it to where it was."""
    agent = Scripted(_ask_twice)
    process, task = await _parked(cluster, agent)
    same(said(await process.send("red", task)).splitlines()[0], "Second?")
    await process.until_parked(task)
    same((said(await process.send("blue", task)), agent.begun), ("red blue", 3))
    same(await process.run_state(task), None)


async def an_answer_that_comes_while_the_run_is_parked_is_not_slept_through(
    cluster: Cluster,
) -> None:
    """The row says parked, and the process does not know yet."""
    agent = Scripted(asks)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    gate = process.ledger.hold_back(parks)
    task = await process.send("begin")
    await process.ledger.until(parks)
    async with anyio.create_task_group() as group:
        group.start_soon(process.send, "blue", task)
        await process.ledger.until(_is_signal)
        gate.set()
    same(said(await process.get(task)), "blue")


async def an_answer_that_comes_before_the_run_is_parked_keeps_it_from_that(
    cluster: Cluster,
) -> None:
    """The answer is stored, and only then the row that was to park the run."""
    agent = Scripted(asks)
    one, other = await cluster.start(agent.agent, warm_s=COLD_S), await cluster.start()
    other.caller = one.caller
    gate = one.ledger.stop(parks)
    task = await one.send("begin")
    await one.ledger.until_stopped()
    async with anyio.create_task_group() as group:
        group.start_soon(other.send, "blue", task)
        await other.ledger.until(_is_signal)
        gate.set()
    same(said(await one.over(task)), "blue")


async def an_answer_given_while_nobody_is_at_work_is_found_later(cluster: Cluster) -> None:
    """A process without the agent takes it, and ends."""
    agent = Scripted(asks)
    process, task = await _parked(cluster, agent)
    caller = process.caller
    await process.kill()
    stranger = await cluster.start()
    stranger.caller = caller
    async with anyio.create_task_group() as group:
        group.start_soon(stranger.send, "blue", task)
        await stranger.ledger.until(_is_signal)
        group.cancel_scope.cancel()
    await stranger.kill()
    same(said(await (await cluster.start(agent.agent)).over(task)), "blue")


async def an_answer_that_does_not_fit_leaves_the_task_waiting(cluster: Cluster) -> None:
    """It asks again, with the reason, and nobody is woken for it."""
    agent = Scripted(asks)
    process, task = await _parked(cluster, agent)
    again = await process.send('{"answers": {"nothing": 1}}', task)
    same(again.status.state, TaskState.INPUT_REQUIRED)
    same(said(again).startswith("answers.nothing: no such question is open"), True)
    same((await process.run_state(task), agent.begun), (RunState.PARKED, 1))
    same(said(await process.send("blue", task)), "blue")


async def the_first_of_two_answers_stands_and_the_other_is_kept(cluster: Cluster) -> None:
    """The second finds no open question: it joins the history."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        word = await ask(task, "ask/1")
        await agent.stop_at("answered")
        return word

    agent = Scripted(work)
    process, task = await _parked(cluster, agent)
    async with anyio.create_task_group() as group:
        group.start_soon(process.send, "first", task)
        group.start_soon(process.send, "second", task)
        await agent.until("answered")
        await quiet()
        agent.let_through("answered")
    task = await process.get(task)
    same(sorted(words(task)[-2:]), ["first", "second"])
    same(said(task), words(task)[-2])  # whichever the store had first


async def several_questions_are_answered_in_any_order(cluster: Cluster) -> None:
    """One message each, the last question first; the run ends with all of them."""

    async def work(_: Scripted, task: TaskContext) -> str:
        heard = dict[int, str]()

        async def branch(number: int) -> None:
            heard[number] = await ask(task, task.key("ask"), f"Word {number}?")

        await gather(task, lambda: branch(1), lambda: branch(2), lambda: branch(3))
        return " ".join(heard[number] for number in sorted(heard))

    process, task = await _parked(cluster, Scripted(work))
    for name, word in (("question-3", "c"), ("question", "a"), ("question-2", "b")):
        answer = {"answers": {name: {"action": "accept", "content": {FIELD: word}}}}
        task = await process.send(orjson.dumps(answer).decode(), task)
    same(said(await process.over(task)), "a b c")


async def a_run_is_not_parked_while_a_step_is_under_way(cluster: Cluster) -> None:
    """That would lose the step; it is parked once the step is stored."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        async def step() -> None:
            await task.step("work", lambda: _stop(agent))

        heard = list[str]()

        async def question() -> None:
            heard.append(await ask(task, "ask/1"))

        await gather(task, step, question)
        return heard[0]

    async def _stop(agent: Scripted) -> None:
        await agent.stop_at("step")

    agent = Scripted(work)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    task = await process.send("begin")
    await agent.until("step")
    await quiet()
    same(await process.run_state(task), RunState.ACTIVE)
    agent.let_through("step")
    await process.until_parked(task)
    same((said(await process.send("blue", task)), agent.ran), ("blue", ["step"]))


async def a_parked_task_is_left_alone_by_a_restart(cluster: Cluster) -> None:
    """Ten thousand of them must not be begun again for nothing."""
    agent = Scripted(asks)
    process, task = await _parked(cluster, agent)
    await process.kill()
    process = await cluster.start(agent.agent)
    await quiet()
    same((await process.run_state(task), agent.begun), (RunState.PARKED, 1))
    same(process.ledger.written, [])


async def a_task_that_waits_outlives_every_process(cluster: Cluster) -> None:
    """Warm or parked, its question stands, and its answer is taken."""
    agent = Scripted(_ask_twice)
    process = await cluster.start(agent.agent)
    task = await process.send("begin")
    await process.kill()
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    same(said(await process.get(task)).splitlines()[0], "First?")
    await process.send("red", task)
    await process.until_parked(task)
    await process.kill()
    process = await cluster.start(agent.agent)
    same(said(await process.send("blue", task)), "red blue")


async def an_answer_at_another_process_reaches_the_warm_run(cluster: Cluster) -> None:
    """It goes on where it is."""
    agent = Scripted(asks)
    one, other = await cluster.start(agent.agent), await cluster.start(agent.agent)
    task = await one.send("begin")
    same(said(await other.send("blue", task)), "blue")
    same((said(await one.get(task)), agent.begun), ("blue", 1))


async def an_answer_at_another_process_wakes_the_parked_run(cluster: Cluster) -> None:
    """By turns; the first one is not needed any more."""
    agent = Scripted(_ask_twice)
    one, task = await _parked(cluster, agent)
    other = await cluster.start(agent.agent, warm_s=COLD_S)
    await other.send("red", task)
    await other.until_parked(task)
    await one.drain()
    same(said(await other.send("blue", task)), "red blue")


async def the_first_of_two_answers_at_two_processes_stands(cluster: Cluster) -> None:
    """The other joins the history, or finds the task over."""
    agent = Scripted(asks)
    one, task = await _parked(cluster, agent)
    other = await cluster.start(agent.agent, warm_s=COLD_S)
    refused = list[Exception]()

    async def answer(process: Process, word: str) -> None:
        try:
            await process.send(word, task)
        except UnsupportedOperation as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(answer, one, "blue")
        group.start_soon(answer, other, "green")
    ended = await one.over(task)
    same(said(ended) in {"blue", "green"}, True)
    messages = [each for each in await one.ledger.events(task.id) if each.message]
    same(len(messages) + len(refused), 3)  # the beginning, and both answers


async def an_answer_at_another_process_reaches_a_run_that_does_not_wait_for_it_yet(
    cluster: Cluster,
) -> None:
    """A run that is begun again may be far from its question when the answer comes."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        if agent.begun > 1:
            await agent.stop_at("gate")
        return await ask(task, "ask/1")

    agent = Scripted(work)
    one = await cluster.start(agent.agent)
    task = await one.send("begin")
    await one.kill()
    two = await cluster.start(agent.agent)
    await agent.until("gate")
    desk = await cluster.start()
    desk.caller = two.caller
    two.ledger.unreadable = 2
    task = await desk.begin("blue", task)
    await until(lambda: two.ledger.unreadable == 0)
    agent.let_through("gate")
    same(said(await desk.over(task)), "blue")
