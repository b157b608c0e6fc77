"""An old list refuses no call and no result that the server's list of now would take.

Source: MCP 2026-07-28 server/utilities/caching (no `ttlMs`: stale at once; a sign of a change is a
reason to fetch again).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest

from interloom.bridges.handoff.fitting import check_outcome, tool_for
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import BadResult
from interloom.bridges.mcp.core.listing import DOUBT_S
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import Depot, FakeClock, Reply, depot, fails, gives
from tests.runtime.net.hostile import serving


def ship(field: str) -> JsonObject:
    """A tool that takes a field, and gives it back."""
    shape: JsonObject = {
        "type": "object",
        "properties": {field: {"type": "string"}},
        "required": [field],
        "additionalProperties": False,
    }
    return {"name": "ship", "inputSchema": shape, "outputSchema": shape}


def lists(*tools: JsonObject, **more: Json) -> Reply:
    return gives({"tools": tools, **more})


@asynccontextmanager
async def listed(
    *replies: Reply, age_s: float = DOUBT_S
) -> AsyncGenerator[tuple[McpClient, Depot]]:
    """A client with the first list, of this age."""
    script, clock, port = depot(tools_list=list(replies)), FakeClock(), PooledHttp()
    async with serving(script.answer) as server, aclosing(port):
        spec = ServerSpec("depot", server.url, timeout_s=5.0)
        client = McpClient(StreamableHttp(spec, port), clock=clock)
        with anyio.fail_after(20):
            await client.list_tools()
            clock.now_s += age_s
            yield client, script


def given(field: str) -> JsonObject:
    return {"content": [], "structuredContent": {field: "x"}}


async def definition(client: McpClient, arguments: Json) -> JsonObject | None:
    """The definition a call with these arguments is made by."""
    tool = await tool_for(client, "ship", arguments, server="depot")
    return None if tool is None else tool.raw


BAD: JsonObject = {"name": "ship", "inputSchema": {"type": "array"}}
OLD_LISTS = {
    "another shape": (lists(ship("a")), 2),
    "was not listed": (lists(), 2),
    "was left out": (lists(BAD), 2),
    "the server's word": (lists(ship("a"), ttlMs=60_000, cacheScope="public"), 1),
}


@pytest.mark.parametrize(("old", "count"), OLD_LISTS.values(), ids=OLD_LISTS)
async def test_arguments_that_do_not_fit_an_old_list_are_held_against_a_new_one(
    old: Reply, count: int
) -> None:
    """caching: an unexpected error about parameters is a reason to fetch again; `ttlMs` holds."""
    async with listed(old, lists(ship("b"))) as (client, script):
        found = await definition(client, {"b": "x"})

    assert found == ship("b" if count == 2 else "a")
    assert script.methods == ["tools/list"] * count


async def test_arguments_that_fit_cost_no_list() -> None:
    async with listed(lists(ship("a"))) as (client, script):
        assert await definition(client, {"a": "x"}) == ship("a")

    assert script.methods == ["tools/list"]


async def test_agent_that_is_mistaken_all_the_time_costs_few_lists() -> None:
    """ours: `DOUBT_S`."""
    async with listed(lists(ship("a")), age_s=DOUBT_S - 0.1) as (client, script):
        for _ in range(3):
            assert await definition(client, {"c": "x"}) == ship("a")

    assert script.methods == ["tools/list"]


async def test_result_that_does_not_fit_an_old_list_is_held_against_a_new_one() -> None:
    """server/tools "Output Schema": the server's promise is the one it makes when it answers."""
    async with listed(lists(ship("a")), lists(ship("b"))) as (client, script):
        await check_outcome(client, "ship", given("a"), server="depot")
        await check_outcome(client, "ship", given("b"), server="depot")
        with pytest.raises(BadResult, match="structuredContent"):
            await check_outcome(client, "ship", given("c"), server="depot")

    assert script.methods == ["tools/list"] * 2


NEWER = {"as before": lists(ship("a")), "gone": lists(), "out of reach": fails(-32603)}


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER)
async def test_result_that_fits_no_list_is_refused(newer: Reply) -> None:
    """server/tools "Output Schema": clients validate; no list that fails takes its place."""
    async with listed(lists(ship("a")), newer) as (client, _):
        with pytest.raises(BadResult, match="structuredContent"):
            await check_outcome(client, "ship", given("b"), server="depot")


async def test_result_of_a_tool_nobody_remembers_is_taken() -> None:
    """ours: after a restart the list is not fetched for a result alone."""
    async with listed(lists()) as (client, script):
        await check_outcome(client, "ship", given("b"), server="depot")

    assert script.methods == ["tools/list"]
