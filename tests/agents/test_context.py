"""What `ctx` gives an author, seen by a caller, with crashes in between."""

from __future__ import annotations

from typing import cast

import anyio
import pytest

from interloom.agents import Context, Declined
from interloom.runtime.client import A2AClient
from interloom.runtime.core.trace import Trace
from interloom.runtime.model import Message, Part, Role, TaskState
from interloom.runtime.values import Json, JsonObject
from tests.agents.made import made
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import message, question, result, send

# ---- What it knows -------------------------------------------------------------------------------


async def test_author_sees_the_message_and_the_ids(stage: Stage) -> None:
    """DESIGN 8; the trace of A2A headers is at hand for logs."""
    seen: list[object] = []

    async def it(ctx: Context) -> None:
        seen.extend((ctx.text, ctx.task_id, ctx.context_id, ctx.trace_id, ctx.message.message_id))

    parts = (Part(text="one"), Part(data={"x": 1}), Part(text="two"))
    sent = Message(message_id="m", role=Role.USER, parts=parts)
    async with stage.play(made(it)) as world:
        trace = Trace(f"00-{'a' * 32}-{'1' * 16}-01")
        task = await send(stage.client(world, "it"), sent, trace=trace)

    assert task.status.state is TaskState.COMPLETED
    assert task.artifacts == ()
    assert seen == ["one\ntwo", task.id, task.context_id, "a" * 32, "m"]


# ---- step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_completed_step_is_never_run_again(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 4: completed means that its row is stored."""
    runs: list[str] = []

    async def price() -> Json:
        runs.append("price")
        return {"eur": [1, 2.5, None, True, "é"]}

    async def it(ctx: Context) -> Json:
        found = await ctx.step("price", price)
        await ctx.ask("Take it?")
        again = await ctx.step("price", price)
        return [found, again]

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await disaster(world)
        done = await send(client, message("yes", task=asked))

    expected = {"eur": [1, 2.5, None, True, "é"]}
    assert done.artifacts[0].parts[0].data == [expected, expected]
    assert runs == ["price"]


async def test_step_that_was_interrupted_runs_again(stage: Stage) -> None:
    """DESIGN 4: a step interrupted before its row was stored may run again."""
    begun, runs = anyio.Event(), list[int]()

    async def work() -> Json:
        runs.append(len(runs))
        if len(runs) == 1:
            begun.set()
            await anyio.sleep_forever()
        return runs[-1]

    async def it(ctx: Context) -> Json:
        return await ctx.step("work", work)

    async with stage.play(made(it)) as world:
        client, sent = stage.client(world, "it"), message("go")
        async with anyio.create_task_group() as group:
            group.start_soon(_lost, client, sent)
            await begun.wait()
            await world.crash()
        done = await send(client, sent)

    assert done.artifacts[0].parts[0].data == 1
    assert runs == [0, 1]


async def _lost(client: A2AClient, sent: Message) -> None:
    """Send a message whose answer never arrives."""
    with pytest.raises(Exception, match="closed the connection without an answer"):
        await client.send(sent)


async def test_step_that_raises_is_not_kept(stage: Stage) -> None:
    """Ours: an error is no result; the author may try again under the same key."""
    runs: list[int] = []

    async def work() -> Json:
        runs.append(1)
        if len(runs) == 1:
            raise ConnectionError
        return "ok"

    async def it(ctx: Context) -> str:
        try:
            return f"at once {await ctx.step('work', work)}"
        except ConnectionError:
            return f"then {await ctx.step('work', work)}"

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert result(done) == "then ok"


async def test_step_whose_result_is_not_json_fails_in_words(stage: Stage) -> None:
    """Ours: named by its key."""

    async def work() -> Json:
        return cast("Json", object())

    async def it(ctx: Context) -> Json:
        return await ctx.step("odd", work)

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert done.status.state is TaskState.FAILED
    assert question(done) == (
        "step step/odd: its result is not JSON: Type is not JSON serializable: object"
    )


# ---- ask -----------------------------------------------------------------------------------------

TRIP: JsonObject = {
    "type": "object",
    "properties": {
        "seat": {"type": "string", "oneOf": [{"const": "w", "title": "Window"}]},
        "bags": {"type": "integer", "default": 1},
    },
    "required": ["seat"],
}

ASKED: dict[str, tuple[JsonObject | None, str, Json]] = {
    "text": (None, "the red one", "the red one"),
    "a word that looks like JSON": (None, "7", "7"),
    "a whole number": ({"type": "integer"}, "7", 7),
    "a number": ({"type": "number"}, "2.5", 2.5),
    "yes": ({"type": "boolean"}, "Yes.", True),
    "no": ({"type": "boolean"}, "no", False),
    "a choice": ({"enum": ["red", "blue"]}, "Blue", "blue"),
    "a titled choice": ({"oneOf": [{"const": 1, "title": "Red"}]}, "red", 1),
    "several choices": ({"type": "array", "items": {"enum": ["a", "b", "c"]}}, "a, c", ["a", "c"]),
    "a date": ({"type": "string", "format": "date"}, "2026-11-22", "2026-11-22"),
    "a form": (TRIP, '{"seat": "w"}', {"seat": "w", "bags": 1}),
}


@pytest.mark.parametrize(("schema", "said", "answer"), ASKED.values(), ids=ASKED)
async def test_answer_comes_as_the_schema_says(
    stage: Stage, schema: JsonObject | None, said: str, answer: Json
) -> None:
    """DESIGN 5, MCP client/elicitation, "Requested Schema"."""

    async def it(ctx: Context) -> Json:
        return {"got": await ctx.ask("Which?", schema)}

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        done = await send(client, message(said, task=asked))

    assert [part.data for each in done.artifacts for part in each.parts] == [{"got": answer}]


async def test_refusal_can_be_caught(stage: Stage) -> None:
    """`Context.ask`: Declined is the author's to handle."""

    async def it(ctx: Context) -> str:
        try:
            return str(await ctx.ask("Your age?", {"type": "integer"}))
        except Declined:
            return "never mind"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        done = await send(client, message("/decline", task=asked))

    assert result(done) == "never mind"


BAD_SCHEMAS: dict[str, tuple[JsonObject, str]] = {
    "an unknown type": (
        {"type": "shoe"},
        "field 'answer': type must be one of string, integer, number, boolean, array",
    ),
    "a reference outside": (
        {"type": "string", "$ref": "https://x.test/schema.json"},
        "field 'answer': '$ref' is not supported in a question",
    ),
    "a nested form": (
        {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "object"}}},
        "field 'b': type must be one of string, integer, number, boolean, array",
    ),
}


@pytest.mark.parametrize(("schema", "rule"), BAD_SCHEMAS.values(), ids=BAD_SCHEMAS)
async def test_schema_that_is_no_flat_form_fails_before_anybody_is_asked(
    stage: Stage, schema: JsonObject, rule: str
) -> None:
    """MCP client/elicitation: an agent's questions are held to what a tool's are."""

    async def it(ctx: Context) -> Json:
        return await ctx.ask("Which?", schema)

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert done.status.state is TaskState.FAILED
    assert question(done) == rule
