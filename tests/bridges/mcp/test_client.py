"""The client of one server: versions, meta, calls in rounds."""

from __future__ import annotations

import json

import anyio
import pytest

from interloom.bridges.mcp.core.errors import (
    BadResult,
    RoundsExceeded,
    UnsupportedVersion,
)
from interloom.bridges.mcp.core.frames import Profile
from interloom.bridges.mcp.core.rounds import MAX_ROUNDS, Ask, Call, Done, Send
from interloom.runtime.errors import TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import (
    FORM,
    Depot,
    client_of,
    depot,
    fails,
    gives,
    streams,
)
from tests.runtime.net.hostile import head, in_turn, sends_and_hangs_up, serving

DONE: JsonObject = {"content": [{"type": "text", "text": "shipped"}]}
CALL = Call("depot", "tools/call", {"name": "ship", "arguments": {"to": "Oslo"}})
DISCOVERY: JsonObject = {"supportedVersions": ["2099-01-01", "2026-07-28"], "capabilities": {}}
TWO = Profile(versions=("2027-01-01", "2026-07-28"))


async def test_refused_version_is_replaced_by_a_mutual_one_for_good(port: PooledHttp) -> None:
    """MCP 2026-07-28 versioning: select from `supported` and retry."""
    refusal = fails(-32022, data={"supported": ["2026-07-28"], "requested": "2027-01-01"})
    script = depot(resources_read=[refusal, gives(DONE)])
    send = Call("depot", "resources/read", {"uri": "a"}).send()
    async with serving(script.answer) as server:
        client = client_of(server, port, profile=TWO)
        with anyio.fail_after(5):
            await client.exchange(send)
            await client.exchange(send)

    assert [fields["mcp-protocol-version"] for fields in script.headers] == [
        "2027-01-01",
        "2026-07-28",
        "2026-07-28",
    ]
    for frame, fields in zip(script.frames, script.headers, strict=True):
        assert f'protocolVersion": "{fields["mcp-protocol-version"]}"' in json.dumps(frame)


@pytest.mark.parametrize(
    ("data", "requests"),
    [({"supported": ["1999-01-01"]}, 1), (None, 1), ({"supported": ["2026-07-28"]}, 2)],
)
async def test_version_that_stays_refused_is_raised(
    port: PooledHttp, data: Json, requests: int
) -> None:
    """MCP 2026-07-28 versioning: surface an error; ours: one retry, not a loop."""
    script = depot(tools_list=fails(-32022, data=data))
    async with serving(script.answer) as server:
        with pytest.raises(UnsupportedVersion), anyio.fail_after(5):
            await client_of(server, port).list_tools()

    assert len(script.frames) == requests


async def test_discovery_settles_the_version(port: PooledHttp) -> None:
    """MCP 2026-07-28 server/discover: choose one of these for later requests."""
    script = depot(server_discover=gives(DISCOVERY))
    async with serving(script.answer) as server:
        client = client_of(server, port, profile=TWO)
        with anyio.fail_after(5):
            found = await client.discover()
            await client.list_tools()

    assert found.versions == ("2099-01-01", "2026-07-28")
    assert script.headers[1]["mcp-protocol-version"] == "2026-07-28"


async def test_server_of_another_age_is_named(port: PooledHttp) -> None:
    """MCP 2026-07-28 versioning: an actionable error."""
    script = depot(server_discover=gives({**DISCOVERY, "supportedVersions": ["1999-01-01"]}))
    async with serving(script.answer) as server:
        with pytest.raises(BadResult, match="none of our versions: 2026-07-28"):
            with anyio.fail_after(5):
                await client_of(server, port).discover()


