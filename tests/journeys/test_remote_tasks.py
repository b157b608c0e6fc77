"""A tool server makes a task of a call, and a task of ours waits for it (Tasks extension)."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from pathlib import Path

import anyio
import pytest

from interloom.agents import AgentFailed, Context, ToolFailed, agent
from interloom.bridges.handoff import FunctionModel
from interloom.bridges.mcp.core.asks import Sample
from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.ledger.rows import CallState, RunState
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.pair import World
from interloom.runtime.values import JsonObject
from tests.journeys.desk import SEATS, form
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.words import (
    AT_ONCE,
    collect,
    message,
    open_questions,
    result,
    send,
    status,
    until,
)
from tests.journeys.workshop import CANCELLED, Step, Workshop, asks, done, failed, works

SIZE: JsonObject = form("Which seat?", seat=SEATS)
COLOR: JsonObject = form("Which color?", color={"type": "string"})
SAMPLE: JsonObject = {
    "method": "sampling/createMessage",
    "params": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "A name?"}}],
        "maxTokens": 10,
    },
}
ROOTS: JsonObject = {"method": "roots/list"}
HASTY = Settings(grace_s=0.1)
"""A runtime that gives its agents little time to end."""
COLD = Settings(grace_s=1.0, warm_s=0.0)
"""A runtime that parks whatever waits."""


@agent(name="joiner")
async def joiner(ctx: Context) -> str:
    """Has something made."""
    try:
        made = await ctx.tool("carpenter", "make", {"what": ctx.text})
    except ToolFailed as error:
        return f"failed: {error.error_code}: {error}"
    return f"{'broken: ' if made.is_error else ''}{made.text}"


async def test_call_that_became_a_task_ends_in_its_result(stage: Stage) -> None:
    """Task Polling: poll until the task is over; one `tools/call` for all of it."""
    workshop = Workshop(works("cutting"), works("gluing"), done("a chair"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        task = await send(stage.client(world, "joiner"), "chair")
        journal = await world.ledger.journal(task.id)

    assert result(task) == "a chair"
    assert workshop.seen == ["tools/call", *["tasks/get"] * 3]
    assert [row.state for row in journal.calls.values()] == [CallState.DONE]


async def test_trace_goes_along_with_every_poll(stage: Stage) -> None:
    """DESIGN 5: the trace is carried into `_meta` of every request."""
    workshop = Workshop(done("a chair"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        await send(stage.client(world, "joiner"), "chair")

    traces = [str(meta["traceparent"])[3:35] for meta in workshop.metas]
    assert len(traces) == 2
    assert len(set(traces)) == 1


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_question_of_a_task_is_a_question_of_ours(stage: Stage, disaster: Disaster) -> None:
    """Task Update Requests: the same trust model and behaviour; asked once, told once."""
    workshop = Workshop(works("measuring"), asks(size=SIZE, color=COLOR), done("a chair"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        client = stage.client(world, "joiner")
        task = await send(client, "chair")
        assert set(open_questions(task)) == {"size", "color"}
        await disaster(world)
        task = await send(client, message(data={"size": {"seat": "aisle"}}, task=task))
        assert set(open_questions(task)) == {"color"}
        task = await send(client, message(data={"color": {"color": "red"}}, task=task))

    assert result(task) == "a chair"
    assert workshop.updates == [
        {
            "size": {"action": "accept", "content": {"seat": "aisle"}},
            "color": {"action": "accept", "content": {"color": "red"}},
        }
    ]
    assert workshop.seen.count("tools/call") == 1


@pytest.mark.parametrize("disaster", [World.restart, World.crash])
async def test_task_is_polled_by_its_stored_id_after_a_restart(
    stage: Stage, disaster: Disaster
) -> None:
    """Task Polling: ids are persisted, so that polling can resume after a crash."""
    workshop = Workshop(works("cutting"))
    settings = Settings(grace_s=0.1)
    async with (
        workshop.open() as tools,
        stage.play(joiner, tools=tools, settings=settings) as world,
    ):
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await workshop.polled.wait()
        await disaster(world)
        workshop.finish(done("a chair"))
        task = await until(client, task, TaskState.COMPLETED)

    assert result(task) == "a chair"
    assert workshop.seen.count("tools/call") == 1


async def test_server_that_is_away_for_a_while_keeps_its_task(stage: Stage) -> None:
    """ours: polls are repeated, because repeating them is safe."""
    workshop = Workshop(works("cutting"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await workshop.polled.wait()
        workshop.is_open = False
        await workshop.until_polled(2)
        workshop.is_open = True
        workshop.finish(done("a chair"))
        task = await until(client, task, TaskState.COMPLETED)

    assert result(task) == "a chair"


async def test_cancel_reaches_the_servers_task(stage: Stage) -> None:
    """Task Cancellation: `tasks/cancel`, never `notifications/cancelled`."""
    workshop = Workshop(works("cutting"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await workshop.polled.wait()
        canceled = await client.cancel(task.id)
        await workshop.cancelled.wait()

    assert canceled.status.state is TaskState.CANCELED
    assert workshop.seen.count("tasks/cancel") == 1


async def test_cancel_of_a_parked_task_reaches_the_server_too(stage: Stage) -> None:
    """DESIGN 5: only rows are left of the run, and the id is in one of them."""
    workshop = Workshop(asks(size=SIZE), done("a chair"))
    settings = Settings(grace_s=1.0, warm_s=0.0)
    async with (
        workshop.open() as tools,
        stage.play(joiner, tools=tools, settings=settings) as world,
    ):
        client = stage.client(world, "joiner")
        task = await send(client, "chair")
        await runs_are(world, RunState.PARKED)
        await client.cancel(task.id)
        await workshop.cancelled.wait()

    assert workshop.seen[-1] == "tasks/cancel"


async def runs_are(world: World, state: RunState) -> None:
    await anyio.lowlevel.checkpoint()
    while [row.state for row in await world.ledger.runs()] != [state]:
        await anyio.lowlevel.checkpoint()


async def test_only_rows_wait_for_the_next_poll(stage: Stage) -> None:
    """ours: a task that takes hours costs no memory; its call is one `tools/call` all the same.

    It is begun again more often than a run that gets nowhere would be.
    """
    workshop = Workshop(works("cutting"))
    workshop.poll_ms = 200
    async with workshop.open() as tools, stage.play(joiner, tools=tools, settings=COLD) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        often = MAX_ATTEMPTS + 2
        await workshop.until_polled(often, partial(runs_are, world, RunState.PARKED))
        workshop.finish(done("a chair"))
        task = await until(client, task, TaskState.COMPLETED)
        events = await world.ledger.events(task.id)

    assert result(task) == "a chair"
    assert workshop.seen.count("tools/call") == 1
    assert len([each for each in events if each.id.startswith("progress/")]) == 1


async def test_poll_that_only_rows_wait_for_keeps_to_the_servers_interval(stage: Stage) -> None:
    """Task Polling: `pollIntervalMs` is respected, whoever polls and however often it restarts."""
    workshop = Workshop(works("cutting"))
    workshop.poll_ms = 3_600_000
    async with workshop.open() as tools, stage.play(joiner, tools=tools, settings=COLD) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await runs_are(world, RunState.PARKED)
        await world.crash()
        await runs_are(world, RunState.PARKED)
        seen = list(workshop.seen)
        await client.cancel(task.id)
        await workshop.cancelled.wait()

    assert seen == ["tools/call"]
    assert workshop.seen == ["tools/call", "tasks/cancel"]


async def test_server_that_is_away_is_asked_again_by_rows(stage: Stage) -> None:
    """ours: as long as it is away for less than an hour."""
    workshop = Workshop(works("cutting"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools, settings=COLD) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await workshop.polled.wait()
        workshop.is_open = False
        await workshop.until_polled(2, partial(runs_are, world, RunState.PARKED))
        workshop.is_open = True
        workshop.finish(done("a chair"))
        task = await until(client, task, TaskState.COMPLETED)

    assert result(task) == "a chair"


async def test_restart_leaves_the_servers_task_alone(stage: Stage) -> None:
    """ours: a run that is drained goes on later."""
    workshop = Workshop(works("cutting"))
    settings = Settings(grace_s=0.1)
    async with (
        workshop.open() as tools,
        stage.play(joiner, tools=tools, settings=settings) as world,
    ):
        await send(stage.client(world, "joiner"), message("chair"), AT_ONCE)
        await workshop.polled.wait()
        await world.restart()
        assert not workshop.cancelled.is_set()


async def test_status_text_of_the_task_is_told_to_the_caller(stage: Stage) -> None:
    """DESIGN 5: status text becomes a WORKING update; ours: the first at once, then not often."""
    workshop = Workshop(works("cutting"), works("gluing"), done("a chair"))
    async with (
        workshop.open() as tools,
        stage.play(joiner, tools=tools) as world,
        aclosing(stage.client(world, "joiner").stream(message("chair"))) as events,
    ):
        seen = [status(each) for each in await collect(events)]

    said = [each.message.parts[0].text for each in seen if each is not None and each.message]
    assert said == ["make: cutting"]


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (done("split wood", is_error=True), "broken: split wood"),
        (failed(-32602), "failed: -32602: MCP server carpenter: tools/call: answered error -32602"),
        (CANCELLED, "failed: None: MCP server carpenter: tools/call: its task was cancelled"),
        ({"status": "completed"}, "failed: None: MCP server carpenter: tasks/get: task: status"),
    ],
)
async def test_task_that_ends_otherwise_is_told_as_a_call_would_be(
    stage: Stage, end: Step, text: str
) -> None:
    """Task Execution Errors: `failed` is an error, `isError` is a result."""
    workshop = Workshop(end)
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        task = await send(stage.client(world, "joiner"), "chair")

    assert result(task).startswith(text)


class Namer:
    """A model that says the same each time, and counts."""

    def __init__(self) -> None:
        self.requests: list[Sample] = []

    async def sample(self, request: Sample) -> JsonObject:
        """See `SamplingModel`."""
        self.requests.append(request)
        content: JsonObject = {"type": "text", "text": "Ada"}
        return {"role": "assistant", "content": content, "model": "namer-1"}


async def test_model_and_configuration_answer_what_is_theirs(stage: Stage, tmp_path: Path) -> None:
    """client/sampling, client/roots; DESIGN 5: a person is asked for the rest alone."""
    model = Namer()
    requests: dict[str, JsonObject] = {
        "name": SAMPLE,
        "size": SIZE,
        "where": {"method": "roots/list"},
    }
    workshop = Workshop(asks(**requests), done("a chair"))
    roots = (tmp_path, tmp_path / "gone")
    async with (
        workshop.open(roots=roots, model=model) as tools,
        stage.play(joiner, tools=tools) as world,
    ):
        client = stage.client(world, "joiner")
        task = await send(client, "chair")
        assert set(open_questions(task)) == {"size"}
        await world.crash()
        task = await send(client, message("aisle", task=task))

    assert result(task) == "a chair"
    assert workshop.updates == [
        {
            "size": {"action": "accept", "content": {"seat": "aisle"}},
            "name": {
                "role": "assistant",
                "content": {"type": "text", "text": "Ada"},
                "model": "namer-1",
            },
            "where": {"roots": [{"uri": tmp_path.as_uri(), "name": tmp_path.name}]},
        }
    ]
    assert [each.max_tokens for each in model.requests] == [10]


async def test_nobody_is_asked_where_a_model_can_answer(stage: Stage) -> None:
    """DESIGN 5: a sampling request is no question of the task."""
    model, workshop = Namer(), Workshop(asks(name=SAMPLE), done("a chair"))
    async with workshop.open(model=model) as tools, stage.play(joiner, tools=tools) as world:
        task = await send(stage.client(world, "joiner"), "chair")

    assert result(task) == "a chair"
    assert len(model.requests) == 1


async def test_model_that_refuses_ends_the_call_in_its_words(stage: Stage) -> None:
    """client/sampling "Error Handling": the server waits for no answer."""

    async def write(request: Sample) -> str:
        raise AgentFailed(f"not {request.max_tokens} tokens for you")

    model, workshop = FunctionModel("models:write", write), Workshop(asks(name=SAMPLE))
    async with workshop.open(model=model) as tools, stage.play(joiner, tools=tools) as world:
        task = await send(stage.client(world, "joiner"), "chair")

    assert task.status.state is TaskState.FAILED
    said = [part.text for part in task.status.message.parts] if task.status.message else []
    assert said == ["sampling: models:write refused: not 10 tokens for you"]
    assert workshop.updates == []


@pytest.mark.parametrize("request_", [SAMPLE, ROOTS])
async def test_what_was_not_declared_is_not_answered(stage: Stage, request_: JsonObject) -> None:
    """mrtr, server rule 7: without a model or roots, they are not declared."""
    workshop = Workshop(asks(it=request_), done("a chair"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools) as world:
        task = await send(stage.client(world, "joiner"), "chair")

    assert "needs a capability we did not declare" in result(task)
    assert workshop.updates == []
    assert workshop.seen[-1] == "tasks/cancel"  # nobody will ever fetch its result
