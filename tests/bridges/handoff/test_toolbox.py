"""All tools of several servers at once (ours)."""

from __future__ import annotations

from typing import cast

import anyio
import pytest

from interloom.bridges.handoff import Toolbox, ToolServer, ToolUnanswered, pending
from interloom.bridges.handoff.pending import Made
from interloom.bridges.mcp import Bounds, McpClient, Pool, ServerSpec, StreamableHttp
from interloom.bridges.mcp.core.tasks import RemoteTask
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import SHIP, depot, gives
from tests.bridges.mcp.spoken import Frame, Server, result_of
from tests.bridges.mcp.test_pool import Depots, is_modern, ships
from tests.runtime.net.hostile import serving


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_server_that_is_down_takes_no_other_along() -> None:
    """docs/tool-servers.md; a tool of two servers is there twice, under two names."""
    port = PooledHttp()
    script = depot(tools_list=gives({"tools": [SHIP]}))
    async with serving(script.answer) as server:
        urls = {"east": server.url, "gone": "http://127.0.0.1:9/mcp", "west": server.url}
        servers = {
            name: ToolServer(McpClient(StreamableHttp(ServerSpec(name, url, timeout_s=5.0), port)))
            for name, url in urls.items()
        }
        with anyio.fail_after(20):
            tools, missing = await Toolbox(servers).catalogue(owner="ada")
    await port.aclose()

    assert list(tools) == ["east__ship", "west__ship"]
    assert (tools["west__ship"].server, tools["west__ship"].tool.name) == ("west", "ship")
    assert list(missing) == ["gone"]
    assert isinstance(missing["gone"], ToolUnanswered)


async def test_server_that_cannot_be_used_takes_no_other_along() -> None:
    """docs/tool-servers.md; ours: whatever `Toolbox.tools` may raise, the others are offered."""
    depots = Depots(ships, is_elder=True)
    usable, closed = (Pool(depots.connect) for _ in range(2))
    servers = {
        name: ToolServer(each.shared, pool=each)
        for name, each in {"closed": closed, "west": usable}.items()
    }
    with anyio.fail_after(20):
        async with usable.open():
            tools, missing = await Toolbox(servers).catalogue(owner="ada")

    assert list(tools) == ["west__ship"]
    assert list(missing) == ["closed"]
    assert isinstance(missing["closed"], LocalError)


async def test_older_server_lists_its_tools_to_each_owner_in_a_session_of_their_own() -> None:
    """Decision 0030: what one caller did in a session, another would find."""
    depots = Depots(ships, is_elder=True)
    pool = Pool(depots.connect)
    toolbox = Toolbox({"west": ToolServer(pool.shared, pool=pool)})
    with anyio.fail_after(20):
        async with pool.open():
            for owner in ("ada", "bob", "ada"):
                (tool,) = await toolbox.tools("west", owner=owner)
                assert list((await toolbox.catalogue(owner=owner)).tools) == ["west__ship"]

    assert tool.name == "ship"
    assert depots.whose == ["", "bob"]


async def test_server_with_no_room_for_another_owner_is_missing() -> None:
    """docs/tool-servers.md: nothing was asked."""
    depots = Depots(ships, is_elder=True)
    pool = Pool(depots.connect, bounds=Bounds(clients=1))
    toolbox = Toolbox({"west": ToolServer(pool.shared, pool=pool)})
    with anyio.fail_after(20):
        async with pool.open():
            await toolbox.tools("west", owner="ada")
            async with pool.client("bob"):
                tools, missing = await toolbox.catalogue(owner="cat")

    assert tools == {}
    assert str(missing["west"]) == "MCP server depot: 1 callers use it at a time; no more may"


async def test_agent_without_servers_is_offered_nothing() -> None:
    assert await Toolbox({}).catalogue(owner="ada") == ({}, {})


def remote_row(server: str, task_id: str) -> CallRow:
    """The row of a call that a server made a task of."""
    made = Made("t1", f"tool/{server}.ship/1", server, "ship", "")
    remote = RemoteTask(server, "tools/call", task_id, 0)
    return pending.remote_row(made, remote, CallState.REMOTE_TASK)


async def forgets(server: Server, frame: Frame) -> None:
    """`is_modern`, whose tasks can be cancelled."""
    if frame.get("method") == "tasks/cancel":
        await server.say(result_of(frame))
    await is_modern(server, frame)


async def test_row_that_cannot_be_abandoned_takes_no_other_along() -> None:
    """Tasks extension "Task Cancellation"; ours: every server is told that can be."""
    elder, modern = Depots(ships, is_elder=True), Depots(forgets, is_elder=False)
    full, west = Pool(elder.connect, bounds=Bounds(clients=1)), Pool(modern.connect)
    toolbox = Toolbox(
        {"full": ToolServer(full.shared, pool=full), "west": ToolServer(west.shared, pool=west)}
    )
    good = remote_row("west", "r2")
    damaged = good._replace(body=good.body.replace(b'"v":1', b'"v":0'))
    with anyio.fail_after(20):
        async with full.open(), west.open():
            await toolbox.tools("full", owner="ada")
            async with full.client("bob"):
                await toolbox.abandon([remote_row("full", "r1"), damaged, good], owner="cat")

    (told,) = [f for f in modern.servers[0].frames if f.get("method") == "tasks/cancel"]
    assert cast("JsonObject", told["params"])["taskId"] == "r2"
    assert damaged.body != good.body
