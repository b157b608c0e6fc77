"""`ctx.stream`: text that the caller gets while it is made, and gets whole, however it comes.

Source: A2A 1.0.1 section 4.2.2 (`append`, `lastChunk`); what is put together, and what a run that
is begun again does, are ours. Across processes: `runtime.testing.engine_texts`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Final, cast

import anyio
import pytest

from interloom.agents import AgentFailed, Context
from interloom.runtime.model import StreamResponse, TaskState
from interloom.runtime.values import Json
from tests.agents.made import made
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import AT_ONCE, collect, message, question, result, send

WORDS: Final = ["To", "be,", "or", "not", "to", "be,", "that", "is", "the", "question"]


async def hamlet() -> AsyncGenerator[str]:
    for word in WORDS:
        yield word + " "


def pieces(events: list[StreamResponse]) -> list[tuple[str, bool, bool]]:
    """The text, and whether it adds to what was there and ends it, of each piece."""
    updates = [each.artifact_update for each in events if each.artifact_update is not None]
    return [
        (each.artifact.parts[0].text or "", each.append, each.last_chunk)
        for each in updates
        if each.artifact.artifact_id == "speech"
    ]


async def test_words_reach_the_caller_as_few_events_and_one_text(stage: Stage) -> None:
    """Each event costs a commit; a source that does not pause costs one."""

    async def it(ctx: Context) -> str:
        return await ctx.stream("speech", hamlet)

    async with stage.play(made(it)) as world:
        told = pieces(await collect(stage.client(world, "it").stream(message("go"))))

    whole = " ".join(WORDS) + " "
    assert told == [(whole, False, True)]


async def test_first_piece_goes_out_at_once_and_a_pause_holds_nothing_back(stage: Stage) -> None:
    heard = [anyio.Event(), anyio.Event()]

    async def slow() -> AsyncGenerator[str]:
        yield "To be"
        await heard[0].wait()
        yield ", or"
        yield " not"
        await heard[1].wait()
        yield " to be"

    async def it(ctx: Context) -> None:
        await ctx.stream("speech", slow)

    told: list[tuple[str, bool, bool]] = []
    async with (
        stage.play(made(it)) as world,
        aclosing(stage.client(world, "it").stream(message("go"))) as events,
    ):
        async for event in events:
            for piece in pieces([event]):
                told.append(piece)
                if len(told) <= len(heard):
                    heard[len(told) - 1].set()

    assert told == [
        ("To be", False, False),
        (", or not", True, False),
        (" to be", True, True),
    ]


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_whole_text_is_remembered_like_a_step(stage: Stage, disaster: Disaster) -> None:
    begun = list[str]()

    async def once() -> AsyncGenerator[str]:
        begun.append("begun")
        yield "To be"

    async def it(ctx: Context) -> str:
        said = await ctx.stream("speech", once)
        answer = await ctx.ask("Or not?")
        return f"{said} {answer}"

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await disaster(world)
        done = await send(client, message("or not", task=asked))

    assert result(done) == "To be\nTo be or not"
    assert begun == ["begun"]


async def test_texts_of_one_name_replace_one_another(stage: Stage) -> None:
    """They are told apart by their order, as all that `ctx` does."""

    async def it(ctx: Context) -> str:
        first = await ctx.stream("speech", hamlet)
        second = await ctx.stream("speech", lambda: _said("Silence."))
        return f"{len(first)}, {second}"

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert result(done) == f"Silence.\n{len(' '.join(WORDS)) + 1}, Silence."


async def _said(*texts: str) -> AsyncGenerator[str]:
    for text in texts:
        yield text


async def test_text_of_nothing_is_an_empty_one(stage: Stage) -> None:
    """A2A 4.1.7: an artifact has a part."""

    async def it(ctx: Context) -> None:
        assert await ctx.stream("speech", _said) == ""

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert [part.text for part in done.artifacts[0].parts] == [""]


async def test_source_that_fails_raises_its_own_error_and_what_came_stays(stage: Stage) -> None:
    """Not a group of one error, and not before what it said was told."""
    told = anyio.Event()

    async def breaks() -> AsyncGenerator[str]:
        yield "To be"
        await told.wait()
        raise AgentFailed("The model went away.")

    async def it(ctx: Context) -> None:
        await ctx.stream("speech", breaks)

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        begun = await send(client, message("go"), AT_ONCE)
        async with aclosing(client.subscribe(begun.id)) as events:
            async for event in events:
                if pieces([event]) or (event.task is not None and event.task.artifacts):
                    told.set()
        task = await client.get(begun.id)

    assert task.status.state is TaskState.FAILED
    assert question(task) == "The model went away."
    assert [part.text for part in task.artifacts[0].parts] == ["To be"]


WRONG: Final[Mapping[str, tuple[object, str]]] = {
    "number": (7, "a piece must be text, not int"),
    "nothing": (None, "a piece must be text, not NoneType"),
    "half a character": ("\ud800", "a piece holds half a character"),
}


@pytest.mark.parametrize(("piece", "rule"), WRONG.values(), ids=WRONG)
async def test_piece_that_is_no_text_fails_the_task_in_words(
    stage: Stage, piece: object, rule: str
) -> None:
    async def it(ctx: Context) -> None:
        await ctx.stream("speech", lambda: _said("To be", cast("str", piece)))

    async with stage.play(made(it)) as world:
        failed = await send(stage.client(world, "it"), "go")

    assert failed.status.state is TaskState.FAILED
    assert question(failed).startswith(f"stream speech: {rule}")


async def test_cancel_closes_the_source(stage: Stage) -> None:
    """A model that nobody listens to any more costs money."""
    begun, closed = anyio.Event(), anyio.Event()

    async def endless() -> AsyncGenerator[str]:
        try:
            yield "To be"
            begun.set()
            await anyio.sleep_forever()
        finally:
            closed.set()

    async def it(ctx: Context) -> None:
        await ctx.stream("speech", endless)

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        task = await send(client, message("go"), AT_ONCE)
        await begun.wait()
        canceled = await client.cancel(task.id)
        await closed.wait()

    assert canceled.status.state is TaskState.CANCELED


async def test_source_need_not_be_a_generator(stage: Stage) -> None:
    """The streams of model libraries are objects of their own."""

    class Letters:
        def __init__(self, text: str) -> None:
            self._left = list(text)

        def __aiter__(self) -> AsyncIterator[str]:
            return self

        async def __anext__(self) -> str:
            if not self._left:
                raise StopAsyncIteration
            await anyio.lowlevel.checkpoint()
            return self._left.pop(0)

    async def it(ctx: Context) -> str:
        return str(len(await ctx.stream("speech", lambda: Letters("To be"))))

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    assert result(done).split("\n")[-1] == "5"
    assert "".join(part.text or "" for part in done.artifacts[0].parts) == "To be"


async def _late() -> AsyncIterator[str]:
    return _said("To be")


SOURCES: Final[Mapping[str, tuple[Callable[[], object], str]]] = {
    "coroutine": (_late, "coroutine"),
    "list": (lambda: ["To be"], "list"),
    "nothing": (lambda: None, "NoneType"),
}


@pytest.mark.parametrize(("source", "kind"), SOURCES.values(), ids=SOURCES)
async def test_source_that_gives_no_async_iterable_fails_the_task_in_words(
    stage: Stage, source: Callable[[], object], kind: str
) -> None:
    """As a model's client whose method has to be awaited first."""

    async def it(ctx: Context) -> None:
        await ctx.stream("speech", cast("Callable[[], AsyncIterator[str]]", source))

    async with stage.play(made(it)) as world:
        failed = await send(stage.client(world, "it"), "go")

    wanted = f"stream speech: its source must give an async iterable, not {kind}"
    assert (failed.status.state, question(failed)) == (TaskState.FAILED, wanted)


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_text_told_in_place_of_one_that_failed_is_what_the_caller_has(
    stage: Stage, disaster: Disaster, *, is_streamed: bool
) -> None:
    """What failed is tried again on every replay, and shows; what followed must win again."""
    tried = list[str]()

    async def fails() -> AsyncGenerator[str]:
        tried.append("once")
        yield "Half of the first"
        raise AgentFailed("away")

    async def it(ctx: Context) -> None:
        try:
            await ctx.stream("speech", fails)
        except AgentFailed:
            if is_streamed:
                await ctx.stream("speech", lambda: _said("The whole ", "of the second."))
            else:
                await ctx.artifact("The whole ", name="speech")
                await ctx.artifact("of the second.", name="speech", append=True)
        await ctx.ask("Go on?")

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await disaster(world)
        done = await send(client, message("yes", task=asked))

    (speech,) = done.artifacts
    assert "".join(part.text or "" for part in speech.parts) == "The whole of the second."
    assert tried


