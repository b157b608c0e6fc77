"""Sessions over Streamable HTTP as it was.

Source: MCP 2025-11-25, basic/transports "Session Management", "Listening for Messages from the
Server", "Resumability and Redelivery"; basic/utilities/cancellation.
"""

from __future__ import annotations

import json

import anyio
import pytest

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.errors import BadFrame, HttpFailure
from interloom.bridges.mcp.eras import Era, Eras
from interloom.bridges.mcp.legacy.calls import MAX_REPLIES
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import BrokenOff, TransportError
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import body
from tests.bridges.mcp.legacy.elder import FORM
from tests.bridges.mcp.legacy.parlour import (
    JSON,
    LAST,
    STREAM,
    Frame,
    Parlour,
    event,
    visiting,
)
from tests.bridges.mcp.legacy.test_questions import asked
from tests.bridges.mcp.legacy.test_session import YES, call, stamped
from tests.bridges.mcp.spoken import NO_HEADERS
from tests.runtime.net.hostile import Seen, head, never

DISCOVER = stamped("r0", "server/discover", {})
LIST = stamped("r1", "tools/list", {})
CUT = head(200, {"Content-Type": JSON, "Connection": "close"})
BIG = event({"method": "notifications/message", "params": {"data": "x" * 11_000_000}})


async def test_session_is_named_on_every_request_and_deleted_at_the_end() -> None:
    """Session management 2 and 5; the version header after the handshake."""
    async with visiting() as (eras, parlour):
        await McpClient(eras).list_tools()
        await parlour.until("GET")

    assert eras.era is Era.LEGACY
    assert parlour.lines[:3] == [
        "POST tools/list",
        "POST initialize",
        "POST notifications/initialized",
    ]
    assert parlour.lines[-1] == "DELETE"
    for index, line in enumerate(parlour.lines[2:], 2):
        fields = parlour.headers[index]
        assert (line, fields["mcp-session-id"]) == (line, "s1")
        assert (line, fields["mcp-protocol-version"]) == (line, "2025-11-25")
        assert (line, fields["authorization"]) == (line, "Bearer t0ken")
        assert "mcp-method" not in fields
    assert parlour.headers[2]["accept"] == "application/json, text/event-stream"


async def test_session_that_is_gone_is_begun_anew_for_the_same_request() -> None:
    """Session management 4: on 404 MUST start a new session."""
    async with visiting() as (eras, parlour):
        await eras.request(LIST, NO_HEADERS)
        parlour.gone.add("s1")
        await eras.request(LIST, NO_HEADERS)
        parlour.gone.add("s2")
        await eras.request(call("r2"), NO_HEADERS)

    assert parlour.sessions == 3


async def test_server_that_forgets_every_session_is_given_up() -> None:
    """ours: TRIES, not a loop; the request itself was never carried out."""

    async def forget(parlour: Parlour, seen: Seen, _frame: Frame) -> None:
        await seen.stream.send(body(404, b"", None))

    async with visiting(forget) as (eras, parlour):
        for request in (LIST, call("r2")):
            with pytest.raises(TransportError, match="each session is lost at once") as caught:
                await eras.request(request, NO_HEADERS)
            assert not caught.value.delivered

    assert parlour.sessions == 4


async def test_question_on_the_stream_of_a_call_is_held_and_answered() -> None:
    """client/elicitation over "Sending Messages to the Server" 6."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        question: JsonObject = {"id": 7, "method": "elicitation/create", "params": FORM}
        await seen.stream.send(STREAM + event(question))
        await parlour.until("POST response")
        await seen.stream.send(event({"id": frame["id"], "result": {"content": []}}) + LAST)

    async with visiting(act) as (eras, parlour):
        steps, done = await ship(eras)
        answer = parlour.frames[await parlour.until("POST response")]

    assert steps == 1
    assert done == {"content": []}
    assert answer == {"jsonrpc": "2.0", "id": 7, "result": YES}


async def ship(eras: Eras) -> tuple[int, JsonObject]:
    """Make a call and answer its one round of questions."""
    first = await eras.request(call("r1"), NO_HEADERS)
    answers = dict.fromkeys(asked(first), YES)
    again = call("r2", inputResponses=answers, requestState=first["requestState"])
    return len(answers), await eras.request(again, NO_HEADERS)


async def test_broken_stream_is_taken_up_after_its_last_event() -> None:
    """Resumability: GET with Last-Event-ID after `retry` milliseconds."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM + event({}, event_id="e1", retry=10) + LAST)

    async def listen(parlour: Parlour, seen: Seen) -> None:
        match seen.headers.get("last-event-id"):
            case "e1":
                note: JsonObject = {"method": "notifications/message"}
                await seen.stream.send(STREAM + event(note, event_id="e2") + LAST)
            case "e2":
                await seen.stream.send(STREAM + event({"id": "r1", "result": {}}) + LAST)
            case _:
                await seen.stream.send(body(405, b"", None))

    async with visiting(act, listen) as (eras, _parlour):
        assert await eras.request(LIST, NO_HEADERS) == {}


