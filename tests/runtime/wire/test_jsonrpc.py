"""Envelopes are read strictly, answered under their id, and results go out byte for byte."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.errors import (
    BadParams,
    BadRequest,
    InterloomError,
    TaskNotFound,
    Violation,
)
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.jsonrpc import Call, Id, call, error, id_of, result
from interloom.runtime.wire.payload import load

GOOD: JsonObject = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t"}}


def frame(**changes: Json) -> dict[str, Json]:
    """A good envelope with some fields changed."""
    return {**GOOD, **changes}


def without(*names: str) -> dict[str, Json]:
    return {name: value for name, value in GOOD.items() if name not in names}


BROKEN: list[tuple[bytes, type[InterloomError], str]] = [
    (b"{}", BadRequest, 'jsonrpc: must be "2.0"'),
    *(
        (orjson.dumps(each), BadRequest, 'jsonrpc: must be "2.0"')
        for each in (
            without("jsonrpc"),
            frame(jsonrpc="1.0"),
            frame(jsonrpc=2.0),
            frame(jsonrpc=None),
            frame(jsonrpc=["2.0"]),
        )
    ),
    *(
        (orjson.dumps(each), BadRequest, "id: must be a string or an integer")
        for each in (
            without("id"),
            frame(id=None),
            frame(id=1.5),
            frame(id=1.0),
            frame(id=True),
            frame(id=[1]),
            frame(id={}),
        )
    ),
    (b'{"jsonrpc":"2.0","id":%b,"method":"GetTask"}' % (b"9" * 30), BadRequest,
     "id: must be a string or an integer"),
    *(
        (orjson.dumps(each), BadRequest, "method: must be a string")
        for each in (without("method"), frame(method=None), frame(method=7), frame(method=["x"]))
    ),
    *(
        (orjson.dumps(each), BadParams, "params: must be an object")
        for each in (frame(params=None), frame(params=[]), frame(params=[{}]), frame(params="x"))
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "message"), BROKEN, ids=range(len(BROKEN)))
def test_malformed_envelope_is_refused_with_the_rule_it_breaks(
    body: bytes, kind: type[InterloomError], message: str
) -> None:
    """JSON-RPC 2.0 sections 4 and 5.1, A2A 9.5."""
    with pytest.raises(kind) as refused:
        call(load(body))

    assert type(refused.value) is kind
    assert str(refused.value) == message


def test_refusal_names_the_field_for_programs_too() -> None:
    """A2A 9.5: `fieldViolations`."""
    with pytest.raises(BadRequest) as refused:
        call(frame(id=None))

    assert refused.value.violations == (Violation("id", "must be a string or an integer"),)


@pytest.mark.parametrize("call_id", ["", "a", "é", 0, -1, 2**53, 2**63 - 1, "x" * 10_000])
def test_id_is_kept_as_sent(call_id: Id) -> None:
    """JSON-RPC 2.0 section 5: the answer carries the request's id."""
    read = call(load(orjson.dumps(frame(id=call_id))))

    assert read == Call(call_id, "GetTask", {"id": "t"})
    assert orjson.loads(result(read.id, b"{}"))["id"] == call_id


def test_params_may_be_left_out() -> None:
    """JSON-RPC 2.0 section 4: params may be omitted; what the method needs, it says itself."""
    assert call(without("params")) == Call(1, "GetTask", {})


def test_unknown_fields_of_an_envelope_are_ignored() -> None:
    """A2A 5.7: newer senders say more."""
    assert call(frame(extra=[1])) == Call(1, "GetTask", {"id": "t"})


@pytest.mark.parametrize(
    ("given_id", "found"),
    [("a", "a"), (0, 0), (True, None), (False, None), (1.5, None), (None, None), ({}, None)],
)
def test_error_is_answered_under_an_id_that_can_be_one(given_id: Json, found: Id | None) -> None:
    """JSON-RPC 2.0 section 5: null when the id could not be told."""
    assert id_of(frame(id=given_id)) == found
    assert type(id_of(frame(id=given_id))) is type(found)
    assert orjson.loads(error(id_of(frame(id=given_id)), BadRequest("x")))["id"] == found


def test_missing_id_is_no_id() -> None:
    """JSON-RPC 2.0 section 4.1: notifications are not part of A2A."""
    assert id_of({}) is None


@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63), 2**63 - 1),
    st.recursive(
        st.none() | st.integers(0, 9) | st.text(st.characters(exclude_categories=["Cs"])),
        st.lists,
        max_leaves=4,
    ),
)
def test_result_is_spliced_in_untouched(call_id: Id, value: Json) -> None:
    """DESIGN section 2: encoded once; the envelope goes around it."""
    encoded = orjson.dumps(value)
    response = result(call_id, encoded)

    assert orjson.loads(response) == {"jsonrpc": "2.0", "id": call_id, "result": value}
    assert encoded in response


def test_error_response_has_code_text_and_details() -> None:
    """A2A 9.5."""
    assert orjson.loads(error("a", TaskNotFound("no such task", details={"taskId": "t"}))) == {
        "jsonrpc": "2.0",
        "id": "a",
        "error": {
            "code": -32001,
            "message": "no such task",
            "data": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "TASK_NOT_FOUND",
                    "domain": "a2a-protocol.org",
                    "metadata": {"taskId": "t"},
                }
            ],
        },
    }


def test_foreign_error_shows_nothing_of_itself() -> None:
    """DESIGN section 3."""
    response = error(1, RuntimeError("hunter2"))

    assert b"hunter2" not in response
    assert b"RuntimeError" not in response
    assert orjson.loads(response)["error"]["code"] == -32603
