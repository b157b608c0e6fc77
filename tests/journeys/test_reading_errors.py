"""A prompt or a resource that cannot be had: its author sees the same error live and replayed.

Source: MCP 2026-07-28 server/prompts and server/resources, "Error Handling"; ours for the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final, TypeAlias, cast

import pytest

from interloom.agents import Context, ToolFailed, ToolUnanswered, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.errors import LocalError
from interloom.runtime.model import TaskState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.journeys.desk import Answer, Desk, HangUp, Refusal, Seen
from tests.journeys.matrix import Stage
from tests.journeys.words import message, question, result, send, until
from tests.runtime.net import hostile

URI: Final = "desk://menu/today"
Reading: TypeAlias = Callable[[Context], Awaitable[object]]
READINGS: Final[Mapping[str, tuple[Reading, str, str]]] = {
    "prompt": (lambda ctx: ctx.prompt("desk", "greet"), "greet", "prompts/get"),
    "resource": (lambda ctx: ctx.resource("desk", URI), URI, "resources/read"),
}
"""What an author writes, what is read, and by which method."""


async def breaks_off(_: Seen) -> JsonObject:
    raise HangUp


def refuses(code: int) -> Answer:
    async def answer(_: Seen) -> JsonObject:
        raise Refusal(code)

    return answer


async def nothing_of_use(_: Seen) -> JsonObject:
    return {"resultType": "complete"}


FAILURES: Final[Mapping[str, tuple[Answer | None, type[Exception], int | None, str]]] = {
    "unknown": (None, ToolFailed, -32602, "answered error -32602 (invalid parameters)"),
    "unknown in an older revision": (
        refuses(-32002),
        ToolFailed,
        -32002,
        "answered error -32002 (of its own)",
    ),
    "an error of the server": (
        refuses(-32603),
        ToolFailed,
        -32603,
        "answered error -32603 (internal error)",
    ),
    "no answer, however often": (breaks_off, ToolUnanswered, None, ""),
    "a result of another shape": (nothing_of_use, ToolFailed, None, "must be an array"),
}


@pytest.mark.parametrize("kind", READINGS)
@pytest.mark.parametrize("case", FAILURES)
async def test_failure_is_the_same_live_and_after_a_crash(
    stage: Stage, kind: str, case: str
) -> None:
    """server/prompts and server/resources "Error Handling"; ours: an `except` takes one path."""
    reading, name, method = READINGS[kind]
    answer, wanted, code, rule = FAILURES[case]
    caught: list[tuple[type[Exception], str, Mapping[str, object]]] = []

    @agent(name="it")
    async def it(ctx: Context) -> str:
        try:
            await reading(ctx)
        except (ToolFailed, ToolUnanswered) as error:
            caught.append((type(error), str(error), dict(vars(error))))
        return f"{await ctx.ask('What instead?')} instead"

    desk = Desk() if answer is None else Desk(**{name: answer})
    async with desk.open("desk") as tools, stage.play(it, tools=tools) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        calls = len(desk.calls)
        await world.crash()
        done = await send(client, message("tea", task=asked))

    assert result(done) == "tea instead"
    assert caught == [caught[0]] * 2
    found, text, about = caught[0]
    assert found is wanted
    assert text.startswith(f"MCP server desk: {method}: ")
    assert rule in text
    assert "effect" not in text
    assert (about["server"], about["tool"]) == ("desk", name)
    assert about.get("error_code") == code
    assert len(desk.calls) == calls


@pytest.mark.parametrize("kind", READINGS)
async def test_server_that_is_down_is_named(stage: Stage, kind: str) -> None:
    """Ours: a refused connection is tried again, and then told; nothing can have taken effect."""
    reading, _, method = READINGS[kind]

    @agent(name="it")
    async def it(ctx: Context) -> None:
        await reading(ctx)

    async with hostile.serving(hostile.never) as server:
        url = server.url
    spec, port = ServerSpec("desk", url, timeout_s=0.3, total_s=2.0), PooledHttp()
    tools = {"desk": ToolServer(McpClient(StreamableHttp(spec, port)))}
    async with aclosing(port), stage.play(it, tools=tools) as world:
        task = await send(stage.client(world, "it"), "go")

    assert task.status.state is TaskState.FAILED
    down = "no connection: refused or unreachable"
    assert question(task) == f"MCP server desk: {method}: {down}"


async def test_argument_of_a_prompt_that_is_no_text_is_refused_here(stage: Stage) -> None:
    """schema.ts `GetPromptRequestParams`: arguments are strings; not a byte leaves."""

    @agent(name="it")
    async def it(ctx: Context) -> str:
        with pytest.raises(LocalError) as caught:
            await ctx.prompt("desk", "greet", cast("dict[str, str]", {"name": 7}))
        return str(caught.value)

    desk = Desk(greet=nothing_of_use)
    async with desk.open("desk") as tools, stage.play(it, tools=tools) as world:
        task = await send(stage.client(world, "it"), "go")

    assert result(task) == "prompt greet: argument name: must be text"
    assert desk.calls == []


async def test_another_resource_at_the_same_place_fails_the_task(stage: Stage) -> None:
    """DESIGN 4: what was read is never taken for something else's."""
    runs: list[str] = []

    @agent(name="it")
    async def it(ctx: Context) -> str:
        runs.append(f"{URI}/{len(runs)}")
        await ctx.resource("desk", runs[-1])
        return str(await ctx.ask("Go on?"))

    async def menu(_: Seen) -> JsonObject:
        return {"contents": []}

    desk = Desk(**{f"{URI}/0": menu, f"{URI}/1": menu})
    async with desk.open("desk") as tools, stage.play(it, tools=tools) as world:
        client = stage.client(world, "it")
        asked = await send(client, "go")
        await world.crash()
        done = await until(client, asked, TaskState.FAILED)

    assert question(done).startswith("resource/desk/1: another resource was read before")
