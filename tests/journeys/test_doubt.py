"""Killed between a call's intent and its answer: nobody knows whether the tool has run."""

from __future__ import annotations

from typing import cast

import anyio
import pytest

from interloom.agents import Context, ToolResult, agent
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import CallState, PutCall, Write
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.pair import World
from interloom.runtime.values import JsonObject
from tests.journeys.desk import SEATS, STATE, Desk, Refusal, Seen, asks, form
from tests.journeys.matrix import Stage
from tests.journeys.stuck import Stuck, concierge, interrupted
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

ASKING = TaskState.INPUT_REQUIRED
INTERRUPTED = (
    "The call to book was interrupted before its answer arrived, so it may or may not have taken"
    " effect. What should happen?"
)
COLD = Settings(warm_s=0.0, grace_s=1.0)


async def test_uncertain_call_becomes_a_question(stage: Stage) -> None:
    """DESIGN 4: never a silent repeat; the person is told what is not known."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (world, client, task):
        asked = await until(client, task, ASKING)
        journal = await world.ledger.journal(task.id)

    assert question(asked).splitlines() == [
        f"flights asks: {INTERRUPTED}",
        "   decision — one of: call it again, it worked, give up",
        "   result (what the tool answered, text or JSON, if it worked and you know)",
    ]
    assert list(open_questions(asked)) == ["book-interrupted"]
    assert [row.state for row in journal.calls.values()] == [CallState.IN_DOUBT]
    assert len(stuck.desk.calls) == 1


async def test_call_is_repeated_when_the_person_says_so(stage: Stage) -> None:
    """DESIGN 4: under the same idempotency key, so that the tool can tell."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (_, client, task):
        await until(client, task, ASKING)
        again = message(data={"decision": "call it again"}, task=task)
        done = await send(client, again)

    assert result(done) == "Booked: call 2"
    keys = [each.meta["io.interloom/idempotencyKey"] for each in stuck.desk.calls]
    assert keys == [f"{task.id}/tool/flights.book/1/0"] * 2
    assert stuck.desk.calls[0].wish == stuck.desk.calls[1].wish


async def test_result_the_person_vouches_for_is_taken(stage: Stage) -> None:
    """DESIGN 4: the tool is not called again."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (world, client, task):
        await until(client, task, ASKING)
        worked = message(data={"decision": "it worked", "result": "seat 4A"}, task=task)
        done = await send(client, worked)
        await world.crash()
        kept = await client.get(task.id)

    assert result(done) == "Booked: seat 4A"
    assert kept == done
    assert len(stuck.desk.calls) == 1


WORDS = {"call it again": "Booked: call 2", "it worked: seat 4A": "Booked: seat 4A"}


@pytest.mark.parametrize("words", WORDS)
async def test_plain_words_decide(stage: Stage, words: str) -> None:
    """README, answering questions: a person at a chat window has nothing else."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (_, client, task):
        await until(client, task, ASKING)
        done = await send(client, message(words, task=task))

    assert result(done) == WORDS[words]


SEAT: JsonObject = {"type": "object", "properties": {"seat": {"type": "string"}}}


@agent(name="reader")
async def reader(ctx: Context) -> str:
    """Reads what its tool promises."""
    flight = await ctx.tool("flights", "book", {})
    return str(cast("JsonObject", flight.structured)["seat"])


async def test_result_that_the_tool_would_not_give_is_asked_for_again(stage: Stage) -> None:
    """MCP server/tools "Output Schema": an author relies on it, whoever says the result."""
    stuck = Stuck()
    stuck.desk.listed["book"] = {"outputSchema": {**SEAT, "required": ["seat"]}}
    async with stuck.desk.open() as tools, stage.play(reader, tools=tools) as world:
        client = stage.client(world, "reader")
        task = await send(client, "Lisbon", AT_ONCE)
        await stuck.crash(world)
        await until(client, task, ASKING)
        vague = await send(client, message("it worked: by the window", task=task))
        await world.crash()
        wrong = await send(client, message('it worked: {"row": 4}', task=task))
        done = await send(client, message('it worked: {"seat": "4A"}', task=task))

    assert "The result must be JSON, as the tool promises. The call to book" in question(vague)
    assert "is not as the tool promises" in question(wrong)
    assert [vague.status.state, wrong.status.state] == [ASKING, ASKING]
    assert result(done) == "4A"
    assert len(stuck.desk.calls) == 1


async def test_repeat_whose_state_was_used_up_is_asked_about_again(stage: Stage) -> None:
    """DESIGN 4: the refusal says that the first try has arrived, so its effect may be there."""
    stuck = Stuck()

    async def book(seen: Seen) -> JsonObject:
        if not seen.answers:
            return asks(STATE, seat=form("Window or aisle?", seat=SEATS))
        if len(stuck.desk.calls) > 2:
            raise Refusal(-32602)
        return await stuck.book(seen)

    stuck.desk = desk = Desk(book=book)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        await send(client, message("aisle", task=task), AT_ONCE)
        await stuck.crash(world)
        await until(client, task, ASKING)
        again = await send(client, message("call it again", task=task))
        done = await send(client, message("it worked: seat 4A", task=task))

    assert again.status.state is ASKING
    assert list(open_questions(again)) == ["book-interrupted"]
    assert result(done) == "Booked: seat 4A"
    assert len(desk.calls) == 3


