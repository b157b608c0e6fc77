"""Hearing of changes, however often the stream ends (MCP 2026-07-28 subscriptions, caching)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final, NoReturn

import anyio
import pytest

from interloom.bridges.mcp import InMemory, McpClient, ServerSpec, StreamableHttp
from interloom.bridges.mcp.core.errors import BadFrame
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.core.subscriptions import (
    ACKNOWLEDGED,
    Change,
    Filter,
    ListChanged,
    ResourceChanged,
    Subscription,
    TaskChanged,
    read_filter,
)
from interloom.bridges.mcp.watch import FIRST_PAUSE_S, GATHER_S, MAX_PAUSE_S, Watch, watch_kept
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp import spoken
from tests.bridges.mcp.depot import SHIP, FakeClock, Frame, Reply, body, depot, fails, gives
from tests.bridges.mcp.spoken import Server, silence
from tests.runtime.net.hostile import serving

SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
TOOLS: Final = Filter(tools=True)
TOOLS_CHANGED: Final = ListChanged(("tools/list",))
CHANGED: Final[JsonObject] = {"method": "notifications/tools/list_changed"}


def acknowledged(**notifications: Json) -> JsonObject:
    return {
        "method": "notifications/subscriptions/acknowledged",
        "params": {"notifications": notifications},
    }


def told(*messages: JsonObject, gracefully: bool = False) -> Reply:
    """A stream of notifications with the subscription's id; it breaks off unless `gracefully`."""

    def reply(frame: Frame) -> bytes:
        sent: list[JsonObject] = []
        for message in messages:
            params = message.get("params", {})
            given = dict(params) if isinstance(params, dict) else {}
            meta = {SUBSCRIPTION: frame["id"]}
            sent.append({"jsonrpc": "2.0", **message, "params": {"_meta": meta, **given}})
        if gracefully:
            sent.append({"jsonrpc": "2.0", "id": frame["id"], "result": {}})
        events = "".join(f"data: {json.dumps(each)}\n\n" for each in sent)
        return body(200, events.encode(), "text/event-stream")

    return reply


class Ear:
    """Takes down what is told and how long the pauses are; ends the watch after so many pauses."""

    def __init__(self, *, pauses: int) -> None:
        self.changes: list[Change] = []
        self.pauses: list[float] = []
        self._left = pauses
        self.scope = anyio.CancelScope()

    async def hear(self, change: Change) -> None:
        self.changes.append(change)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._left -= 1
        if self._left == 0:
            self.scope.cancel()
        await anyio.lowlevel.checkpoint()


async def watch(
    port: PooledHttp, replies: list[Reply], wanted: Filter, *, pauses: int
) -> tuple[Ear, McpClient, list[Json]]:
    """Watch a depot that answers `subscriptions/listen` with these streams, in turn."""
    ear = Ear(pauses=pauses)
    listed: JsonObject = {"tools": [SHIP], "ttlMs": 3_600_000, "cacheScope": "public"}
    script = depot(subscriptions_listen=replies, tools_list=gives(listed))
    async with serving(script.answer) as server:
        transport = StreamableHttp(ServerSpec("depot", server.url, timeout_s=5.0), port)
        client = McpClient(transport)
        with anyio.fail_after(10), ear.scope:
            await client.list_tools()
            listening = Watch(client, wanted, changed=ear.hear, pause=ear.pause, clock=FakeClock())
            await listening.run()
    frames = [each for each in script.frames if each["method"] == "subscriptions/listen"]
    return ear, client, [frame["params"] for frame in frames]


async def test_change_is_told_and_what_was_kept_is_stale(port: PooledHttp) -> None:
    """caching "Interaction with Notifications"."""
    stream = told(acknowledged(toolsListChanged=True), CHANGED, gracefully=True)
    ear, client, params = await watch(port, [stream], TOOLS, pauses=1)

    assert ear.changes == [TOOLS_CHANGED]
    assert client.cache.counts_of("depot").purged == 1
    (sent,) = params
    assert isinstance(sent, dict)
    assert sent["notifications"] == {"toolsListChanged": True}


