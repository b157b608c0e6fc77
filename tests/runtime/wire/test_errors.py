"""Every error has one look on the wire, the specification's where it has one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from interloom.runtime import errors
from interloom.runtime.errors import InterloomError, RequestError, TransportError, Violation
from interloom.runtime.ledger.rows import MessageSeen, Seen
from interloom.runtime.wire.errors import (
    DOMAIN,
    OUR_DOMAIN,
    ROWS,
    Row,
    by_jsonrpc,
    details,
    row,
    text,
)

SPECIFIED = [
    (errors.TaskNotFound, -32001, "NOT_FOUND", 404),
    (errors.TaskNotCancelable, -32002, "FAILED_PRECONDITION", 400),
    (errors.PushNotSupported, -32003, "FAILED_PRECONDITION", 400),
    (errors.UnsupportedOperation, -32004, "FAILED_PRECONDITION", 400),
    (errors.ContentTypeNotSupported, -32005, "INVALID_ARGUMENT", 400),
    (errors.InvalidAgentResponse, -32006, "INTERNAL", 500),
    (errors.ExtendedCardNotConfigured, -32007, "FAILED_PRECONDITION", 400),
    (errors.ExtensionRequired, -32008, "FAILED_PRECONDITION", 400),
    (errors.VersionNotSupported, -32009, "FAILED_PRECONDITION", 400),
]
"""A2A 5.4, the table."""

JSON_RPC = [
    (errors.BadJson, -32700),
    (errors.BadRequest, -32600),
    (errors.MethodNotFound, -32601),
    (errors.BadParams, -32602),
    (RuntimeError, -32603),
]
"""A2A 9.5, the table."""

REASONS: dict[type[InterloomError], str] = {
    errors.TaskNotFound: "TASK_NOT_FOUND",
    errors.TaskNotCancelable: "TASK_NOT_CANCELABLE",
    errors.PushNotSupported: "PUSH_NOTIFICATION_NOT_SUPPORTED",
    errors.UnsupportedOperation: "UNSUPPORTED_OPERATION",
    errors.ContentTypeNotSupported: "CONTENT_TYPE_NOT_SUPPORTED",
    errors.InvalidAgentResponse: "INVALID_AGENT_RESPONSE",
    errors.ExtendedCardNotConfigured: "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    errors.ExtensionRequired: "EXTENSION_SUPPORT_REQUIRED",
    errors.VersionNotSupported: "VERSION_NOT_SUPPORTED",
}
"""A2A 9.5, 10.6: the error's name without its suffix, UPPER_SNAKE_CASE."""

GRPC = frozenset(
    {
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "UNIMPLEMENTED",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "INTERNAL",
        "UNAVAILABLE",
        "ABORTED",
    }
)
"""Status names of gRPC that the table may use."""

OTHER_MODULES = (
    "interloom.apps.compose",
    "interloom.runtime.client",
    "interloom.bridges.handoff.toolbox",
)
"""Modules that load the classes defined above the errors' own floor."""


