"""What was completed is not done again; what the code reaches anew, is. Source: DESIGN 4 (ours)."""

from __future__ import annotations

import anyio
import orjson

from interloom.runtime.core.record import Product
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.rows import PutStep
from interloom.runtime.testing.agents import FIELD
from interloom.runtime.testing.engine_agents import Scripted, ask, asks, gather
from interloom.runtime.testing.engine_house import COLD_S, Cluster, said, words
from interloom.runtime.testing.promise import same
from interloom.runtime.values import Json


async def a_completed_step_is_not_run_again(cluster: Cluster) -> None:
    """Whatever became of the process: its result comes from the journal."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        found = await task.step("work", agent.step("worked", 42))
        await agent.stop_at("gate")
        return str(found)

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("gate")
    await process.kill()
    agent.let_through("gate")
    same(said(await (await cluster.start(agent.agent)).over(task)), "42")
    same((agent.begun, agent.ran), (2, ["worked", "gate", "gate"]))


async def an_interrupted_step_is_run_again_and_only_that(cluster: Cluster) -> None:
    """Nobody knows how far it got: its result was not stored."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        async def second() -> int:
            await agent.stop_at("second")
            return len(agent.ran)

        await task.step("first", agent.step("first"))
        return str(await task.step("second", second))

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("second")
    await process.kill()
    agent.let_through("second")
    same(said(await (await cluster.start(agent.agent)).over(task)), "3")
    same(agent.ran, ["first", "second", "second"])


async def steps_side_by_side_are_told_apart_by_their_names(cluster: Cluster) -> None:
    """What was completed in one order is found in another."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        found = dict[str, Json]()

        async def step(name: str) -> None:
            async def inside() -> str:
                await agent.stop_at(name)
                return f"{name}{agent.begun}"

            found[name] = await task.step(name, inside)

        async with anyio.create_task_group() as group:
            for name in ("a", "b", "c") if agent.begun == 1 else ("c", "b", "a"):
                group.start_soon(step, name)
        return " ".join(str(found[name]) for name in sorted(found))

    agent = Scripted(work)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    for name in ("a", "b", "c"):
        await agent.until(name)
    agent.let_through("b")
    await process.ledger.until(lambda write: isinstance(write, PutStep) and write.key == "b")
    await process.kill()
    agent.let_through("a")
    agent.let_through("c")
    same(said(await (await cluster.start(agent.agent)).over(task)), "a2 b1 c2")


async def branches_keep_their_places_whichever_gets_ahead(cluster: Cluster) -> None:
    """A branch finds what it did itself, whichever was quicker before."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        heard = dict[str, str]()

        async def branch(name: str) -> None:
            await agent.stop_at(name)
            heard[name] = await ask(task, task.key("ask"), f"{name}?")

        await gather(task, lambda: branch("left"), lambda: branch("right"))
        return f"{heard['left']} {heard['right']}"

    agent = Scripted(work)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    agent.let_through("right")
    task = await process.send("begin")  # the right one was first to ask
    agent.let_through("left")
    await process.until_parked(task)
    answer = {"question": {"action": "accept", "content": {FIELD: "one"}}}
    await process.send(orjson.dumps({"answers": answer}).decode(), task)
    await process.until_parked(task)
    same(said(await process.send("two", task)), "two one")


async def a_run_that_is_begun_again_says_nothing_twice(cluster: Cluster) -> None:
    """Statuses, questions and results are told apart by their keys."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        await task.status("before")
        await task.artifact(Product.of_text("log", f"begun {agent.begun}"))
        word = await ask(task, "ask/1")
        await task.status("after")
        return word

    agent = Scripted(work)
    process = await cluster.start(agent.agent, warm_s=COLD_S)
    task = await process.send("begin")
    await process.until_parked(task)
    same(said(await process.send("blue", task)), "begun 1\nblue")
    same(agent.begun, 2)
    events = await process.ledger.events(task.id)
    same([event.seq for event in events], list(range(1, len(events) + 1)))
    # An ask's id goes on with a digest of what was asked.
    ids = [each.id.partition("~")[0] for each in events if not each.id.startswith("message/")]
    before, after = ["submitted", "started", "status/1", "artifact/log/1"], ["status/2"]
    same(ids, [*before, "ask/1", *after, "finished/1", "finished"])
    same(words(await process.get(task)), ["begin", "Which?\n   answer", "blue"])


async def a_step_that_is_new_in_the_code_is_run_on_waking(cluster: Cluster) -> None:
    """A task that waits meets newer code: names count, not places."""

    async def old(agent: Scripted, task: TaskContext) -> str:
        await task.step("kept", agent.step("kept"))
        return await ask(task, "ask/1")

    async def new(agent: Scripted, task: TaskContext) -> str:
        await task.step("added", agent.step("added"))
        await task.step("kept", agent.step("kept"))
        return await ask(task, "ask/1")

    same(await _deployed(cluster, Scripted(old), after := Scripted(new)), "blue")
    same(after.ran, ["added"])


async def a_step_that_is_gone_from_the_code_is_left_alone(cluster: Cluster) -> None:
    """Its result stays in the journal, and hinders nobody."""

    async def old(agent: Scripted, task: TaskContext) -> str:
        await task.step("gone", agent.step("gone"))
        return await ask(task, "ask/1")

    same(await _deployed(cluster, Scripted(old), Scripted(asks)), "blue")


async def a_question_that_is_another_in_newer_code_fails_the_task(cluster: Cluster) -> None:
    """The answer to one must not be taken for the other's, so the task ends and says why."""

    async def old(_: Scripted, task: TaskContext) -> str:
        return await ask(task, "ask/1", "Delete the draft?")

    async def new(_: Scripted, task: TaskContext) -> str:
        return await ask(task, "ask/1", "Delete everything?")

    told = await _deployed(cluster, Scripted(old), Scripted(new))
    same(told.startswith("ask/1: another question than when the agent ran before"), True)


async def _deployed(cluster: Cluster, old: Scripted, new: Scripted) -> str:
    """What becomes of a task that waits while its agent's code is exchanged, and is answered."""
    process = await cluster.start(old.agent, warm_s=COLD_S)
    task = await process.send("begin")
    await process.until_parked(task)
    await process.drain()
    process = await cluster.start(new.agent)
    await process.send("blue", task)
    return said(await process.over(task))
