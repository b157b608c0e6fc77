"""Time passes for an agent as for its task: across restarts, by the store's clock.

Ours (DESIGN section 4): a timer is a moment in the journal, so whoever runs the agent next has it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Final, TypeAlias

import anyio
import pytest

from interloom.agents import Context, Unanswered
from interloom.runtime.model import TaskState
from interloom.runtime.testing.pair import World
from interloom.runtime.values import Json
from tests.agents.made import made
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, message, question, result, send, until

ASKING, WORKING = TaskState.INPUT_REQUIRED, TaskState.WORKING
COMPLETED, FAILED = TaskState.COMPLETED, TaskState.FAILED
LATE = timedelta(milliseconds=50)
"""Time in which nobody answers."""


Pause: TypeAlias = Callable[[Context], Awaitable[None]]


class Sleeper:
    """An agent that lets time pass.

    Attributes:
        begun: How often it was run.
    """

    def __init__(self, pause: Pause) -> None:
        self.begun, self._pause = 0, pause
        self.agent = made(self.work)

    async def work(self, ctx: Context) -> str:
        self.begun += 1
        await self._pause(ctx)
        return "rested"


PAUSES: Final[Mapping[str, Pause]] = {
    "seconds": lambda ctx: ctx.sleep(0.05),
    "span": lambda ctx: ctx.sleep(LATE),
    "nothing": lambda ctx: ctx.sleep(0),
    "less than nothing": lambda ctx: ctx.sleep(-1),
    "moment": lambda ctx: ctx.sleep_until(datetime.now(UTC) + LATE),
    "moment that has passed": lambda ctx: ctx.sleep_until(datetime(2020, 1, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize("pause", PAUSES.values(), ids=PAUSES)
async def test_agent_goes_on_when_its_time_has_passed(stage: Stage, pause: Pause) -> None:
    sleeper = Sleeper(pause)
    async with stage.play(sleeper.agent) as world:
        done = await send(stage.client(world, "it"), "go")

    assert result(done) == "rested"
    assert sleeper.begun == 1


@pytest.mark.parametrize("seconds", [inf, -inf, nan])
async def test_time_that_never_ends_fails_the_task_in_words(stage: Stage, seconds: float) -> None:
    sleeper = Sleeper(lambda ctx: ctx.sleep(seconds))
    async with stage.play(sleeper.agent) as world:
        failed = await send(stage.client(world, "it"), "go")

    assert failed.status.state is FAILED
    assert question(failed) == f"{seconds} is no number of seconds to wait"


async def test_moment_without_a_time_zone_fails_the_task_in_words(stage: Stage) -> None:
    sleeper = Sleeper(lambda ctx: ctx.sleep_until(datetime(2030, 1, 1)))  # noqa: DTZ001 - that one
    async with stage.play(sleeper.agent) as world:
        failed = await send(stage.client(world, "it"), "go")

    assert failed.status.state is FAILED
    assert question(failed) == "sleep_until: the moment has no time zone"


async def test_pause_ends_when_it_was_to_end_however_often_the_agent_is_begun(stage: Stage) -> None:
    """A pause that began anew with each process would never end on a bad day."""
    sleeper = Sleeper(lambda ctx: ctx.sleep(0.5))
    async with stage.play(sleeper.agent) as world:
        client = stage.client(world, "it")
        task = await send(client, "go", AT_ONCE)
        ends = await journaled(world, task.id, "until/sleep/1")
        for _ in range(3):
            await world.crash()
        done = await until(client, task, COMPLETED)
        assert await journaled(world, task.id, "until/sleep/1") == ends

    assert result(done) == "rested"
    assert sleeper.begun > 1


class Impatient:
    """An agent whose question has a time limit; then it works until it may finish.

    Attributes:
        finish: Set to let it end.
    """

    def __init__(self) -> None:
        self.finish = anyio.Event()
        self.agent = made(self.work)

    async def work(self, ctx: Context) -> str:
        try:
            return str(await ctx.ask("Which?", within=LATE))
        except Unanswered:
            await self.finish.wait()
            return "whatever"


async def test_question_that_nobody_answers_in_time_is_withdrawn(stage: Stage) -> None:
    """A2A 3.4.2: what shows INPUT_REQUIRED waits; a late word joins the history."""
    impatient = Impatient()
    async with stage.play(impatient.agent) as world:
        client = stage.client(world, "it")
        task = await until(client, await send(client, "go"), WORKING)
        late = await send(client, message("red", task=task), AT_ONCE)
        impatient.finish.set()
        done = await until(client, task, COMPLETED)

    assert late.status.state is WORKING
    assert result(done) == "whatever"
    assert [each.parts[0].text for each in done.history] == ["go", "Which?\n   answer", "red"]


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_question_that_ran_out_is_not_put_again(stage: Stage, disaster: Disaster) -> None:
    """Whoever runs the agent next comes to the same end: it is in the journal."""
    impatient = Impatient()
    async with stage.play(impatient.agent) as world:
        client = stage.client(world, "it")
        task = await until(client, await send(client, "go"), WORKING)
        await disaster(world)
        impatient.finish.set()
        done = await until(client, task, COMPLETED)
        events = [each.id.partition("~")[0] for each in await world.ledger.events(task.id)]

    assert result(done) == "whatever"
    assert [each for each in events if "ask" in each] == ["ask/1", "withdrawn/ask/1"]


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_question_that_is_answered_in_time_has_its_answer(
    stage: Stage, disaster: Disaster
) -> None:
    async def it(ctx: Context) -> str:
        return str(await ctx.ask("Which?", within=timedelta(days=3)))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await send(client, "go")
        await disaster(world)
        done = await until(client, await send(client, message("red", task=task)), COMPLETED)

    assert result(done) == "red"


async def test_task_fails_when_nobody_answers_and_the_agent_does_not_mind(stage: Stage) -> None:
    async def it(ctx: Context) -> str:
        return str(await ctx.ask("Which?", within=0.01))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        failed = await until(client, await send(client, "go"), FAILED)

    assert question(failed) == "The caller did not answer in time."


async def test_time_passes_beside_a_question(stage: Stage) -> None:
    async def nap(ctx: Context) -> Json:
        await ctx.sleep(0.01)
        return "rested"

    async def it(ctx: Context) -> str:
        return ", ".join(map(str, await ctx.gather(nap(ctx), ctx.ask("Which?"))))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await until(client, await send(client, "go"), ASKING)
        done = await until(client, await send(client, message("red", task=task)), COMPLETED)

    assert result(done) == "rested, red"


async def journaled(world: World, task_id: str, key: str) -> bytes:
    """A step's result, once it is there."""
    while (found := (await world.ledger.journal(task_id)).steps.get(key)) is None:
        await anyio.lowlevel.checkpoint()
    return found