@pytest.mark.parametrize("event_id", ["a\x01b", "a\x7fb", "\x1b[2J"])
async def test_event_id_that_no_header_can_carry_is_passed_over(event_id: str) -> None:
    """ours: the stream is opened again as one without ids, and the session lives on."""
    again: list[str | None] = []
    reopened = anyio.Event()

    async def listen(parlour: Parlour, seen: Seen) -> None:
        if parlour.lines.count("GET") > 1:
            again.append(seen.headers.get("last-event-id"))
            reopened.set()
            await never(seen)
        news = event({}, event_id="e1", retry=1) + event({}, event_id=event_id)
        await seen.stream.send(STREAM + news + LAST)

    async with visiting(listen=listen) as (eras, _parlour):
        await eras.request(LIST, NO_HEADERS)
        await reopened.wait()
        assert await eras.request(LIST, NO_HEADERS) == {"tools": [], "content": []}

    assert again == [None]


async def test_call_whose_only_event_id_no_header_can_carry_is_not_taken_up() -> None:
    """ours: as where the stream had no id; the server may have carried the call out."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM + event({}, event_id="a\x01b", retry=1) + LAST)

    async with visiting(act) as (eras, _parlour):
        with pytest.raises(BrokenOff, match="ended without a response") as caught:
            await eras.request(call("r1"), NO_HEADERS)

    assert caught.value.delivered


async def test_stream_that_brings_no_news_is_given_up() -> None:
    """ours: MAX_PICKUPS; the server may have carried the request out."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM + event({}, event_id="e1", retry=1) + LAST)

    async def listen(_: Parlour, seen: Seen) -> None:
        await seen.stream.send(STREAM + LAST)

    async with visiting(act, listen) as (eras, _parlour):
        with pytest.raises(BrokenOff, match="ended without a response") as caught:
            await eras.request(LIST, NO_HEADERS)

    assert caught.value.delivered
    assert str(caught.value).startswith("MCP server depot: tools/list: ")


@pytest.mark.parametrize("status", [404, 405, 401])
@pytest.mark.parametrize("is_said", [False, True])
async def test_call_whose_stream_cannot_be_taken_up_is_not_made_again(
    status: int, *, is_said: bool
) -> None:
    """Session management 4 is about a request that was refused; this one may have been done.

    An error that comes with the status is about the GET, and no answer to the call.
    """
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "no"}}
    said = json.dumps(refusal).encode() if is_said else b""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM + event({}, event_id="e1", retry=1) + LAST)

    async def listen(_: Parlour, seen: Seen) -> None:
        await seen.stream.send(body(status, said, JSON if is_said else None))

    async with visiting(act, listen) as (eras, parlour):
        with pytest.raises(BrokenOff, match="ended without a response") as caught:
            await eras.request(call("r1"), NO_HEADERS)

    assert caught.value.delivered
    assert parlour.lines.count("POST tools/call") == 2  # the modern one was refused


async def test_stream_is_taken_up_after_a_gateways_bad_moment() -> None:
    """ours: 503 says nothing about the stream."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM + event({}, event_id="e1", retry=1) + LAST)

    async def listen(_: Parlour, seen: Seen) -> None:
        if seen.headers.get("last-event-id") != "e1":
            await seen.stream.send(body(405, b"", None))
        elif not tried.is_set():
            tried.set()
            await seen.stream.send(body(503, b"", None))
        else:
            await seen.stream.send(STREAM + event({"id": "r1", "result": {}}) + LAST)

    tried = anyio.Event()
    async with visiting(act, listen) as (eras, _parlour):
        assert await eras.request(LIST, NO_HEADERS) == {}


async def test_stream_that_is_taken_up_for_ever_keeps_to_its_time() -> None:
    """ours: a maximum is enforced whatever is heard on the way; the server is told."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM + event({}, event_id="e0", retry=1) + LAST)

    async def listen(parlour: Parlour, seen: Seen) -> None:
        news = event({}, event_id=f"e{len(parlour.lines)}")
        await seen.stream.send(STREAM + news + LAST)

    async with visiting(act, listen) as (eras, parlour):
        await eras.request(DISCOVER, NO_HEADERS)
        with pytest.raises(TransportError, match=r"not done within 0\.5 s"):
            await eras.request(LIST, NO_HEADERS, patience=Patience(5.0, 0.5))
        index = await parlour.until("POST notifications/cancelled")

    assert parlour.frames[index]["params"] == {"requestId": "r1"}


