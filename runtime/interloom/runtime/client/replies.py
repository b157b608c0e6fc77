"""What an agent's HTTP answer means: a result, or the error class it stands for. No I/O.

Source: A2A 1.0.1 sections 5.4 (codes), 9.4 (results), 9.5 and 11.6 (errors of the two bindings);
JSON-RPC 2.0 section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar, cast

import orjson

from interloom.runtime import model
from interloom.runtime.client.addresses import shown
from interloom.runtime.client.failures import (
    AuthRequired,
    BadStatus,
    details_of,
    made,
    reason_of,
)
from interloom.runtime.errors import (
    InterloomError,
    InvalidAgentResponse,
    RequestError,
    TransportError,
    Unavailable,
)
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.errors import ROWS, by_jsonrpc, by_reason, by_status
from interloom.runtime.wire.jsonrpc import VERSION

Decoded = TypeVar("Decoded", bound=model.WireModel)

_GOOD: Final = frozenset({200, 201, 202, 204})
_PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses of a server or proxy that may answer later (RFC 9110, RFC 6585)."""


def is_good(status: int) -> bool:
    """Whether an answer of this status holds a result; a redirect does not, we follow none."""
    return status in _GOOD


def check_status(peer: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse an answer whose HTTP status is not good.

    Args:
        peer: Host and port, for the message.
        status: The status.
        headers: By lower-case name.
        body: As far as it was read; an error of either binding in it says more than the status.
    """
    if is_good(status):
        return
    if status in {401, 403}:
        challenge = headers.get("www-authenticate", "")
        raise AuthRequired(f"{peer}: HTTP {status}, credentials needed", challenge=challenge)
    frame = _parsed(body) or {}
    error = frame.get("error")
    if isinstance(error, Mapping):
        if frame.get("jsonrpc") == VERSION:
            raise failure(peer, error)
        if isinstance(error.get("status"), str) or isinstance(error.get("details"), list):
            raise problem(peer, status, error)
    if status in _PASSING:
        raise TransportError(f"{peer}: HTTP {status}, try again later", delivered=True)
    raise BadStatus(peer, status)


# ---- JSON-RPC ------------------------------------------------------------------------------------


def result(peer: str, body: bytes, request_id: int, *, is_empty: bool = False) -> JsonObject:
    """The result of a JSON-RPC response.

    Args:
        peer: Host and port, for the message.
        body: The response.
        request_id: The request's.
        is_empty: The method's answer is Empty, for which some write null.

    Raises:
        InterloomError: The class the response's error stands for.
        InvalidAgentResponse: Not a JSON-RPC response to this request.
    """
    frame = _parsed(body)
    if frame is None:
        raise InvalidAgentResponse(f"{peer}: the answer is not a JSON object")
    if frame.get("jsonrpc") != VERSION:
        raise InvalidAgentResponse(f'{peer}: jsonrpc: must be "2.0"')
    error = frame.get("error")
    if isinstance(error, Mapping):
        raise failure(peer, error)
    if frame.get("id") != request_id or isinstance(frame.get("id"), bool):
        raise InvalidAgentResponse(f"{peer}: id: not the request's")
    found = frame.get("result")
    if is_empty and found is None:
        return {}
    if not isinstance(found, Mapping):
        raise InvalidAgentResponse(f"{peer}: result: must be an object")
    return found


def failure(peer: str, error: JsonObject) -> InterloomError:
    """A JSON-RPC error object as an instance of the class with that code.

    The peer's own text is repeated on one line of bounded length.
    """
    code, text = error.get("code"), error.get("message")
    said = f"{peer}: {shown(text) if isinstance(text, str) and text else f'error {code}'}"
    details = details_of(error.get("data"))
    reason, _ = reason_of(details)
    kind = by_jsonrpc(code, reason) if isinstance(code, int) else None
    if kind is Unavailable and reason != ROWS[Unavailable].reason:
        kind = None  # its code is that of every internal error
    return made(kind, said, details)


# ---- HTTP+JSON -----------------------------------------------------------------------------------


def answer(peer: str, body: bytes) -> JsonObject:
    """The message in a good answer, or in an event of a stream; nothing at all is Empty.

    Raises:
        InterloomError: The class the error in an event stands for.
        InvalidAgentResponse: Not a JSON object.
    """
    if not body:
        return {}
    found = _parsed(body)
    if found is None:
        raise InvalidAgentResponse(f"{peer}: the answer is not a JSON object")
    error = found.get("error")
    if isinstance(error, Mapping):
        code = error.get("code")
        raise problem(peer, code if isinstance(code, int) else 0, error)
    return found


def problem(peer: str, status: int, error: JsonObject) -> InterloomError:
    """A `google.rpc.Status` of the HTTP+JSON binding as the class its reason names (11.6)."""
    text, grpc = error.get("message"), error.get("status")
    said = f"{peer}: {shown(text) if isinstance(text, str) and text else f'HTTP {status}'}"
    details = details_of(error.get("details"))
    kind = by_reason(*reason_of(details))
    if kind is None:
        kind = by_status(status, grpc if isinstance(grpc, str) else "")
    return made(kind, said, details)


# ---- what is in it -------------------------------------------------------------------------------


def decoded(peer: str, kind: type[Decoded], data: JsonObject) -> Decoded:
    """A message of the data model.

    Raises:
        InvalidAgentResponse: It breaks a rule of the data model; the message names the field.
    """
    try:
        return model.decode(kind, data)
    except RequestError as error:
        raise InvalidAgentResponse(f"{peer}: {kind.__name__}: {error}") from None


def parsed_card(peer: str, body: bytes) -> JsonObject:
    """The JSON of the agent card in a body.

    Raises:
        InvalidAgentResponse: No JSON object.
    """
    data = _parsed(body)
    if data is None:
        raise InvalidAgentResponse(f"{peer}: the agent card is not a JSON object")
    return data


def _parsed(body: bytes) -> JsonObject | None:
    """The JSON object in a body, None when there is none."""
    try:
        found: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("JsonObject", found) if isinstance(found, dict) else None