GIVES_UP = {
    "give up": message(data={"decision": "give up"}),
    "decline": message("/decline"),
    "cancel": message("/cancel"),
}


@pytest.mark.parametrize("word", GIVES_UP)
async def test_task_fails_in_words_when_the_person_gives_up(stage: Stage, word: str) -> None:
    """DESIGN 4: and so it does when the person will not decide."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (_, client, task):
        await until(client, task, ASKING)
        done = await send(client, GIVES_UP[word].model_copy(update={"task_id": task.id}))

    assert done.status.state is TaskState.FAILED
    assert question(done) == "The call to book of flights was interrupted and not repeated."
    assert len(stuck.desk.calls) == 1


async def test_doubt_survives_another_crash(stage: Stage) -> None:
    """DESIGN 4: a waiting question is rows."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (world, client, task):
        asked = await until(client, task, ASKING)
        await world.crash()
        still = await client.get(task.id)
        done = await send(client, message(data={"decision": "call it again"}, task=task))

    assert still == asked
    assert result(done) == "Booked: call 2"


async def test_task_in_doubt_can_be_canceled(stage: Stage) -> None:
    """A2A 3.1.5: and the call is not made again, whoever starts next."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (world, client, task):
        await until(client, task, ASKING)
        canceled = await client.cancel(task.id)
        await world.crash()
        still = await client.get(task.id)

    assert canceled.status.state is still.status.state is TaskState.CANCELED
    assert len(stuck.desk.calls) == 1


async def test_second_interruption_is_asked_about_anew(stage: Stage) -> None:
    """DESIGN 4: one permission to repeat is for one repeat."""
    stuck = Stuck(times=2)
    again = message(data={"decision": "call it again"})
    async with interrupted(stage, stuck) as (world, client, task):
        await until(client, task, ASKING)
        await send(client, again.model_copy(update={"task_id": task.id}), AT_ONCE)
        await stuck.crash(world)
        await until(client, task, ASKING)
        calls_before_consent = len(stuck.desk.calls)
        done = await send(client, message(data={"decision": "call it again"}, task=task))

    assert calls_before_consent == 2
    assert result(done) == "Booked: call 3"


async def test_doubt_in_a_later_round_repeats_only_that_round(stage: Stage) -> None:
    """MCP mrtr: the repeated request carries the same answers and the same state."""
    stuck = Stuck()

    async def book(seen: Seen) -> JsonObject:
        if not seen.answers:
            return asks(STATE, seat=form("Window or aisle?", seat=SEATS))
        return await stuck.book(seen)

    stuck.desk = desk = Desk(book=book)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        await send(client, message("aisle", task=task), AT_ONCE)
        await stuck.crash(world)
        await until(client, task, ASKING)
        done = await send(client, message(data={"decision": "call it again"}, task=task))

    assert result(done) == "Booked: call 3"
    first, second, third = desk.calls
    assert second.params == {**third.params, "_meta": second.meta}
    assert third.params["requestState"] == STATE
    assert "inputResponses" not in first.params


async def test_restart_in_good_order_interrupts_a_call_too(stage: Stage) -> None:
    """DESIGN 4: after the grace time a running call is let go of, and is in doubt."""
    stuck = Stuck()
    impatient = Settings(grace_s=0.0)
    async with (
        stuck.desk.open() as tools,
        stage.play(concierge, tools=tools, settings=impatient) as world,
    ):
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await stuck.arrived.wait()
        await world.restart()
        asked = await until(client, task, ASKING)

    assert list(open_questions(asked)) == ["book-interrupted"]


class SlowIntent(MemoryLedger):
    """A store that takes its time over the intent of a call.

    Attributes:
        begun: Set when it has been handed one.
        go: Set to let it be stored.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = anyio.Event(), anyio.Event()

    async def commit(self, *writes: Write) -> None:
        """Stores by and by, whoever still waits for it: so does a thread that writes."""
        with anyio.CancelScope(shield=True):
            if any(isinstance(write, PutCall) for write in writes):
                self.begun.set()
                await self.go.wait()
            await super().commit(*writes)


@agent(name="twofold")
async def twofold(ctx: Context) -> str:
    """Asks, and calls a tool at the same time."""
    answer, flight = await ctx.gather(_asked(ctx), ctx.tool("flights", "book", {}))
    return f"{answer}, {flight}"


async def _asked(ctx: Context) -> ToolResult:
    return ToolResult(structured=await ctx.ask("Which way?"))


async def test_agent_is_not_parked_between_an_intent_and_its_call() -> None:
    """DESIGN 4: parking is no interruption, so it may leave nothing in doubt."""
    slow, desk = SlowIntent(), Desk(book=Stuck(times=0).book)
    stage = Stage(World.client, lambda: slow)
    async with desk.open() as tools, stage.play(twofold, tools=tools, settings=COLD) as world:
        client = stage.client(world, "twofold")
        asked = await send(client, "Lisbon")
        await slow.begun.wait()
        await anyio.wait_all_tasks_blocked()
        slow.go.set()
        done = await send(client, message("north", task=asked))

    assert done.status.state is TaskState.COMPLETED, question(done)
    assert len(desk.calls) == 1
