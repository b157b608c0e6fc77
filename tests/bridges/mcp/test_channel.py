"""Many requests over one stream of lines, to a server in the same process.

Source: MCP 2026-07-28, basic/transports/stdio (framing, correlation, cancellation);
basic/patterns/cancellation; basic/patterns/subscriptions. The bounds are ours.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import MethodNotFound
from interloom.bridges.mcp.core.frames import Notification
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Patience
from interloom.bridges.mcp.waiting import MAX_WAITING
from interloom.runtime.errors import TransportError
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.spoken import (
    LOUD,
    NO_HEADERS,
    Frame,
    Server,
    echo,
    framed,
    opened,
    result_of,
    silence,
    stamped,
)


async def test_client_works_over_memory_as_over_any_transport() -> None:
    """basic/transports/index: protocol semantics are identical on every transport."""

    async def react(server: Server, frame: Frame) -> None:
        await server.say(result_of(frame, contents=[]))

    async with opened(react) as (transport, server):
        send = Call("depot", "resources/read", {"uri": "depot://a"}).send()
        assert await McpClient(transport).exchange(send) == {"contents": []}

    (frame,) = server.frames
    assert frame["method"] == "resources/read"
    assert "io.modelcontextprotocol/protocolVersion" in json.dumps(frame)


async def test_answers_in_any_order_reach_their_requests() -> None:
    """stdio: responses are correlated by id."""
    held: list[Frame] = []
    results: dict[str, JsonObject] = {}

    async def react(server: Server, frame: Frame) -> None:
        held.append(frame)
        if len(held) == 50:
            await server.say(*(result_of(each, said=each["id"]) for each in reversed(held)))

    async def ask(transport: InMemory, name: str) -> None:
        results[name] = await transport.request(stamped(name), {})

    async with opened(react) as (transport, server), anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(ask, transport, f"r{number}")

    assert results == {f"r{n}": {"said": f"r{n}"} for n in range(50)}
    assert len(server.writes) < 5  # what was ready together went out together


async def test_notices_reach_the_request_they_belong_to_and_no_other() -> None:
    """stdio "Receiving Messages": progress by token, log messages to who asked for them."""
    told: dict[str, list[str]] = {"r1": [], "r2": []}

    def hear(name: str) -> Callable[[Notification], Awaitable[None]]:
        async def note(notice: Notification) -> None:
            told[name].append(str(notice.params.get("message", notice.params.get("data"))))

        return note

    async def react(server: Server, frame: Frame) -> None:
        if len(server.frames) == 2:
            token = {"progressToken": 7, "progress": 1, "message": "half"}
            log = {"level": "info", "data": "loading"}
            await server.say(
                framed(method="notifications/progress", params=token),
                framed(method="notifications/progress", params={"progressToken": "7"}),
                framed(method="notifications/message", params=log),
                *(result_of(each) for each in server.frames),
            )

    async def ask(transport: InMemory, name: str, meta: JsonObject) -> None:
        await transport.request(stamped(name, meta=meta), {}, hear=hear(name))

    async with opened(react) as (transport, _server), anyio.create_task_group() as tasks:
        tasks.start_soon(ask, transport, "r1", {"progressToken": 7})
        tasks.start_soon(ask, transport, "r2", LOUD)

    assert told == {"r1": ["half"], "r2": ["loading"]}


async def test_log_message_that_could_be_for_two_is_for_nobody() -> None:
    """ours: one caller's log must not be another's, and nothing tells them apart."""
    heard: list[Notification] = []

    async def hear(notice: Notification) -> None:
        heard.append(notice)

    async def react(server: Server, frame: Frame) -> None:
        if len(server.frames) == 2:
            log = framed(method="notifications/message", params={"data": "s3cret"})
            await server.say(log, *(result_of(each) for each in server.frames))

    async def ask(transport: InMemory, name: str) -> None:
        await transport.request(stamped(name, meta=LOUD), {}, hear=hear)

    async with opened(react) as (transport, _server), anyio.create_task_group() as tasks:
        tasks.start_soon(ask, transport, "r1")
        tasks.start_soon(ask, transport, "r2")

    assert heard == []


async def test_cancelling_a_request_tells_the_server_and_disturbs_no_other() -> None:
    """stdio "Cancellation": MUST send notifications/cancelled; a late response is ignored."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "notifications/cancelled":
            await server.say(framed(id="r1", result={}))  # too late
        elif frame["id"] == "r2":
            await server.say(result_of(frame, said="r2"))

    async with opened(react) as (transport, server):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(transport.request, stamped("r1"), NO_HEADERS)
            await server.until("resources/read")
            tasks.cancel_scope.cancel()
        cancelled = await server.until("notifications/cancelled")
        assert cancelled["params"] == {"requestId": "r1"}
        assert await transport.request(stamped("r2"), {}) == {"said": "r2"}

    assert [frame for frame in server.frames if "id" not in frame] == [cancelled]


