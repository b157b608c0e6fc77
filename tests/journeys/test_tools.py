"""A tool asks, and its question becomes the task's: the bridge, seen from both ends."""

from __future__ import annotations

from contextlib import AsyncExitStack

import orjson
import pytest
from anyio.lowlevel import checkpoint

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer
from interloom.runtime.core.trace import Trace
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.pair import World
from interloom.runtime.values import JsonObject
from tests.journeys.desk import BAGS, SEATS, STATE, Desk, Seen, asks, book, form, says
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

ASKING = TaskState.INPUT_REQUIRED


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Books a flight."""
    flight = await ctx.tool("flights", "book", {"destination": ctx.text})
    return f"Booked: {flight.text}"


@pytest.mark.parametrize("between", DISASTERS.values(), ids=DISASTERS)
async def test_two_questions_cost_three_calls(stage: Stage, between: Disaster) -> None:
    """MCP 2026-07-28 mrtr; DESIGN 5: n rounds cost n + 1 calls, whatever happens in between."""
    desk = Desk(book=book)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        first = await send(client, "Lisbon")
        await between(world)
        second = await send(client, message("window", task=first))
        await between(world)
        done = await send(client, message("2", task=first))

    assert question(first) == "flights asks: Window or aisle?\n   seat — one of: window, aisle"
    assert question(second) == "flights asks: How many bags?\n   bags — 0 to 3"
    assert result(done) == f"Booked: {STATE}window, 2 bags"
    _three_proper_calls(desk)


def _three_proper_calls(desk: Desk) -> None:
    """MCP mrtr, client rules: same params, state byte for byte, a fresh id a request."""
    assert [each.wish for each in desk.calls] == [
        {"name": "book", "arguments": {"destination": "Lisbon"}}
    ] * 3
    assert [each.params.get("requestState") for each in desk.calls] == [
        None,
        STATE,
        f"{STATE}window",
    ]
    assert [each.answers for each in desk.calls] == [
        {},
        {"seat": {"action": "accept", "content": {"seat": "window"}}},
        {"bags": {"action": "accept", "content": {"bags": 2}}},
    ]
    assert len({str(each.id) for each in desk.calls}) == 3


async def test_state_of_the_server_is_shown_to_nobody(stage: Stage) -> None:
    """DESIGN 5: requestState stays in the ledger."""
    desk = Desk(book=book)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        task = await send(stage.client(world, "concierge"), "Lisbon")
        events = await world.ledger.events(task.id)

    shown = [task.to_json(), *(each.response(task.id, task.context_id) for each in events)]
    assert all(b"p4ss" not in each for each in shown)


async def test_call_is_in_the_ledger_before_its_bytes_leave(stage: Stage) -> None:
    """DESIGN 4: the intent is committed first; the server itself looks, on every round."""
    found: list[tuple[CallState, int]] = []

    async def look(seen: Seen) -> JsonObject:
        (run,) = await world.ledger.runs()
        ((_, row),) = (await world.ledger.journal(run.task_id)).calls.items()
        found.append((row.state, orjson.loads(row.body)["call"]["rounds"]))
        return await book(seen)

    desk = Desk(book=look)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        await send(client, message("aisle", task=task))
        done = await send(client, message("0", task=task))
        journal = await world.ledger.journal(task.id)

    assert done.status.state is TaskState.COMPLETED
    assert found == [(CallState.INTENDED, rounds) for rounds in range(3)]
    assert [row.state for row in journal.calls.values()] == [CallState.DONE]


HEADER = Trace(f"00-{'a' * 32}-{'1' * 16}-01", "vendor=1")
IN_MESSAGE = Trace(f"00-{'b' * 32}-{'2' * 16}-01")


@pytest.mark.parametrize(
    ("header", "metadata", "expected"),
    [
        (HEADER, None, HEADER),
        (None, IN_MESSAGE.carrier(), IN_MESSAGE),
        (HEADER, IN_MESSAGE.carrier(), HEADER),
    ],
    ids=["header", "message metadata", "header before metadata"],
)
async def test_callers_trace_reaches_the_tool(
    stage: Stage, header: Trace | None, metadata: JsonObject | None, expected: Trace
) -> None:
    """DESIGN 5: W3C context goes from A2A headers or message metadata into MCP `_meta`."""
    desk = Desk(book=book)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, message("Lisbon", metadata=metadata), trace=header)
        await world.crash()
        await send(client, message("window", task=task))

    carried = [
        {key: each.meta.get(key) for key in ("traceparent", "tracestate")} for each in desk.calls
    ]
    assert (
        carried
        == [{"traceparent": expected.traceparent, "tracestate": expected.tracestate or None}] * 2
    )


async def test_trace_nobody_sent_is_invented_once(stage: Stage) -> None:
    """Ours: all calls of a task are in one trace, though its messages bring none."""
    desk = Desk(book=book)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        await world.crash()
        await send(client, message("window", task=task))
        await send(client, message("2", task=task))
        await send(client, "Porto")

    traces = [str(each.meta["traceparent"]) for each in desk.calls]
    assert len(traces) == 4
    assert len(set(traces[:3])) == 1
    assert traces[3] != traces[0]


async def both(seen: Seen) -> JsonObject:
    """Asks two things at once."""
    if not seen.answers:
        return asks(
            None, seat=form("Window or aisle?", seat=SEATS), bags=form("How many bags?", bags=BAGS)
        )
    given = {key: answer.get("content") for key, answer in sorted(seen.answers.items())}
    return says(orjson.dumps(given).decode())


ROUND_ANSWERED = {
    "one message": [{"answers": {"seat": "aisle", "bags": {"content": {"bags": 1}}}}],
    "two messages": [{"answers": {"bags": 1}}, {"seat": "aisle"}],
    "two messages, the first half wrong": [
        {"answers": {"bags": 9, "seat": "aisle"}},
        {"bags": 1},
        {"seat": "aisle"},
    ],
}


@pytest.mark.parametrize("said", ROUND_ANSWERED.values(), ids=ROUND_ANSWERED)
async def test_questions_of_one_round_are_independent(stage: Stage, said: list[JsonObject]) -> None:
    """DESIGN 5: answerable in one or several messages; still one retry."""
    desk = Desk(book=both)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        assert list(open_questions(task)) == ["seat", "bags"]
        for data in said[:-1]:
            task = await send(client, message(data=data, task=task))
            assert task.status.state is ASKING
            await world.crash()
        done = await send(client, message(data=said[-1], task=task))

    assert result(done) == 'Booked: {"bags":{"bags":1},"seat":{"seat":"aisle"}}'
    assert len(desk.calls) == 2


@pytest.mark.parametrize("word", ["decline", "cancel"])
async def test_refusal_is_the_servers_to_handle(stage: Stage, word: str) -> None:
    """MCP 2026-07-28 client/elicitation: decline and cancel are answers."""

    async def ask(seen: Seen) -> JsonObject:
        if seen.answers:
            return says(str(seen.answers["seat"]))
        return asks(None, seat=form("Window or aisle?", seat=SEATS))

    desk = Desk(book=ask)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        done = await send(client, message(f"/{word}", task=task))

    assert result(done) == f"Booked: {{'action': '{word}'}}"


async def test_state_alone_is_sent_back_without_a_question(stage: Stage) -> None:
    """MCP mrtr: no inputRequests means only "call again"; DESIGN 5: retried with back-off."""

    async def later(seen: Seen) -> JsonObject:
        state = seen.params.get("requestState")
        return says("now") if state else {"resultType": "input_required", "requestState": STATE}

    desk = Desk(book=later)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        done = await send(stage.client(world, "concierge"), "Lisbon")

    assert result(done) == "Booked: now"
    assert [each.params.get("requestState") for each in desk.calls] == [None, STATE]
    assert "inputResponses" not in desk.calls[1].params


@agent(name="planner")
async def planner(ctx: Context) -> str:
    """Books a flight and a car, side by side."""
    flight, car = await ctx.gather(
        ctx.tool("flights", "ask", {"what": "flight"}), ctx.tool("cars", "ask", {"what": "car"})
    )
    return f"{flight.text} and {car.text}"


async def ask_name(seen: Seen) -> JsonObject:
    """Asks under the same key as its neighbour."""
    if "name" not in seen.answers:
        return asks(None, name=form("Your name?", name={"type": "string"}))
    return says(orjson.dumps(seen.answers["name"]["content"]).decode())


@pytest.mark.parametrize("between", DISASTERS.values(), ids=DISASTERS)
async def test_parallel_calls_get_each_its_own_answer(stage: Stage, between: Disaster) -> None:
    """DESIGN 4: calls are known by name, not by the order of their answers."""
    desks = {"flights": Desk(ask=ask_name), "cars": Desk(ask=ask_name)}
    async with AsyncExitStack() as stack:
        tools: dict[str, ToolServer] = {}
        for name, desk in desks.items():
            tools |= await stack.enter_async_context(desk.open(name))
        world = await stack.enter_async_context(stage.play(planner, tools=tools))
        client = stage.client(world, "planner")
        task = await send(client, "go", AT_ONCE)
        task = await until(client, task, ASKING, questions=2)
        by_source = {str(q["source"]): name for name, q in open_questions(task).items()}
        await between(world)
        await send(client, message(data={by_source["cars"]: "Ada"}, task=task))
        await _done(world, task, "1.2/tool/cars.ask/1")
        await between(world)
        done = await send(client, message("Bob", task=task))

    assert set(by_source.values()) == {"name", "name-2"}
    assert result(done) == '{"name":"Bob"} and {"name":"Ada"}'
    assert [len(desk.calls) for desk in desks.values()] == [2, 2]


async def _done(world: World, task: Task, key: str) -> None:
    """Wait until a call is done; the task asks on meanwhile and tells nobody, so we look."""
    while (await world.ledger.journal(task.id)).calls[key].state is not CallState.DONE:
        await checkpoint()