async def test_two_questions_cost_three_requests(port: PooledHttp) -> None:
    """MCP 2026-07-28 mrtr: the retry has a new id, the same params, the state as given."""
    script = depot(
        tools_call=[
            gives({"resultType": "input_required", "inputRequests": {"a": FORM}}),
            streams(
                result={
                    "resultType": "input_required",
                    "inputRequests": {"b": FORM},
                    "requestState": "é\u2028",
                }
            ),
            gives(DONE),
        ]
    )
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            call, step = CALL.receive(await client.exchange(CALL.send()))
            assert isinstance(step, Ask)
            yes: JsonObject = {"action": "accept", "content": {}}
            call, step = call.receive(await client.exchange(call.answer({"a": yes})))
            call, step = call.receive(await client.exchange(call.answer({"b": yes})))

    assert step == Done(DONE)
    sent = [frame["params"] for frame in script.frames[1:]]
    bare = [{k: v for k, v in p.items() if k != "_meta"} for p in sent if isinstance(p, dict)]
    assert bare == [
        CALL.params,
        {**CALL.params, "inputResponses": {"a": yes}},
        {**CALL.params, "inputResponses": {"b": yes}, "requestState": "é\u2028"},
    ]
    assert len({str(frame["id"]) for frame in script.frames}) == 4


async def test_server_that_asks_for_ever_is_cut_off(port: PooledHttp) -> None:
    """ours: MAX_ROUNDS."""
    script = depot(tools_call=gives({"resultType": "input_required", "inputRequests": {"a": FORM}}))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        call, send = CALL, CALL.send()
        with anyio.fail_after(10):
            for _ in range(MAX_ROUNDS):
                call, _step = call.receive(await client.exchange(send))
                send = call.answer({"a": {"action": "cancel"}})
            last = await client.exchange(send)

    with pytest.raises(RoundsExceeded):
        call.receive(last)


async def test_callers_meta_travels_with_the_call(port: PooledHttp) -> None:
    """MCP 2026-07-28 basic/index: trace context in `_meta`."""
    script = depot(tools_call=gives(DONE))
    meta: JsonObject = {"traceparent": "00-1-2-01", "com.example/key": "k"}
    async with serving(script.answer) as server:
        with anyio.fail_after(5):
            await client_of(server, port).exchange(CALL.send(), meta=meta)

    params = script.frames[1]["params"]
    assert isinstance(params, dict)
    sent = params["_meta"]
    assert isinstance(sent, dict)
    assert meta.items() <= sent.items()


async def test_depot_keeps_nothing_between_calls(port: PooledHttp) -> None:
    """ours: two calls of one client do not see each other's state."""
    script = depot(
        tools_call=[
            gives({"resultType": "input_required", "requestState": "first's"}),
            gives(DONE),
        ]
    )
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            first, _ = CALL.receive(await client.exchange(CALL.send()))
            await client.exchange(CALL.send())
            await client.exchange(first.answer({}))

    states = [_state(script, n) for n in (1, 2, 3)]
    assert states == [None, None, "first's"]


def _state(script: Depot, index: int) -> Json:
    params = script.frames[index]["params"]
    return params.get("requestState") if isinstance(params, dict) else None


LISTED: JsonObject = {"tools": []}
EMPTY = head(200, {"Content-Type": "text/event-stream", "Connection": "close"})


@pytest.mark.parametrize("broken", [b"", EMPTY], ids=["hung up", "ended in good order"])
async def test_broken_stream_is_asked_again_under_a_new_id_where_that_is_safe(
    port: PooledHttp, broken: bytes
) -> None:
    """MCP 2026-07-28 streamable-http: streams are not resumable; ours: reading twice is reading."""
    script = depot(tools_list=gives(LISTED))
    async with serving(in_turn(sends_and_hangs_up(broken), script.answer)) as server:
        with anyio.fail_after(10):
            assert await client_of(server, port).list_tools() == ()

    first, second = (json.loads(seen.body)["id"] for seen in server.requests)
    assert first != second


@pytest.mark.parametrize(
    ("send", "requests"),
    [
        (CALL.send(), 2),  # with the list
        (Send("resources/read", {"uri": "a", "requestState": "s"}), 1),
    ],
)
async def test_broken_stream_is_not_asked_again_where_it_may_count_twice(
    port: PooledHttp, send: Send, requests: int
) -> None:
    """ours: a tool may have run, and a state may be good for once."""
    script = depot()
    listed = [script.answer] * (requests - 1)
    async with serving(in_turn(*listed, sends_and_hangs_up(b""))) as server:
        with pytest.raises(TransportError) as caught, anyio.fail_after(10):
            await client_of(server, port).exchange(send)

    assert caught.value.delivered
    assert len(server.requests) == requests
