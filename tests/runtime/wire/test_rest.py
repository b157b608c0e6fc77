"""HTTP+JSON messages: where each field comes from, and what an error looks like.

Source: A2A 1.0.1 sections 11.4 to 11.6; google.api.http.
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.errors import (
    BadJson,
    BadParams,
    BadRequest,
    TaskNotFound,
    Violation,
)
from interloom.runtime.model import ListTasksRequest, SendMessageConfiguration, decode
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.rest import MAX_QUERY_FIELDS, bind, error, from_query
from interloom.runtime.wire.routes import route

QUERIES: dict[str, tuple[bytes, JsonObject]] = {
    "nothing": (b"", {}),
    "text": (b"contextId=c1", {"contextId": "c1"}),
    "encoded text": (b"contextId=%C3%A9+%2B%26", {"contextId": "é +&"}),
    "empty text": (b"contextId=", {"contextId": ""}),
    "no value": (b"contextId", {"contextId": ""}),
    "the proto's name": (b"context_id=c1", {"contextId": "c1"}),
    "a number": (b"pageSize=5", {"pageSize": "5"}),
    "an enum": (b"status=TASK_STATE_WORKING", {"status": "TASK_STATE_WORKING"}),
    "true": (b"includeArtifacts=true", {"includeArtifacts": True}),
    "false": (b"includeArtifacts=false", {"includeArtifacts": False}),
    "a time": (
        b"statusTimestampAfter=2025-11-09T10:30:00Z",
        {"statusTimestampAfter": "2025-11-09T10:30:00Z"},
    ),
    "what is no field": (b"A2A-Version=1.0&x=1&x=2&filter.a=1", {}),
    "several": (
        b"pageSize=5&pageToken=t&tenant=a",
        {"pageSize": "5", "pageToken": "t", "tenant": "a"},
    ),
}


@pytest.mark.parametrize(("query", "fields"), QUERIES.values(), ids=QUERIES)
def test_query_parameter_becomes_its_field(query: bytes, fields: JsonObject) -> None:
    """A2A 11.5: camelCase names, and values by the type of their field."""
    assert from_query(ListTasksRequest, query) == fields


def test_query_reads_like_the_same_request_in_json() -> None:
    """A2A 5.1: the bindings mean the same."""
    query = b"pageSize=5&includeArtifacts=true&status=TASK_STATE_FAILED&historyLength=0"
    body = b'{"pageSize":5,"includeArtifacts":true,"status":"TASK_STATE_FAILED","historyLength":0}'

    assert decode(ListTasksRequest, from_query(ListTasksRequest, query)) == decode(
        ListTasksRequest, orjson.loads(body)
    )


def test_repeated_field_takes_several_parameters_and_commas() -> None:
    """A2A 11.5: either way of giving many."""
    both = from_query(SendMessageConfiguration, b"acceptedOutputModes=a,b&acceptedOutputModes=c")

    assert both == {"acceptedOutputModes": ["a", "b", "c"]}


WRONG_QUERIES = {
    "a number of words": (b"pageSize=many", "pageSize"),
    "a number with a fraction": (b"pageSize=5.5", "pageSize"),
    "a number with a blank": (b"pageSize=+5", "pageSize"),
    "no number": (b"pageSize=", "pageSize"),
    "a number over 32 bits": (b"pageSize=4294967296", "pageSize"),
    "a number of many digits": (b"pageSize=" + b"9" * 5000, "pageSize"),
    "a boolean in capitals": (b"includeArtifacts=TRUE", "includeArtifacts"),
    "a boolean as a number": (b"includeArtifacts=1", "includeArtifacts"),
    "an enum by number": (b"status=2", "status"),
    "an enum of 0.3": (b"status=working", "status"),
    "a time without an offset": (b"statusTimestampAfter=2025-11-09", "statusTimestampAfter"),
    "a time whose plus was not encoded": (
        b"statusTimestampAfter=2025-11-09T10:30:00+02:00",
        "statusTimestampAfter",
    ),
    "a field twice": (b"pageSize=5&pageSize=5", "pageSize"),
    "a flag twice": (b"includeArtifacts=true&includeArtifacts=true", "includeArtifacts"),
    "a field under both names": (b"contextId=a&context_id=a", "contextId"),
}


@pytest.mark.parametrize(("query", "field"), WRONG_QUERIES.values(), ids=WRONG_QUERIES)
def test_wrong_query_parameter_is_named(query: bytes, field: str) -> None:
    """A2A 3.3.2 and 11.5."""
    with pytest.raises(BadParams) as refused:
        decode(ListTasksRequest, bind(route("GET", "/tasks"), query, b""))

    assert [each.field for each in refused.value.violations] == [field]


def test_object_cannot_stand_in_a_query() -> None:
    """A2A 11.5: nested objects need a body."""
    with pytest.raises(BadParams, match=r"^taskPushNotificationConfig: is an object"):
        from_query(SendMessageConfiguration, b"taskPushNotificationConfig=%7B%7D")


@pytest.mark.parametrize(
    "query", [b"contextId=%ff", b"contextId=\xff", b"a=1&" * (MAX_QUERY_FIELDS + 1)]
)
def test_query_that_cannot_be_read_is_refused(query: bytes) -> None:
    """Ours: nothing is guessed, and the work a query makes is bounded."""
    with pytest.raises(BadParams, match=r"^the query cannot be read$"):
        from_query(ListTasksRequest, query)


def test_body_has_what_the_path_has_not() -> None:
    """google.api.http: `body: "*"`; the query is none of the message's then."""
    found = route("POST", "/acme/tasks/7:cancel")

    assert bind(found, b"id=8", b'{"metadata":{"a":1}}') == {
        "id": "7",
        "tenant": "acme",
        "metadata": {"a": 1},
    }
    assert bind(found, b"", b"") == {"id": "7", "tenant": "acme"}


