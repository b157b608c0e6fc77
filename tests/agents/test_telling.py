"""What an author tells on the way, does side by side, and gives back; with crashes in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import cast

import anyio
import orjson
import pytest

from interloom.agents import AgentRejected, Context
from interloom.runtime.client import A2AClient
from interloom.runtime.model import Part, Task, TaskState
from interloom.runtime.values import Json
from tests.agents.made import made
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import collect, message, open_questions, question, send

# ---- status and artifact -------------------------------------------------------------------------


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_what_was_told_is_not_told_twice(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 4: event ids come from keys, so a run that is begun again appends nothing twice."""

    async def it(ctx: Context) -> str:
        await ctx.status("looking")
        await ctx.artifact("a", name="list", last=False)
        await ctx.ask("More?")
        await ctx.artifact("b", name="list", append=True)
        await ctx.status("nearly there")
        return "done"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await disaster(world)
        done = await send(client, message("yes", task=asked))
        events = await world.ledger.events(done.id)

    assert [[part.text for part in each.parts] for each in done.artifacts] == [["a", "b"], ["done"]]
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    assert [each.id for each in events if "status/" in each.id] == ["status/1", "status/2"]


async def test_artifact_can_be_text_json_or_a_part(stage: Stage) -> None:
    """A2A 4.1.6 and 4.2.2."""
    picture = Part(raw=b"\x00\xff", media_type="image/png", filename="p.png")

    async def it(ctx: Context) -> None:
        await ctx.artifact("text", name="t")
        await ctx.artifact({"a": 1}, name="j")
        await ctx.artifact(picture, name="p")
        await ctx.artifact("replaced", name="t")

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")

    assert [(each.artifact_id, each.name, each.parts) for each in task.artifacts] == [
        ("t", "t", (Part(text="replaced"),)),
        ("j", "j", (Part(data={"a": 1}, media_type="application/json"),)),
        ("p", "p", (picture,)),
    ]


async def test_progress_is_streamed_as_it_is_told(stage: Stage) -> None:
    """A2A 4.2.1: WORKING updates that carry a message."""

    async def it(ctx: Context) -> None:
        for number in range(3):
            await ctx.status(f"step {number}")

    async with stage.play(made(it)) as world:
        events = await collect(stage.client(world, "it").stream(message("go")))

    told = [each.status_update.status for each in events if each.status_update]
    texts = [each.message.parts[0].text for each in told if each.message]
    assert texts == ["step 0", "step 1", "step 2"]


# ---- gather --------------------------------------------------------------------------------------


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_questions_asked_side_by_side_wait_together(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 4: results in the order given, whatever the order of the answers."""

    async def it(ctx: Context) -> Json:
        return await ctx.gather(*(ctx.ask(f"Number {n}?", {"type": "integer"}) for n in range(3)))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await _all_asked(client, await send(client, "go"), 3)
        names = list(open_questions(task))
        for place in (2, 0):
            task = await send(client, message(data={names[place]: place * 10}, task=task))
            await disaster(world)
        done = await send(client, message("10", task=task))

    assert names == ["question", "question-2", "question-3"]
    assert done.artifacts[0].parts[0].data == [0, 10, 20]


async def _all_asked(client: A2AClient, task: Task, number: int) -> Task:
    """Wait until so many questions are open."""
    while len(open_questions(task)) < number:
        task = await client.get(task.id)
    return task


async def test_one_failure_cancels_its_neighbours(stage: Stage) -> None:
    """`Context.gather`: and its words reach the caller, not those of a group."""
    ended: list[str] = []

    async def waits() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("waits")
        return ""

    async def refuses() -> str:
        raise AgentRejected("No.")

    async def it(ctx: Context) -> list[Json]:
        return [*await ctx.gather(waits(), refuses())]

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")

    assert (task.status.state, question(task)) == (TaskState.REJECTED, "No.")
    assert ended == ["waits"]


async def test_gathering_nothing_gives_nothing(stage: Stage) -> None:
    async def it(ctx: Context) -> Json:
        answers: list[Json] = await ctx.gather()
        return {"all": answers}

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")

    assert task.artifacts[0].parts[0].data == {"all": []}


# ---- What it gives back --------------------------------------------------------------------------

UNFIT: dict[str, Callable[[], Json]] = {
    "a time": lambda: cast("Json", datetime.now(UTC)),
    "a time inside": lambda: cast("Json", {"at": datetime.now(UTC)}),
    "NaN": lambda: float("nan"),
}


@pytest.mark.parametrize("give", UNFIT.values(), ids=UNFIT)
async def test_result_that_cannot_be_sent_fails_the_task(
    stage: Stage, give: Callable[[], Json]
) -> None:
    """Ours: the task ends in words; it does not stay WORKING, nor take the process down."""

    async def it(ctx: Context) -> Json:
        await ctx.status("soon")
        return give()

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")
        listed = await stage.client(world, "it").list()

    assert task.status.state is TaskState.FAILED
    assert question(task)
    assert [each.status.state for each in listed.tasks] == [TaskState.FAILED]


TELLS: dict[str, Callable[[Context], Awaitable[None]]] = {
    "an artifact": lambda ctx: ctx.artifact(cast("Json", {"at": datetime.now(UTC)})),
    "an artifact nested too deep": lambda ctx: ctx.artifact(orjson.loads("[" * 99 + "]" * 99)),
}


@pytest.mark.parametrize("tell", TELLS.values(), ids=TELLS)
async def test_news_that_cannot_be_sent_fails_the_task(
    stage: Stage, tell: Callable[[Context], Awaitable[None]]
) -> None:
    """Ours: nothing half-told is stored."""

    async def it(ctx: Context) -> None:
        await tell(ctx)

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")
        events = await world.ledger.events(task.id)

    assert task.status.state is TaskState.FAILED
    assert [each.id for each in events] == ["submitted", "started", "failed"]
