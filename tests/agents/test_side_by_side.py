"""`ctx.gather`: each branch keeps its own place, whichever gets ahead, however often it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import anyio
import pytest

from interloom.agents import AgentFailed, Context, agent
from interloom.runtime.client import A2AClient
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.pair import PATIENT, World
from interloom.runtime.values import Json, JsonObject
from tests.agents.made import made
from tests.journeys.desk import Desk, Seen, says
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

ASKING = TaskState.INPUT_REQUIRED


def said(answers: Mapping[str, str], task: Task) -> JsonObject:
    """Answers to the open questions that begin with a word."""
    asked = {str(each["message"]): name for name, each in open_questions(task).items()}
    return {
        asked[text]: {"content": {"answer": answer}}
        for word, answer in answers.items()
        for text in asked
        if text.startswith(word)
    }


async def both_asked(client: A2AClient, gate: anyio.Event) -> Task:
    """Let the first branch ask after the second one."""
    task = await send(client, "go")
    assert question(task).startswith("PASSWORD?")
    gate.set()
    return await until(client, task, ASKING, questions=2)


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_answer_reaches_the_branch_that_asked_though_another_is_ahead_today(
    stage: Stage, disaster: Disaster
) -> None:
    """DESIGN 4, decision 0005: steps come back at once, so a replay has an order of its own."""
    gate = anyio.Event()

    async def slow() -> Json:
        await gate.wait()
        return "slow"

    async def it(ctx: Context) -> str:
        async def name() -> Json:
            await ctx.step("before", slow)
            return await ctx.ask("NAME?")

        async def password() -> Json:
            return await ctx.ask("PASSWORD?")

        given = await ctx.gather(name(), password())
        return f"name={given[0]} password={given[1]}"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await both_asked(client, gate)
        await disaster(world)
        answers: JsonObject = {"answers": said({"NAME": "ann", "PASSWORD": "s3cret"}, task)}
        done = await send(client, message(data=answers, task=task))

    assert result(done) == "name=ann password=s3cret"


async def test_keys_of_a_branch_begin_with_its_path(stage: Stage) -> None:
    """Ours: steps, tools, statuses and artifacts of one branch cannot meet those of another."""
    calls: list[str] = []

    async def price(seen: Seen) -> JsonObject:
        calls.append(str(seen.meta["io.interloom/idempotencyKey"]).partition("/")[2])
        return says("7")

    async def it(ctx: Context) -> Json:
        async def inner(number: int) -> Json:
            return await ctx.step("same", lambda: given(number))

        async def outer(number: int) -> Json:
            await ctx.tool("flights", "price")
            await ctx.status("on it")
            await ctx.artifact("x", name="log", append=True)
            return await ctx.gather(inner(number), inner(number + 1))

        await ctx.status("first")
        alone = await ctx.step("same", lambda: given(0))
        return [alone, await ctx.gather(outer(10), outer(20)), await ctx.gather(inner(30))]

    async def given(number: int) -> Json:
        return number

    desk = Desk(price=price)
    async with desk.open() as tools, stage.play(made(it), tools=tools) as world:
        done = await send(stage.client(world, "it"), "go")
        events = [each.id for each in await world.ledger.events(done.id)]
        journal = await world.ledger.journal(done.id)

    assert done.artifacts[-1].parts[0].data == [0, [[10, 11], [20, 21]], [30]]
    assert sorted(journal.steps) == [
        "1.1.1.1/step/same",
        "1.1.1.2/step/same",
        "1.2.1.1/step/same",
        "1.2.1.2/step/same",
        "2.1/step/same",
        "step/same",
    ]
    assert sorted(calls) == ["1.1/tool/flights.price/1/0", "1.2/tool/flights.price/1/0"]
    assert {"status/1", "1.1/status/1", "1.2/status/1"} <= set(events)
    assert {"1.1/artifact/log/1", "1.2/artifact/log/1"} <= set(events)


async def test_branch_ends_where_another_agent_begins(stage: Stage) -> None:
    """Ours: a task that is begun from a branch, in the same process, is not within it."""
    worlds, begun = list[World](), list[str]()

    @agent(name="inner")
    async def inner(ctx: Context) -> str:
        begun.append(ctx.task_id)
        await ctx.status("inside")
        return "done"

    async def it(ctx: Context) -> Json:
        async def call() -> str:
            return result(await send(stage.client(worlds[0], "inner"), "go"))

        return [*await ctx.gather(call())]

    async with stage.play(made(it), inner) as world:
        worlds.append(world)
        done = await send(stage.client(world, "it"), "go")
        events = [each.id for each in await world.ledger.events(begun[0])]

    assert done.artifacts[0].parts[0].data == ["done"]
    assert "status/1" in events


# ---- What is asked must be asked again -----------------------------------------------------------


async def test_agent_that_asks_something_else_when_run_again_fails_in_words(stage: Stage) -> None:
    """Ours: the answer to one question must not be taken for that to another."""
    runs: list[int] = []

    async def it(ctx: Context) -> str:
        runs.append(1)
        return str(await ctx.ask(f"Number {len(runs)}?"))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await world.crash()
        failed = await until(client, asked, TaskState.FAILED)

    assert question(failed) == (
        "ask/1: another question than when the agent ran before; its code must ask the same, in"
        " the same order, each time it is run"
    )


async def test_answered_question_must_be_the_same_when_the_agent_runs_again(stage: Stage) -> None:
    """Ours: the schema counts, too; the journal knows what the answer was an answer to."""
    runs: list[int] = []

    async def it(ctx: Context) -> str:
        runs.append(1)
        bags = await ctx.ask("How many?", {"type": "integer", "minimum": len(runs) - 1})
        return f"{bags} {await ctx.ask('Sure?')}"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await send(client, message("2", task=await send(client, "go")))
        assert task.status.state is ASKING
        await world.crash()
        failed = await until(client, task, TaskState.FAILED)

    assert question(failed).startswith("ask/1: another question than when the agent ran before")


# ---- Failures ------------------------------------------------------------------------------------


async def test_failure_of_one_branch_is_raised_as_it_is(stage: Stage) -> None:
    """`Context.gather`: an author catches what was raised, with its cause."""
    causes: list[BaseException | None] = []

    async def fails() -> str:
        raise LookupError("no such flight") from ConnectionError("gone")

    async def it(ctx: Context) -> str:
        try:
            await ctx.gather(anyio.sleep_forever(), fails())
        except LookupError as error:
            causes.append(error.__cause__)
            return str(error)
        return "?"

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert result(done) == "no such flight"
    assert isinstance(causes[0], ConnectionError)


async def test_failures_of_several_branches_are_raised_together(stage: Stage) -> None:
    """`Context.gather`: none is lost."""
    caught: list[BaseException] = []

    async def fails() -> None:
        raise AgentFailed("first")

    async def fails_on_leaving() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise LookupError("second")

    async def it(ctx: Context) -> str:
        try:
            await ctx.gather(fails_on_leaving(), fails())
        except ExceptionGroup as several:
            caught.extend(several.exceptions)
        return "done"

    async with stage.play(made(it)) as world:
        assert result(await send(stage.client(world, "it"), "go")) == "done"

    assert {str(each) for each in caught} == {"first", "second"}


async def test_branch_at_work_is_not_put_down_while_another_waits(stage: Stage) -> None:
    """Ours: a run is parked when all of its branches wait, not when the first of them does."""
    begun, may_end, runs = anyio.Event(), anyio.Event(), list[str]()

    async def works(ctx: Context) -> str:
        runs.append(ctx.text)
        begun.set()
        await may_end.wait()
        return str(await ctx.ask("Second?"))

    async def two(ctx: Context) -> str:
        first, second = await ctx.gather(ctx.ask("First?"), works(ctx))
        return f"{first} and {second}"

    async with stage.play(made(two), settings=replace(PATIENT, warm_s=0.0)) as world:
        client = stage.client(world, "it")
        task = await send(client, "go", AT_ONCE)
        await begun.wait()
        task = await until(client, task, ASKING)
        await send(client, message("one", task=task), AT_ONCE)
        may_end.set()
        task = await until(client, task, ASKING, questions=1)
        assert runs == ["go"]
        done = await send(client, message("two", task=task))

    assert result(done) == "one and two"