@pytest.mark.parametrize("gracefully", [True, False])
async def test_stream_that_ends_is_opened_again(port: PooledHttp, gracefully: bool) -> None:
    """subscriptions "Graceful Closure"; ours: what changed meanwhile is not known, so all did."""
    stream = told(acknowledged(toolsListChanged=True), gracefully=gracefully)
    ear, _, params = await watch(port, [stream], TOOLS, pauses=3)

    assert len(params) == 3
    assert ear.changes == [TOOLS_CHANGED, TOOLS_CHANGED]


async def test_pauses_grow_while_streams_end_soon(port: PooledHttp) -> None:
    """ours: FIRST_PAUSE_S doubles up to MAX_PAUSE_S, with jitter."""
    ear, _, _ = await watch(port, [fails(-32603)], TOOLS, pauses=9)

    most = [min(FIRST_PAUSE_S * 2**n, MAX_PAUSE_S) for n in range(9)]
    assert all(m / 2 <= p <= m for p, m in zip(ear.pauses, most, strict=True))


@pytest.mark.parametrize(
    "reply", [fails(-32601, status=404), fails(-32602), told(acknowledged(), CHANGED)]
)
async def test_server_that_tells_nothing_is_left_alone(port: PooledHttp, reply: Reply) -> None:
    """subscriptions "Acknowledgment": unsupported types are handled gracefully."""
    ear, _, params = await watch(port, [reply], TOOLS, pauses=5)

    assert (len(params), ear.changes, ear.pauses) == (1, [], [])


async def test_change_before_the_acknowledgment_breaks_the_stream(port: PooledHttp) -> None:
    """subscriptions "Acknowledgment": it is the first message."""
    ear, _, params = await watch(port, [told(CHANGED)], TOOLS, pauses=2)

    assert (len(params), ear.changes) == (2, [])


async def test_resource_that_changed_is_read_anew(port: PooledHttp) -> None:
    """server/resources "Subscriptions"; a change below a watched resource counts too."""
    wanted = Filter(uris=frozenset({"file:///a"}))
    updated: list[JsonObject] = [
        {"method": "notifications/resources/updated", "params": {"uri": uri}}
        for uri in ("file:///a/b", "file:///c")
    ]
    stream = told(acknowledged(resourceSubscriptions=["file:///a"]), *updated, gracefully=True)
    ear, _, _ = await watch(port, [stream], wanted, pauses=1)

    assert ear.changes == [ResourceChanged("file:///a/b")]


async def test_what_holds_a_changed_resource_is_read_anew_too(port: PooledHttp) -> None:
    """ours: `file:///a` is a folder, and what changed is in it."""
    wanted = Filter(uris=frozenset({"file:///a"}))
    updated: JsonObject = {
        "method": "notifications/resources/updated",
        "params": {"uri": "file:///a/b"},
    }
    stream = told(acknowledged(resourceSubscriptions=["file:///a"]), updated, gracefully=True)
    content: JsonObject = {"contents": [], "ttlMs": 3_600_000, "cacheScope": "public"}
    script = depot(subscriptions_listen=stream, resources_read=gives(content))
    ear = Ear(pauses=1)
    async with serving(script.answer) as server:
        client = McpClient(StreamableHttp(ServerSpec("depot", server.url, timeout_s=5.0), port))
        read = Call("depot", "resources/read", {"uri": "file:///a"}).send()
        with anyio.fail_after(10):
            await client.exchange(read)
            with ear.scope:
                await Watch(client, wanted, pause=ear.pause).run()
            await client.exchange(read)

    assert script.methods == ["resources/read", "subscriptions/listen", "resources/read"]


