"""Version 0.3 to the agent, 1.0 to the caller: every word that changed its spelling.

Source: the specification in its version 0.3.0, sections 5.6, 6 and 7.
"""

from __future__ import annotations

import pytest

from interloom.runtime.client import ClientOptions, Resume
from interloom.runtime.client.v03 import (
    METHODS,
    SPOKEN,
    new_card,
    new_message,
    old_message,
    v03_client,
)
from interloom.runtime.errors import (
    InvalidAgentResponse,
    LocalError,
    PeerError,
    TaskNotFound,
    UnsupportedOperation,
)
from interloom.runtime.model import (
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)
from interloom.runtime.values import JsonObject
from tests.architecture.tree import PRODUCT, ours
from tests.runtime.client.ports import Canned, ScriptedPort

CARD = (
    b'{"protocolVersion":"0.3.0","name":"old","description":"Old.","url":"https://old.example/rpc",'
    b'"version":"1","capabilities":{"streaming":true,"stateTransitionHistory":true},'
    b'"defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain"],'
    b'"skills":[{"id":"a","name":"a","description":"a","tags":["a"],"security":[{"b":[]}]}],'
    b'"security":[{"b":[]}],"securitySchemes":{"b":{"type":"http","scheme":"bearer"}}}'
)
TASK = (
    b'{"id":"t-1","contextId":"c-1","kind":"task","status":{"state":"input-required","message":'
    b'{"kind":"message","messageId":"q","role":"agent","parts":[{"kind":"text","text":"Which?"}]}},'
    b'"artifacts":[{"artifactId":"r","parts":[{"kind":"file","file":{"uri":"https://f/x",'
    b'"mimeType":"image/png","name":"x.png"}}]}]}'
)
SAID = Message(message_id="m-1", role=Role.USER, parts=(Part(text="Lisbon"),))
PARTS: list[tuple[JsonObject, JsonObject]] = [
    ({"text": "a"}, {"kind": "text", "text": "a"}),
    ({"text": ""}, {"kind": "text", "text": ""}),
    (
        {"data": {"a": 1}, "metadata": {"k": 1}},
        {"kind": "data", "data": {"a": 1}, "metadata": {"k": 1}},
    ),
    (
        {"raw": "aGk=", "filename": "x", "mediaType": "image/png"},
        {"kind": "file", "file": {"bytes": "aGk=", "name": "x", "mimeType": "image/png"}},
    ),
    ({"url": "https://f/x"}, {"kind": "file", "file": {"uri": "https://f/x"}}),
]
ONE_STREAM = ClientOptions(resume=Resume(tries=0))


def result(json: bytes) -> Canned:
    return Canned((b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % json,))


def port(*answers: Canned) -> ScriptedPort:
    return ScriptedPort([Canned((CARD,)), *answers])


@pytest.mark.parametrize(("new", "old"), PARTS)
def test_part_is_spelled_either_way(new: JsonObject, old: JsonObject) -> None:
    """6.5, 6.6: what is sent comes back as it was."""
    message: JsonObject = {"messageId": "m", "role": "ROLE_USER", "parts": [new]}

    spelled = old_message(message)

    assert spelled == {"kind": "message", "messageId": "m", "role": "user", "parts": [old]}
    assert new_message(spelled) == message


def test_data_that_is_no_object_is_wrapped() -> None:
    """6.5.3: data is an object there."""
    message: JsonObject = {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": [1]}]}

    assert old_message(message)["parts"] == [{"kind": "data", "data": {"value": [1]}}]


async def test_message_is_sent_and_its_task_understood() -> None:
    """7.1: `message/send`; 0.3 has no tenant, and calls waiting `blocking`."""
    sent = port(result(TASK))
    async with v03_client("https://old.example", sent) as client:
        task = await client.send(SAID, metadata={"k": 1})

    assert isinstance(task, Task)
    assert task.status.state is TaskState.INPUT_REQUIRED
    assert task.status.message is not None
    assert task.status.message.parts[0].text == "Which?"
    file = task.artifacts[0].parts[0]
    assert (file.url, file.media_type, file.filename) == ("https://f/x", "image/png", "x.png")
    assert sent.sent[1].frame == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "message/send",
        "params": {
            "message": {
                "kind": "message",
                "messageId": "m-1",
                "role": "user",
                "parts": [{"kind": "text", "text": "Lisbon"}],
            },
            "configuration": {"blocking": True},
            "metadata": {"k": 1},
        },
    }
    assert {each.headers["a2a-version"] for each in sent.sent} == {SPOKEN}


async def test_message_may_be_the_whole_answer() -> None:
    said = (
        b'{"kind":"message","messageId":"x","role":"agent","parts":[{"kind":"text","text":"Hi"}]}'
    )
    async with v03_client("https://old.example", port(result(said))) as client:
        answer = await client.send(
            SAID, configuration=SendMessageConfiguration(return_immediately=True)
        )

    assert isinstance(answer, Message)
    assert (answer.role, answer.parts[0].text) == (Role.AGENT, "Hi")


