"""The client's side of A2A 1.0 over JSON-RPC, byte by byte, against a scripted peer."""

from __future__ import annotations

from contextlib import aclosing

import orjson
import pytest

from interloom.runtime.client import A2AClient, BadStatus, ClientOptions, Resume, resolve
from interloom.runtime.client.options import PATIENT
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import (
    InvalidAgentResponse,
    PeerError,
    TaskNotFound,
    TransportError,
    UnsupportedOperation,
)
from interloom.runtime.model import (
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    StreamResponse,
    Task,
    TaskState,
)
from interloom.runtime.net.port import DEFAULT_LIMITS
from interloom.runtime.wire import jsonrpc
from tests.runtime.client.ports import Canned, ScriptedPort
from tests.runtime.client.test_choose import card

CARD = card(("https://h.example/rpc", "JSONRPC", "1.0"))
MESSAGE = Message(message_id="m-1", role=Role.USER, parts=(Part(text="Lisbon"),))
ONE_STREAM = ClientOptions(resume=Resume(tries=0))
TRACE = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b")
WORKING = b'{"id":"t-1","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}'
STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def result(json: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % json


def event(json: bytes) -> bytes:
    return b"data: %b\n\n" % result(json)


def state(name: str) -> bytes:
    moved = b'{"taskId":"t-1","contextId":"c","status":{"state":"TASK_STATE_%b"}}' % name.encode()
    return event(b'{"statusUpdate":%b}' % moved)


def client(*answers: Canned) -> tuple[A2AClient, ScriptedPort]:
    port = ScriptedPort(list(answers))
    return A2AClient(CARD, port, options=ONE_STREAM), port


async def collected(agent: A2AClient) -> list[StreamResponse]:
    return [each async for each in agent.stream(MESSAGE)]


# ---- the card ------------------------------------------------------------------------------------


async def test_card_is_fetched_once_from_its_well_known_path() -> None:
    """A2A 8.2, 3.6.1."""
    answers = [Canned((CARD.to_json(),)), Canned((result(WORKING),)), Canned((result(WORKING),))]
    port = ScriptedPort(answers)
    agent = A2AClient("https://h.example/a2a/hotel", port)

    await agent.get("t-1")
    await agent.get("t-1")

    assert [sent.url for sent in port.sent] == [
        "https://h.example/a2a/hotel/.well-known/agent-card.json",
        "https://h.example/rpc",
        "https://h.example/rpc",
    ]
    assert (port.sent[0].method, port.sent[0].headers["a2a-version"]) == ("GET", "1.0")
    assert await agent.card() == CARD


async def test_card_that_is_not_there_is_told_by_its_status() -> None:
    with pytest.raises(BadStatus) as caught:
        await resolve("https://h.example", ScriptedPort([Canned((b"gone",), status=404)]))

    assert caught.value.status == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"name":"x"}'])
async def test_card_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidAgentResponse, match=r"h\.example"):
        await resolve("https://h.example", ScriptedPort([Canned((body,))]))


# ---- requests ------------------------------------------------------------------------------------


async def test_send_puts_the_whole_request_on_the_wire() -> None:
    """A2A 9.1 to 9.4.1, 3.6.1; W3C Trace Context 3.2."""
    agent, port = client(Canned((result(b'{"task":%b}' % WORKING),)))

    answer = await agent.send(
        MESSAGE,
        configuration=SendMessageConfiguration(return_immediately=True),
        metadata={"k": 1},
        trace=TRACE,
    )

    assert isinstance(answer, Task)
    assert answer.status.state is TaskState.WORKING
    (sent,) = port.sent
    assert (sent.method, sent.url, sent.limits) == ("POST", "https://h.example/rpc", PATIENT)
    assert sent.frame == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "SendMessage",
        "params": {
            "message": {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "Lisbon"}]},
            "configuration": {"returnImmediately": True},
            "metadata": {"k": 1},
        },
    }
    assert sent.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "a2a-version": "1.0",
        "traceparent": TRACE.traceparent,
        "tracestate": "a=b",
    }


async def test_agent_may_answer_with_a_message() -> None:
    """A2A 3.1.1."""
    said = b'{"messageId":"x","role":"ROLE_AGENT","parts":[{"text":"Hi"}]}'
    agent, _ = client(Canned((result(b'{"message":%b}' % said),)))

    answer = await agent.send(MESSAGE)

    assert isinstance(answer, Message)
    assert answer.parts[0].text == "Hi"


@pytest.mark.parametrize("json", [b"{}", b'{"task":{"id":"t"}}', b'{"task":null,"message":null}'])
async def test_answer_without_a_task_or_a_message_is_refused(json: bytes) -> None:
    agent, _ = client(Canned((result(json),)))

    with pytest.raises(InvalidAgentResponse, match="SendMessageResponse"):
        await agent.send(MESSAGE)


async def test_every_operation_has_its_method_and_params() -> None:
    """A2A 9.4.3 to 9.4.5; ids are fresh for every request."""
    page = b'{"tasks":[%b],"nextPageToken":"n","pageSize":1,"totalSize":2}' % WORKING
    agent, port = client(
        Canned((result(WORKING),)), Canned((result(WORKING),)), Canned((result(page),))
    )

    await agent.get("t-1", history_length=0)
    await agent.cancel("t-1", metadata={"why": "x"})
    found = await agent.list(ListTasksRequest(status=TaskState.WORKING, page_size=1))

    assert [
        (sent.frame["id"], sent.frame["method"], sent.frame["params"]) for sent in port.sent
    ] == [
        (1, "GetTask", {"id": "t-1", "historyLength": 0}),
        (2, "CancelTask", {"id": "t-1", "metadata": {"why": "x"}}),
        (3, "ListTasks", {"status": "TASK_STATE_WORKING", "pageSize": 1}),
    ]
    assert {sent.limits for sent in port.sent} == {DEFAULT_LIMITS}
    assert (found.tasks[0].id, found.next_page_token, found.total_size) == ("t-1", "n", 2)


