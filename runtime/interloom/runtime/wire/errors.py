"""The error table: what each class of error looks like on each binding.

Source: A2A 1.0.1 section 5.4 (the nine A2A errors), 9.5 (JSON-RPC codes), 10.6 and 11.6
(ErrorInfo), 3.3.2 (what an error must say). Rows for our own classes are `ours`.

A class without a row has its parent's (`row` walks the MRO); a foreign exception has the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from interloom.runtime import errors
from interloom.runtime.errors import InterloomError, RequestError, Unavailable
from interloom.runtime.values import Json

DOMAIN: Final = "a2a-protocol.org"
"""`ErrorInfo.domain` of the errors A2A names."""
OUR_DOMAIN: Final = "interloom"
"""`ErrorInfo.domain` of all others."""

OUR_CODE: Final = -32000
"""JSON-RPC code of what A2A has none for; other servers mean other things by it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One error on the wire.

    Attributes:
        jsonrpc: JSON-RPC error code.
        http: HTTP status of the HTTP+JSON binding.
        grpc: gRPC status name; also `error.status` of HTTP+JSON.
        reason: `ErrorInfo.reason`, UPPER_SNAKE_CASE.
        domain: `ErrorInfo.domain`.
    """

    jsonrpc: int
    http: int
    grpc: str
    reason: str
    domain: str = OUR_DOMAIN


ROWS: Final[Mapping[type[BaseException], Row]] = MappingProxyType(
    {
        errors.BadJson: Row(-32700, 400, "INVALID_ARGUMENT", "INVALID_JSON"),
        errors.BadRequest: Row(-32600, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
        errors.MethodNotFound: Row(-32601, 404, "UNIMPLEMENTED", "METHOD_NOT_FOUND"),
        errors.BadParams: Row(-32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS"),
        errors.TooLarge: Row(-32600, 413, "RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE"),
        errors.TooSlow: Row(-32600, 408, "DEADLINE_EXCEEDED", "REQUEST_TOO_SLOW"),
        errors.UnsupportedMediaType: Row(-32600, 415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE"),
        errors.VerbNotAllowed: Row(-32601, 405, "UNIMPLEMENTED", "HTTP_METHOD_NOT_ALLOWED"),
        errors.NotAcceptable: Row(-32600, 406, "INVALID_ARGUMENT", "NOT_ACCEPTABLE"),
        errors.Unauthenticated: Row(OUR_CODE, 401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        errors.PermissionDenied: Row(OUR_CODE, 403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
        errors.TaskNotFound: Row(-32001, 404, "NOT_FOUND", "TASK_NOT_FOUND", DOMAIN),
        errors.TaskNotCancelable: Row(
            -32002, 400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE", DOMAIN
        ),
        errors.PushNotSupported: Row(
            -32003, 400, "FAILED_PRECONDITION", "PUSH_NOTIFICATION_NOT_SUPPORTED", DOMAIN
        ),
        errors.UnsupportedOperation: Row(
            -32004, 400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION", DOMAIN
        ),
        errors.ContentTypeNotSupported: Row(
            -32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED", DOMAIN
        ),
        errors.InvalidAgentResponse: Row(-32006, 500, "INTERNAL", "INVALID_AGENT_RESPONSE", DOMAIN),
        errors.ExtendedCardNotConfigured: Row(
            -32007, 400, "FAILED_PRECONDITION", "EXTENDED_AGENT_CARD_NOT_CONFIGURED", DOMAIN
        ),
        errors.ExtensionRequired: Row(
            -32008, 400, "FAILED_PRECONDITION", "EXTENSION_SUPPORT_REQUIRED", DOMAIN
        ),
        errors.VersionNotSupported: Row(
            -32009, 400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED", DOMAIN
        ),
        errors.RequestError: Row(-32600, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
        errors.Unavailable: Row(-32603, 503, "UNAVAILABLE", "UNAVAILABLE"),
        errors.Conflict: Row(-32603, 409, "ABORTED", "CONFLICT"),
        BaseException: Row(-32603, 500, "INTERNAL", "INTERNAL"),
    }
)

_CLASSES: Final[Mapping[tuple[int, str], type[InterloomError]]] = MappingProxyType(
    {
        (row.jsonrpc, row.reason): kind
        for kind, row in ROWS.items()
        if issubclass(kind, InterloomError) and kind is not RequestError  # BadRequest says more
    }
)

_REASONS: Final[Mapping[tuple[str, str], type[InterloomError]]] = MappingProxyType(
    {
        (row.reason, row.domain): kind
        for kind, row in ROWS.items()
        if issubclass(kind, InterloomError) and kind is not RequestError
    }
)


def row(error: BaseException) -> Row:
    """The row of an error's class, or of the nearest parent that has one."""
    return next(ROWS[kind] for kind in type(error).__mro__ if kind in ROWS)


def text(error: BaseException) -> str:
    """What a peer may read: our own words for errors that have a row, else none of the error's."""
    exposed = row(error) is not ROWS[BaseException]
    return str(error) if exposed else "Internal error"


def details(error: BaseException) -> list[Json]:
    """`error.data` of JSON-RPC and `error.details` of HTTP+JSON: ErrorInfo, then BadRequest."""
    found = row(error)
    info: dict[str, Json] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": found.reason,
        "domain": found.domain,
    }
    if isinstance(error, RequestError | Unavailable) and error.details:
        info["metadata"] = dict(error.details)
    if not isinstance(error, RequestError) or not error.violations:
        return [info]
    violations: list[Json] = [
        {"field": each.field, "description": each.rule} for each in error.violations
    ]
    bad = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    return [info, bad]


def by_jsonrpc(code: int, reason: str = "") -> type[InterloomError] | None:
    """The class a peer's JSON-RPC error stands for; the reason decides where codes are shared."""
    exact = _CLASSES.get((code, reason))
    if exact is not None or code == OUR_CODE:
        return exact
    return next((kind for (each, _), kind in _CLASSES.items() if each == code), None)


def by_reason(reason: str, domain: str) -> type[InterloomError] | None:
    """The class a peer's `ErrorInfo` stands for, which two bindings require (10.6, 11.6)."""
    return _REASONS.get((reason, domain))


def by_status(http: int, grpc: str) -> type[InterloomError] | None:
    """The class a peer's HTTP and gRPC status stand for together, when it sends no reason.

    None where several A2A errors share the two; of a bad argument no more is known than that.
    """
    shared = [kind for (kind, each) in ROWS.items() if (each.http, each.grpc) == (http, grpc)]
    if errors.BadRequest in shared:
        return errors.BadRequest
    return next((kind for kind in _REASONS.values() if shared == [kind]), None)
