"""Prompts and resources of a tool server, got by an agent: once, and across what may happen.

Source: MCP 2026-07-28 server/prompts, server/resources, basic/patterns/mrtr; DESIGN sections 4 and
5 for what is stored and asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import pytest

from interloom.agents import Contents, Context, PromptMessage, agent
from interloom.bridges.handoff import Policy, Repeat
from interloom.bridges.mcp.core.rounds import MAX_ROUNDS
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.values import JsonObject
from tests.journeys.desk import SEATS, STATE, Answer, Desk, Seen, asks, form
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.stuck import Stuck
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until

MENU: Final = "desk://menu/today"
ASKING: Final = TaskState.INPUT_REQUIRED
SEAT: Final = form("Window or aisle?", seat=SEATS)
COLD: Final = Settings(warm_s=0.0, grace_s=1.0)


def prompt(text: str) -> JsonObject:
    """A final `GetPromptResult` of one message."""
    return {"messages": [{"role": "user", "content": {"type": "text", "text": text}}]}


def holds(text: str) -> JsonObject:
    """A final `ReadResourceResult` of one text."""
    return {"contents": [{"uri": MENU, "mimeType": "text/plain", "text": text}]}


@agent(name="reader")
async def greeter(ctx: Context) -> str:
    """Gets a prompt, asks its caller, gets what comes next."""
    found = await ctx.prompt("desk", "greet", {"name": ctx.text})
    said = await ctx.ask("Go on?")
    return f"{found.messages[0].content['text']}, {said}"


@agent(name="reader")
async def waiter(ctx: Context) -> str:
    """Reads a resource, asks its caller."""
    (found,) = await ctx.resource("desk", MENU)
    said = await ctx.ask("Go on?")
    return f"{found.data!s}, {said}"


READERS: Final = {"prompt": (greeter, "greet", prompt), "resource": (waiter, MENU, holds)}
"""An agent that reads, what it reads, and what that is made of."""
Whole: TypeAlias = Callable[[str], JsonObject]


def asking(whole: Whole) -> Answer:
    """Asks for the seat, then for the bags, then answers."""

    async def answer(seen: Seen) -> JsonObject:
        if "bags" in seen.answers:
            return whole(f"{seen.params['requestState']}, {_said(seen, 'bags')} bags")
        if "seat" in seen.answers:
            bags = form("How many bags?", bags={"type": "integer"})
            return asks(f"{STATE}{_said(seen, 'seat')}", bags=bags)
        return asks(STATE, seat=SEAT)

    return answer


def _said(seen: Seen, key: str) -> object:
    content = seen.answers[key]["content"]
    assert isinstance(content, dict)
    return content[key]


# ---- Asked for once ------------------------------------------------------------------------------


async def test_author_gets_the_messages_of_a_prompt(stage: Stage) -> None:
    """schema.ts `GetPromptRequestParams`, `GetPromptResult`; streamable-http: `Mcp-Name`."""
    seen: list[object] = []

    @agent(name="it")
    async def it(ctx: Context) -> None:
        found = await ctx.prompt("desk", "greet", {"name": "Ada"})
        seen.extend((found.description, found.messages))
        await ctx.prompt("desk", "greet")

    async def greet(_: Seen) -> JsonObject:
        return {"description": "Greets.", **prompt("Hello")}

    desk = Desk(greet=greet)
    async with desk.open("desk") as tools, stage.play(it, tools=tools) as world:
        task = await send(stage.client(world, "it"), "go")

    assert task.status.state is TaskState.COMPLETED, question(task)
    assert seen == ["Greets.", (PromptMessage("user", {"type": "text", "text": "Hello"}),)]
    first, second = desk.calls
    assert first.wish == {"name": "greet", "arguments": {"name": "Ada"}}
    assert second.wish == {"name": "greet"}
    assert (first.headers["mcp-method"], first.headers["mcp-name"]) == ("prompts/get", "greet")


async def test_author_gets_the_parts_of_a_resource(stage: Stage) -> None:
    """schema.ts `ReadResourceResult`: text, or bytes in Base64."""
    seen: list[object] = []

    @agent(name="it")
    async def it(ctx: Context) -> None:
        seen.extend(await ctx.resource("desk", MENU))

    async def menu(_: Seen) -> JsonObject:
        parts = [{"uri": f"{MENU}/1", "text": "soup"}, {"uri": f"{MENU}/2", "blob": "AAH/"}]
        return {"contents": [*parts]}

    desk = Desk(**{MENU: menu})
    async with desk.open("desk") as tools, stage.play(it, tools=tools) as world:
        task = await send(stage.client(world, "it"), "go")

    assert task.status.state is TaskState.COMPLETED, question(task)
    assert seen == [Contents(f"{MENU}/1", "", "soup"), Contents(f"{MENU}/2", "", b"\x00\x01\xff")]
    assert desk.calls[0].headers["mcp-method"] == "resources/read"
    assert "io.interloom/idempotencyKey" not in desk.calls[0].meta


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_what_was_read_is_read_from_the_journal(
    stage: Stage, kind: str, disaster: Disaster
) -> None:
    """DESIGN 4: the same value on every run of the code, whatever the server says by then."""
    reader, name, whole = READERS[kind]

    async def count(_: Seen) -> JsonObject:
        return whole(f"version {len(desk.calls)}")

    desk = Desk(**{name: count})
    async with desk.open("desk") as tools, stage.play(reader, tools=tools) as world:
        client = stage.client(world, "reader")
        asked = await send(client, "Ada")
        await disaster(world)
        done = await send(client, message("yes", task=asked))

    assert result(done) == "version 1, yes"
    assert len(desk.calls) == 1


# ---- Asked back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_questions_of_the_server_are_the_tasks(
    stage: Stage, kind: str, disaster: Disaster
) -> None:
    """mrtr: n rounds cost n + 1 requests, and the state comes back as it was; DESIGN 5."""
    reader, name, whole = READERS[kind]
    desk = Desk(**{name: asking(whole)})
    async with (
        desk.open("desk") as tools,
        stage.play(reader, tools=tools, settings=COLD) as world,
    ):
        client = stage.client(world, "reader")
        first = await send(client, "Ada")
        await disaster(world)
        refused = await send(client, message("the roof", task=first))
        second = await send(client, message("aisle", task=first))
        await disaster(world)
        third = await send(client, message("2", task=first))
        done = await send(client, message("yes", task=first))

    assert question(first).startswith("desk asks: Window or aisle?")
    assert list(open_questions(refused)) == ["seat"]
    assert question(second).startswith("desk asks: How many bags?")
    assert question(third).startswith("Go on?")
    assert result(done) == f"{STATE}aisle, 2 bags, yes"
    assert len(desk.calls) == 3
    assert all(each.wish == desk.calls[0].wish for each in desk.calls)


@pytest.mark.parametrize("kind", READERS)
async def test_declined_question_is_told_to_the_server(stage: Stage, kind: str) -> None:
    """client/elicitation "Response Actions": it is the server's to decide what follows."""
    reader, name, whole = READERS[kind]

    async def answer(seen: Seen) -> JsonObject:
        return whole(str(seen.answers["seat"]["action"])) if seen.answers else asks(None, seat=SEAT)

    desk = Desk(**{name: answer})
    async with desk.open("desk") as tools, stage.play(reader, tools=tools) as world:
        client = stage.client(world, "reader")
        asked = await send(client, "Ada")
        await send(client, message("/decline", task=asked))
        done = await send(client, message("yes", task=asked))

    assert result(done) == "decline, yes"


