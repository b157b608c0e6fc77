"""A server of an older revision looks like one of 2026-07-28.

Source: MCP 2025-11-25, basic/lifecycle, client/elicitation, basic/utilities/ping and cancellation,
server/resources; MCP 2026-07-28, basic/versioning "Backward Compatibility". That questions are held
open, and whose they may be, is ours.
"""

from __future__ import annotations

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import McpError
from interloom.bridges.mcp.core.frames import Notification, Profile, Request, request
from interloom.bridges.mcp.core.rounds import Ask, Call, Done
from interloom.bridges.mcp.eras import Era, Eras
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import TransportError
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.legacy.elder import (
    WELCOME,
    Elder,
    answer_of,
    ask,
    lines_to,
    methods,
)
from tests.bridges.mcp.spoken import NO_HEADERS, Frame, Server, framed, result_of, silence

SHIP = Call("depot", "tools/call", {"name": "ship", "arguments": {"to": "Oslo"}})
YES: JsonObject = {"action": "accept", "content": {"seat": "4A"}}


async def lists(server: Server, frame: Frame) -> None:
    """A server with one tool that answers at once."""
    match frame["method"]:
        case "tools/list":
            tool: JsonObject = {"name": "ship", "inputSchema": {"type": "object"}}
            await server.say(result_of(frame, tools=[tool]))
        case "tools/call":
            await server.say(result_of(frame, content=[]))
        case _:
            pass


async def asks_once(server: Server, frame: Frame) -> None:
    """A tool that asks one question and answers with what was said."""
    match frame.get("method"):
        case "tools/call":
            await ask(server, 0)
        case None:
            (call,) = [each for each in server.frames if each.get("method") == "tools/call"]
            await server.say(result_of(call, content=[], structuredContent=frame["result"]))
        case _:
            await lists(server, frame)


def stamped(request_id: str, method: str, params: JsonObject, **meta: Json) -> Request:
    return request(request_id, method, params, stamp=Profile().meta("2026-07-28"), meta=meta)


def call(request_id: str, **params: Json) -> Request:
    return stamped(request_id, "tools/call", {"name": "ship", **params})


async def through(eras: Eras, said: JsonObject = YES) -> tuple[list[Ask], Done]:
    """A call with every question answered in the same way."""
    client, asked = McpClient(eras), list[Ask]()
    made, step = SHIP.receive(await client.exchange(SHIP.send()))
    while not isinstance(step, Done):
        assert isinstance(step, Ask)
        asked.append(step)
        answers = dict.fromkeys(step.requests, said)
        made, step = made.receive(await client.exchange(made.answer(answers)))
    return asked, step


async def test_handshake_is_made_once_and_says_what_we_can_do() -> None:
    """lifecycle "Initialization"; sampling and roots are not declared."""
    elder = Elder(lists)
    async with lines_to(elder) as eras:
        client = McpClient(eras)
        found = await client.discover()
        await client.list_tools()
        await client.exchange(SHIP.send())

    assert eras.era is Era.LEGACY
    assert eras.version == "2025-11-25"
    assert (found.info, found.instructions) == (WELCOME["serverInfo"], "Ask nicely.")
    assert found.capabilities == WELCOME["capabilities"]
    hello = await elder.server.until("initialize")
    params = hello["params"]
    assert isinstance(params, dict)
    assert params["protocolVersion"] == "2025-11-25"
    assert params["capabilities"] == {"elicitation": {"form": {}, "url": {}}}
    assert methods(elder.server) == [
        "server/discover",
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
    ]


async def test_request_loses_what_only_the_newer_revision_has() -> None:
    """basic/index: the stamp is of 2026-07-28; the caller's own keys travel on."""
    elder = Elder(lists)
    async with lines_to(elder) as eras:
        await eras.request(call("r1", arguments={}), NO_HEADERS)
        await eras.request(stamped("r2", "tools/list", {}, traceparent="00-1"), NO_HEADERS)

    sent = {frame["id"]: frame["params"] for frame in elder.server.frames if "id" in frame}
    assert sent["r1"] == {"name": "ship", "arguments": {}}
    assert sent["r2"] == {"_meta": {"traceparent": "00-1"}}


@pytest.mark.parametrize("version", ["2025-06-18", "2025-03-26"])
async def test_older_version_that_the_server_proposes_is_spoken(version: str) -> None:
    """lifecycle "Version Negotiation"."""
    elder = Elder(lists, {**WELCOME, "protocolVersion": version})
    async with lines_to(elder) as eras:
        await McpClient(eras).list_tools()

    assert eras.version == version


