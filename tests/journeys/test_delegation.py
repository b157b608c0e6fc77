"""Agents of one process that call each other: results, questions, failures, cancellation, depth.

Source: DESIGN sections 4, 5 and 8 (`ours`); A2A 1.0.1 for what either side sees.
"""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from interloom.agents import (
    AgentFailed,
    AgentRejected,
    Context,
    DelegationFailed,
    Finished,
    Part,
    agent,
)
from interloom.runtime.client import A2AClient
from interloom.runtime.core.trace import read
from interloom.runtime.model import Task, TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.values import JsonObject
from tests.journeys.desk import Desk, Seen, asks, says
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

ASKING = TaskState.INPUT_REQUIRED
COLD = Settings(warm_s=0.0, grace_s=1.0)


@agent(name="hotel")
async def hotel(ctx: Context) -> str:
    """Books a room, after a question."""
    nights = await ctx.ask("How many nights?", {"type": "integer", "minimum": 1})
    return f"{nights} nights in {ctx.text}"


@agent(name="concierge", peers=["hotel"])
async def concierge(ctx: Context) -> str:
    """Has a room booked."""
    room = await ctx.delegate("hotel", ctx.text)
    return f"Booked: {room.text}"


@agent(name="butler", peers=["concierge"])
async def butler(ctx: Context) -> str:
    """Has everything done."""
    return f"Sir, {(await ctx.delegate('concierge', ctx.text)).text}"


async def test_result_is_what_the_other_agent_made(stage: Stage) -> None:
    """DESIGN 8: text, parts, the first data part, the task."""

    @agent(name="hotel")
    async def lists(ctx: Context) -> Finished:
        await ctx.artifact(f"rooms in {ctx.text}", name="words")
        return Finished({"rooms": [4, 5]}, says="done")

    @agent(name="concierge", peers=["hotel"])
    async def reads(ctx: Context) -> str:
        found = await ctx.delegate("hotel", (Part(text="Lisbon"), Part(data={"near": "sea"})))
        return f"{found.text}; {found.structured}; {len(found.parts)}; {len(found.task_id)}"

    async with stage.play(reads, lists) as world:
        done = await send(stage.client(world, "concierge"), "go")

    assert result(done) == "rooms in Lisbon; {'rooms': [4, 5]}; 2; 32"


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_question_climbs_and_its_answer_returns(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 5: with the path, to the exact waiting call, whatever happens in between."""
    async with stage.play(concierge, hotel) as world:
        client = stage.client(world, "concierge")
        asked = await send(client, "Lisbon")
        await disaster(world)
        refused = await send(client, message("none", task=asked))
        await disaster(world)
        done = await send(client, message("3", task=asked))
        listed = (await world.client("hotel").list()).tasks

    assert question(asked).splitlines()[0] == "hotel asks: How many nights?"
    assert asked.status.state is refused.status.state is ASKING
    assert result(done) == "Booked: 3 nights in Lisbon"
    assert len(listed) == 1


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_question_climbs_two_levels(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 5: nested questions, the nearest agent first."""
    async with stage.play(butler, concierge, hotel) as world:
        client = stage.client(world, "butler")
        asked = await send(client, "Lisbon")
        await disaster(world)
        done = await send(client, message("2", task=asked))

    assert question(asked).splitlines()[0] == "concierge > hotel asks: How many nights?"
    assert result(done) == "Sir, Booked: 2 nights in Lisbon"


async def test_rows_alone_wait_and_the_answer_still_finds_its_call(stage: Stage) -> None:
    """DESIGN 4: both agents are parked while a person thinks."""
    async with stage.play(concierge, hotel, settings=COLD) as world:
        client = stage.client(world, "concierge")
        asked = await send(client, "Lisbon")
        done = await send(client, message("3", task=asked))

    assert result(done) == "Booked: 3 nights in Lisbon"


async def test_two_agents_asked_at_once_are_answered_in_reverse_order(stage: Stage) -> None:
    """DESIGN 5: each goes on by itself."""

    @agent(name="concierge", peers=["hotel"])
    async def both(ctx: Context) -> str:
        near, far = await ctx.gather(
            ctx.delegate("hotel", "Lisbon"), ctx.delegate("hotel", "Porto")
        )
        return f"{near.text}, {far.text}"

    async with stage.play(both, hotel) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "go", AT_ONCE)
        asked = await until(client, task, ASKING, questions=2)
        first, second = open_questions(asked)
        still = await send(client, message(data={second: 5}, task=asked))
        done = await send(client, message("3", task=asked))

    assert still.status.state is ASKING
    assert list(open_questions(still)) == [first]
    assert sorted(each[0] for each in result(done).split(", ")) == ["3", "5"]
    assert {each[12:] for each in result(done).split(", ")} == {"Lisbon", "Porto"}