async def test_two_texts_of_one_name_at_once_are_the_authors_mistake(stage: Stage) -> None:
    """Their pieces would be one text that nobody said."""

    async def it(ctx: Context) -> None:
        await ctx.gather(ctx.stream("speech", hamlet), ctx.stream("speech", hamlet))

    async with stage.play(made(it)) as world:
        failed = await send(stage.client(world, "it"), "go")

    assert question(failed) == "stream speech: another text of this name is being told"


async def test_texts_of_two_names_are_told_side_by_side(stage: Stage) -> None:
    async def it(ctx: Context) -> None:
        await ctx.gather(
            ctx.stream("left", lambda: _said("one ", "two")),
            ctx.stream("right", lambda: _said("three ", "four")),
        )

    async with stage.play(made(it)) as world:
        done = await send(stage.client(world, "it"), "go")

    told = {
        each.artifact_id: "".join(part.text or "" for part in each.parts) for each in done.artifacts
    }
    assert told == {"left": "one two", "right": "three four"}


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_what_a_source_does_has_keys_of_its_own(stage: Stage, disaster: Disaster) -> None:
    """A text that is whole is not made again: what comes after it must not depend on that."""
    asked_for = list[str]()

    async def it(ctx: Context) -> str:
        async def looked_up(word: str) -> Json:
            asked_for.append(word)
            return word

        async def source() -> AsyncGenerator[str]:
            yield str(await ctx.step("look up", lambda: looked_up("inside")))

        await ctx.stream("speech", source)
        await ctx.ask("Go on?")
        return str(await ctx.step("look up", lambda: looked_up("after")))

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await disaster(world)
        done = await send(client, message("yes", task=asked))

    assert result(done) == "inside\nafter"
    assert asked_for == ["inside", "after"]


async def test_source_may_ask_the_caller(stage: Stage) -> None:
    """For days, if need be: the text is begun anew when the answer is there."""

    async def it(ctx: Context) -> None:
        async def source() -> AsyncGenerator[str]:
            yield "You said: "
            yield str(await ctx.ask("What?"))

        await ctx.stream("speech", source)

    async with stage.play(made(it)) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await world.crash()
        done = await send(client, message("cheese", task=asked))

    assert result(done).replace("\n", "") == "You said: cheese"
