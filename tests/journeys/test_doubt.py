"""Killed between a call's intent and its answer: nobody knows whether the tool has run."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from interloom.agents import Context, ToolResult, agent
from interloom.bridges.handoff import Repeat
from interloom.runtime.client import A2AClient
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import CallState, PutCall, Write
from interloom.runtime.model import Task, TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.pair import World
from interloom.runtime.values import JsonObject
from tests.journeys.desk import SEATS, STATE, Desk, Seen, asks, form, says
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

ASKING = TaskState.INPUT_REQUIRED
INTERRUPTED = (
    "The call to book was interrupted before its answer arrived, so it may or may not have taken"
    " effect. What should happen?"
)
COLD = Settings(warm_s=0.0, grace_s=1.0)


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Books a flight."""
    flight = await ctx.tool("flights", "book", {"destination": ctx.text})
    return f"Booked: {flight.text}"


class Stuck:
    """A tool that hangs for its first calls and then answers.

    Attributes:
        desk: The server it is on.
        arrived: Set by each call that hangs; renewed by `crash`.
    """

    def __init__(self, times: int = 1) -> None:
        self.desk = Desk(book=self.book)
        self.arrived = anyio.Event()
        self._left = times

    async def book(self, seen: Seen) -> JsonObject:
        """Hangs, then books."""
        if self._left:
            self._left -= 1
            self.arrived.set()
            await anyio.sleep_forever()
        return says(f"call {len(self.desk.calls)}")

    async def crash(self, world: World) -> None:
        """Kill the runtime while a call hangs."""
        await self.arrived.wait()
        self.arrived = anyio.Event()
        await world.crash()


@asynccontextmanager
async def interrupted(
    stage: Stage, stuck: Stuck, repeat: Repeat = Repeat.ASK
) -> AsyncGenerator[tuple[World, A2AClient, Task]]:
    """A task whose only tool call was under way when the runtime was killed and came back."""
    async with (
        stuck.desk.open(repeat=repeat) as tools,
        stage.play(concierge, tools=tools) as world,
    ):
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await stuck.crash(world)
        yield world, client, task


async def test_uncertain_call_becomes_a_question(stage: Stage) -> None:
    """DESIGN 4: never a silent repeat; the person is told what is not known."""
    stuck = Stuck()
    async with interrupted(stage, stuck) as (world, client, task):
        asked = await until(client, task, ASKING)
        journal = await world.ledger.journal(task.id)

    assert question(asked).splitlines() == [
        f"flights asks: {INTERRUPTED}",
        "   decision — one of: call it again, it worked, give up",
        "   result (what the tool answered, if it worked and you know)",
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


async def test_policy_always_repeats_without_asking(stage: Stage) -> None:
    """DESIGN 4: the operator said that repeating is safe."""
    stuck = Stuck(times=2)
    async with interrupted(stage, stuck, Repeat.ALWAYS) as (world, client, task):
        await stuck.crash(world)
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: call 3"


async def test_policy_never_fails_without_asking(stage: Stage) -> None:
    """DESIGN 4: the operator said that repeating is not safe, and asking not wanted."""
    stuck = Stuck()
    async with interrupted(stage, stuck, Repeat.NEVER) as (_, client, task):
        done = await until(client, task, TaskState.FAILED)

    assert question(done) == "The call to book of flights was interrupted and not repeated."
    assert len(stuck.desk.calls) == 1


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
