"""Changes of an older server as subscriptions.

Source: MCP 2025-11-25, server/tools and server/resources; MCP 2026-07-28,
basic/patterns/subscriptions.
"""

from __future__ import annotations

from functools import partial

import anyio
import anyio.lowlevel
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import McpError
from interloom.bridges.mcp.core.subscriptions import Change, Filter
from interloom.bridges.mcp.legacy.changes import Watched
from interloom.bridges.mcp.watch import watch_kept
from interloom.runtime.errors import TransportError
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.legacy.elder import (
    Elder,
    lines_to,
)
from tests.bridges.mcp.spoken import Frame, Server, framed, result_of


async def test_changes_are_a_subscription_to_whoever_asked_for_them() -> None:
    """server/tools listChanged, server/resources subscribe; subscriptions of 2026-07-28."""

    async def react(server: Server, frame: Frame) -> None:
        if "id" not in frame:
            return
        await server.say(result_of(frame))
        if frame["method"] == "resources/subscribe":
            updated = {"uri": "depot://a"}
            await server.say(
                framed(method="notifications/prompts/list_changed"),
                framed(method="notifications/tools/list_changed"),
                framed(method="notifications/resources/updated", params={"uri": "depot://b"}),
                framed(method="notifications/resources/updated", params=updated),
            )

    elder = Elder(react)
    async with lines_to(elder) as eras:
        wanted = Filter(tools=True, prompts=True, uris=frozenset({"depot://a"}))
        async with McpClient(eras).listen(wanted) as (_subscription, said):
            heard = [await anext(said) for _ in range(3)]
        await elder.server.until("resources/unsubscribe")

    assert [notice.method for notice in heard] == [
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
        "notifications/resources/updated",
    ]
    agreed = {"toolsListChanged": True, "resourceSubscriptions": ["depot://a"]}
    assert heard[0].params["notifications"] == agreed


async def test_tools_that_changed_are_listed_anew() -> None:
    """server/tools listChanged; caching: lists of older servers have no `ttlMs`."""
    listed: list[JsonObject] = [
        {"name": "ship", "title": title, "inputSchema": {"type": "object"}} for title in ("A", "B")
    ]

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "tools/list":
            await server.say(result_of(frame, tools=[listed.pop(0)]))

    async def pause(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()

    elder, heard, titles = Elder(react), anyio.Event(), list[str]()

    async def changed(change: Change) -> None:
        heard.set()

    async with lines_to(elder) as eras, anyio.create_task_group() as group:
        client = McpClient(eras)
        group.start_soon(partial(watch_kept, client, changed=changed, pause=pause))
        titles += [tool.title for tool in await client.list_tools()]
        await anyio.wait_all_tasks_blocked()
        await elder.server.say(framed(method="notifications/tools/list_changed"))
        await heard.wait()
        tool = await client.find_tool("ship")
        titles += [] if tool is None else [tool.title]
        group.cancel_scope.cancel()

    assert titles == ["A", "B"]


async def test_end_of_the_stream_breaks_a_subscription_off() -> None:
    """subscriptions: a stream that closes without a response is an unexpected disconnect."""

    async def react(server: Server, frame: Frame) -> None:
        assert server.end is not None
        await server.end.send_stream.aclose()

    async with lines_to(Elder(react)) as eras:
        client = McpClient(eras)
        async with client.listen(Filter(tools=True)) as (_subscription, said):
            await anext(said)
            with pytest.raises(TransportError):
                await client.list_tools()
            with pytest.raises(TransportError, match="the session ended"):
                await anext(said)


async def test_resource_that_could_not_be_watched_is_tried_by_whoever_comes_next() -> None:
    """resources/subscribe: what the server has refused it does not tell of."""

    async def react(server: Server, frame: Frame) -> None:
        if frame.get("method") == "resources/subscribe" and len(asked(server)) == 1:
            error = {"code": -32603, "message": "not now"}
            await server.say(framed(id=frame["id"], error=error))
        elif "id" in frame:
            await server.say(result_of(frame))

    def asked(server: Server) -> list[Frame]:
        return [each for each in server.frames if each.get("method") == "resources/subscribe"]

    elder, wanted = Elder(react), Filter(uris=frozenset({"depot://a"}))
    async with lines_to(elder) as eras:
        client = McpClient(eras)
        with pytest.raises(McpError, match="resources/subscribe: answered error -32603"):
            async with client.listen(wanted):
                pass
        async with client.listen(wanted) as (_subscription, said):
            await anext(said)

    assert len(asked(elder.server)) == 2


async def test_two_who_leave_at_once_unsubscribe_once() -> None:
    """server/resources: ours, one who listens afresh must not be unsubscribed by who left."""
    told, watched = list[str](), Watched()

    async def tell(uri: str) -> None:
        await anyio.lowlevel.checkpoint()
        told.append(uri)

    for _ in range(2):
        await watched.enter("depot://a", tell)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(watched.leave, "depot://a", tell)
    await watched.enter("depot://a", tell)

    assert told == ["depot://a"] * 3