async def test_tenant_is_exactly_the_interfaces() -> None:
    """A2A 8.3.2: the tenant of the selected interface in every request, omitted when unset."""
    interface = CARD.supported_interfaces[0].model_copy(update={"tenant": "acme"})
    with_tenant = CARD.model_copy(update={"supported_interfaces": (interface,)})
    page = b'{"tasks":[],"nextPageToken":"","pageSize":1,"totalSize":0}'
    one, two = ScriptedPort([Canned((result(page),))]), ScriptedPort([Canned((result(page),))])

    await A2AClient(with_tenant, one).list()
    await A2AClient(CARD, two).list(ListTasksRequest(tenant="somebody-else"))

    assert one.sent[0].frame["params"] == {"tenant": "acme"}
    assert two.sent[0].frame["params"] == {}


async def test_agents_error_is_raised_as_its_class() -> None:
    body = jsonrpc.error(1, TaskNotFound("Task not found", details={"taskId": "t-1"}))
    agent, port = client(Canned((body,)))

    with pytest.raises(TaskNotFound) as caught:
        await agent.get("t-1")

    assert caught.value.details == {"taskId": "t-1"}
    assert port.answers == []


# ---- streams -------------------------------------------------------------------------------------


async def test_stream_gives_the_events_in_order_whatever_the_chunks() -> None:
    """A2A 9.4.2; WHATWG HTML 9.2: a chunk's border means nothing."""
    whole = event(b'{"task":%b}' % WORKING) + b": beat\n\n" + state("COMPLETED")
    pieces = tuple(whole[at : at + 7] for at in range(0, len(whole), 7))
    agent, port = client(Canned(_whole_ids(pieces), headers=STREAM))

    events = await collected(agent)

    assert [each.kind for each in events] == ["task", "status_update"]
    assert port.sent[0].headers["accept"] == "text/event-stream"
    assert port.sent[0].frame["method"] == "SendStreamingMessage"


def _whole_ids(pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The pieces with the id in place: it would be torn apart by the cuts."""
    whole = b"".join(pieces).replace(b"%ID%", b"1")
    return tuple(whole[at : at + 7] for at in range(0, len(whole), 7))


async def test_subscription_names_its_task() -> None:
    """A2A 9.4.6."""
    agent, port = client(Canned((event(b'{"task":%b}' % WORKING),), headers=STREAM))

    events = [each async for each in agent.subscribe("t-1", trace=TRACE)]

    assert events[0].task is not None
    assert port.sent[0].frame["params"] == {"id": "t-1"}
    assert port.sent[0].headers["traceparent"] == TRACE.traceparent


async def test_leaving_a_stream_early_closes_the_exchange() -> None:
    answer = Canned((event(b'{"task":%b}' % WORKING), state("COMPLETED")), headers=STREAM)
    agent, _ = client(answer)

    async with aclosing(agent.stream(MESSAGE)) as events:
        async for _ in events:
            break

    assert answer.is_closed


async def test_error_in_place_of_a_stream_is_raised() -> None:
    """A2A 3.1.6: a task that is over cannot be subscribed to; the error is plain JSON."""
    agent, _ = client(Canned((jsonrpc.error(1, UnsupportedOperation("over")),)))

    with pytest.raises(UnsupportedOperation):
        await anext(agent.subscribe("t-1"))


async def test_error_within_a_stream_is_raised_after_what_came_before() -> None:
    broken = b"data: %b\n\n" % jsonrpc.error(1, TaskNotFound("gone"))
    agent, _ = client(Canned((event(b'{"task":%b}' % WORKING), broken), headers=STREAM))
    stream = agent.stream(MESSAGE)

    first = await anext(stream)

    assert first.task is not None
    with pytest.raises(TaskNotFound):
        await anext(stream)


async def test_stream_that_breaks_off_gives_what_came_before() -> None:
    cut = TransportError("h.example: the body broke off", delivered=True)
    answer = Canned((event(b'{"task":%b}' % WORKING), state("WORKING")[:9]), 200, STREAM, cut)
    agent, _ = client(answer)
    stream = agent.stream(MESSAGE)

    await anext(stream)

    with pytest.raises(TransportError, match="broke off"):
        await anext(stream)
    assert answer.is_closed


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            Canned((result(WORKING),)),
            InvalidAgentResponse,
            "SendStreamingMessage: the answer is no event",
        ),
        (Canned((b"",), status=500, headers=STREAM), BadStatus, "HTTP 500"),
        (Canned((b"data: {}\n\n",), headers=STREAM), InvalidAgentResponse, "jsonrpc"),
        (Canned((event(b"{}"),), headers=STREAM), InvalidAgentResponse, "StreamResponse"),
        (Canned((b"x" * 11 * 1024 * 1024,), headers=STREAM), PeerError, "over 10485760 bytes"),
    ],
    ids=["plain JSON", "status", "no JSON-RPC", "no payload", "line without end"],
)
async def test_stream_that_is_none_is_refused(
    answer: Canned, kind: type[PeerError], said: str
) -> None:
    agent, _ = client(answer)

    with pytest.raises(kind, match=said):
        await collected(agent)

    assert answer.is_closed


def test_request_is_plain_json() -> None:
    """A frame is what orjson reads back: no NaN, no bytes, no dates in it."""
    assert orjson.loads(MESSAGE.to_json()) == MESSAGE.to_dict()
