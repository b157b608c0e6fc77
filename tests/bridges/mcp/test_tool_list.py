"""The tool list: fetched once, kept as long as it may be, mirrored into headers."""

from __future__ import annotations

import json

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import (
    BadResult,
    BadTool,
    HeaderMismatch,
    ListTooLarge,
    McpError,
)
from interloom.bridges.mcp.core.listing import MAX_AGE_S, MAX_LIST_BYTES, MAX_PAGES, MAX_TOOLS
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.core.tools import Tool
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.runtime.errors import LocalError, TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import (
    SHIP,
    FakeClock,
    body,
    client_of,
    depot,
    fails,
    gives,
    says,
)
from tests.runtime.net.hostile import Hostile, serving

DONE: JsonObject = {"content": [{"type": "text", "text": "shipped"}]}
CALL = Call("depot", "tools/call", {"name": "ship", "arguments": {"to": "Oslo"}})
MIRRORING: JsonObject = {
    "name": "ship",
    "inputSchema": {
        "type": "object",
        "properties": {"to": {"type": "string", "x-mcp-header": "To"}},
    },
}
COUNTING: JsonObject = {
    "name": "ship",
    "inputSchema": {
        "type": "object",
        "properties": {"n": {"type": "integer", "x-mcp-header": "N"}},
    },
}
BAD: JsonObject = {"name": "bad", "inputSchema": {"type": "object", "x-mcp-header": "A"}}


def clocked(server: Hostile, port: PooledHttp, clock: FakeClock) -> McpClient:
    return McpClient(
        StreamableHttp(ServerSpec("depot", server.url, timeout_s=2.0), port), clock=clock
    )


def listing(*tools: JsonObject, **more: Json) -> JsonObject:
    return {"tools": tools, **more}


async def test_first_call_lists_the_tools_and_later_ones_do_not(port: PooledHttp) -> None:
    """ours: n calls cost n requests and one list."""
    script = depot(tools_call=gives(DONE))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            for _ in range(3):
                assert await client.exchange(CALL.send()) == DONE

    assert script.methods == ["tools/list", "tools/call", "tools/call", "tools/call"]
    assert len({json.dumps(frame["id"]) for frame in script.frames}) == 4


async def test_calls_at_once_share_the_first_list(port: PooledHttp) -> None:
    """ours: no stampede."""
    script = depot(tools_call=gives(DONE))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(client.exchange, CALL.send())

    assert script.methods.count("tools/list") == 1
    assert script.methods.count("tools/call") == 8


async def test_prepared_call_has_sent_nothing_but_the_list(port: PooledHttp) -> None:
    """ours: what can fail on this side fails before the call is on the wire."""
    script = depot(tools_list=gives(listing(MIRRORING)), tools_call=gives(DONE))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            ready = await client.prepare(CALL.send())
            before = list(script.methods)
            assert await client.perform(ready) == DONE

    assert before == ["tools/list"]
    assert script.methods == ["tools/list", "tools/call"]


async def test_argument_that_cannot_be_mirrored_is_told_before_anything_is_sent(
    port: PooledHttp,
) -> None:
    """MCP 2026-07-28 x-mcp-header: integers beyond 2^53 have no header."""
    script = depot(tools_list=gives(listing(COUNTING)), tools_call=gives(DONE))
    call = Call("depot", "tools/call", {"name": "ship", "arguments": {"n": 2**60}})
    async with serving(script.answer) as server:
        with pytest.raises(LocalError, match="argument n"), anyio.fail_after(5):
            await client_of(server, port).prepare(call.send())

    assert script.methods == ["tools/list"]


async def test_list_nobody_sends_is_no_sign_that_the_call_arrived(port: PooledHttp) -> None:
    """ours: a call that was refused for its headers has changed nothing either."""
    cut = body(200, b"", "application/json")[:20]
    script = depot(tools_list=[gives(listing(SHIP)), says(cut)], tools_call=fails(-32020))
    async with serving(script.answer) as server:
        spec = ServerSpec("depot", server.url, timeout_s=0.3)
        with pytest.raises(TransportError, match="tools/list") as caught, anyio.fail_after(5):
            await McpClient(StreamableHttp(spec, port)).exchange(CALL.send())

    assert script.methods == ["tools/list", "tools/call", "tools/list"]
    assert not caught.value.delivered


