"""The client's side of HTTP+JSON: what is asked, byte by byte, and what an answer becomes."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from interloom.runtime.client import A2AClient, ClientOptions, Resume
from interloom.runtime.client.rest import written
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import InvalidAgentResponse, LocalError, TaskNotFound
from interloom.runtime.model import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
    WireModel,
)
from interloom.runtime.wire.methods import METHODS
from tests.runtime.client.ports import Canned, ScriptedPort
from tests.runtime.client.test_choose import card

URL = "https://h.example/a2a/hotel"
CARD = card((URL, "HTTP+JSON", "1.0"))
SAID = Message(message_id="m-1", role=Role.USER, parts=(Part(text="Lisbon"),))
WORKING = b'{"id":"t-1","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}'
ONE_STREAM = ClientOptions(resume=Resume(tries=0))
STREAM = {"content-type": "text/event-stream"}

WRITTEN: list[tuple[str, WireModel, str, str, object]] = [
    (
        "SendMessage",
        SendMessageRequest(message=SAID, metadata={"k": 1}),
        "POST",
        "/message:send",
        {"message": SAID.to_dict(), "metadata": {"k": 1}},
    ),
    (
        "SendStreamingMessage",
        SendMessageRequest(message=SAID),
        "POST",
        "/message:stream",
        {"message": SAID.to_dict()},
    ),
    ("GetTask", GetTaskRequest(id="t-1"), "GET", "/tasks/t-1", None),
    ("GetTask", GetTaskRequest(id="t", history_length=0), "GET", "/tasks/t?historyLength=0", None),
    ("GetTask", GetTaskRequest(id="a/b:c d?"), "GET", "/tasks/a%2Fb%3Ac%20d%3F", None),
    ("ListTasks", ListTasksRequest(), "GET", "/tasks", None),
    (
        "ListTasks",
        ListTasksRequest(
            context_id="c&d=",
            status=TaskState.WORKING,
            page_size=5,
            page_token="a+b/c=",  # noqa: S106 - where a page begins, no secret
            status_timestamp_after=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            include_artifacts=True,
        ),
        "GET",
        (
            "/tasks?contextId=c%26d%3D&status=TASK_STATE_WORKING&pageSize=5&pageToken=a%2Bb%2Fc%3D"
            "&statusTimestampAfter=2026-01-02T03%3A04%3A05.000Z&includeArtifacts=true"
        ),
        None,
    ),
    ("ListTasks", ListTasksRequest(tenant="a/b"), "GET", "/a%2Fb/tasks", None),
    ("CancelTask", CancelTaskRequest(id="t-1"), "POST", "/tasks/t-1:cancel", {}),
    ("SubscribeToTask", SubscribeToTaskRequest(id="t-1"), "GET", "/tasks/t-1:subscribe", None),
    (
        "CreateTaskPushNotificationConfig",
        TaskPushNotificationConfig(task_id="t-1", url="https://me/", tenant="acme"),
        "POST",
        "/acme/tasks/t-1/pushNotificationConfigs",
        {"url": "https://me/"},
    ),
    (
        "GetTaskPushNotificationConfig",
        GetTaskPushNotificationConfigRequest(task_id="t-1", id="p/1"),
        "GET",
        "/tasks/t-1/pushNotificationConfigs/p%2F1",
        None,
    ),
    (
        "ListTaskPushNotificationConfigs",
        ListTaskPushNotificationConfigsRequest(task_id="t-1", page_size=3),
        "GET",
        "/tasks/t-1/pushNotificationConfigs?pageSize=3",
        None,
    ),
    (
        "DeleteTaskPushNotificationConfig",
        DeleteTaskPushNotificationConfigRequest(task_id="t-1", id="p-1"),
        "DELETE",
        "/tasks/t-1/pushNotificationConfigs/p-1",
        None,
    ),
    ("GetExtendedAgentCard", GetExtendedAgentCardRequest(), "GET", "/extendedAgentCard", None),
]


@pytest.mark.parametrize(("name", "request_", "verb", "target", "body"), WRITTEN)
def test_operation_has_its_verb_path_query_and_body(
    name: str, request_: WireModel, verb: str, target: str, body: object
) -> None:
    """A2A 11.3, 11.5, and the annotations of a2a.proto: the path's fields, then the tenant's."""
    request = written(URL, METHODS[name], request_)

    assert (request.verb, request.url.removeprefix(URL)) == (verb, target)
    assert (None if request.body is None else orjson.loads(request.body)) == body


def test_every_operation_is_in_this_table() -> None:
    assert {name for name, *_ in WRITTEN} == METHODS.keys()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://h.example", "https://h.example/tasks?pageSize=1"),
        ("https://h.example/", "https://h.example/tasks?pageSize=1"),
        ("https://h.example/x/?key=1", "https://h.example/x/tasks?key=1&pageSize=1"),
    ],
)
def test_path_goes_below_the_interfaces(url: str, target: str) -> None:
    """A2A 5.8 and 8.3.2: the interface's URL as it is, whatever it carries."""
    assert written(url, METHODS["ListTasks"], ListTasksRequest(page_size=1)).url == target