class Talking:
    """Streams that stay open; the n-th takes up what it is asked for unless it is refused.

    Attributes:
        asked: The filter of each stream, in turn.
        left: Numbers of those that the client has left.
    """

    def __init__(self, *refused: int) -> None:
        self.asked: list[Json] = []
        self.left: list[int] = []
        self._refused = refused

    async def react(self, server: Server, frame: spoken.Frame) -> None:
        """Answer lists with a time to live, and subscriptions for ever."""
        params = frame.get("params")
        assert isinstance(params, dict)
        match frame["method"]:
            case "subscriptions/listen":
                self.asked.append(params["notifications"])
                number = len(self.asked)
                if number in self._refused:
                    error = {"code": -32602, "message": "no"}
                    await server.say(spoken.framed(id=frame["id"], error=error))
                    return
                meta = {SUBSCRIPTION: frame["id"]}
                said = {"_meta": meta, "notifications": params["notifications"]}
                await server.say(spoken.framed(method=ACKNOWLEDGED, params=said))
                if number > 1:
                    await server.say(
                        spoken.framed(method=str(CHANGED["method"]), params={"_meta": meta})
                    )
            case "notifications/cancelled":
                self.left.append(len(self.left) + 1)
            case method:
                name = str(method).partition("/")[0]
                listed: dict[str, Json] = {name: [], "ttlMs": 60_000, "cacheScope": "public"}
                await server.say(spoken.result_of(frame, **listed))


@pytest.mark.parametrize("is_refused", [False, True])
async def test_stream_grows_with_what_is_kept(is_refused: bool) -> None:
    """ours: the narrower stream is left once the server has agreed to the wider one."""
    talking, ear, left = Talking(*[2] * is_refused), Ear(pauses=100), list[int]()
    async with spoken.opened(talking.react) as (transport, _), anyio.create_task_group() as group:
        client = McpClient(transport)
        group.start_soon(partial(watch_kept, client, changed=ear.hear, pause=ear.pause))
        await anyio.wait_all_tasks_blocked()
        assert talking.asked == []
        await client.list_tools()
        await anyio.wait_all_tasks_blocked()
        await client.list_prompts()
        await anyio.wait_all_tasks_blocked()
        left += talking.left
        group.cancel_scope.cancel()

    wider: JsonObject = {"toolsListChanged": True, "promptsListChanged": True}
    assert talking.asked == [{"toolsListChanged": True}, wider]
    assert left == ([] if is_refused else [1])
    assert ear.changes == ([] if is_refused else [TOOLS_CHANGED])
    assert ear.pauses == [GATHER_S, GATHER_S]


async def test_change_of_a_list_without_a_lifetime_is_heard_of() -> None:
    """caching: where `ttlMs` is absent, notifications are what a client relies on."""
    ships = [SHIP, {**SHIP, "title": "Ship it"}]

    async def react(server: Server, frame: spoken.Frame) -> None:
        if frame["method"] == "tools/list":
            await server.say(spoken.result_of(frame, tools=[ships.pop(0)]))
        elif frame["method"] == "subscriptions/listen":
            meta = {SUBSCRIPTION: frame["id"]}
            agreed = {"_meta": meta, "notifications": {"toolsListChanged": True}}
            await server.say(
                spoken.framed(method=ACKNOWLEDGED, params=agreed),
                spoken.framed(method=str(CHANGED["method"]), params={"_meta": meta}),
            )

    ear, titles = Ear(pauses=100), list[str]()
    async with spoken.opened(react) as (transport, _), anyio.create_task_group() as group:
        client = McpClient(transport)
        group.start_soon(partial(watch_kept, client, changed=ear.hear, pause=ear.pause))
        for _ in range(2):
            tool = await client.find_tool("ship")
            titles.append("" if tool is None else tool.title)
            await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()

    assert ear.changes == [TOOLS_CHANGED]
    assert titles == ["ship", "Ship it"]


def said(method: str, subscription: Json = "1", **params: Json) -> Notification:
    meta: JsonObject = {} if subscription is None else {SUBSCRIPTION: subscription}
    return Notification(method, {"_meta": meta, **params})