def test_body_of_a_request_that_takes_none_is_not_read() -> None:
    """RFC 9110 9.3.1: content of a GET means nothing."""
    assert bind(route("GET", "/tasks/7"), b"historyLength=1", b"}{") == {
        "id": "7",
        "historyLength": "1",
    }


CONFIGS = "/tasks/7/pushNotificationConfigs"


@pytest.mark.parametrize(
    "body", [{"taskId": "7"}, {"task_id": "7"}, {"taskId": ""}, {"taskId": None}]
)
def test_field_of_the_path_may_be_repeated_in_the_body(body: JsonObject) -> None:
    """Ours: 11.4 sends whole messages."""
    assert bind(route("POST", CONFIGS), b"", orjson.dumps(body)) == {"taskId": "7"}


@pytest.mark.parametrize("name", ["taskId", "task_id"])
@pytest.mark.parametrize("value", ["8", 7, {}])
def test_body_that_contradicts_the_path_is_refused(name: str, value: Json) -> None:
    """Ours: neither of the two can be what was meant."""
    with pytest.raises(BadParams, match=r"^taskId: is not what the path says$") as refused:
        bind(route("POST", CONFIGS), b"", orjson.dumps({name: value}))

    assert [each.field for each in refused.value.violations] == ["taskId"]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"a":NaN}', b" ", b"\xef\xbb\xbf{}", b"[" * 9999]
)
def test_body_that_is_not_json_is_told_apart(body: bytes) -> None:
    """RFC 8259 8.1: JSON in UTF-8."""
    with pytest.raises(BadJson):
        bind(route("POST", "/message:send"), b"", body)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1"])
def test_body_is_an_object(body: bytes) -> None:
    """A2A 11.4."""
    with pytest.raises(BadRequest, match=r"a request is a JSON object|batches"):
        bind(route("POST", "/message:send"), b"", body)


def test_error_is_a_status_with_details() -> None:
    """A2A 11.6, the example of it."""
    problem = TaskNotFound("no such task", details={"taskId": "7"})

    assert orjson.loads(error(problem)) == {
        "error": {
            "code": 404,
            "status": "NOT_FOUND",
            "message": "no such task",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "TASK_NOT_FOUND",
                    "domain": "a2a-protocol.org",
                    "metadata": {"taskId": "7"},
                }
            ],
        }
    }


def test_error_names_fields_and_hides_what_is_not_ours() -> None:
    """A2A 11.6: BadRequest; DESIGN section 3: no foreign text."""
    broken = BadParams("a: is required", violations=(Violation("a", "is required"),))
    foreign = orjson.loads(error(RuntimeError("hunter2")))

    assert orjson.loads(error(broken))["error"]["details"][1]["fieldViolations"] == [
        {"field": "a", "description": "is required"}
    ]
    assert (foreign["error"]["code"], foreign["error"]["message"]) == (500, "Internal error")
