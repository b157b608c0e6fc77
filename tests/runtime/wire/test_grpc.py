"""Rich status: the one error table on the gRPC binding.

Source: A2A 1.0.1 sections 5.4 (status codes) and 10.6 (ErrorInfo with reason and domain, BadRequest
with the fields).
"""

from __future__ import annotations

import pytest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, DebugInfo, ErrorInfo
from google.rpc.status_pb2 import Status

from interloom.runtime import errors
from interloom.runtime.errors import BadParams, InterloomError, TaskNotFound, Violation
from interloom.runtime.values import Json
from interloom.runtime.wire.errors import ROWS
from interloom.runtime.wire.errors import details as json_details
from interloom.runtime.wire.grpc import RPCS, details, status
from interloom.runtime.wire.methods import METHODS

RAISED = sorted(
    (kind for kind in ROWS if issubclass(kind, errors.RequestError)), key=lambda kind: kind.__name__
)


def _made(kind: type[BaseException]) -> InterloomError:
    assert issubclass(kind, errors.RequestError)
    try:
        return kind("what is wrong", details={"taskId": "t"})
    except TypeError:  # a class with arguments of its own has tests of its own
        return TaskNotFound("what is wrong", details={"taskId": "t"})


def test_every_operation_of_the_method_table_is_a_method_of_the_service() -> None:
    """A2A 10.3: eleven methods, and nothing is served that the table does not have."""
    assert list(RPCS) == list(METHODS)
    assert RPCS["GetTask"].path == "/lf.a2a.v1.A2AService/GetTask"
    assert {name: rpc.request.DESCRIPTOR.name for name, rpc in RPCS.items()} == {
        name: method.request.__name__ for name, method in METHODS.items()
    }


@pytest.mark.parametrize("kind", RAISED)
def test_error_has_the_code_and_the_details_of_its_row(kind: type[BaseException]) -> None:
    """A2A 10.6: `google.rpc.Status` holds code, message and an ErrorInfo."""
    error = _made(kind)
    code, text, rich = status(error)

    told = Status.FromString(rich)
    assert Code.Name(told.code) == code == ROWS[type(error)].grpc
    assert told.message == text == "what is wrong"
    info = ErrorInfo()
    assert told.details[0].Unpack(info)
    assert (info.reason, info.domain) == (ROWS[type(error)].reason, ROWS[type(error)].domain)
    assert dict(info.metadata) == {"taskId": "t"}


def test_broken_fields_are_named() -> None:
    """A2A 10.6: BadRequest with field violations, and the same details as on the other bindings."""
    error = BadParams("message: is required", violations=(Violation("message", "is required"),))

    rich = status(error).details

    bad = BadRequest()
    assert Status.FromString(rich).details[1].Unpack(bad)
    assert [(each.field, each.description) for each in bad.field_violations] == [
        ("message", "is required")
    ]
    told: list[Json] = [
        {name: value for name, value in each.items() if name != "@type"}
        for each in json_details(error)
        if isinstance(each, dict)
    ]
    assert told == details(rich)


def test_foreign_error_says_nothing_of_itself() -> None:
    """A2A 3.3.2: no internals; INTERNAL, and none of the exception's words."""
    code, text, rich = status(RuntimeError("the password is swordfish"))

    assert (code, text) == ("INTERNAL", "Internal error")
    assert b"swordfish" not in rich


@pytest.mark.parametrize("rich", [b"", b"\xff\xff\xff", b"\x1a\x05hello"])
def test_details_that_cannot_be_read_are_no_details(rich: bytes) -> None:
    """ours: a peer's trailer is foreign input."""
    assert details(rich) == []


def test_details_of_other_types_are_left_out() -> None:
    """ours: what we cannot read tells us nothing."""
    rich = Status(code=5)
    rich.details.add().Pack(DebugInfo(detail="x"))
    rich.details.add().Pack(ErrorInfo(reason="R", domain="d"))

    assert details(rich.SerializeToString()) == [{"reason": "R", "domain": "d"}]
