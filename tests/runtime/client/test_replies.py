"""What an agent's HTTP answer means: the whole error table, and every way to be malformed."""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime import errors
from interloom.runtime.client import replies
from interloom.runtime.client.failures import MAX_DETAILS, AuthRequired, BadStatus
from interloom.runtime.errors import (
    InterloomError,
    InvalidAgentResponse,
    PeerError,
    RequestError,
    TransportError,
    Violation,
)
from interloom.runtime.model import Task
from interloom.runtime.values import Json
from interloom.runtime.wire import jsonrpc
from interloom.runtime.wire.errors import ROWS, details, row, text

PEER = "hotel.example"
ON_THE_WIRE = [
    kind for kind in ROWS if issubclass(kind, InterloomError) and kind is not RequestError
]
MALFORMED: list[dict[str, Json]] = [
    {},
    {"code": "x", "message": 7},
    {"code": -32602, "data": "no list"},
    {"code": -32602, "data": [1, None, [], {"metadata": 3, "fieldViolations": {}}]},
    {"code": -32602, "data": [{"metadata": {"a": 1}, "fieldViolations": [{"field": 1}, 2]}]},
]


@pytest.mark.parametrize("kind", ON_THE_WIRE, ids=lambda kind: kind.__name__)
def test_error_arrives_as_the_class_it_left_as(kind: type[InterloomError]) -> None:
    """A2A 5.4, 9.5: code and reason together name the class, for every row of the error table."""
    body = jsonrpc.error(1, kind("The reason."))

    with pytest.raises(InterloomError) as caught:
        replies.result(PEER, body, 1)

    assert type(caught.value) is kind
    assert str(caught.value) == "hotel.example: The reason."


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32700, errors.BadJson),
        (-32600, errors.BadRequest),
        (-32601, errors.MethodNotFound),
        (-32602, errors.BadParams),
        (-32603, PeerError),
        (-32001, errors.TaskNotFound),
        (-32002, errors.TaskNotCancelable),
        (-32003, errors.PushNotSupported),
        (-32004, errors.UnsupportedOperation),
        (-32005, errors.ContentTypeNotSupported),
        (-32006, errors.InvalidAgentResponse),
        (-32007, errors.ExtendedCardNotConfigured),
        (-32008, errors.ExtensionRequired),
        (-32009, errors.VersionNotSupported),
        (-32099, PeerError),
        (7, PeerError),
    ],
)
def test_code_alone_names_the_class(code: int, kind: type[InterloomError]) -> None:
    """A2A 5.4, 9.5: ErrorInfo is a SHOULD; a foreign agent may send the code and no more."""
    error = replies.failure(PEER, {"code": code, "message": "x"})

    assert type(error) is kind


def test_details_of_an_error_are_kept() -> None:
    """A2A 9.5: ErrorInfo metadata and BadRequest field violations."""
    left = errors.BadParams(
        "parts: at least one",
        details={"taskId": "t-1"},
        violations=(Violation("message.parts", "at least one"),),
    )

    error = replies.failure(PEER, orjson.loads(jsonrpc.error(1, left))["error"])

    assert isinstance(error, errors.BadParams)
    assert error.details == {"taskId": "t-1"}
    assert error.violations == left.violations


@pytest.mark.parametrize("error", MALFORMED)
def test_malformed_error_is_still_an_error(error: dict[str, Json]) -> None:
    found = replies.failure(PEER, error)

    assert str(found).startswith("hotel.example: error ")
    assert isinstance(found, PeerError | errors.BadParams)


def test_peers_text_is_one_printable_line_of_bounded_length() -> None:
    """Ours: what a peer writes may end in a log or on a terminal."""
    error = replies.failure(PEER, {"code": 1, "message": "a\n\x1b[2J" + "b" * 5000})

    assert str(error) == f"hotel.example: a  [2J{'b' * 194}…"


def test_details_without_end_are_cut() -> None:
    flood = [{"@type": "x", "metadata": {f"k{i}": "v" for i in range(1000)}}] * 1000
    violations = [{"fieldViolations": [{"field": "f", "description": "d"}] * 1000}]

    one = replies.failure(PEER, orjson.loads(orjson.dumps({"code": -32602, "data": flood})))
    two = replies.failure(PEER, orjson.loads(orjson.dumps({"code": -32602, "data": violations})))

    assert isinstance(one, RequestError)
    assert isinstance(two, RequestError)
    assert len(one.details) == len(two.violations) == MAX_DETAILS


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "the answer is not a JSON object"),
        (b"<html>", "the answer is not a JSON object"),
        (b"[]", "the answer is not a JSON object"),
        (b'{"id":1,"result":{}}', 'jsonrpc: must be "2.0"'),
        (b'{"jsonrpc":"2.0","id":2,"result":{}}', "id: not the request's"),
        (b'{"jsonrpc":"2.0","id":true,"result":{}}', "id: not the request's"),
        (b'{"jsonrpc":"2.0","id":"1","result":{}}', "id: not the request's"),
        (b'{"jsonrpc":"2.0","result":{}}', "id: not the request's"),
        (b'{"jsonrpc":"2.0","id":1}', "result: must be an object"),
        (b'{"jsonrpc":"2.0","id":1,"result":[]}', "result: must be an object"),
        (b'{"jsonrpc":"2.0","id":1,"result":null,"error":null}', "result: must be an object"),
    ],
)
def test_answer_that_is_no_response_is_refused(body: bytes, rule: str) -> None:
    """JSON-RPC 2.0 section 5."""
    with pytest.raises(InvalidAgentResponse) as caught:
        replies.result(PEER, body, 1)

    assert str(caught.value) == f"hotel.example: {rule}"