def _below(kind: type[InterloomError]) -> Iterator[type[InterloomError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def every_class() -> list[type[InterloomError]]:
    for module in OTHER_MODULES:
        importlib.import_module(module)
    found = {kind for kind in _below(InterloomError) if kind.__module__.startswith("interloom.")}
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


def of(kind: type[BaseException], message: str = "words") -> BaseException:
    """An error of a class, however its constructor wants it."""
    error = kind.__new__(kind)
    error.args = (message,)
    if isinstance(error, RequestError | errors.Unavailable):
        error.details = {}
    if isinstance(error, RequestError):
        error.violations = ()
    return error


def own_class(name: str, *parents: type[BaseException]) -> type[BaseException]:
    return type(name, parents, {"__module__": __name__})


@pytest.mark.parametrize(("kind", "code", "grpc", "http"), SPECIFIED)
def test_error_of_the_specification_looks_as_it_says(
    kind: type[InterloomError], code: int, grpc: str, http: int
) -> None:
    """A2A 5.4."""
    assert ROWS[kind] == Row(code, http, grpc, REASONS[kind], DOMAIN)


@pytest.mark.parametrize(("kind", "code"), JSON_RPC)
def test_error_of_json_rpc_has_its_code(kind: type[BaseException], code: int) -> None:
    """A2A 9.5, JSON-RPC 2.0 section 5.1."""
    assert row(of(kind)).jsonrpc == code


@pytest.mark.parametrize("kind", every_class(), ids=lambda kind: kind.__name__)
def test_every_class_has_a_row_or_its_nearest_parents(kind: type[InterloomError]) -> None:
    """DESIGN section 3: looked up along the MRO, nearest first."""
    lines = [each for each in kind.__mro__ if each in ROWS]

    assert row(of(kind)) is ROWS[lines[0]]
    assert issubclass(kind, RequestError) <= (lines[0] is not BaseException)


@pytest.mark.parametrize("kind", every_class(), ids=lambda kind: kind.__name__)
def test_class_has_a_code_of_its_own(kind: type[InterloomError]) -> None:
    """errors.py: logs and metrics tell errors apart by it."""
    assert "code" in vars(kind)
    assert kind.code == kind.code.upper().replace(" ", "_")
    same = [each for each in every_class() if each.code == kind.code and each is not kind]
    assert not same


@pytest.mark.parametrize("found", ROWS.values(), ids=lambda found: found.reason)
def test_row_is_spelt_as_the_bindings_want_it(found: Row) -> None:
    """A2A 9.5, 10.6, 11.6; the code of our own errors is JSON-RPC's."""
    assert found.grpc in GRPC
    assert found.reason == found.reason.upper()
    assert 400 <= found.http < 600
    assert (found.domain == DOMAIN) == (-32099 <= found.jsonrpc <= -32001)
    assert found.domain in {DOMAIN, OUR_DOMAIN}


def test_subclass_without_a_row_looks_like_its_parent() -> None:
    """DESIGN section 3: a new error needs no new row."""
    kind = own_class("TaskForgotten", errors.TaskNotFound)
    both = own_class("Odd", errors.PeerError, errors.TaskNotFound)

    assert row(of(kind)) is ROWS[errors.TaskNotFound]
    assert row(of(both)) is ROWS[errors.TaskNotFound]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("password=hunter2"),
        KeyError("hunter2"),
        OSError(2, "hunter2", "/etc/hunter2"),
        ExceptionGroup("hunter2", [ValueError("hunter2")]),
        BaseExceptionGroup("hunter2", [errors.TaskNotFound("hunter2")]),
        KeyboardInterrupt("hunter2"),
        errors.LocalError("hunter2"),
        errors.BadConfig("hunter2"),
        errors.IllegalMove("hunter2", "hunter2"),
        errors.Refused("hunter2"),
        errors.PeerError("hunter2"),
        errors.AgentFailed("hunter2"),
        TransportError("hunter2", delivered=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_text_that_was_not_written_for_peers_stays_inside(error: BaseException) -> None:
    """DESIGN section 3: neither message, details nor class name of such an error goes out."""
    assert text(error) == "Internal error"
    assert details(error) == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "INTERNAL",
            "domain": OUR_DOMAIN,
        }
    ]


def test_cause_of_an_error_stays_inside() -> None:
    """DESIGN section 3: only our own words are shown."""
    error = errors.Unavailable("the store does not take writes")
    error.__cause__ = OSError("hunter2")
    error.add_note("hunter2")

    assert text(error) == "the store does not take writes"
    assert "hunter2" not in str(details(error))


def test_error_that_may_pass_says_so_and_where_to_go_on() -> None:
    """Ours: who reads "Internal error" does not try again."""
    gone = errors.Unavailable("going down; get the task", details={"taskId": "t1"})
    seen = MessageSeen(Seen("t1"))

    assert (row(gone).reason, text(gone)) == ("UNAVAILABLE", "going down; get the task")
    assert details(gone) == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "UNAVAILABLE",
            "domain": OUR_DOMAIN,
            "metadata": {"taskId": "t1"},
        }
    ]
    assert (row(seen).reason, text(seen)) == ("CONFLICT", "the message was received before")


def test_details_name_the_fields_that_broke_a_rule() -> None:
    """A2A 9.5, 11.6: ErrorInfo first, then BadRequest; each with its `@type`."""
    error = errors.BadParams(
        "a: is required",
        details={"taskId": "t1"},
        violations=(Violation("a", "is required"), Violation("b[0].c", "must be a string")),
    )

    assert text(error) == "a: is required"
    assert details(error) == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "INVALID_PARAMS",
            "domain": OUR_DOMAIN,
            "metadata": {"taskId": "t1"},
        },
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {"field": "a", "description": "is required"},
                {"field": "b[0].c", "description": "must be a string"},
            ],
        },
    ]


@pytest.mark.parametrize(
    "kind", [kind for kind in ROWS if kind not in {RequestError, BaseException}]
)
def test_error_sent_by_one_of_us_is_the_same_error_to_another(kind: type[BaseException]) -> None:
    """ours: a program two agents away can catch what was raised."""
    assert by_jsonrpc(ROWS[kind].jsonrpc, ROWS[kind].reason) is kind


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (-32001, "", errors.TaskNotFound),
        (-32001, "SOMETHING_NEWER", errors.TaskNotFound),
        (-32600, "", errors.BadRequest),
        (-32600, "REQUEST_TOO_LARGE", errors.TooLarge),
        (-32600, "REQUEST_TOO_SLOW", errors.TooSlow),
        (-32600, "UNSUPPORTED_MEDIA_TYPE", errors.UnsupportedMediaType),
        (-32602, "", errors.BadParams),
        (-32700, "", errors.BadJson),
        (-32603, "UNAVAILABLE", errors.Unavailable),
        (-32603, "CONFLICT", errors.Conflict),
        (-32000, "TASK_NOT_FOUND", None),
        (-32099, "", None),
        (0, "", None),
        (404, "", None),
    ],
)
def test_code_decides_and_the_reason_where_codes_are_shared(
    code: int, reason: str, kind: type[InterloomError] | None
) -> None:
    """A2A 9.5: other implementations send codes, and reasons only perhaps."""
    assert by_jsonrpc(code, reason) is kind
