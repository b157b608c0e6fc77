"""The stream of everybody's: what an older server says without a request of ours as its reason.

Source: MCP 2025-11-25, basic/transports "Listening for Messages from the Server".
"""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.subscriptions import Filter
from interloom.bridges.mcp.watch import Watch
from interloom.runtime.errors import TransportError
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import body
from tests.bridges.mcp.legacy.elder import FORM
from tests.bridges.mcp.legacy.parlour import (
    LAST,
    STREAM,
    Frame,
    Parlour,
    event,
    gives,
    visiting,
)
from tests.bridges.mcp.legacy.test_http import BIG, DISCOVER, LIST, ship
from tests.bridges.mcp.spoken import NO_HEADERS
from tests.runtime.net.hostile import Seen, never


async def test_oversized_event_for_everybody_harms_nobody() -> None:
    """ours: the stream is begun again, and requests go on."""

    async def listen(parlour: Parlour, seen: Seen) -> None:
        await seen.stream.send(STREAM + BIG)
        await never(seen)

    async with visiting(gives, listen) as (eras, parlour):
        await eras.request(DISCOVER, NO_HEADERS)
        while parlour.lines.count("GET") < 2:
            await parlour.changed.wait()
        assert await eras.request(LIST, NO_HEADERS)


async def test_new_session_ends_the_subscriptions_of_the_old_one_alone() -> None:
    """subscriptions: an unexpected disconnect; the old stream's end is no news to the new one."""

    async def listen(parlour: Parlour, seen: Seen) -> None:
        await seen.stream.send(STREAM)
        if seen.headers["mcp-session-id"] == "s1":
            await released.wait()
            await seen.stream.send(event({}, retry=1) + LAST)
            left.set()
        else:
            await renewed.wait()
            await seen.stream.send(event({"method": "notifications/tools/list_changed"}))
            await never(seen)

    released, left, renewed = anyio.Event(), anyio.Event(), anyio.Event()
    async with visiting(gives, listen) as (eras, parlour):
        client = McpClient(eras)
        async with client.listen(Filter(tools=True)) as (_, old):
            await anext(old)
            await parlour.until("GET")
            parlour.gone.add("s1")
            await eras.request(LIST, NO_HEADERS)
            with pytest.raises(TransportError, match="the session ended"):
                await anext(old)
        async with client.listen(Filter(tools=True)) as (_, new):
            await anext(new)
            released.set()
            await left.wait()
            for _ in range(20):  # time enough for the end of the old stream to be heard of
                await eras.request(LIST, NO_HEADERS)
            renewed.set()
            assert (await anext(new)).method == "notifications/tools/list_changed"


async def test_changes_come_on_the_stream_of_everybody() -> None:
    """Listening for Messages from the Server."""

    async def listen(_: Parlour, seen: Seen) -> None:
        await seen.stream.send(STREAM)
        await released.wait()
        await seen.stream.send(event({"method": "notifications/tools/list_changed"}))
        await never(seen)

    released = anyio.Event()
    async with visiting(gives, listen) as (eras, parlour):
        listening = McpClient(eras).listen(Filter(tools=True))
        async with listening as (_subscription, said):
            await anext(said)
            await parlour.until("GET")
            released.set()
            assert (await anext(said)).method == "notifications/tools/list_changed"


async def test_stream_of_everybody_that_is_busy_is_asked_for_again() -> None:
    """ours: a gateway's bad moment must not cost a session its changes."""

    async def listen(parlour: Parlour, seen: Seen) -> None:
        if parlour.lines.count("GET") == 1:
            await seen.stream.send(body(503, b"", None))
        else:
            change: JsonObject = {"method": "notifications/tools/list_changed"}
            await seen.stream.send(STREAM + event(change))
            await never(seen)

    async with (
        visiting(gives, listen) as (eras, _parlour),
        McpClient(eras).listen(Filter(tools=True)) as (_subscription, said),
    ):
        await anext(said)
        assert (await anext(said)).method == "notifications/tools/list_changed"


async def test_server_without_a_stream_of_everybody_promises_no_change() -> None:
    """Listening 3: 405 says that there is none, and changes come on no other; subscriptions: what
    is acknowledged is what will be told."""
    async with visiting() as (eras, _parlour):
        client = McpClient(eras)
        async with client.listen(Filter(tools=True)) as (subscription, said):
            subscription.read(await anext(said))
            assert subscription.promised == Filter()
        await Watch(client, Filter(tools=True)).run()  # ends, for there is nothing to be heard


async def test_stream_of_everybody_that_is_withdrawn_ends_its_subscriptions() -> None:
    """subscriptions: what can be told no more is an unexpected disconnect."""

    async def listen(parlour: Parlour, seen: Seen) -> None:
        if parlour.lines.count("GET") == 1:
            await seen.stream.send(STREAM + event({}, retry=1) + LAST)
        else:
            await seen.stream.send(body(405, b"", None))

    async with (
        visiting(gives, listen) as (eras, _parlour),
        McpClient(eras).listen(Filter(tools=True)) as (subscription, said),
    ):
        subscription.read(await anext(said))
        assert subscription.promised == Filter(tools=True)
        with pytest.raises(TransportError, match="the session ended"):
            await anext(said)


async def test_stream_of_a_session_that_is_gone_is_closed() -> None:
    """ours: a server may keep it open for ever."""

    async def listen(_: Parlour, seen: Seen) -> None:
        await seen.stream.send(STREAM)
        if seen.headers["mcp-session-id"] == "s1":
            opened.set()
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await seen.stream.receive()
            closed.set()
        await never(seen)

    opened, closed = anyio.Event(), anyio.Event()
    async with visiting(gives, listen) as (eras, parlour):
        await eras.request(DISCOVER, NO_HEADERS)
        await opened.wait()
        parlour.gone.add("s1")
        await eras.request(LIST, NO_HEADERS)
        await closed.wait()


async def test_resource_is_watched_anew_in_a_new_session() -> None:
    """resources/subscribe: a new session knows of no subscription of the old one."""

    async def listen(_: Parlour, seen: Seen) -> None:
        await seen.stream.send(STREAM)
        await never(seen)

    wanted = Filter(uris=frozenset({"depot://a"}))
    async with visiting(gives, listen) as (eras, parlour):
        client = McpClient(eras)
        async with client.listen(wanted) as (_, old):
            await anext(old)
            parlour.gone.add("s1")
            await eras.request(LIST, NO_HEADERS)
            with pytest.raises(TransportError, match="the session ended"):
                await anext(old)
        async with client.listen(wanted) as (_, new):
            await anext(new)

    asked = [
        (line, fields["mcp-session-id"])
        for line, fields in zip(parlour.lines, parlour.headers, strict=True)
        if "resources/" in line
    ]
    assert asked == [
        ("POST resources/subscribe", "s1"),
        ("POST resources/subscribe", "s2"),
        ("POST resources/unsubscribe", "s2"),
    ]


async def test_question_on_the_stream_of_everybody_is_that_of_the_only_call() -> None:
    """ours: such servers are about, and one call alone can be meant."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        called.set()
        await parlour.until("POST response")
        await gives(parlour, seen, frame)

    async def listen(_: Parlour, seen: Seen) -> None:
        await called.wait()
        question: JsonObject = {"id": 1, "method": "elicitation/create", "params": FORM}
        await seen.stream.send(STREAM + event(question))
        await never(seen)

    called = anyio.Event()
    async with visiting(act, listen) as (eras, _parlour):
        await eras.request(DISCOVER, NO_HEADERS)
        assert (await ship(eras))[0] == 1