@pytest.mark.parametrize("kind", READERS)
async def test_round_that_asks_nothing_is_sent_again_with_its_state(
    stage: Stage, kind: str
) -> None:
    """mrtr: `requestState` alone; nobody is asked."""
    reader, name, whole = READERS[kind]

    async def answer(seen: Seen) -> JsonObject:
        if "requestState" in seen.params:
            return whole(str(seen.params["requestState"]))
        return {"resultType": "input_required", "requestState": STATE}

    desk = Desk(**{name: answer})
    async with desk.open("desk") as tools, stage.play(reader, tools=tools) as world:
        client = stage.client(world, "reader")
        asked = await send(client, "Ada")
        done = await send(client, message("yes", task=asked))

    assert question(asked).startswith("Go on?")
    assert result(done) == f"{STATE}, yes"
    assert len(desk.calls) == 2


@pytest.mark.parametrize("kind", READERS)
async def test_server_that_asks_for_ever_is_cut_off(stage: Stage, kind: str) -> None:
    """Ours: the same limit on rounds as for a tool."""
    reader, name, _ = READERS[kind]

    async def answer(_: Seen) -> JsonObject:
        return asks(f"round {len(desk.calls)}", more=form("More?", more={"type": "boolean"}))

    desk, answers = Desk(**{name: answer}), 0
    async with desk.open("desk") as tools, stage.play(reader, tools=tools) as world:
        client = stage.client(world, "reader")
        task = await send(client, "Ada")
        while task.status.state is ASKING:
            task, answers = await send(client, message("yes", task=task)), answers + 1

    assert answers == MAX_ROUNDS
    assert question(task).endswith(f"asks for more input after {MAX_ROUNDS} rounds")


async def test_cancel_drops_the_question_of_a_prompt(stage: Stage) -> None:
    """A2A 3.1.5: and nothing is sent any more, whoever starts next."""
    desk = Desk(greet=asking(prompt))
    async with desk.open("desk") as tools, stage.play(greeter, tools=tools) as world:
        client = stage.client(world, "reader")
        asked = await send(client, "Ada")
        await world.crash()
        canceled = await client.cancel(asked.id)

    assert canceled.status.state is TaskState.CANCELED
    assert len(desk.calls) == 1


# ---- No doubt ------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [Policy(), Policy(Repeat.NEVER)], ids=["ask", "never"])
@pytest.mark.parametrize("kind", READERS)
async def test_reading_that_was_interrupted_is_done_again_without_asking(
    stage: Stage, kind: str, policy: Policy
) -> None:
    """Ours: to read twice changes nothing, whatever is said of the server's tools."""
    reader, name, whole = READERS[kind]
    stuck = Stuck()

    async def hang(seen: Seen) -> JsonObject:
        await stuck.book(seen)
        return whole("found")

    stuck.desk = desk = Desk(**{name: hang})
    async with (
        desk.open("desk", policy=policy) as tools,
        stage.play(reader, tools=tools) as world,
    ):
        client = stage.client(world, "reader")
        task = await send(client, "Ada", AT_ONCE)
        await stuck.crash(world)
        await until(client, task, ASKING)
        done = await send(client, message("yes", task=task))
        journal = await world.ledger.journal(task.id)

    assert result(done) == "found, yes"
    assert len(desk.calls) == 2
    assert [row.state for row in journal.calls.values()] == [CallState.DONE]
