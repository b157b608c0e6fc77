"""An agent asks; the task waits, for a second or across a crash; an answer lets it go on."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest
from anyio.lowlevel import checkpoint

from interloom.agents import Context, agent
from interloom.runtime.core.questions import MARKER
from interloom.runtime.errors import BadParams, UnsupportedOperation
from interloom.runtime.ledger.rows import RunState
from interloom.runtime.model import ListTasksRequest, Message, TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.pair import World
from interloom.runtime.values import Json
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import (
    collect,
    message,
    open_questions,
    question,
    result,
    send,
    state,
)

ASKING = TaskState.INPUT_REQUIRED
BAGS: dict[str, Json] = {"type": "integer", "minimum": 0, "maximum": 3}


@agent()
async def porter(ctx: Context) -> str:
    """Asks for a number."""
    bags = await ctx.ask("How many bags?", BAGS)
    return f"{ctx.text}: {bags}"


class Diary:
    """An agent that does a step, asks, and does another; it counts what is done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.agent = agent(name="diary")(self.work)

    async def work(self, ctx: Context) -> str:
        """Works."""
        first = await ctx.step("first", lambda: self.step("first"))
        answer = await ctx.ask("Go on?")
        second = await ctx.step("second", lambda: self.step("second"))
        return f"{first}, {answer}, {second}"

    async def step(self, name: str) -> Json:
        self.done.append(name)
        return f"{name} {len(self.done)}"


async def test_question_is_seen_everywhere(stage: Stage) -> None:
    """DESIGN 5: GetTask, ListTasks and streams show it; A2A 11.7: the message's stream ends."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        events = await collect(client.stream(message("room 1")))
        assert events[0].task is not None
        fetched = await client.get(events[0].task.id)
        listed = await client.list(ListTasksRequest(status=ASKING))
        async with aclosing(client.subscribe(fetched.id)) as watching:
            snapshot = (await anext(watching)).task

    last = events[-1].status_update
    assert last is not None
    assert last.status == fetched.status == listed.tasks[0].status
    assert snapshot == fetched
    assert (fetched.status.state, question(fetched)) == (
        ASKING,
        "How many bags?\n   answer — 0 to 3",
    )
    assert open_questions(fetched) == {
        "question": {
            "message": "How many bags?",
            "mode": "form",
            "schema": {"type": "object", "properties": {"answer": BAGS}, "required": ["answer"]},
        }
    }
    assert fetched.status.message is not None
    assert fetched.status.message.parts[1].metadata == {MARKER: True}


ANSWERS = {
    "plain text": message("2"),
    "JSON text, by field": message('{"answer": 2}'),
    "JSON text, by question": message('{"answers": {"question": {"content": {"answer": 2}}}}'),
    "data, by field": message(data={"answer": 2}),
    "data, by question": message(
        data={"answers": {"question": {"action": "accept", "content": {"answer": 2}}}}
    ),
    "data, by question, in short": message(data={"question": 2}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_answer_completes_the_task(stage: Stage, answer: Message) -> None:
    """DESIGN 5: a data part by key, JSON text, or plain text for a single field."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        task = await send(client, "room 1")
        done = await send(client, answer.model_copy(update={"task_id": task.id}))

    assert result(done) == "room 1: 2"
    said = [each.parts[0].text for each in done.history]
    assert said[:2] == ["room 1", question(task)]


@pytest.mark.parametrize("word", ["/decline", "decline", "/cancel"])
async def test_declined_question_rejects_the_task(stage: Stage, word: str) -> None:
    """DESIGN 5 and `Context.ask`: an uncaught refusal ends the task, in words."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        task = await send(client, "room 1")
        done = await send(client, message(word, task=task))

    assert done.status.state is TaskState.REJECTED
    assert question(done) == "The caller declined to answer."


WRONG = {
    "too many": (message("7"), "answer: the answer is greater than the maximum of 3."),
    "no number": (message("several"), "answer: must be a whole number."),
    "no such question": (
        message(data={"answers": {"nobody": 2}}),
        "answers.nobody: no such question is open; open: question.",
    ),
    "no such field": (
        message(data={"question": {"bags": 2}}),
        'question: "answer" is a required property.',
    ),
}


@pytest.mark.parametrize(("answer", "reason"), WRONG.values(), ids=WRONG)
async def test_wrong_answer_keeps_waiting_with_the_reason(
    stage: Stage, answer: Message, reason: str
) -> None:
    """DESIGN 5: checked before the task leaves INPUT_REQUIRED; the right one still completes."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        task = await send(client, "room 1")
        refused = await send(client, answer.model_copy(update={"task_id": task.id}))
        done = await send(client, message("2", task=task))

    assert refused.status.state is ASKING
    assert question(refused).splitlines()[0] == reason
    assert open_questions(refused) == open_questions(task)
    assert result(done) == "room 1: 2"


