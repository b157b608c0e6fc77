"""Log levels of single requests, towards a server that has one for its session.

Source: MCP 2025-11-25, server/utilities/logging; MCP 2026-07-28, server/utilities/logging.
"""

from __future__ import annotations

from contextlib import ExitStack

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.notices import Level, LogLine, Notice
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.eras import Eras
from interloom.bridges.mcp.legacy.levels import Levels
from interloom.bridges.mcp.wire import Wishes
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.legacy.elder import CAPABILITIES, WELCOME, Elder, lines_to, methods
from tests.bridges.mcp.legacy.parlour import LAST, STREAM, Parlour, event, visiting
from tests.bridges.mcp.spoken import Frame, Server, framed, result_of
from tests.runtime.net.hostile import Seen, never

LOGS: JsonObject = {**WELCOME, "capabilities": {**CAPABILITIES, "logging": {}}}
SHIP = Call("depot", "tools/call", {"name": "ship", "arguments": {}}).send()
LISTED: JsonObject = {"tools": [{"name": "ship", "inputSchema": {"type": "object"}}]}


def said(level: str, data: str) -> bytes:
    return framed(method="notifications/message", params={"level": level, "data": data})


async def answers(server: Server, frame: Frame) -> None:
    """A server that logs twice in each call."""
    match frame.get("method"):
        case "tools/list":
            await server.say(result_of(frame, **LISTED))
        case "tools/call":
            lines = (said("debug", "looking"), said("warning", "low"))
            await server.say(*lines, result_of(frame, content=[]))
        case _ if "id" in frame:
            await server.say(result_of(frame))
        case _:
            pass


def levels_of(elder: Elder) -> list[Json]:
    """The levels the server was told, in order."""
    asked = [f["params"] for f in elder.server.frames if f.get("method") == "logging/setLevel"]
    return [params["level"] for params in asked if isinstance(params, dict)]


async def hear(eras: Eras, level: Level | None) -> list[Json]:
    """What a call hears of the server's log."""
    heard: list[Json] = []

    async def note(notice: Notice) -> None:
        if isinstance(notice, LogLine):
            heard.append(notice.data)

    client = McpClient(eras)
    await client.perform(await client.prepare(SHIP, wishes=Wishes(log=level)), heard=note)
    return heard


async def test_level_is_set_once_for_each_change_and_heard_by_its_call() -> None:
    """logging/setLevel is for the session; a call without a wish changes nothing, hears nothing."""
    elder = Elder(answers, LOGS)
    async with lines_to(elder) as eras:
        levels = [Level.WARNING, Level.WARNING, None, Level.DEBUG, None, Level.WARNING]
        heard = [await hear(eras, level) for level in levels]

    assert levels_of(elder) == ["warning", "debug", "warning"]
    both: list[Json] = ["looking", "low"]
    assert heard == [["low"], ["low"], [], both, [], ["low"]]


async def test_server_that_does_not_log_is_told_no_level() -> None:
    """Capabilities: only what was negotiated is used (lifecycle "Operation")."""
    elder = Elder(answers)
    async with lines_to(elder) as eras:
        await hear(eras, Level.DEBUG)

    assert "logging/setLevel" not in methods(elder.server)


async def test_server_that_refuses_a_level_is_called_all_the_same() -> None:
    """ours: the log is a wish, the call is the point; nobody is pressed."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "logging/setLevel":
            await server.say(framed(id=frame["id"], error={"code": -32602, "message": "x"}))
        else:
            await answers(server, frame)

    elder = Elder(react, LOGS)
    async with lines_to(elder) as eras:
        for _ in range(2):
            await hear(eras, Level.DEBUG)

    assert levels_of(elder) == ["debug"]
    assert methods(elder.server).count("tools/call") == 2


async def test_log_message_that_is_nested_too_deeply_is_heard_by_nobody() -> None:
    """ours: whoever looks through it must come to an end."""
    deep: Json = "x"
    for _ in range(300):
        deep = [deep]
    params: JsonObject = {"level": "warning", "data": deep}

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            await server.say(framed(method="notifications/message", params=params))
        await answers(server, frame)

    async with lines_to(Elder(react, LOGS)) as eras:
        assert await hear(eras, Level.WARNING) == ["low"]


async def test_new_session_is_told_the_level_again() -> None:
    """Session management 4: nothing of the old session is known to the new one."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        result: JsonObject = {**LISTED, "content": []}
        await seen.stream.send(STREAM + event({"id": frame["id"], "result": result}) + LAST)

    async with visiting(act) as (eras, parlour):
        parlour.welcome = LOGS
        await hear(eras, Level.INFO)
        parlour.gone.add("s1")
        await hear(eras, Level.INFO)

    assert parlour.sessions == 2
    assert parlour.lines.count("POST logging/setLevel") == 2


async def test_log_on_the_stream_of_everybody_is_that_of_the_only_call() -> None:
    """ours: many servers log there; one call alone can be meant."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        if frame["method"] == "tools/call":
            called.set()
            await logged.wait()
        result: JsonObject = {**LISTED, "content": []}
        await seen.stream.send(STREAM + event({"id": frame["id"], "result": result}) + LAST)

    async def listen(parlour: Parlour, seen: Seen) -> None:
        await called.wait()
        params: JsonObject = {"level": "info", "data": "for all"}
        await seen.stream.send(
            STREAM + event({"method": "notifications/message", "params": params})
        )
        await never(seen)

    async def note(notice: Notice) -> None:
        heard.append(notice)
        logged.set()

    called, logged = anyio.Event(), anyio.Event()
    heard: list[Notice] = []
    async with visiting(act, listen) as (eras, parlour):
        parlour.welcome = LOGS
        client = McpClient(eras)
        ready = await client.prepare(SHIP, wishes=Wishes(log=Level.INFO))
        await client.perform(ready, heard=note)

    assert heard == [LogLine(Level.INFO, "", "for all")]


async def test_log_that_could_be_of_two_calls_is_heard_by_neither() -> None:
    """ours: one caller's log must not be another's."""
    calls: list[Frame] = []

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            calls.append(frame)
            if len(calls) == 2:
                done = [result_of(each, content=[]) for each in calls]
                await server.say(said("error", "s3cret"), *done)
        else:
            await answers(server, frame)

    heard: list[list[Json]] = []

    async def collect(eras: Eras, level: Level | None) -> None:
        heard.append(await hear(eras, level))

    async with lines_to(Elder(react, LOGS)) as eras, anyio.create_task_group() as tasks:
        tasks.start_soon(collect, eras, Level.DEBUG)
        tasks.start_soon(collect, eras, None)

    assert heard == [[], []]


@pytest.mark.parametrize(
    ("wished", "due"),
    [
        ([], None),
        ([None], None),
        ([Level.ERROR], Level.ERROR),
        ([Level.ERROR, Level.DEBUG, Level.INFO], Level.DEBUG),
    ],
)
def test_least_grave_level_that_anybody_wishes_for_is_due(
    wished: list[Level | None], due: Level | None
) -> None:
    """ours: nobody loses a line to another's wish, and each drops what it did not ask for."""
    levels = Levels()
    with ExitStack() as stack:
        for level in wished:
            stack.enter_context(levels.wishing(level))
        assert levels.due() == due
        levels.told(due)
        assert levels.due() is None
    assert levels.due() is None
