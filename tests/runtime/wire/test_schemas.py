"""What the OpenAPI document says of a message is what the message is read by.

Source: JSON Schema 2020-12; A2A 1.0.1 sections 5.5 and 5.7; ProtoJSON.
"""

from __future__ import annotations

from typing import cast

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interloom.runtime import model
from interloom.runtime.errors import BadParams
from interloom.runtime.model import decode
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.methods import METHODS
from interloom.runtime.wire.schemas import mentioned, message_schema, parameter_schema
from tests.runtime.model.wire import MESSAGES, documents

SPOKEN = mentioned(
    *(method.request for method in METHODS.values()),
    *(method.response for method in METHODS.values() if method.response),
)
SCHEMAS = {name: message_schema(kind) for name, kind in SPOKEN.items()}


def fits(name: str, document: Json) -> bool:
    """Whether a document is valid for a message of the components."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return jsonschema_rs.is_valid(schema, document)


def test_every_message_of_the_operations_has_a_schema() -> None:
    """DESIGN section 3: from the method table, down to the last message in it."""
    named = {name for name in MESSAGES if hasattr(model, name)}

    assert {"Message", "Part", "Task", "AgentCard", "SecurityScheme"} <= SPOKEN.keys() <= named


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_schema_is_a_schema(schema: JsonObject) -> None:
    """JSON Schema 2020-12, its own metaschema."""
    assert jsonschema_rs.meta.is_valid(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
@pytest.mark.parametrize(
    "name", ["Message", "Task", "AgentCard", "StreamResponse", "CancelTaskRequest"]
)
def test_what_the_specification_calls_valid_fits(name: str, data: st.DataObject) -> None:
    """ProtoJSON: documents made from the compiled descriptors."""
    document = data.draw(documents(MESSAGES[name]))

    assert fits(name, orjson.loads(orjson.dumps(document)))


GOOD: JsonObject = {
    "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]},
    "configuration": {"historyLength": 3},
}


def changed(path: str, value: Json) -> JsonObject:
    """A good SendMessageRequest with one value replaced."""
    document = orjson.loads(orjson.dumps(GOOD))
    *steps, last = path.split(".")
    place = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return cast("JsonObject", document)


READ = {
    "as it is": changed("metadata", {}),
    "an enum by number": changed("message.role", 1),
    "null for what is unset": changed("message.taskId", None),
    "a number in text": changed("configuration.historyLength", "3"),
    "an unknown field": changed("message.shoe", "size"),
    "data that is null": changed("message.parts.0", {"data": None}),
    "a null beside another kind": changed(
        "message.parts.0", {"text": "hi", "data": None, "url": None}
    ),
    "bytes": changed("message.parts.0", {"raw": "aGk="}),
}
REFUSED = {
    "no message": {},
    "message null": {"message": None},
    "no role": changed("message", {"messageId": "m", "parts": [{"text": "hi"}]}),
    "an empty id": changed("message.messageId", ""),
    "no parts": changed("message.parts", []),
    "an empty part": changed("message.parts.0", {}),
    "a part of two kinds": changed("message.parts.0", {"text": "a", "url": "b"}),
    "a part of nulls": changed("message.parts.0", {"text": None}),
    "text that is none": changed("message.parts.0", {"text": 7}),
    "bytes that are none": changed("message.parts.0", {"raw": "%"}),
    "an unspecified role": changed("message.role", "ROLE_UNSPECIFIED"),
    "an unknown role": changed("message.role", "ROLE_KING"),
    "metadata that is no object": changed("message.metadata", []),
    "extensions that are no list": changed("message.extensions", "x"),
    "a flag that is none": changed("configuration.returnImmediately", "yes"),
    "a number that is none": changed("configuration.historyLength", "many"),
}


@pytest.mark.parametrize("document", READ.values(), ids=READ)
def test_what_we_read_fits(document: JsonObject) -> None:
    """Ours: the document promises all that is taken."""
    decode(model.SendMessageRequest, document)

    assert fits("SendMessageRequest", document)


@pytest.mark.parametrize("document", REFUSED.values(), ids=REFUSED)
def test_what_we_refuse_does_not_fit(document: JsonObject) -> None:
    """Ours: and nothing that is not."""
    with pytest.raises(BadParams):
        decode(model.SendMessageRequest, document)

    assert not fits("SendMessageRequest", document)


def test_caller_writes_as_the_user() -> None:
    """A2A 4.1.5: the agent's role is for messages of the agent."""
    assert not fits("SendMessageRequest", changed("message.role", "ROLE_AGENT"))
    assert fits("Message", changed("message.role", "ROLE_AGENT")["message"])


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("context_id", {"type": "string"}),
        ("include_artifacts", {"type": "boolean"}),
        ("status_timestamp_after", {"type": "string", "format": "date-time"}),
        (
            "page_size",
            {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100},
        ),
    ],
)
def test_parameter_is_text_of_its_fields_type(name: str, schema: JsonObject) -> None:
    """A2A 11.5; the range is 3.1.4's."""
    assert parameter_schema(model.ListTasksRequest, name) == schema


def test_enum_parameter_has_names_only() -> None:
    """A2A 11.5: enums by their string values."""
    found = parameter_schema(model.ListTasksRequest, "status")["enum"]

    assert found == [state.value for state in model.TaskState]
