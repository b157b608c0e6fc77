"""What we write: the wire's names, nothing superfluous, nothing REQUIRED left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from pydantic import ValidationError

from interloom.runtime.model import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    Artifact,
    AuthenticationInfo,
    ListTasksResponse,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageResponse,
    SubscribeToTaskRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskPushNotificationConfig,
    TaskState,
    TaskStatus,
    WireModel,
)
from interloom.runtime.values import Json

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC)

WRITTEN: list[tuple[WireModel, dict[str, Json]]] = [
    (
        Task(
            id="t1",
            status=TaskStatus(state=TaskState.INPUT_REQUIRED, timestamp=MOMENT),
            history=(Message(message_id="m1", role=Role.AGENT, parts=(Part(text="?"),)),),
        ),
        {
            "id": "t1",
            "status": {
                "state": "TASK_STATE_INPUT_REQUIRED",
                "timestamp": "2026-01-02T03:04:05.006Z",
            },
            "history": [{"messageId": "m1", "role": "ROLE_AGENT", "parts": [{"text": "?"}]}],
        },
    ),
    # REQUIRED fields are there even when they are empty (A2A 3.1.4, 8.4.1)
    (
        ListTasksResponse(tasks=(), next_page_token="", page_size=0, total_size=0),
        {"tasks": [], "nextPageToken": "", "pageSize": 0, "totalSize": 0},
    ),
    (
        AgentCard(
            name="Example Agent",
            description="",
            supported_interfaces=(
                AgentInterface(url="u", protocol_binding="GRPC", protocol_version="1.0"),
            ),
            version="1",
            capabilities=AgentCapabilities(streaming=False, push_notifications=False),
            default_input_modes=("text/plain",),
            default_output_modes=(),
            skills=(),
        ),
        {
            "name": "Example Agent",
            "description": "",
            "supportedInterfaces": [
                {"url": "u", "protocolBinding": "GRPC", "protocolVersion": "1.0"}
            ],
            "version": "1",
            "capabilities": {"streaming": False, "pushNotifications": False},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": [],
            "skills": [],
        },
    ),
    # Presence: an explicit zero is written where unset means something else
    (SendMessageConfiguration(history_length=0), {"historyLength": 0}),
    (SendMessageConfiguration(return_immediately=False), {}),
    (SubscribeToTaskRequest(tenant="", id="t"), {"id": "t"}),
    # Every kind of part
    (Part(text=""), {"text": ""}),
    (Part(raw=b"\xfb\xff", media_type="image/png"), {"raw": "+/8=", "mediaType": "image/png"}),
    (Part(url="https://a", filename="f"), {"url": "https://a", "filename": "f"}),
    (Part(data=None), {"data": None}),
    (
        Part(data={"a": [1, 1.5, None, "é"]}, metadata={}),
        {"data": {"a": [1, 1.5, None, "é"]}, "metadata": {}},
    ),
    (
        SendMessageResponse(
            message=Message(message_id="m", role=Role.AGENT, parts=(Part(text="x"),))
        ),
        {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}},
    ),
    (
        TaskArtifactUpdateEvent(
            task_id="t",
            context_id="c",
            artifact=Artifact(artifact_id="a", parts=(Part(text="x"),)),
            last_chunk=True,
        ),
        {
            "taskId": "t",
            "contextId": "c",
            "artifact": {"artifactId": "a", "parts": [{"text": "x"}]},
            "lastChunk": True,
        },
    ),
]


@pytest.mark.parametrize(("model", "document"), WRITTEN)
def test_model_is_written_as_the_wire_wants_it(model: WireModel, document: Json) -> None:
    """A2A 5.5 to 5.7."""
    assert model.to_dict() == document
    assert orjson.loads(model.to_json()) == document


def test_json_is_compact_utf_8() -> None:
    """`ours`: these bytes are stored and sent as they are."""
    assert Part(data={"é": [1, 2]}).to_json() == '{"data":{"é":[1,2]}}'.encode()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (MOMENT, "2026-01-02T03:04:05.006Z"),
        (MOMENT.replace(microsecond=0), "2026-01-02T03:04:05.000Z"),
        (MOMENT.replace(microsecond=999), "2026-01-02T03:04:05.000Z"),
        (MOMENT.replace(microsecond=999_999), "2026-01-02T03:04:05.999Z"),
        (MOMENT.replace(year=1, microsecond=1000), "0001-01-02T03:04:05.001Z"),
        (MOMENT.astimezone(timezone(timedelta(hours=-7))), "2026-01-02T03:04:05.006Z"),
    ],
)
def test_moment_is_written_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    """A2A 5.6.1; what is finer is cut off, so that no moment is written as later than it was."""
    assert TaskStatus(state=TaskState.WORKING, timestamp=moment).to_dict()["timestamp"] == text


def test_moment_without_an_offset_is_refused() -> None:
    """A2A 5.6.1: all times are UTC, and nobody can know what a naive one meant."""
    with pytest.raises(ValidationError, match="must be an RFC 3339 time with an offset"):
        TaskStatus(state=TaskState.WORKING, timestamp=MOMENT.replace(tzinfo=None))


def test_message_cannot_be_made_without_a_sender_or_content() -> None:
    """A2A 5.7: what peers may not send us, we cannot send them."""
    with pytest.raises(ValidationError, match="must be ROLE_USER or ROLE_AGENT"):
        Message(message_id="m", role=Role.UNSPECIFIED, parts=(Part(text="x"),))
    with pytest.raises(ValidationError):
        Message(message_id="m", role=Role.USER, parts=())
    with pytest.raises(ValidationError, match="exactly one of text, raw, url, data"):
        Part(text="x", data=None)


def test_model_cannot_be_changed() -> None:
    """`ours`: a value that was checked stays as it was checked."""
    part = Part(text="x")

    with pytest.raises(ValidationError, match="frozen"):
        part.text = "y"  # type: ignore[misc]  # the point of the test


def test_secrets_are_not_shown() -> None:
    """`ours`: a model ends up in tracebacks and logs."""
    word = "hunter2"
    config = TaskPushNotificationConfig(
        url="https://a",
        token=word,
        authentication=AuthenticationInfo(scheme="Bearer", credentials=word),
    )

    assert word not in repr(config) + str(config)
    assert config.to_json().count(word.encode()) == 2