async def test_page_to_be_opened_is_passed_up_as_such(stage: Stage) -> None:
    """A2A 7.6: AUTH_REQUIRED climbs as AUTH_REQUIRED; see tests/peers for agents of others."""

    async def book(seen: Seen) -> JsonObject:
        if seen.answers:
            return says("paid")
        page: JsonObject = {"mode": "url", "message": "Pay", "url": "https://pay.example/1"}
        return asks("s", pay={"method": "elicitation/create", "params": page})

    @agent(name="hotel", tools=["flights"])
    async def pays(ctx: Context) -> str:
        return (await ctx.tool("flights", "book", {})).text

    async with Desk(book=book).open() as tools, stage.play(concierge, pays, tools=tools) as world:
        client = stage.client(world, "concierge")
        asked = await send(client, "Lisbon")
        done = await send(client, message("done", task=asked))

    assert asked.status.state is TaskState.AUTH_REQUIRED
    assert question(asked).splitlines()[0] == "hotel > flights asks: Pay"
    assert result(done) == "Booked: paid"


ENDS = {
    "failed": (AgentFailed("no rooms"), "hotel failed: no rooms", TaskState.FAILED),
    "rejected": (AgentRejected("not here"), "hotel rejected it: not here", TaskState.REJECTED),
}


@pytest.mark.parametrize(("error", "text", "state"), ENDS.values(), ids=ENDS)
async def test_failure_is_an_error_that_an_author_may_catch(
    stage: Stage, error: Exception, text: str, state: TaskState
) -> None:
    """DESIGN 8: the same after a restart."""

    @agent(name="hotel")
    async def breaks(_: Context) -> str:
        raise error

    caught: list[tuple[str, TaskState | None]] = []

    @agent(name="concierge", peers=["hotel"])
    async def copes(ctx: Context) -> str:
        try:
            return (await ctx.delegate("hotel", ctx.text)).text
        except DelegationFailed as failed:
            caught.append((str(failed), failed.state))
            return f"{await ctx.ask('What instead?')} instead"

    async with stage.play(copes, breaks) as world:
        client = stage.client(world, "concierge")
        asked = await send(client, "Lisbon")
        await world.crash()
        done = await send(client, message("a tent", task=asked))

    assert result(done) == "a tent instead"
    assert caught == [(text, state)] * 2


async def test_failure_that_nobody_catches_is_the_callers_failure(stage: Stage) -> None:
    """ours: with the reason, which is for whoever asked."""

    @agent(name="hotel")
    async def breaks(_: Context) -> str:
        raise AgentFailed("no rooms")

    async with stage.play(butler, concierge, breaks) as world:
        done = await send(stage.client(world, "butler"), "Lisbon")

    assert done.status.state is TaskState.FAILED
    assert question(done) == "concierge failed: hotel failed: no rooms"


