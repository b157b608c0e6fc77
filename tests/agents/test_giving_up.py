"""A question nobody waits on any more is withdrawn; one that outlives its run is not."""

from __future__ import annotations

import anyio
import pytest

from interloom.agents import Context
from interloom.runtime.model import TaskState
from interloom.runtime.values import Json
from tests.agents.made import made
from tests.journeys.desk import Desk, book
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

ASKING, WORKING = TaskState.INPUT_REQUIRED, TaskState.WORKING


class Hesitant:
    """An agent that asks until its patience ends, then works until it may finish.

    Attributes:
        patience: One scope a run; cancelling it is the end of the patience.
        finish: Set to let it end.
    """

    def __init__(self) -> None:
        self.patience: list[anyio.CancelScope] = []
        self.finish = anyio.Event()
        self.agent = made(self.work)

    async def work(self, ctx: Context) -> str:
        return str(await self.asked(ctx, "Which?"))

    async def asked(self, ctx: Context, text: str) -> Json:
        with anyio.CancelScope() as scope:
            self.patience.append(scope)
            return await ctx.ask(text)
        await self.finish.wait()
        return "whatever"


async def test_task_works_on_when_its_agent_gives_up_on_an_answer(stage: Stage) -> None:
    """Ours: what shows INPUT_REQUIRED waits for an answer; a late one joins the history."""
    hesitant = Hesitant()
    async with stage.play(hesitant.agent) as world:
        client = stage.client(world, "it")
        task = await send(client, "go")
        hesitant.patience[0].cancel()
        task = await until(client, task, WORKING)
        late = await send(client, message("red", task=task), AT_ONCE)
        hesitant.finish.set()
        done = await until(client, task, TaskState.COMPLETED)

    assert late.status.state is WORKING
    assert result(done) == "whatever"
    assert [each.parts[0].text for each in done.history] == ["go", "Which?\n   answer", "red"]


async def test_questions_of_others_stay_open_when_one_is_withdrawn(stage: Stage) -> None:
    hesitant = Hesitant()

    async def it(ctx: Context) -> Json:
        return await ctx.gather(hesitant.asked(ctx, "First?"), ctx.ask("Second?"))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await until(client, await send(client, "go"), ASKING, questions=2)
        hesitant.patience[0].cancel()
        task = await until(client, task, ASKING, questions=1)
        hesitant.finish.set()
        done = await send(client, message("two", task=task))

    assert question(task) == "Second?\n   answer"
    assert done.artifacts[0].parts[0].data == ["whatever", "two"]


async def test_failure_beside_a_question_withdraws_it(stage: Stage) -> None:
    """`Context.gather`: the others are cancelled, and what they asked goes with them."""
    fail, finish = anyio.Event(), anyio.Event()

    async def fails() -> Json:
        await fail.wait()
        raise LookupError

    async def it(ctx: Context) -> str:
        try:
            await ctx.gather(ctx.ask("Which?"), ctx.ask("And?"), fails())
        except LookupError:
            await finish.wait()
        return "alone"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await until(client, await send(client, "go"), ASKING, questions=2)
        fail.set()
        await until(client, task, WORKING)
        finish.set()
        assert result(await until(client, task, TaskState.COMPLETED)) == "alone"


async def test_question_of_a_tool_is_withdrawn_with_its_call(stage: Stage) -> None:
    finish, patience = anyio.Event(), list[anyio.CancelScope]()

    async def it(ctx: Context) -> str:
        with anyio.CancelScope() as scope:
            patience.append(scope)
            return (await ctx.tool("flights", "book", {})).text
        await finish.wait()
        return "no flight"

    desk = Desk(book=book)
    async with desk.open() as tools, stage.play(made(it), tools=tools) as world:
        client = stage.client(world, "it")
        task = await send(client, "go")
        patience[0].cancel()
        await until(client, task, WORKING)
        finish.set()
        assert result(await until(client, task, TaskState.COMPLETED)) == "no flight"

    assert len(desk.calls) == 1


async def test_withdrawn_question_is_put_again_when_the_agent_is_run_again(stage: Stage) -> None:
    """Ours: nobody can know whether its patience would end again, so the question is put."""
    hesitant = Hesitant()
    async with stage.play(hesitant.agent) as world:
        client = stage.client(world, "it")
        task = await send(client, "go")
        for number in range(2):
            hesitant.patience[number].cancel()
            await until(client, task, WORKING)
            await world.crash()
            task = await until(client, task, ASKING)
        done = await send(client, message("red", task=task))
        events = [each.id.partition("~") for each in await world.ledger.events(task.id)]

    assert result(done) == "red"
    assert [(name, rest[8:]) for name, mark, rest in events if mark] == [
        ("ask/1", ""),
        ("withdrawn/ask/1", ""),
        ("ask/1", "/2"),
        ("withdrawn/ask/1", "/2"),
        ("ask/1", "/3"),
    ]


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_question_outlives_the_run_that_asked_it(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 4: dropping a run's coroutine is not giving up."""

    async def it(ctx: Context) -> Json:
        return await ctx.gather(ctx.ask("First?"), ctx.ask("Second?"))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await until(client, await send(client, "go"), ASKING, questions=2)
        await disaster(world)
        events = [each.id for each in await world.ledger.events(task.id)]
        assert len(open_questions(await client.get(task.id))) == 2

    assert not [each for each in events if each.startswith("withdrawn/")]
