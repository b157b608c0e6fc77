"""A message becomes a task: waited for, fetched, streamed, watched."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from interloom.agents import AgentFailed, AgentRejected, Context, agent
from interloom.runtime.errors import TaskNotFound, UnsupportedOperation
from interloom.runtime.model import (
    ListTasksRequest,
    SendMessageConfiguration,
    StreamResponse,
    TaskState,
)
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, collect, message, question, result, send, state, until

WORKING, COMPLETED = TaskState.WORKING, TaskState.COMPLETED


@agent()
async def echo(ctx: Context) -> str:
    """Says it again."""
    return ctx.text


@agent()
async def talker(ctx: Context) -> str:
    """Says how it goes, and gives a result in pieces."""
    await ctx.status("looking")
    await ctx.artifact("one", name="list", last=False)
    await ctx.artifact("two", name="list", append=True)
    return "done"


@agent()
async def refuser(ctx: Context) -> str:
    """Will not, or cannot."""
    if ctx.text == "reject":
        raise AgentRejected("Not on a Sunday.")
    raise AgentFailed("The shelf is empty.")


class Gate:
    """An agent that works until it is let through, and says when it has begun."""

    def __init__(self) -> None:
        self.begun, self.opened = anyio.Event(), anyio.Event()
        self.agent = agent(name="gate")(self.wait)

    async def wait(self, ctx: Context) -> str:
        """Waits."""
        self.begun.set()
        await self.opened.wait()
        return f"{ctx.text}, at last"


async def test_blocking_send_returns_the_completed_task(stage: Stage) -> None:
    """A2A 3.2.2: without returnImmediately the answer comes when the task has settled."""
    async with stage.play(echo) as world:
        sent = message("hello")
        task = await send(stage.client(world, "echo"), sent)

    assert result(task) == "hello"
    assert [each.message_id for each in task.history] == [sent.message_id]
    assert (task.history[0].task_id, task.history[0].context_id) == (task.id, task.context_id)


async def test_task_returned_at_once_can_be_fetched_when_done(stage: Stage) -> None:
    """A2A 3.2.2 returnImmediately, 3.1.3 GetTask."""
    gate = Gate()
    async with stage.play(gate.agent) as world:
        client = stage.client(world, "gate")
        at_once = await send(client, "in", AT_ONCE)
        while_working = await client.get(at_once.id)
        gate.opened.set()
        done = await until(client, at_once, COMPLETED)

    assert at_once.status.state in {TaskState.SUBMITTED, WORKING}
    assert while_working.status.state is WORKING
    assert result(done) == "in, at last"


async def test_stream_begins_with_the_task_and_ends_when_it_does(stage: Stage) -> None:
    """A2A 3.1.2: the Task first, then its updates in order, closed at the terminal state."""
    async with stage.play(talker) as world:
        events = await collect(stage.client(world, "talker").stream(message("go")))

    assert [each.kind for each in events] == [
        "task",
        "status_update",
        "status_update",
        "artifact_update",
        "artifact_update",
        "artifact_update",
        "status_update",
    ]
    assert [state(each) for each in events if each.kind != "artifact_update"] == [
        TaskState.SUBMITTED,
        WORKING,
        WORKING,
        COMPLETED,
    ]
    assert [_text(each) for each in events if each.kind == "artifact_update"] == [
        "one",
        "two",
        "done",
    ]


def _text(event: StreamResponse) -> str | None:
    assert event.artifact_update is not None
    return event.artifact_update.artifact.parts[0].text


async def test_task_fetched_after_a_stream_has_what_the_stream_told(stage: Stage) -> None:
    """A2A 4.2.2: appended chunks are one artifact."""
    async with stage.play(talker) as world:
        client = stage.client(world, "talker")
        events = await collect(client.stream(message("go")))
        assert events[0].task is not None
        task = await client.get(events[0].task.id)

    assert [[part.text for part in each.parts] for each in task.artifacts] == [
        ["one", "two"],
        ["done"],
    ]


async def test_two_subscribers_see_a_snapshot_and_then_the_same_events(stage: Stage) -> None:
    """A2A 3.1.6 and 3.5.2: same events, same order, on every stream."""
    gate = Gate()
    seen: list[list[StreamResponse]] = [[], []]
    async with stage.play(gate.agent) as world:
        client = stage.client(world, "gate")
        task = await send(client, "in", AT_ONCE)
        await gate.begun.wait()
        watching = [anyio.Event(), anyio.Event()]

        async def watch(place: int) -> None:
            async for event in stage.client(world, "gate").subscribe(task.id):
                seen[place].append(event)
                watching[place].set()

        async with anyio.create_task_group() as group:
            for place, each in enumerate(watching):
                group.start_soon(watch, place)
                await each.wait()
            gate.opened.set()

    assert seen[0] == seen[1]
    first, *updates = seen[0]
    assert first.task is not None
    assert (first.task.id, first.task.status.state) == (task.id, WORKING)
    assert [each.kind for each in updates] == ["artifact_update", "status_update"]
    assert state(updates[-1]) is COMPLETED


async def test_finished_task_cannot_be_watched(stage: Stage) -> None:
    """A2A 3.1.6: UnsupportedOperationError for a terminal task."""
    async with stage.play(echo) as world:
        client = stage.client(world, "echo")
        task = await send(client, "hello")
        with pytest.raises(UnsupportedOperation, match="the task is COMPLETED; get it instead"):
            await collect(client.subscribe(task.id))


async def test_reader_who_leaves_a_stream_does_not_stop_the_task(stage: Stage) -> None:
    """A2A 3.5.2: closing a stream says nothing to the agent."""
    gate = Gate()
    async with stage.play(gate.agent) as world:
        client = stage.client(world, "gate")
        async with aclosing(client.stream(message("in"))) as left:
            first = await anext(left)
        assert first.task is not None
        async with aclosing(client.subscribe(first.task.id)) as watching:
            await anext(watching)
            gate.opened.set()
            events = await collect(watching)

    assert state(events[-1]) is COMPLETED


@pytest.mark.parametrize(
    ("wish", "ends", "reason"),
    [
        ("reject", TaskState.REJECTED, "Not on a Sunday."),
        ("fail", TaskState.FAILED, "The shelf is empty."),
    ],
)
async def test_author_ends_a_task_in_words_for_the_caller(
    stage: Stage, wish: str, ends: TaskState, reason: str
) -> None:
    """Ours: AgentRejected and AgentFailed carry their text to the caller."""
    async with stage.play(refuser) as world:
        task = await send(stage.client(world, "refuser"), wish)

    assert (task.status.state, question(task)) == (ends, reason)


async def test_repeated_message_gives_the_same_task(stage: Stage) -> None:
    """A2A 3.3.1: the same messageId may be sent again after a lost answer."""
    async with stage.play(echo) as world:
        client, sent = stage.client(world, "echo"), message("hello")
        first = await send(client, sent)
        await world.crash()
        again = await send(client, sent)
        listed = await client.list()

    assert again == first
    assert listed.total_size == 1


async def test_history_is_cut_to_the_length_asked_for(stage: Stage) -> None:
    """A2A 3.2.4: 0 for none."""
    async with stage.play(echo) as world:
        client = stage.client(world, "echo")
        none = await send(client, "hello", SendMessageConfiguration(history_length=0))
        all_of_it = await client.get(none.id)

    assert none.history == ()
    assert len(all_of_it.history) == 1


async def test_agents_do_not_see_each_others_tasks(stage: Stage) -> None:
    """A2A 13.1: a task is looked up within what the caller may see."""
    async with stage.play(echo, talker) as world:
        task = await send(stage.client(world, "echo"), "hello")
        other = stage.client(world, "talker")
        with pytest.raises(TaskNotFound):
            await other.get(task.id)
        listed = await other.list()

    assert listed.tasks == ()


async def test_list_is_newest_first_and_in_pages(stage: Stage) -> None:
    """A2A 3.1.4."""
    async with stage.play(echo) as world:
        client = stage.client(world, "echo")
        sent = [(await send(client, word)).id for word in ("one", "two", "three")]
        first = await client.list(ListTasksRequest(page_size=2))
        token = first.next_page_token
        second = await client.list(ListTasksRequest(page_size=2, page_token=token))

    assert first.total_size == 3
    assert {each.id for each in (*first.tasks, *second.tasks)} == set(sent)
    times = [
        each.status.timestamp
        for each in (*first.tasks, *second.tasks)
        if each.status.timestamp is not None
    ]
    assert len(times) == 3
    assert times == sorted(times, reverse=True)
    assert second.next_page_token == ""
