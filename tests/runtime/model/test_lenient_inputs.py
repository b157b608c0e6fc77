"""What a peer may send in more than one way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from interloom.runtime.model import (
    UNSET,
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    OAuthFlows,
    Part,
    Role,
    SecurityScheme,
    SendMessageRequest,
    Task,
    TaskState,
    TaskStatus,
    WireModel,
    decode,
)
from interloom.runtime.values import Json

HI = Message(message_id="m1", role=Role.USER, parts=(Part(text="hi"),))
HI_JSON: dict[str, Json] = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
NOON = TaskStatus(state=TaskState.WORKING, timestamp=datetime(2026, 1, 2, 12, tzinfo=UTC))
CARD = AgentCard(
    name="a",
    description="",
    supported_interfaces=(
        AgentInterface(url="u", protocol_binding="JSONRPC", protocol_version="1.0"),
    ),
    version="1",
    capabilities=AgentCapabilities(),
    default_input_modes=(),
    default_output_modes=(),
    skills=(),
)
CARD_JSON: dict[str, Json] = {
    "name": "a",
    "version": "1",
    "supportedInterfaces": [{"url": "u", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "capabilities": {},
}

SAME: list[tuple[str, Json, WireModel]] = [
    # ProtoJSON: unknown fields, null for unset, either name
    ("unknown fields", HI_JSON | {"mood": {"x": [1]}, "kind": "message"}, HI),
    (
        "null for every optional field",
        HI_JSON
        | dict.fromkeys(
            ["contextId", "taskId", "metadata", "extensions", "referenceTaskIds", "unknown"]
        ),
        HI,
    ),
    ("proto names", {"message_id": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}, HI),
    (
        "a part whose writer names every member of the oneof",
        HI_JSON
        | {
            "parts": [
                {
                    **dict.fromkeys(["raw", "url", "data", "metadata", "filename", "mediaType"]),
                    "text": "hi",
                }
            ]
        },
        HI,
    ),
    (
        "null for unset, deep inside",
        {"message": HI_JSON | {"taskId": None}, "tenant": None},
        SendMessageRequest(message=HI),
    ),
    # Enums
    ("enum by number", HI_JSON | {"role": 1}, HI),
    ("state by number", {"status": 6}, ListTasksRequest(status=TaskState.INPUT_REQUIRED)),
    ("state zero", {"status": 0}, ListTasksRequest()),
    (
        "unknown state of a task",
        {"id": "t", "status": {"state": "TASK_STATE_UNSPECIFIED"}},
        Task(id="t", status=TaskStatus(state=TaskState.UNSPECIFIED)),
    ),
    # int32
    ("whole number", {"pageSize": 5}, ListTasksRequest(page_size=5)),
    ("whole number as a string", {"pageSize": "5"}, ListTasksRequest(page_size=5)),
    ("whole number as a float", {"pageSize": 5.0}, ListTasksRequest(page_size=5)),
    ("smallest", {"pageSize": "-2147483648"}, ListTasksRequest(page_size=-(2**31))),
    ("largest", {"pageSize": 2147483647}, ListTasksRequest(page_size=2**31 - 1)),
    ("zero is not unset", {"historyLength": 0}, ListTasksRequest(history_length=0)),
    ("null is unset", {"historyLength": None}, ListTasksRequest()),
    # Times
    *(
        (f"time {text}", {"state": 2, "timestamp": text}, NOON)
        for text in (
            "2026-01-02T12:00:00Z",
            "2026-01-02T12:00:00.000Z",
            "2026-01-02t12:00:00z",
            "2026-01-02T12:00:00.000000000Z",
            "2026-01-02T14:30:00+02:30",
            "2026-01-01T23:00:00-13:00",
            "2026-01-02T12:00:00-00:00",
        )
    ),
    # base64
    *(
        (f"base64 {text}", {"raw": text}, Part(raw=b"\xfb\xff\xfe\x01"))
        for text in ("+//+AQ==", "-__-AQ==", "+//+AQ", "-__-AQ", "+/_-AQ=")
    ),
    ("no bytes", {"raw": ""}, Part(raw=b"")),
    # Parts
    ("empty text is content", {"text": ""}, Part(text="")),
    ("null data is content", {"data": None}, Part(data=None)),
    ("null data beside nulls", {"text": None, "url": None, "data": None}, Part(data=None)),
    ("null inside data stays", {"data": {"a": None}}, Part(data={"a": None})),
    (
        "null inside metadata stays",
        {"text": "", "url": None, "metadata": {"a": None}},
        Part(text="", metadata={"a": None}),
    ),
    # Cards and pages: what a protobuf writer leaves out when it is empty
    ("card of a protobuf writer", CARD_JSON, CARD),
    ("card with nulls", CARD_JSON | {"skills": None, "description": None, "provider": None}, CARD),
    ("card with empties", CARD_JSON | {"skills": [], "description": ""}, CARD),
    (
        "empty page of a protobuf writer",
        {},
        ListTasksResponse(tasks=(), next_page_token="", page_size=0, total_size=0),
    ),
    ("security scheme newer than us", {"quantumSecurityScheme": {}}, SecurityScheme()),
    ("flow newer than us", {"telepathy": {}}, OAuthFlows()),
]


@pytest.mark.parametrize(
    ("document", "meaning"), [(row[1], row[2]) for row in SAME], ids=[row[0] for row in SAME]
)
def test_lenient_input_means_the_same(document: dict[str, Json], meaning: WireModel) -> None:
    """ProtoJSON, A2A 5.7, RFC 3339, RFC 4648."""
    assert decode(type(meaning), document) == meaning


def test_nulls_are_forgiven_inside_maps_of_messages() -> None:
    """ProtoJSON: a scheme's null description is no description; the scheme's own name stays."""
    scheme: dict[str, Json] = {"mtlsSecurityScheme": {"description": None}}

    card = decode(AgentCard, CARD_JSON | {"securitySchemes": {"skills": scheme, "x": scheme}})

    assert list(card.security_schemes) == ["skills", "x"]
    assert card.security_schemes["skills"].kind == "mtls_security_scheme"


def test_moment_is_aware_and_in_utc_whatever_the_offset_was() -> None:
    """A2A 5.6.1."""
    status = decode(TaskStatus, {"state": 2, "timestamp": "2026-01-02T14:30:00.123456789+02:30"})

    assert status.timestamp == datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
    assert status.timestamp is not None
    assert status.timestamp.tzinfo is UTC


def test_null_data_is_told_from_no_data() -> None:
    """A2A 4.1.6: data may be any JSON value, null included."""
    null, none = decode(Part, {"data": None}), decode(Part, {"text": "hi"})

    assert (null.kind, null.data) == ("data", None)
    assert (none.kind, none.data) == ("text", UNSET)


def test_input_is_not_changed_by_reading_it() -> None:
    """`ours`: forgiveness works on a copy."""
    document: dict[str, Json] = {"message": HI_JSON | {"taskId": None}, "metadata": {"a": None}}
    before = repr(document)

    decode(SendMessageRequest, document)

    assert repr(document) == before