def test_path_without_its_field_is_our_callers_mistake() -> None:
    config = TaskPushNotificationConfig(url="https://me/")

    with pytest.raises(LocalError, match="a field of its path is empty"):
        written(URL, METHODS["CreateTaskPushNotificationConfig"], config)


async def test_request_says_what_it_is_and_what_it_wants() -> None:
    """A2A 11.1, 11.2; W3C Trace Context 3.2."""
    port = ScriptedPort([Canned((b'{"task":%b}' % WORKING,)), Canned((WORKING,))])
    agent = A2AClient(CARD, port)
    trace = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    await agent.send(SAID, trace=trace)
    await agent.get("t-1")

    assert port.sent[0].headers == {
        "content-type": "application/a2a+json",
        "accept": "application/a2a+json",
        "a2a-version": "1.0",
        "traceparent": trace.traceparent,
    }
    assert "content-type" not in port.sent[1].headers


async def test_stream_gives_its_events() -> None:
    """A2A 11.7: `data` is the StreamResponse itself."""
    events = b'data: {"task":%b}\n\n' % WORKING
    port = ScriptedPort([Canned((events,), headers=STREAM)])

    (event,) = [each async for each in A2AClient(CARD, port, options=ONE_STREAM).stream(SAID)]

    assert event.task is not None
    assert port.sent[0].headers["accept"] == "text/event-stream"


async def test_answer_that_is_no_stream_is_refused() -> None:
    port = ScriptedPort([Canned((WORKING,))])

    with pytest.raises(InvalidAgentResponse, match="SubscribeToTask: the answer is no event"):
        await anext(A2AClient(CARD, port).subscribe("t-1"))


async def test_error_in_place_of_a_stream_is_raised() -> None:
    """A2A 11.6."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "TASK_NOT_FOUND",
        "domain": "a2a-protocol.org",
    }
    error = {"code": 404, "status": "NOT_FOUND", "message": "gone", "details": [info]}
    port = ScriptedPort([Canned((orjson.dumps({"error": error}),), status=404)])

    with pytest.raises(TaskNotFound, match=r"h\.example: gone"):
        await anext(A2AClient(CARD, port).subscribe("t-1"))


async def test_deletion_answers_nothing() -> None:
    """A2A 3.1.10: google.protobuf.Empty, whether `{}` or no body at all."""
    port = ScriptedPort([Canned((b"{}",)), Canned((), status=204)])
    agent = A2AClient(CARD, port)

    await agent.delete_push_config("t-1", "p-1")
    await agent.delete_push_config("t-1", "p-1")

    assert [sent.method for sent in port.sent] == ["DELETE", "DELETE"]
