"""What a peer may not send, and which field and rule it hears about."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from interloom.runtime.errors import BadJson, BadParams, Violation
from interloom.runtime.model import (
    AgentCard,
    AuthenticationInfo,
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    Task,
    TaskPushNotificationConfig,
    TaskStatus,
    TaskStatusUpdateEvent,
    WireModel,
    decode,
    decode_json,
)
from interloom.runtime.model.decode import MAX_KEY, MAX_VIOLATIONS
from interloom.runtime.model.freeform import MAX_DEPTH
from interloom.runtime.values import Json

ONE_CONTENT = "must have exactly one of text, raw, url, data"
ROLES = "must be ROLE_USER or ROLE_AGENT"
STATES = (
    "must be TASK_STATE_SUBMITTED, TASK_STATE_WORKING, TASK_STATE_COMPLETED, TASK_STATE_FAILED,"
    " TASK_STATE_CANCELED, TASK_STATE_INPUT_REQUIRED, TASK_STATE_REJECTED or"
    " TASK_STATE_AUTH_REQUIRED"
)
FLOWS = (
    "must have at most one of authorizationCode, clientCredentials, implicit, password, deviceCode"
)


def message(**changes: Json) -> dict[str, Json]:
    """A good message with some fields replaced."""
    return {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}], **changes}


def without(document: dict[str, Json], key: str) -> dict[str, Json]:
    return {name: value for name, value in document.items() if name != key}


def part(**content: Json) -> dict[str, Json]:
    return message(parts=[{"text": "fine"}, content])


def nested(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    return value


CARD: dict[str, Json] = {
    "name": "a",
    "version": "1",
    "supportedInterfaces": [{"url": "u", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "capabilities": {},
}
FLOW: dict[str, Json] = {"tokenUrl": "https://a"}
EVENT: dict[str, Json] = {
    "taskId": "t",
    "contextId": "c",
    "status": {"state": "TASK_STATE_WORKING"},
}

BAD: list[tuple[type[WireModel], Json, str, str]] = [
    # Not an object at all
    (SendMessageRequest, [], "", "must be an object"),
    (SendMessageRequest, None, "", "must be an object"),
    (SendMessageRequest, "x", "", "must be an object"),
    # REQUIRED: missing, null, empty (A2A 5.7)
    (SendMessageRequest, {}, "message", "is required"),
    (SendMessageRequest, {"message": None}, "message", "is required"),
    (SendMessageRequest, {"message": 5}, "message", "must be an object"),
    (Message, without(message(), "messageId"), "messageId", "is required"),
    (Message, message(messageId=None), "messageId", "is required"),
    (Message, message(messageId=""), "messageId", "must not be empty"),
    (Message, without(message(), "parts"), "parts", "is required"),
    (Message, message(parts=None), "parts", "is required"),
    (Message, message(parts=[]), "parts", "at least one part is required"),
    (Message, message(parts={}), "parts", "must be an array"),
    (Message, message(parts="hi"), "parts", "must be an array"),
    (Message, message(parts=[None]), "parts[0]", "must be an object"),
    (Message, without(message(), "role"), "role", "is required"),
    (GetTaskRequest, {"id": ""}, "id", "must not be empty"),
    (Task, {"id": "t"}, "status", "is required"),
    (TaskStatusUpdateEvent, EVENT | {"contextId": ""}, "contextId", "must not be empty"),
    (TaskPushNotificationConfig, {"id": "x"}, "url", "is required"),
    (AuthenticationInfo, {"credentials": "s3cret"}, "scheme", "is required"),
    # Strings and booleans are not guessed at
    (Message, message(messageId=5), "messageId", "must be a string"),
    (Message, message(contextId=["c"]), "contextId", "must be a string"),
    (Message, message(extensions=["a", 1]), "extensions[1]", "must be a string"),
    (Message, message(extensions=["a", None]), "extensions[1]", "must be a string"),
    (Message, message(extensions="a"), "extensions", "must be an array"),
    (Message, message(contextId="\ud800"), "contextId", "must not contain lone surrogates"),
    (ListTasksRequest, {"includeArtifacts": "true"}, "includeArtifacts", "must be true or false"),
    (ListTasksRequest, {"includeArtifacts": 1}, "includeArtifacts", "must be true or false"),
    # Enums
    (Message, message(role="USER"), "role", ROLES),
    (Message, message(role="ROLE_UNSPECIFIED"), "role", ROLES),
    (Message, message(role=0), "role", ROLES),
    (Message, message(role=3), "role", ROLES),
    (Message, message(role=-1), "role", ROLES),
    (Message, message(role=True), "role", ROLES),
    (Message, message(role={}), "role", ROLES),
    (ListTasksRequest, {"status": "working"}, "status", STATES),
    (ListTasksRequest, {"status": 9}, "status", STATES),
    # int32
    (ListTasksRequest, {"pageSize": 1.5}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": True}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": "ten"}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": ""}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": " 1"}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": "1_0"}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": [1]}, "pageSize", "must be a whole number"),
    (ListTasksRequest, {"pageSize": 2**31}, "pageSize", "must fit in 32 bits"),
    (ListTasksRequest, {"pageSize": -(2**31) - 1}, "pageSize", "must fit in 32 bits"),
    (ListTasksRequest, {"pageSize": "2147483648"}, "pageSize", "must fit in 32 bits"),
    (ListTasksRequest, {"pageSize": 1e300}, "pageSize", "must fit in 32 bits"),
    # The oneof of a part
    (Message, part(), "parts[1]", ONE_CONTENT),
    (Message, part(filename="a"), "parts[1]", ONE_CONTENT),
    (Message, part(text="a", url="b"), "parts[1]", ONE_CONTENT),
    (Message, part(text="a", data={}), "parts[1]", ONE_CONTENT),
    (Message, part(raw="", url=""), "parts[1]", ONE_CONTENT),
    (Message, part(text=None), "parts[1]", ONE_CONTENT),
    (Message, part(text=5), "parts[1].text", "must be a string"),
    (Message, part(text="a", metadata=[]), "parts[1].metadata", "must be an object"),
    # Other oneofs
    (SendMessageResponse, {}, "", "must have exactly one of task, message"),
    (
        SendMessageResponse,
        {"message": message(), "task": {"id": "t"}},
        "task.status",
        "is required",
    ),
    (
        StreamResponse,
        {"message": message(), "statusUpdate": EVENT},
        "",
        "must have exactly one of task, message, statusUpdate, artifactUpdate",
    ),
    # base64
    (Message, part(raw="A"), "parts[1].raw", "must be base64"),
    (Message, part(raw="AB=C"), "parts[1].raw", "must be base64"),
    (Message, part(raw="AA==="), "parts[1].raw", "must be base64"),
    (Message, part(raw="AA\n=="), "parts[1].raw", "must be base64"),
    (Message, part(raw="é"), "parts[1].raw", "must be base64"),
    (Message, part(raw=[65]), "parts[1].raw", "must be a base64 string"),
    # Times (RFC 3339)
    *(
        (TaskStatus, {"state": 1, "timestamp": bad}, "timestamp", rule)
        for bad, rule in (
            ("2026-01-02", "must be an RFC 3339 time with an offset"),
            ("2026-01-02T03:04:05", "must be an RFC 3339 time with an offset"),
            ("2026-01-02 03:04:05Z", "must be an RFC 3339 time with an offset"),
            ("2026-01-02T24:00:00Z", "must be an RFC 3339 time with an offset"),
            ("20260102T030405Z", "must be an RFC 3339 time with an offset"),
            ("", "must be an RFC 3339 time with an offset"),
            (1767323045, "must be an RFC 3339 time with an offset"),
            ("2026-02-30T03:04:05Z", "must be a moment that exists"),
            ("2026-01-02T03:04:61Z", "must be a moment that exists"),
            ("2026-01-02T03:04:05+24:00", "must be a moment that exists"),
            ("0001-01-01T00:00:00+01:00", "must be a moment that exists"),
        )
    ),
    # Free-form JSON
    (CancelTaskRequest, {"id": "t", "metadata": []}, "metadata", "must be an object"),
    (CancelTaskRequest, {"id": "t", "metadata": "x"}, "metadata", "must be an object"),
    (
        CancelTaskRequest,
        {"id": "t", "metadata": {"a": [float("nan")]}},
        "metadata",
        "must not contain NaN or Infinity",
    ),
    (
        CancelTaskRequest,
        {"id": "t", "metadata": {"a": "\udfff"}},
        "metadata",
        "must not contain lone surrogates",
    ),
    (
        CancelTaskRequest,
        {"id": "t", "metadata": {"\ud83d": 1}},
        "metadata",
        "must not contain lone surrogates",
    ),
    (Message, part(data=float("inf")), "parts[1].data", "must not contain NaN or Infinity"),
    (Message, part(data=nested(MAX_DEPTH + 1)), "parts[1].data", "is nested too deep"),
    (Message, part(data=nested(900)), "parts[1].data", "is nested too deep"),
    (
        Message,
        message(metadata={"a": nested(MAX_DEPTH)}),
        "metadata",
        "is nested too deep",
    ),
    # Cards and pages
    (AgentCard, without(CARD, "name"), "name", "is required"),
    (AgentCard, without(CARD, "capabilities"), "capabilities", "is required"),
    (
        AgentCard,
        CARD | {"supportedInterfaces": []},
        "supportedInterfaces",
        "at least one supportedInterface is required",
    ),
    (
        AgentCard,
        CARD | {"supportedInterfaces": [{"url": "u", "protocolBinding": "GRPC"}]},
        "supportedInterfaces[0].protocolVersion",
        "is required",
    ),
    (AgentCard, CARD | {"skills": [{"name": "n"}]}, "skills[0].id", "is required"),
    (AgentCard, CARD | {"securitySchemes": []}, "securitySchemes", "must be an object"),
    (
        AgentCard,
        CARD | {"securitySchemes": {"a": None}},
        "securitySchemes.a",
        "must be an object",
    ),
    (
        AgentCard,
        CARD | {"securitySchemes": {"k" * 999: 1}},
        "securitySchemes." + "k" * MAX_KEY,
        "must be an object",
    ),
    (
        AgentCard,
        CARD
        | {
            "securitySchemes": {
                "a": {
                    "oauth2SecurityScheme": {
                        "flows": {"clientCredentials": FLOW, "password": FLOW},
                    }
                }
            }
        },
        "securitySchemes.a.oauth2SecurityScheme.flows",
        FLOWS,
    ),
    (ListTasksResponse, {"tasks": [{"id": "t"}]}, "tasks[0].status", "is required"),
]


@pytest.mark.parametrize(("model", "document", "field", "rule"), BAD)
def test_bad_input_names_its_field_and_rule(
    model: type[WireModel], document: dict[str, Json], field: str, rule: str
) -> None:
    """A2A 5.5 to 5.7, ProtoJSON."""
    with pytest.raises(BadParams) as caught:
        decode(model, document)

    assert caught.value.violations == (Violation(field, rule),)
    assert str(caught.value) == (f"{field}: {rule}" if field else rule)
    assert caught.value.__suppress_context__


def test_field_is_named_from_the_outermost_message() -> None:
    """`ours`: the wire path, with dots and indices."""
    with pytest.raises(BadParams, match=r"^message\.parts: at least one part is required$"):
        decode(SendMessageRequest, {"message": message(parts=[])})


def test_field_sent_by_its_proto_name_is_named_as_it_was_sent() -> None:
    """`ours`: the sender looks for what it wrote."""
    with pytest.raises(BadParams) as caught:
        decode(SendMessageRequest, {"message": message(context_id=5)})

    assert caught.value.violations[0].field == "message.context_id"


def test_each_problem_is_named_once() -> None:
    """`ours`: one violation for one problem, in the order of the fields."""
    with pytest.raises(BadParams) as caught:
        decode(Message, {"messageId": "", "role": "x", "parts": [{}, {}], "extensions": 1})

    assert [violation.field for violation in caught.value.violations] == [
        "messageId",
        "role",
        "parts[0]",
        "extensions",
    ]


def test_no_more_than_ten_problems_are_named() -> None:
    """`ours`: a reply stays small whatever the request was."""
    task: dict[str, Json] = {
        "id": 5,
        "contextId": 5,
        "artifacts": 5,
        "history": 5,
        "metadata": 5,
        "status": {"state": 99, "timestamp": 5},
    }
    status: dict[str, Json] = {"taskId": 5, "contextId": 5, "status": 5, "metadata": 5}

    with pytest.raises(BadParams) as caught:
        decode(StreamResponse, {"task": task, "statusUpdate": status})

    assert len(caught.value.violations) == MAX_VIOLATIONS


def test_a_list_tells_of_its_first_bad_element_alone() -> None:
    """`ours`: a million bad elements must not become a million errors."""
    bad: list[Json] = [5] * 100_000

    with pytest.raises(BadParams) as caught:
        decode(Message, message(parts=bad, extensions=bad, referenceTaskIds=bad))

    assert [violation.field for violation in caught.value.violations] == [
        "parts[0]",
        "extensions[0]",
        "referenceTaskIds[0]",
    ]


def test_value_is_never_repeated() -> None:
    """`ours`: an error travels to logs and peers that must not see contents."""
    word = "hunter2"

    with pytest.raises(BadParams) as caught:
        decode(
            TaskPushNotificationConfig,
            {"url": [word], "token": {word: word}, "authentication": word},
        )
    with pytest.raises(ValidationError) as built:
        TaskPushNotificationConfig.model_validate({"url": [word]})

    assert len(caught.value.violations) == 3
    assert word not in str(caught.value) + repr(caught.value.violations) + str(built.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b"{'id': 1}", b'{"id": NaN}', b'{"id": 1e999}', b'"\\ud800"', b'"\xff"'],
)
def test_text_that_is_not_json_is_refused_as_such(body: bytes) -> None:
    """RFC 8259."""
    with pytest.raises(BadJson):
        decode_json(GetTaskRequest, body)


def test_json_nested_past_every_parser_is_refused() -> None:
    """`ours`: no input may exhaust the stack."""
    with pytest.raises(BadJson):
        decode_json(CancelTaskRequest, b'{"metadata":' * 5000 + b"1" + b"}" * 5000)


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"a": {1}}, b"bytes", {"a": {None: 1}}, Role.USER],
    ids=lambda value: type(value).__name__,
)
def test_python_value_that_is_not_json_cannot_be_put_into_a_part(value: object) -> None:
    """`ours`: what was accepted can always be written."""
    with pytest.raises(ValidationError):
        Part.model_validate({"data": value})
