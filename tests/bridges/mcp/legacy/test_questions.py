"""Questions of a server of an older revision: held open on its connection, answered, refused.

Source: MCP 2025-11-25, client/elicitation; MCP 2026-07-28, basic/patterns/mrtr. That questions are
held open, and whose they may be, is ours.
"""

from __future__ import annotations

import anyio
import pytest

from interloom.bridges.mcp.core.asks import HELD_LIVE, MAX_REQUESTS
from interloom.bridges.mcp.core.errors import McpError
from interloom.bridges.mcp.eras import Eras
from interloom.bridges.mcp.port import ClientFault
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.legacy.elder import (
    FORM,
    Elder,
    answer_of,
    ask,
    lines_to,
    methods,
)
from tests.bridges.mcp.legacy.test_session import YES, asks_once, call, lists, through
from tests.bridges.mcp.spoken import NO_HEADERS, Frame, Server, framed, result_of


async def test_question_in_a_call_is_a_round_that_says_it_is_held_live() -> None:
    """client/elicitation; ours: it does not outlive this process, and says so."""
    elder = Elder(asks_once)
    async with lines_to(elder) as eras:
        first = await eras.request(call("r1"), NO_HEADERS)
        state = first["requestState"]
        answered = call("r2", inputResponses={"0": YES}, requestState=state)
        last = await eras.request(answered, NO_HEADERS)

    assert first["resultType"] == "input_required"
    assert first["inputRequests"] == {
        "0": {
            "method": "elicitation/create",
            "params": {"mode": "form", **FORM, "_meta": {HELD_LIVE: True}},
        }
    }
    assert last["structuredContent"] == YES
    assert answer_of(elder.server, 0) == {"jsonrpc": "2.0", "id": 0, "result": YES}
    assert methods(elder.server).count("tools/call") == 1


async def test_client_goes_through_questions_as_with_any_server() -> None:
    """basic/patterns/mrtr: the caller cannot tell."""
    async with lines_to(Elder(asks_once)) as eras:
        asked, done = await through(eras)

    assert [list(step.requests) for step in asked] == [["0"]]
    assert done.result["structuredContent"] == YES


async def test_answer_to_a_call_that_is_gone_is_in_doubt() -> None:
    """ours: another process, or another connection, held it."""
    async with lines_to(Elder(asks_once)) as eras:
        lost = call("r1", inputResponses={"0": YES}, requestState="held:nowhere")
        with pytest.raises(ClientFault, match="a connection that is gone") as caught:
            await eras.request(lost, NO_HEADERS)

    assert caught.value.delivered


async def test_question_that_could_be_about_two_calls_is_refused() -> None:
    """ours: a question must never reach the wrong caller; a stream of lines does not say whose."""
    calls: list[Frame] = []

    async def react(server: Server, frame: Frame) -> None:
        match frame.get("method"):
            case "tools/call":
                calls.append(frame)
                if len(calls) == 2:
                    await ask(server, "q")
            case None:
                await server.say(*(result_of(each, content=[]) for each in calls))
            case _:
                pass

    results: list[JsonObject] = []

    async def make(eras: Eras, name: str) -> None:
        results.append(await eras.request(call(name), NO_HEADERS))

    elder = Elder(react)
    async with lines_to(elder) as eras, anyio.create_task_group() as tasks:
        tasks.start_soon(make, eras, "r1")
        tasks.start_soon(make, eras, "r2")

    assert [result.get("resultType") for result in results] == [None, None]
    refusal = answer_of(elder.server, "q")
    assert refusal is not None
    assert "error" in refusal


async def test_call_with_an_open_question_is_no_candidate_for_another_question() -> None:
    """ours: whoever waits for an answer asks nothing else."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            await ask(server, f"q-{frame['id']}")

    async with lines_to(Elder(react)) as eras:
        first = await eras.request(call("r1"), NO_HEADERS)
        second = await eras.request(call("r2"), NO_HEADERS)

    assert [list(asked(each)) for each in (first, second)] == [["q-r1"], ["q-r2"]]


@pytest.mark.parametrize(
    ("ids", "refused"),
    [(["q", "q"], "q"), ([f"q{n}" for n in range(MAX_REQUESTS + 1)], f"q{MAX_REQUESTS}")],
)
async def test_questions_that_cannot_be_told_apart_or_are_too_many_are_refused(
    ids: list[str], refused: str
) -> None:
    """ours: what waits for a person is bounded, and each has a name of its own."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/call":
            questions = [framed(id=i, method="elicitation/create", params=FORM) for i in ids]
            await server.say(*questions)

    elder = Elder(react)
    async with lines_to(elder) as eras:
        first = await eras.request(call("r1"), NO_HEADERS)
        while answer_of(elder.server, refused) is None:
            await elder.server.seen.wait()

    assert list(asked(first)) == list(dict.fromkeys(ids))[:MAX_REQUESTS]
    answer = answer_of(elder.server, refused)
    assert answer is not None
    assert "error" in answer


def asked(result: JsonObject) -> JsonObject:
    requests = result["inputRequests"]
    assert isinstance(requests, dict)
    return requests


async def test_question_that_is_nested_too_deeply_is_refused() -> None:
    """ours: whoever looks through it must come to an end."""
    deep: Json = "x"
    for _ in range(300):
        deep = [deep]
    params: JsonObject = {**FORM, "requestedSchema": {"type": "object", "x": deep}}

    async def react(server: Server, frame: Frame) -> None:
        match frame.get("method"):
            case "tools/call":
                await ask(server, "q", params)
            case None:
                (made,) = [each for each in server.frames if each.get("method") == "tools/call"]
                await server.say(result_of(made, content=[]))
            case _:
                pass

    elder = Elder(react)
    async with lines_to(elder) as eras:
        assert await eras.request(call("r1"), NO_HEADERS) == {"content": []}

    answer = answer_of(elder.server, "q")
    assert answer is not None
    assert "error" in answer


URLS: JsonObject = {
    "elicitations": [
        {"mode": "url", "elicitationId": "e1", "url": "https://depot.example/", "message": "Go"}
    ]
}


def wants_url(data: Json) -> Elder:
    """A server that wants somebody to have been somewhere before the first call."""

    async def react(server: Server, frame: Frame) -> None:
        match frame.get("method"):
            case "tools/call" if methods(server).count("tools/call") == 1:
                error = {"code": -32042, "message": "x", "data": data}
                await server.say(framed(id=frame["id"], error=error))
            case _:
                await lists(server, frame)

    return Elder(react)


async def test_url_that_is_required_first_is_a_round_and_the_call_is_made_again() -> None:
    """client/elicitation "URL Elicitation Required Error"; nothing is held for it."""
    elder = wants_url(URLS)
    async with lines_to(elder) as eras:
        asked, done = await through(eras, {"action": "accept"})

    (step,) = asked
    assert [getattr(each, "url", "") for each in step.requests.values()] == [
        "https://depot.example/"
    ]
    assert done.result["content"] == []
    assert methods(elder.server).count("tools/call") == 2


async def test_url_that_is_declined_ends_the_call() -> None:
    """ours: the server would only say the same again."""
    async with lines_to(wants_url(URLS)) as eras:
        with pytest.raises(McpError, match="-32042"):
            await through(eras, {"action": "decline"})


@pytest.mark.parametrize("data", [None, {}, {"elicitations": []}, {"elicitations": [1]}])
async def test_url_error_without_its_urls_is_malformed(data: Json) -> None:
    """client/elicitation: it MUST list them."""
    async with lines_to(wants_url(data)) as eras:
        with pytest.raises(Exception, match="error -32042 must list"):
            await through(eras)
