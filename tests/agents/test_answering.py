"""Answers without a task, words at the end, several parts at once, and tasks referred to.

Source: A2A 1.0.1 sections 3.1.1 and 3.7 (a Message for what needs no task), 3.4.3 (references),
4.1.6 (files by value and by address); how an author says them is ours.
"""

from __future__ import annotations

from typing import Final

import anyio
import pytest

from interloom.agents import (
    AgentDefinition,
    AgentRejected,
    Context,
    Finished,
    Message,
    Part,
    agent,
)
from interloom.agents.authoring import ReplyFunction
from interloom.agents.results import outcome
from interloom.runtime.core.record import Outcome
from interloom.runtime.errors import UnsupportedOperation
from interloom.runtime.model import Role, Task, TaskState
from interloom.runtime.values import Json
from tests.agents.made import made
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, message, question, result, send, until

FILES: Final = (
    Part(raw=b"\x00\xff", filename="a.bin", media_type="application/octet-stream"),
    Part(url="https://example.com/b.png", filename="b.png", media_type="image/png"),
)


def porter(reply: ReplyFunction) -> AgentDefinition:
    async def desk(ctx: Context) -> str:
        return f"done: {ctx.text}"

    return agent(reply=reply)(desk)


async def greet(received: Message) -> Json | Part | tuple[Part, ...]:
    match received.parts[0].text:
        case "hello":
            return "Good day."
        case "json":
            return {"a": 1}
        case "files":
            return FILES
        case "no":
            raise AgentRejected("Not here.")
        case _:
            return None


async def test_reply_is_text_json_or_parts_and_none_begins_a_task(stage: Stage) -> None:
    async with stage.play(porter(greet)) as world:
        client = stage.client(world, "desk")
        said = {word: await client.send(message(word)) for word in ("hello", "json", "files")}
        task = await send(client, "work")

    found = {word: each.parts for word, each in said.items() if isinstance(each, Message)}
    assert found["hello"] == (Part(text="Good day."),)
    assert found["json"] == (Part(data={"a": 1}, media_type="application/json"),)
    assert found["files"] == FILES
    assert result(task) == "done: work"


async def test_stream_of_a_reply_is_one_message(stage: Stage) -> None:
    """A2A 3.1.2."""
    async with stage.play(porter(greet)) as world:
        stream = stage.client(world, "desk").stream(message("hello"))
        events = [event async for event in stream]

    (event,) = events
    assert event.message is not None
    assert (event.message.role, event.message.parts[0].text) == (Role.AGENT, "Good day.")


async def test_refusal_reaches_the_caller_in_the_authors_words(stage: Stage) -> None:
    async with stage.play(porter(greet)) as world:
        with pytest.raises(UnsupportedOperation, match="Not here"):
            await stage.client(world, "desk").send(message("no"))


def test_end_may_have_words_beside_its_result() -> None:
    """A2A 3.7."""
    assert outcome(Finished(None, says="That was easy.")) == Outcome((), "That was easy.")
    assert outcome("plain").says == ""


async def test_words_at_the_end_are_the_status(stage: Stage) -> None:
    async def it(ctx: Context) -> Finished:
        return Finished(ctx.text, says="That was easy.")

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")
    assert (result(task), question(task)) == ("go", "That was easy.")


async def test_artifact_may_have_several_parts_and_files_by_value_and_by_address(
    stage: Stage,
) -> None:
    """A2A 4.1.6 and 4.1.7."""

    async def it(ctx: Context) -> None:
        await ctx.artifact(FILES, name="files", last=False)
        await ctx.artifact("and a word", name="files", append=True)

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")
    assert task.artifacts[0].parts == (*FILES, Part(text="and a word"))


async def test_artifact_without_a_part_is_the_authors_mistake(stage: Stage) -> None:
    """A2A 4.1.7: parts are REQUIRED."""

    async def it(ctx: Context) -> None:
        await ctx.artifact(())

    async with stage.play(made(it)) as world:
        task = await send(stage.client(world, "it"), "go")
    assert question(task) == "there must be at least one part"


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_agent_reads_what_a_message_refers_to_as_it_was(
    stage: Stage, disaster: Disaster
) -> None:
    """A2A 3.4.3; the same again after a crash, whatever became of the other task meanwhile."""

    async def it(ctx: Context) -> str:
        tasks = await ctx.referenced()
        if not tasks:
            return f"{ctx.text}, {await ctx.ask('And?')}"
        await ctx.ask("Go on?")
        return ", ".join(f"{task.id}: {task.status.state.name}" for task in tasks)

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        other = await send(client, "other")
        first = message("go").model_copy(update={"reference_task_ids": (other.id,)})
        asked = await send(client, first)
        await send(client, message("over", task=other))
        await disaster(world)
        task: Task = await send(client, message("yes", task=asked))
    assert result(task) == f"{other.id}: INPUT_REQUIRED"


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_agent_hears_what_its_caller_says_while_it_works(
    stage: Stage, disaster: Disaster
) -> None:
    """A2A 3.4.3, follow-up messages; the same again after a crash."""
    working, go_on = anyio.Event(), anyio.Event()

    async def it(ctx: Context) -> str:
        working.set()
        await go_on.wait()
        said = [each.parts[0].text or "" for each in await ctx.history()]
        await ctx.ask("Enough?")
        more = [each.parts[0].text or "" for each in await ctx.history()]
        return f"{', '.join(said)}; {len(more)} in all"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await send(client, "red", AT_ONCE)
        await working.wait()
        await send(client, message("and green", task=task), AT_ONCE)
        go_on.set()
        asked = await until(client, task, TaskState.INPUT_REQUIRED)
        await disaster(world)
        done = await send(client, message("yes", task=asked))
    assert result(done) == "red, and green; 4 in all"