async def test_events_of_a_stream_are_told_apart_by_their_kind() -> None:
    """7.2, 7.2.2, 7.2.3."""
    ids = b'"taskId":"t-1","contextId":"c-1"'
    events = (
        TASK.replace(b"input-required", b"working"),
        b'{"kind":"artifact-update",%b,"artifact":{"artifactId":"r","parts":[{"kind":"text",'
        b'"text":"x"}]},"append":true,"lastChunk":true}' % ids,
        b'{"kind":"status-update",%b,"final":true,"status":{"state":"completed"}}' % ids,
    )
    frames = b"".join(
        b'data: {"jsonrpc":"2.0","id":%%ID%%,"result":%b}\n\n' % each for each in events
    )
    answer = Canned((frames,), headers={"content-type": "text/event-stream"})
    sent = port(answer)
    async with v03_client("https://old.example", sent, ONE_STREAM) as client:
        told = [each async for each in client.stream(SAID)]

    assert [each.kind for each in told] == ["task", "artifact_update", "status_update"]
    assert told[1].artifact_update is not None
    assert told[1].artifact_update.append
    assert sent.sent[1].frame["method"] == "message/stream"
    assert "configuration" not in sent.sent[1].frame["params"]


async def test_task_is_read_and_canceled_by_its_id() -> None:
    """7.3, 7.4."""
    sent = port(result(TASK), result(TASK.replace(b"input-required", b"canceled")))
    async with v03_client("https://old.example", sent) as client:
        await client.get("t-1", history_length=2)
        canceled = await client.cancel("t-1")

    assert canceled.status.state is TaskState.CANCELED
    assert [(each.frame["method"], each.frame["params"]) for each in sent.sent[1:]] == [
        ("tasks/get", {"id": "t-1", "historyLength": 2}),
        ("tasks/cancel", {"id": "t-1"}),
    ]


async def test_error_is_the_class_its_code_stands_for() -> None:
    """8.2: the codes have not changed."""
    error = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Task not found"}}'
    async with v03_client("https://old.example", port(Canned((error,)))) as client:
        with pytest.raises(TaskNotFound):
            await client.get("t-1")


@pytest.mark.parametrize("json", [b"{}", b'{"kind":"news"}', b'{"kind":7}', b'{"kind":"task"}'])
async def test_result_of_no_kind_is_refused(json: bytes) -> None:
    async with v03_client("https://old.example", port(result(json))) as client:
        with pytest.raises(InvalidAgentResponse):
            await client.send(SAID)


async def test_what_is_not_spoken_is_refused_here() -> None:
    """Ours: nothing is sent."""
    sent = port()
    config = TaskPushNotificationConfig(url="https://me.example/")
    async with v03_client("https://old.example", sent) as client:
        with pytest.raises(UnsupportedOperation, match=r"ListTasks is not spoken in A2A 0\.3"):
            await client.list()
        with pytest.raises(LocalError, match="push notifications are not spoken"):
            await client.send(
                SAID, configuration=SendMessageConfiguration(task_push_notification_config=config)
            )

    assert len(sent.sent) == 1
    assert "ListTasks" not in METHODS


@pytest.mark.parametrize(
    ("card", "url"),
    [
        ({"url": "https://a"}, "https://a"),
        ({"url": "https://a", "preferredTransport": "JSONRPC"}, "https://a"),
        (
            {
                "url": "https://a",
                "preferredTransport": "GRPC",
                "additionalInterfaces": [
                    {"url": "https://b", "transport": "HTTP+JSON"},
                    {"url": "https://c", "transport": "JSONRPC"},
                ],
            },
            "https://c",
        ),
    ],
)
def test_json_rpc_is_spoken_where_the_card_says(card: JsonObject, url: str) -> None:
    """5.6.1, 5.6.2."""
    (interface,) = _interfaces(new_card("old.example", card))

    assert interface["url"] == url


def _interfaces(card: JsonObject) -> list[JsonObject]:
    listed = card["supportedInterfaces"]
    assert isinstance(listed, list)
    return [each for each in listed if isinstance(each, dict)]


WITHOUT: list[JsonObject] = [
    {},
    {"url": 7},
    {"url": "/rpc"},
    {"url": "https://a", "preferredTransport": "GRPC"},
    {"url": "https://a", "preferredTransport": "GRPC", "additionalInterfaces": [7, {}]},
]


@pytest.mark.parametrize("card", WITHOUT)
def test_card_without_json_rpc_is_told(card: JsonObject) -> None:
    with pytest.raises(PeerError, match=r"offers no JSON-RPC of A2A 0\.3"):
        new_card("old.example", card)


def test_nothing_else_stands_on_it() -> None:
    """Ours: it goes when the last agent of 0.3 has gone."""
    assert not [path for path in PRODUCT if "runtime.client.v03" in ours(path)]
