"""Whose message is it: MCP 2026-07-28, basic/transports/stdio "Receiving Messages"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.mcp.core.frames import Notification
from interloom.bridges.mcp.core.routing import (
    Asked,
    Heard,
    Owner,
    Response,
    Stray,
    ids_shown,
    progress_token,
    route,
)
from interloom.runtime.values import Json, JsonObject

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)

SUBSCRIBED: JsonObject = {"_meta": {"io.modelcontextprotocol/subscriptionId": "s1"}}


def frame(**members: Json) -> JsonObject:
    return {"jsonrpc": "2.0", **members}


@pytest.mark.parametrize(
    ("method", "params", "owner", "key"),
    [
        ("notifications/progress", {"progressToken": "t", "progress": 1}, Owner.TOKEN, "t"),
        ("notifications/progress", {"progressToken": 7, "progress": 1}, Owner.TOKEN, "#7"),
        ("notifications/progress", {"progressToken": True}, Owner.NOBODY, ""),
        ("notifications/message", {"level": "info"}, Owner.LOG, ""),
        ("notifications/cancelled", {"requestId": "r"}, Owner.REQUEST, "r"),
        ("notifications/tools/list_changed", SUBSCRIBED, Owner.REQUEST, "s1"),
        ("notifications/progress", {**SUBSCRIBED, "progressToken": "t"}, Owner.REQUEST, "s1"),
        ("notifications/tools/list_changed", {}, Owner.NOBODY, ""),
        ("notifications/other", {"progressToken": "t"}, Owner.NOBODY, ""),
    ],
)
def test_notification_belongs_to_whom_it_names(
    method: str, params: JsonObject, owner: Owner, key: str
) -> None:
    """stdio "Receiving Messages" 2 and 3; progress; a log message names nobody."""
    heard = Heard(Notification(method, params), owner, key)

    assert route(frame(method=method, params=params)) == heard


@pytest.mark.parametrize("params", [None, [], 1, "x"])
def test_notification_without_params_belongs_to_nobody(params: Json) -> None:
    """basic/index "Notifications"."""
    found = route(frame(method="notifications/progress", params=params))

    assert found == Heard(Notification("notifications/progress", {}), Owner.NOBODY)


def test_responses_are_known_by_id_and_requests_by_method() -> None:
    """stdio "Receiving Messages" 1; a server's request is recognised, whatever becomes of it."""
    result, error = frame(id="r", result={}), frame(id=None, error={})
    asked = frame(id=1, method="elicitation/create")

    assert route(result) == Response("r", result)
    assert route(error) == Response(None, error)
    assert route(asked) == Asked(asked)


@pytest.mark.parametrize(
    "stray",
    [
        None,
        [],
        "hello",
        {},
        {"jsonrpc": "1.0", "id": "r", "result": {}},
        frame(id=7, result={}),
        frame(result={}),
        frame(id=[1], result={}),
        frame(id="r", method=7),
        frame(id=None, method="ping"),
        frame(id=True, method="ping"),
        frame(id=1.5, method="ping"),
        frame(id=[1], method="ping"),
        frame(id={}, method="ping"),
    ],
)
def test_what_belongs_to_nobody_is_a_stray_with_a_reason(stray: Json) -> None:
    """ours: our ids are strings, so an answer to a number is an answer to nothing.

    A request's id MUST be a string or an integer (basic/index "Requests").
    """
    found = route(stray)

    assert isinstance(found, Stray)
    assert found.rule


@given(JSON)
def test_no_message_breaks_the_router(value: Json) -> None:
    """ours: a peer may send anything."""
    route(value)
    for member in ("method", "id", "params", "error", "result"):
        route({"jsonrpc": "2.0", member: value})
        route({"jsonrpc": "2.0", "method": "notifications/progress", "params": {member: value}})
    progress_token({"_meta": value})


@pytest.mark.parametrize(
    ("parts", "ids"),
    [
        ([b'{"jsonrpc":"2.0","id":"r1","result":{"content":[', b"xxx"], ["r1"]),
        ([b'{"id" : "r1", "result":"xxx'], ["r1"]),
        ([b'{"result":{"id":"nested","a":"', b'xxx"},"id":"r1"}'], ["nested", "r1"]),
        ([b'{"jsonrpc":"2.0","id":1,"result":'], []),
        ([b"xxxxxx", b""], []),
    ],
)
def test_ends_of_a_reply_that_cannot_be_read_show_whose_it_may_be(
    parts: list[bytes], ids: list[str]
) -> None:
    """ours: one request fails at once, the others do not."""
    assert ids_shown(*parts) == ids
