"""All tools of several servers at once (ours)."""

from __future__ import annotations

import anyio
import pytest

from interloom.bridges.handoff import Toolbox, ToolServer, ToolUnanswered
from interloom.bridges.mcp import McpClient, Pool, ServerSpec, StreamableHttp
from interloom.runtime.errors import LocalError
from interloom.runtime.net.pooled import PooledHttp
from tests.bridges.mcp.depot import SHIP, depot, gives
from tests.bridges.mcp.test_pool import Depots, ships
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
            tools, missing = await Toolbox(servers).catalogue()
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
            tools, missing = await Toolbox(servers).catalogue()

    assert list(tools) == ["west__ship"]
    assert list(missing) == ["closed"]
    assert isinstance(missing["closed"], LocalError)


async def test_agent_without_servers_is_offered_nothing() -> None:
    assert await Toolbox({}).catalogue() == ({}, {})