@pytest.mark.parametrize(
    "welcome",
    [
        {**WELCOME, "protocolVersion": "1999-01-01"},
        {**WELCOME, "protocolVersion": 7},
        {**WELCOME, "capabilities": []},
    ],
)
async def test_server_of_no_era_is_told_by_its_first_error(welcome: JsonObject) -> None:
    """lifecycle: a version that is not ours ends it; versioning: nothing is assumed."""
    async with lines_to(Elder(lists, welcome)) as eras:
        with pytest.raises(McpError, match="server/discover: answered error -32602"):
            await McpClient(eras).list_tools()

    assert eras.era is None


@pytest.mark.parametrize(
    ("method", "params", "reply"),
    [
        ("ping", {}, "result"),
        ("sampling/createMessage", {}, "error"),
        ("roots/list", {}, "error"),
        ("elicitation/create", [], "error"),
    ],
)
async def test_request_of_the_server_gets_an_answer_whatever_it_is(
    method: str, params: Json, reply: str
) -> None:
    """ping: MUST respond promptly; what was not declared is refused."""

    async def react(server: Server, frame: Frame) -> None:
        match frame.get("method"):
            case "tools/call":
                await server.say(framed(id="s1", method=method, params=params))
            case None:
                (made,) = [each for each in server.frames if each.get("method") == "tools/call"]
                await server.say(result_of(made, content=[]))
            case _:
                pass

    elder = Elder(react)
    async with lines_to(elder) as eras:
        await eras.request(call("r1"), NO_HEADERS)

    answer = answer_of(elder.server, "s1")
    assert answer is not None
    assert reply in answer


async def test_several_messages_on_one_line_are_read_one_by_one() -> None:
    """2025-03-26 basic/index "Batching": MUST support receiving them."""

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            ping = framed(id="p", method="ping")
            await server.say(b"[" + ping + b"," + result_of(frame, content=[]) + b"]")

    elder = Elder(react, {**WELCOME, "protocolVersion": "2025-03-26"})
    async with lines_to(elder) as eras:
        assert await eras.request(call("r1"), NO_HEADERS) == {"content": []}
        while answer_of(elder.server, "p") is None:
            await elder.server.seen.wait()


async def test_progress_of_a_call_reaches_its_caller() -> None:
    """basic/utilities/progress."""
    heard: list[Notification] = []

    async def hear(notice: Notification) -> None:
        heard.append(notice)

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            note = {"progressToken": "t", "progress": 1}
            progress = framed(method="notifications/progress", params=note)
            await server.say(progress, result_of(frame, content=[]))

    async with lines_to(Elder(react)) as eras:
        made = stamped("r1", "tools/call", {"name": "ship"}, progressToken="t")
        await eras.request(made, NO_HEADERS, hear=hear)

    assert [notice.params["progress"] for notice in heard] == [1]


async def test_leaving_a_call_tells_the_server_once() -> None:
    """basic/utilities/cancellation."""

    async def react(server: Server, frame: Frame) -> None:
        """Never answer."""

    elder = Elder(react)
    async with lines_to(elder) as eras:
        with pytest.raises(TransportError, match=r"silent for 0\.2 s"):
            await eras.request(call("r1"), NO_HEADERS, patience=Patience(0.2, 9.0))
        cancelled = await elder.server.until("notifications/cancelled")

    assert cancelled["params"] == {"requestId": "r1"}
    assert methods(elder.server).count("notifications/cancelled") == 1


@pytest.mark.parametrize("method", ["ping", "roots/list", "elicitation/create"])
@pytest.mark.parametrize("request_id", ["null", "true", "[7]", "[" * 300 + "]" * 300])
async def test_request_whose_id_cannot_be_sent_back_is_passed_over(
    method: str, request_id: str
) -> None:
    """basic/index "Requests": an id MUST be a string or an integer; the session goes on."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            line = f'{{"jsonrpc":"2.0","method":"{method}","params":{{}},"id":{request_id}}}'
            await server.say(line.encode(), framed(id="p", method="ping"))
        if frame.get("id") == "p":
            (made,) = [each for each in server.frames if each.get("method") == "tools/call"]
            await server.say(result_of(made, content=[]))

    elder = Elder(react)
    async with lines_to(elder) as eras:
        assert await eras.request(call("r1"), NO_HEADERS) == {"content": []}

    answers = [frame["id"] for frame in elder.server.frames if "method" not in frame]
    assert answers == ["p"]


async def test_call_that_is_under_way_when_the_transport_closes_ends_at_once() -> None:
    """ours: its server may have carried it out, and nobody is left to say so."""
    elder, failed = Elder(silence), list[TransportError]()

    async def make(eras: Eras) -> None:
        with pytest.raises(TransportError, match="the connection that carried the call") as caught:
            await eras.request(call("r1"), NO_HEADERS)
        failed.append(caught.value)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks, lines_to(elder, silence_s=60.0) as eras:
            tasks.start_soon(make, eras)
            await elder.server.until("tools/call")

    assert failed[0].delivered