def test_result_outside_the_data_model_names_the_field() -> None:
    with pytest.raises(InvalidAgentResponse, match=r"hotel\.example: Task: status: is required"):
        replies.decoded(PEER, Task, {"id": "t"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, BadStatus),
        (400, BadStatus),
        (401, AuthRequired),
        (403, AuthRequired),
        (404, BadStatus),
        (429, TransportError),
        (500, BadStatus),
        (502, TransportError),
        (503, TransportError),
        (504, TransportError),
    ],
)
def test_status_without_a_json_rpc_error_speaks_for_itself(
    status: int, kind: type[InterloomError]
) -> None:
    body = b'{"error":{"code":404,"message":"no JSON-RPC"}}'

    with pytest.raises(kind, match=f"HTTP {status}"):
        replies.check_status(PEER, status, {}, body)


def test_json_rpc_error_says_more_than_the_status() -> None:
    """Ours: a server may send an error under the status HTTP has for it."""
    with pytest.raises(errors.TooLarge):
        replies.check_status(PEER, 413, {}, jsonrpc.error(None, errors.TooLarge("too large")))


def test_server_that_goes_down_says_which_task_to_come_back_for() -> None:
    """Ours: the details of an error that may pass are kept like those of any other."""
    gone = errors.Unavailable("going down", details={"taskId": "t1"})
    with pytest.raises(errors.Unavailable) as caught:
        replies.check_status(PEER, 503, {}, jsonrpc.error(1, gone))

    assert caught.value.details == {"taskId": "t1"}


def test_challenge_is_kept_for_whoever_can_answer_it() -> None:
    with pytest.raises(AuthRequired) as caught:
        replies.check_status(PEER, 401, {"www-authenticate": 'Bearer scope="a"'}, b"")

    assert caught.value.challenge == 'Bearer scope="a"'


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_good_status_passes(status: int) -> None:
    replies.check_status(PEER, status, {}, b"")


def test_null_is_a_result_where_there_is_none_to_give() -> None:
    """Ours: of Empty, JSON-RPC servers in the field write `null`; 9.4.7 says nothing."""
    body = b'{"jsonrpc":"2.0","id":1,"result":null}'

    assert replies.result(PEER, body, 1, is_empty=True) == {}


# ---- HTTP+JSON -----------------------------------------------------------------------------------


def status_of(error: InterloomError) -> bytes:
    """An error as the HTTP+JSON binding writes it (11.6)."""
    found = row(error)
    return orjson.dumps(
        {
            "error": {
                "code": found.http,
                "status": found.grpc,
                "message": text(error),
                "details": details(error),
            }
        }
    )


SAID_BY_HTTP = {errors.Unauthenticated, errors.PermissionDenied}
"""401 and 403 need no body: they are AuthRequired whoever says them (see above)."""


@pytest.mark.parametrize(
    "kind",
    [kind for kind in ON_THE_WIRE if kind not in SAID_BY_HTTP],
    ids=lambda kind: kind.__name__,
)
def test_reason_names_the_class(kind: type[InterloomError]) -> None:
    """A2A 11.6: ErrorInfo, for every row of the error table."""
    error = kind("The reason.")

    with pytest.raises(InterloomError) as caught:
        replies.check_status(PEER, row(error).http, {}, status_of(error))

    assert type(caught.value) is kind
    assert str(caught.value) == "hotel.example: The reason."


def test_error_within_a_stream_of_plain_json_is_raised() -> None:
    """Ours, as for JSON-RPC: the head is out, so the error can only be an event."""
    with pytest.raises(errors.TaskNotFound, match="no such task"):
        replies.answer(PEER, status_of(errors.TaskNotFound("no such task")))


def test_field_that_broke_a_rule_is_kept() -> None:
    """A2A 11.6: google.rpc.BadRequest."""
    broken = Violation("message.parts", "at least one")

    with pytest.raises(errors.BadParams) as caught:
        replies.check_status(
            PEER, 400, {}, status_of(errors.BadParams("parts", violations=(broken,)))
        )

    assert caught.value.violations == (broken,)


@pytest.mark.parametrize(
    ("status", "grpc", "kind"),
    [
        (404, "NOT_FOUND", errors.TaskNotFound),
        (404, "UNIMPLEMENTED", errors.MethodNotFound),
        (400, "INVALID_ARGUMENT", errors.BadRequest),
        (400, "FAILED_PRECONDITION", PeerError),
        (413, "RESOURCE_EXHAUSTED", errors.TooLarge),
        (503, "UNAVAILABLE", errors.Unavailable),
        (500, "INTERNAL", PeerError),
        (418, "TEAPOT", PeerError),
    ],
)
def test_status_alone_names_the_class(status: int, grpc: str, kind: type[InterloomError]) -> None:
    """A2A 5.4: a foreign agent may send no ErrorInfo; where several errors share a row, no more
    is known than that the agent said no."""
    body = orjson.dumps({"error": {"code": status, "status": grpc, "message": "x"}})

    with pytest.raises(InterloomError) as caught:
        replies.check_status(PEER, status, {}, body)

    assert type(caught.value) is kind


@pytest.mark.parametrize("body", [b"[]", b"<html>", b"3"])
def test_answer_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidAgentResponse, match="not a JSON object"):
        replies.answer(PEER, body)


def test_no_answer_is_an_empty_one() -> None:
    """RFC 9110 15.3.5: 204 has no body."""
    assert replies.answer(PEER, b"") == {}