async def test_answered_request_is_not_cancelled() -> None:
    """cancellation: only requests believed to be in progress are referenced."""
    async with opened(echo) as (transport, server):
        await transport.request(stamped("r1"), {})
        await transport.request(stamped("r2"), {})

    assert [frame["id"] for frame in server.frames] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("patience", "rule"),
    [
        (Patience(0.2, 9.0), r"silent for 0\.2 s"),
        (Patience(9.0, 0.2), r"not done within 0\.2 s"),
    ],
)
async def test_silence_ends_a_request_and_cancels_it(patience: Patience, rule: str) -> None:
    """cancellation "Timeouts"."""
    async with opened(silence) as (transport, server):
        with pytest.raises(TransportError, match=rule) as caught:
            await transport.request(stamped("r1"), {}, patience=patience)
        await server.until("notifications/cancelled")

    assert caught.value.delivered
    assert str(caught.value).startswith("MCP server depot: resources/read: ")


async def test_progress_for_ever_does_not_outlast_the_total() -> None:
    """cancellation "Timeouts": a maximum is enforced regardless of progress."""

    async def react(server: Server, frame: Frame) -> None:
        note = framed(method="notifications/progress", params={"progressToken": "t"})
        while True:
            await server.say(note)
            await anyio.lowlevel.checkpoint()

    async with opened(react) as (transport, _server):
        sent = stamped("r1", meta={"progressToken": "t"})
        with pytest.raises(TransportError, match=r"not done within 0\.5 s"):
            await transport.request(sent, {}, patience=Patience(0.3, 0.5))


def news(**params: Json) -> bytes:
    meta = {"io.modelcontextprotocol/subscriptionId": "s1"}
    return framed(method="notifications/tools/list_changed", params={"_meta": meta, **params})


LISTEN = stamped("s1", "subscriptions/listen")


async def test_subscription_brings_its_own_news_until_its_response() -> None:
    """subscriptions: correlated by subscriptionId; "Graceful Closure"."""

    async def react(server: Server, frame: Frame) -> None:
        other = {"_meta": {"io.modelcontextprotocol/subscriptionId": "s2"}}
        stray = framed(method="notifications/tools/list_changed", params=other)
        await server.say(news(n=1), stray, news(n=2), result_of(frame))

    async with opened(react) as (transport, server), transport.listen(LISTEN, {}) as listening:
        assert [notice.params["n"] async for notice in listening] == [1, 2]

    assert len(server.frames) == 1


async def test_subscription_ends_when_the_server_cancels_it() -> None:
    """cancellation: a server MUST say so when it tears a subscription down."""

    async def react(server: Server, frame: Frame) -> None:
        cancelled = framed(method="notifications/cancelled", params={"requestId": frame["id"]})
        await server.say(news(), cancelled, news())

    async with opened(react) as (transport, server), transport.listen(LISTEN, {}) as listening:
        methods = [notice.method async for notice in listening]

    assert methods == ["notifications/tools/list_changed", "notifications/cancelled"]
    assert len(server.frames) == 1


async def test_leaving_a_subscription_cancels_it() -> None:
    """subscriptions "Cancellation"."""

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            await server.say(news())

    async with opened(react) as (transport, server):
        async with transport.listen(LISTEN, {}) as listening:
            await anext(listening)
        cancelled = await server.until("notifications/cancelled")

    assert cancelled["params"] == {"requestId": "s1"}


@pytest.mark.parametrize(
    ("lines", "kind", "rule"),
    [
        ([framed(id="s1", error={"code": -32601, "message": "x"})], MethodNotFound, "-32601"),
        ([news()] * (MAX_WAITING + 1), TransportError, "wait to be read"),
    ],
)
async def test_subscription_that_breaks_off_says_why(
    lines: list[bytes], kind: type[Exception], rule: str
) -> None:
    """ours: a reader that missed news must not go on as if nothing had happened."""

    async def react(server: Server, frame: Frame) -> None:
        if "id" in frame:
            await server.say(*lines)

    async with opened(react) as (transport, _server), transport.listen(LISTEN, {}) as listening:
        with pytest.raises(kind, match=rule) as caught:
            async for _ in listening:
                pass

    assert str(caught.value).startswith("MCP server depot: subscriptions/listen: ")