async def test_subscriber_watches_a_task_through_its_question(stage: Stage) -> None:
    """A2A 3.1.6: a subscription ends with the task, not with a question."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        task = await send(client, "room 1")
        async with aclosing(client.subscribe(task.id)) as watching:
            await anext(watching)
            await send(client, message("9", task=task))
            await send(client, message("3", task=task))
            seen = [state(each) for each in await collect(watching)]

    assert seen == [ASKING, TaskState.WORKING, None, TaskState.COMPLETED]


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_answer_after_a_disaster_finds_the_waiting_agent(
    stage: Stage, disaster: Disaster
) -> None:
    """DESIGN 4: a waiting task is rows; a completed step is never run again."""
    diary = Diary()
    async with stage.play(diary.agent) as world:
        client = stage.client(world, "diary")
        asked = await send(client, "begin")
        await disaster(world)
        waiting = await client.get(asked.id)
        done = await send(client, message("yes", task=asked))
        await disaster(world)
        kept = await client.get(asked.id)

    assert waiting == asked
    assert result(done) == "first 1, yes, second 2"
    assert kept == done
    assert diary.done == ["first", "second"]


async def test_parked_agent_is_woken_by_the_answer(stage: Stage) -> None:
    """DESIGN 4: after its warm time only rows are left of a waiting agent."""
    diary = Diary()
    async with stage.play(diary.agent, settings=Settings(warm_s=0.0, grace_s=1.0)) as world:
        client = stage.client(world, "diary")
        asked = await send(client, "begin")
        await parked(world)
        done = await send(client, message("yes", task=asked))
        assert await world.ledger.runs() == []

    assert result(done) == "first 1, yes, second 2"
    assert diary.done == ["first", "second"]


async def parked(world: World) -> None:
    """Wait until every run is parked; parking tells nobody, so we look."""
    with anyio.fail_after(5):
        while [each.state for each in await world.ledger.runs()] != [RunState.PARKED]:
            await checkpoint()


async def test_answer_that_arrives_twice_counts_once(stage: Stage) -> None:
    """A2A 3.3.1: a repeated messageId changes nothing."""
    diary = Diary()
    async with stage.play(diary.agent) as world:
        client = stage.client(world, "diary")
        asked = await send(client, "begin")
        answer = message("yes", task=asked)
        done = await send(client, answer)
        await world.crash()
        again = await send(client, answer)

    assert again == done
    assert diary.done == ["first", "second"]


async def test_answer_in_another_context_is_refused(stage: Stage) -> None:
    """A2A 3.4.3: a contextId beside a taskId must be the task's; nothing moves."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        asked = await send(client, "room 1")
        with pytest.raises(BadParams) as refusal:
            await send(client, message("2", task=asked).model_copy(update={"context_id": "else"}))
        after = await client.get(asked.id)

    assert [each.field for each in refusal.value.violations] == ["message.contextId"]
    assert after == asked


async def test_waiting_task_can_be_canceled(stage: Stage) -> None:
    """A2A 3.1.5: and its question with it."""
    async with stage.play(porter) as world:
        client = stage.client(world, "porter")
        asked = await send(client, "room 1")
        canceled = await client.cancel(asked.id)
        with pytest.raises(UnsupportedOperation):
            await send(client, message("2", task=asked))
        assert await world.ledger.runs() == []

    assert canceled.status.state is TaskState.CANCELED
