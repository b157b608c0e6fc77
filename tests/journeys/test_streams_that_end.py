"""A stream that opens on a task that has come to its end shows the task and closes.

Source: A2A 1.0.1 sections 3.1.2 and 11.7; 3.3.1 for a repeated messageId.
"""

from __future__ import annotations

from interloom.agents import Context, agent
from interloom.runtime.model import TaskState
from tests.journeys.matrix import Stage
from tests.journeys.words import collect, message, question, send, state


@agent(name="asker")
async def asker(ctx: Context) -> str:
    """Asks for a number."""
    return f"{await ctx.ask('How many?', {'type': 'integer'})}"


@agent(name="echo")
async def echo(ctx: Context) -> str:
    """Says it again."""
    return ctx.text


async def test_stream_of_a_refused_answer_ends_with_the_question(stage: Stage) -> None:
    """A2A 11.7: the next word is the caller's."""
    async with stage.play(asker) as world:
        client = stage.client(world, "asker")
        task = await send(client, "go")
        events = await collect(client.stream(message("many", task=task)))
        assert [state(event) for event in events] == [TaskState.INPUT_REQUIRED]
        assert events[0].task is not None
        assert question(events[0].task).startswith("answer: must be a whole number.")


async def test_stream_of_a_good_answer_goes_on_to_the_end(stage: Stage) -> None:
    async with stage.play(asker) as world:
        client = stage.client(world, "asker")
        task = await send(client, "go")
        events = await collect(client.stream(message("3", task=task)))
        assert state(events[-1]) is TaskState.COMPLETED


async def test_stream_of_a_repeated_message_ends_when_its_task_is_over(stage: Stage) -> None:
    """A2A 3.3.1: the repeat makes no second task."""
    async with stage.play(echo) as world:
        client = stage.client(world, "echo")
        first = message("hello")
        task = await send(client, first)
        events = await collect(client.stream(first))
        assert [event.task.id for event in events if event.task is not None] == [task.id]
        assert state(events[-1]) is TaskState.COMPLETED