async def test_answer_that_is_refused_ends_the_call() -> None:
    """Sending Messages 4: a status says that the server does not take it; it waits for nothing."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        question: JsonObject = {"id": 7, "method": "elicitation/create", "params": FORM}
        await seen.stream.send(STREAM + event(question))
        await never(seen)

    async with visiting(act) as (eras, parlour):
        first = await eras.request(call("r1"), NO_HEADERS)
        parlour.accepts = body(500, b"", None)
        again = call("r2", inputResponses={"7": YES}, requestState=first["requestState"])
        with pytest.raises(HttpFailure, match="response: answered HTTP 500"):
            await eras.request(again, NO_HEADERS)
        await parlour.until("POST notifications/cancelled")


async def test_call_that_is_left_between_its_rounds_is_cancelled() -> None:
    """basic/utilities/cancellation; `Transport.leave`."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        question: JsonObject = {"id": 7, "method": "elicitation/create", "params": FORM}
        await seen.stream.send(STREAM + event(question))
        await never(seen)

    async with visiting(act) as (eras, parlour):
        first = await eras.request(call("r1"), NO_HEADERS)
        eras.leave(str(first["requestState"]))
        index = await parlour.until("POST notifications/cancelled")

    assert parlour.frames[index]["params"] == {"requestId": "r1"}


async def test_leaving_a_call_says_so_because_a_closed_stream_does_not() -> None:
    """Sending Messages 6: to cancel, the client SHOULD send a CancelledNotification."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(STREAM)
        await never(seen)

    async with visiting(act) as (eras, parlour):
        with pytest.raises(TransportError, match=r"silent for 0\.3 s"):
            await eras.request(call("r1"), NO_HEADERS, patience=Patience(0.3, 9.0))
        index = await parlour.until("POST notifications/cancelled")

    assert parlour.frames[index]["params"] == {"requestId": "r1"}


@pytest.mark.parametrize(
    ("raw", "kind", "rule"),
    [
        (body(200, b"<html>", "text/html"), BadFrame, "content type must be"),
        (body(200, b"[]", JSON), BadFrame, "must hold the response"),
        (body(200, b"<", JSON), BadFrame, "not JSON"),
        (body(200, b'{"jsonrpc":"2.0","id":"x","result":{}}', JSON), BadFrame, "another request"),
        (body(202, b"", None), HttpFailure, "HTTP 202"),
        (body(500, b"trace s3cret", "text/plain"), HttpFailure, "HTTP 500"),
        (STREAM + LAST, BrokenOff, "ended without a response"),
        (CUT + b'{"jsonrpc":"2.0","id":"', BrokenOff, "the body broke off"),
        (STREAM + BIG, BadFrame, "a server-sent line is over 10485760 bytes"),
    ],
)
async def test_bad_reply_is_a_typed_error(raw: bytes, kind: type[Exception], rule: str) -> None:
    """ours: server, method and rule, whatever the era."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        await seen.stream.send(raw)
        if raw.startswith(CUT):
            await seen.stream.aclose()
            raise anyio.EndOfStream

    async with visiting(act) as (eras, _parlour):
        with pytest.raises(kind, match=rule) as caught:
            await eras.request(LIST, NO_HEADERS)

    assert str(caught.value).startswith("MCP server depot: tools/list: ")
    assert "s3cret" not in str(caught.value)


async def test_server_that_asks_faster_than_it_takes_answers_gets_some() -> None:
    """ours: MAX_REPLIES; what a server asks must not take all our connections."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        parlour.accepts = b""
        pings = [event({"id": number, "method": "ping"}) for number in range(MAX_REPLIES + 50)]
        await seen.stream.send(STREAM + b"".join(pings))
        while parlour.lines.count("POST response") < MAX_REPLIES:
            await parlour.changed.wait()
        await seen.stream.send(event({"id": frame["id"], "result": {"content": []}}) + LAST)

    async with visiting(act) as (eras, parlour):
        await eras.request(call("r1"), NO_HEADERS)

    assert parlour.lines.count("POST response") == MAX_REPLIES


async def test_request_whose_id_cannot_be_sent_back_is_passed_over() -> None:
    """basic/index "Requests": an id MUST be a string or an integer."""

    async def act(parlour: Parlour, seen: Seen, frame: Frame) -> None:
        bad = [event({"id": each, "method": "ping"}) for each in (None, True, [7], {"a": 7})]
        await seen.stream.send(STREAM + b"".join(bad) + event({"id": "p", "method": "ping"}))
        await parlour.until("POST response")
        await seen.stream.send(event({"id": frame["id"], "result": {"content": []}}) + LAST)

    async with visiting(act) as (eras, parlour):
        await eras.request(call("r1"), NO_HEADERS)

    answers = [each["id"] for each in parlour.frames if "id" in each and "method" not in each]
    assert answers == ["p"]


async def test_several_messages_in_one_reply_are_read_one_by_one() -> None:
    """2025-03-26 basic/index "Batching": MUST support receiving them."""

    async def act(_: Parlour, seen: Seen, frame: Frame) -> None:
        raw = b'[{"jsonrpc":"2.0","method":"notifications/message"},'
        raw += b'{"jsonrpc":"2.0","id":"r1","result":{"tools":[]}}]'
        await seen.stream.send(body(200, raw, JSON))

    async with visiting(act) as (eras, _parlour):
        assert await eras.request(LIST, NO_HEADERS) == {"tools": []}