@pytest.fixture
def subscription() -> Subscription:
    wanted = Filter(tools=True, uris=frozenset({"a"}), task_ids=frozenset({"t-1"}))
    opened = Subscription("1", wanted, server="depot")
    accepted: JsonObject = {"toolsListChanged": True, "taskIds": ["t-1"]}
    opened.read(said("notifications/subscriptions/acknowledged", notifications=accepted))
    return opened


def test_subscriptions_are_told_apart_by_their_request(subscription: Subscription) -> None:
    """subscriptions "Multiple Concurrent Subscriptions"."""
    changed = "notifications/tools/list_changed"

    assert subscription.read(said(changed, "1")) == TOOLS_CHANGED
    assert subscription.read(said(changed, None)) == TOOLS_CHANGED
    assert subscription.read(said(changed, "2")) is None
    assert subscription.read(said(changed, 1)) is None


@pytest.mark.parametrize(
    ("notification", "change"),
    [
        (said("notifications/prompts/list_changed"), None),
        (said("notifications/progress", progress=1), None),
        (said("notifications/resources/updated", uri=7), None),
        (said("notifications/resources/updated", uri="b"), None),
        (said("notifications/resources/updated", uri="a"), ResourceChanged("a")),
        (said("notifications/tasks", taskId="t-2"), None),
    ],
)
def test_what_was_not_asked_for_is_passed_over(
    subscription: Subscription, notification: Notification, change: Change | None
) -> None:
    """subscriptions: only requested types; ours: another one ends nothing."""
    assert subscription.read(notification) == change


def test_task_comes_whole(subscription: Subscription) -> None:
    """Tasks extension, "Task Status Notifications"."""
    moved = said("notifications/tasks", taskId="t-1", status="working")
    assert subscription.read(moved) == TaskChanged("t-1", moved.params)


def test_change_before_the_acknowledgment_is_named() -> None:
    """subscriptions "Acknowledgment"."""
    early = Subscription("1", TOOLS, server="depot")
    with pytest.raises(BadFrame, match="subscriptions/listen: the first message must be"):
        early.read(said("notifications/tools/list_changed"))


ALL: Final = Filter(
    tools=True, prompts=True, resources=True, uris=frozenset("ab"), task_ids=frozenset("t")
)


@pytest.mark.parametrize("wanted", [ALL, TOOLS, Filter()])
def test_filter_is_read_as_it_is_written(wanted: Filter) -> None:
    """schema.ts `SubscriptionFilter`; Tasks extension, schema.ts."""
    assert read_filter(json.loads(json.dumps(wanted.to_json()))) == wanted
    assert bool(wanted) == bool(wanted.to_json())


@pytest.mark.parametrize("value", [None, [], "x", {"toolsListChanged": "yes", "taskIds": "t"}])
def test_filter_of_another_shape_promises_nothing(value: Json) -> None:
    """ours: what is no promise is none."""
    assert not read_filter(value)


def test_what_is_not_promised_is_named() -> None:
    """subscriptions "Acknowledgment": the client checks what was agreed."""
    promised = Filter(tools=True, uris=frozenset("a"), task_ids=frozenset("t"))
    assert ALL.missing(promised) == (
        "promptsListChanged",
        "resourcesListChanged",
        "resourceSubscriptions",
    )


async def test_watch_on_a_transport_that_is_closed_tries_again() -> None:
    """ours: a fault on this side must not end the process, and every other server's use with it."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise Enough

    for transport in (
        InMemory("depot", Server(silence).serve),
        Buggy("depot", Server(silence).serve),
    ):
        pauses.clear()
        with pytest.raises(Enough):
            await Watch(McpClient(transport), TOOLS, pause=pause).run()


class Buggy(InMemory):
    """Its streams end with an error that nobody foresaw."""

    def listen(self, request: Request, headers: Mapping[str, str]) -> NoReturn:
        raise RuntimeError("a bug")


class Enough(Exception):
    """A test has seen enough."""