@pytest.mark.parametrize("settings", [Settings(grace_s=1.0), COLD], ids=["in memory", "parked"])
async def test_cancel_goes_down_through_every_level(stage: Stage, settings: Settings) -> None:
    """DESIGN 5: CancelTask to every child, whether code is running or rows are left."""
    async with stage.play(butler, concierge, hotel, settings=settings) as world:
        client = stage.client(world, "butler")
        asked = await send(client, "Lisbon")
        await client.cancel(asked.id)
        ends: list[TaskState] = []
        for name in ("concierge", "hotel"):
            (listed,) = (await world.client(name).list()).tasks
            gone = await until(world.client(name), listed, TaskState.CANCELED)
            ends.append(gone.status.state)

    assert ends == [TaskState.CANCELED] * 2


async def test_agent_that_changes_its_mind_cancels_what_it_asked_for(stage: Stage) -> None:
    """ours: a time limit around a delegation is a change of mind."""
    started, scopes = anyio.Event(), list[anyio.CancelScope]()

    @agent(name="hotel")
    async def slow(_: Context) -> str:
        started.set()
        await anyio.sleep_forever()
        return ""

    @agent(name="concierge", peers=["hotel"])
    async def fickle(ctx: Context) -> str:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await ctx.delegate("hotel", ctx.text)
        return "never mind"

    async with stage.play(fickle, slow) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await started.wait()
        scopes[0].cancel()
        done = await until(client, task, TaskState.COMPLETED)
        (listed,) = (await world.client("hotel").list()).tasks
        await until(world.client("hotel"), listed, TaskState.CANCELED)

    assert result(done) == "never mind"


async def hears(client: A2AClient, task: Task, text: str) -> bool:
    """Whether a task's stream says something before it ends."""
    async with aclosing(client.subscribe(task.id)) as events:
        async for event in events:
            if text in event.to_json().decode():
                return True
    return False


async def test_status_texts_are_passed_on(stage: Stage) -> None:
    """DESIGN 5: as WORKING updates."""
    told = anyio.Event()

    @agent(name="hotel")
    async def slow(ctx: Context) -> str:
        await ctx.status("calling Lisbon")
        await told.wait()
        return "done"

    async with stage.play(concierge, slow) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        assert await hears(client, task, "hotel: calling Lisbon")
        told.set()
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: done"


async def test_two_agents_that_call_each_other_end_with_a_clear_error(stage: Stage) -> None:
    """ours: eight deep, and the text names them."""

    @agent(name="ping", peers=["pong"])
    async def ping(ctx: Context) -> str:
        return (await ctx.delegate("pong", ctx.text)).text

    @agent(name="pong", peers=["ping"])
    async def pong(ctx: Context) -> str:
        return (await ctx.delegate("ping", ctx.text)).text

    async with stage.play(ping, pong) as world:
        done = await send(stage.client(world, "ping"), "go")
        tasks = [len((await world.client(name).list()).tasks) for name in ("ping", "pong")]

    path = " > ".join(["ping", "pong"] * 4)
    assert done.status.state is TaskState.FAILED
    assert question(done).endswith(f"delegation is 8 agents deep ({path}); no other is called")
    assert tasks == [4, 4]


async def test_trace_goes_down(stage: Stage) -> None:
    """DESIGN 5: one trace id, whoever works."""

    @agent(name="hotel")
    async def traces(ctx: Context) -> str:
        return ctx.trace_id

    trace = read({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    async with stage.play(concierge, traces) as world:
        done = await send(stage.client(world, "concierge"), "Lisbon", trace=trace)

    assert result(done) == "Booked: 0af7651916cd43dd8448eb211c80319c"


async def test_agent_calls_nobody_it_was_not_given(stage: Stage) -> None:
    """ours: the configuration says who may call whom."""

    @agent(name="concierge")
    async def alone(ctx: Context) -> str:
        return (await ctx.delegate("hotel", ctx.text)).text

    async with stage.play(alone, hotel) as world:
        done = await send(stage.client(world, "concierge"), "Lisbon")

    assert question(done) == "this agent has no peer 'hotel'; it has: none"