async def test_tool_the_server_does_not_list_is_left_to_the_server(port: PooledHttp) -> None:
    """MCP 2026-07-28 server/tools: an unknown tool is the server's error to give."""
    script = depot(tools_list=gives(listing()), tools_call=fails(-32602))
    async with serving(script.answer) as server:
        with pytest.raises(McpError, match="tools/call: answered error -32602"):
            with anyio.fail_after(5):
                await client_of(server, port).exchange(CALL.send())


async def test_arguments_are_mirrored_as_the_listed_tool_asks(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http "Client Behavior"."""
    script = depot(tools_list=gives(listing(MIRRORING)), tools_call=gives(DONE))
    async with serving(script.answer) as server:
        with anyio.fail_after(5):
            await client_of(server, port).exchange(CALL.send())

    assert script.headers[1]["mcp-param-to"] == "Oslo"
    assert script.headers[1]["mcp-name"] == "ship"


async def test_header_mismatch_is_answered_by_a_new_list_and_one_retry(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http "Client Behavior": list again, then retry."""
    script = depot(
        tools_list=[gives(listing(SHIP)), gives(listing(MIRRORING))],
        tools_call=[fails(-32020), gives(DONE)],
    )
    async with serving(script.answer) as server:
        with anyio.fail_after(5):
            assert await client_of(server, port).exchange(CALL.send()) == DONE

    assert script.methods == ["tools/list", "tools/call", "tools/list", "tools/call"]
    assert "mcp-param-to" not in script.headers[1]
    assert script.headers[3]["mcp-param-to"] == "Oslo"
    assert script.frames[1]["id"] != script.frames[3]["id"]


async def test_header_mismatch_that_stays_is_raised(port: PooledHttp) -> None:
    """ours: one retry, not a loop."""
    script = depot(tools_call=fails(-32020))
    async with serving(script.answer) as server:
        with pytest.raises(HeaderMismatch), anyio.fail_after(5):
            await client_of(server, port).exchange(CALL.send())

    assert script.methods == ["tools/list", "tools/call", "tools/list", "tools/call"]


async def test_header_mismatch_of_another_method_is_raised(port: PooledHttp) -> None:
    """MCP 2026-07-28 streamable-http: only a tool's headers come from a list."""
    script = depot(resources_read=fails(-32020))
    async with serving(script.answer) as server:
        with pytest.raises(HeaderMismatch), anyio.fail_after(5):
            await client_of(server, port).exchange(
                Call("depot", "resources/read", {"uri": "a"}).send()
            )

    assert script.methods == ["resources/read"]


async def test_all_pages_are_listed_with_the_cursor_as_given(port: PooledHttp) -> None:
    """MCP 2026-07-28 pagination: cursors are opaque, and an empty one is a cursor."""
    other: JsonObject = {**SHIP, "name": "stop"}
    script = depot(
        tools_list=[gives(listing(SHIP, nextCursor="")), gives(listing(other, nextCursor=None))]
    )
    async with serving(script.answer) as server:
        with anyio.fail_after(5):
            tools = await client_of(server, port).list_tools()

    assert [tool.name for tool in tools] == ["ship", "stop"]
    params = [frame["params"] for frame in script.frames]
    assert [p.get("cursor") for p in params if isinstance(p, dict)] == [None, ""]


async def test_list_that_never_ends_is_cut_off(port: PooledHttp) -> None:
    """ours: MAX_PAGES."""
    script = depot(tools_list=gives(listing(nextCursor="more")))
    async with serving(script.answer) as server:
        with pytest.raises(ListTooLarge, match="depot: tools/list: has more than 100 pages"):
            with anyio.fail_after(10):
                await client_of(server, port).list_tools()

    assert len(script.frames) == MAX_PAGES


def numbered(page: int, count: int, description: str = "") -> JsonObject:
    """A page of tools that no other page has, which says that there are more."""
    names = [f"{page}-{n}" for n in range(count)]
    return listing(*({**SHIP, "name": n, "description": description} for n in names), nextCursor="")


LARGE = {
    "tools": (MAX_TOOLS // 4, "", f"has more than {MAX_TOOLS} tools"),
    "bytes": (1, "x" * (MAX_LIST_BYTES // 4), f"is over {MAX_LIST_BYTES} bytes"),
}


@pytest.mark.parametrize(("count", "description", "rule"), LARGE.values(), ids=LARGE)
async def test_list_is_cut_off_where_all_its_pages_are_too_much(
    port: PooledHttp, count: int, description: str, rule: str
) -> None:
    """ours: the list is kept, so it is bounded as a whole."""
    pages = [gives(numbered(page, count, description)) for page in range(9)]
    script = depot(tools_list=pages)
    async with serving(script.answer) as server:
        with pytest.raises(ListTooLarge, match=f"depot: tools/list: {rule}"):
            with anyio.fail_after(10):
                await client_of(server, port).list_tools()

    assert len(script.frames) in {4, 5}


async def test_list_may_not_ask_questions(port: PooledHttp) -> None:
    """MCP 2026-07-28 mrtr "Supported Requests"."""
    script = depot(tools_list=gives({"resultType": "input_required", "requestState": "x"}))
    async with serving(script.answer) as server:
        with pytest.raises(BadResult, match="resultType must be complete"), anyio.fail_after(5):
            await client_of(server, port).list_tools()


async def test_bad_tool_is_left_out_with_a_warning_and_cannot_be_called(
    port: PooledHttp, caplog: pytest.LogCaptureFixture
) -> None:
    """MCP 2026-07-28 streamable-http "Schema Extension"."""
    script = depot(tools_list=gives(listing(BAD, SHIP)), tools_call=gives(DONE))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            assert [tool.name for tool in await client.list_tools()] == ["ship"]
            with pytest.raises(BadTool, match="tool 'bad': x-mcp-header may stand only where"):
                await client.exchange(Call("depot", "tools/call", {"name": "bad"}).send())

    assert "tools/call" not in script.methods
    (line,) = (record.__dict__ for record in caplog.records)
    expected = {
        "msg": "mcp.entry_rejected",
        "levelname": "WARNING",
        "server": "depot",
        "method": "tools/list",
        "entry": "bad",
        "rule": "x-mcp-header may stand only where a chain of properties leads from the root",
    }
    assert {name: line[name] for name in expected} == expected


async def names(client: McpClient) -> list[str]:
    with anyio.fail_after(5):
        tools: tuple[Tool, ...] = await client.list_tools()
    return [tool.name for tool in tools]


async def test_list_is_kept_while_it_is_fresh(port: PooledHttp) -> None:
    """MCP 2026-07-28 caching "Freshness Calculation"."""
    script = depot(
        tools_list=[gives(listing(SHIP, ttlMs=1000)), gives(listing(ttlMs=1000))],
        tools_call=gives(DONE),
    )
    clock = FakeClock()
    async with serving(script.answer) as server:
        client = clocked(server, port, clock)
        assert await names(client) == ["ship"]
        clock.now_s += 0.9
        assert await names(client) == ["ship"]
        assert script.methods == ["tools/list"]
        clock.now_s += 0.1
        with anyio.fail_after(5):
            await client.exchange(CALL.send())
        assert await names(client) == []

    assert script.methods == ["tools/list", "tools/list", "tools/call"]


async def test_list_without_a_lifetime_is_shown_once_but_mirrors_a_while(port: PooledHttp) -> None:
    """MCP 2026-07-28 caching: absent ttlMs is stale at once; own heuristics may keep it."""
    script = depot(tools_list=gives(listing(MIRRORING)), tools_call=gives(DONE))
    clock = FakeClock()
    async with serving(script.answer) as server:
        client = clocked(server, port, clock)
        await names(client)
        await names(client)
        for seconds in (MAX_AGE_S - 1, 1):
            clock.now_s += seconds
            with anyio.fail_after(5):
                await client.exchange(CALL.send())

    assert script.methods == [*["tools/list"] * 2, "tools/call", "tools/list", "tools/call"]
    assert script.headers[2]["mcp-param-to"] == "Oslo"
