"""What an agent's HTTP answer means: a result, or the error class it stands for. No I/O.

Source: A2A 1.0.1 sections 5.4 (codes), 9.4 (results), 9.5 (error details); JSON-RPC 2.0 section 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar, cast

import orjson

from interloom.runtime import model
from interloom.runtime.client.choose import shown
from interloom.runtime.errors import (
    BadRequest,
    InterloomError,
    InvalidAgentResponse,
    PeerError,
    Refused,
    RequestError,
    TransportError,
    Unavailable,
    Violation,
)
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.errors import ROWS, by_jsonrpc
from interloom.runtime.wire.jsonrpc import VERSION

Decoded = TypeVar("Decoded", bound=model.WireModel)

MAX_DETAILS: Final = 32
"""Error details of a peer that are kept (ours)."""
OK: Final = 200
_PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses of a server or proxy that may answer later (RFC 9110, RFC 6585)."""


class AuthRequired(Refused):
    """The agent wants credentials, or better ones (HTTP 401 or 403).

    Attributes:
        challenge: `WWW-Authenticate` as sent; it names schemes and scopes, no secret.
    """

    code = "AUTH_REQUIRED"

    def __init__(self, message: str, *, challenge: str = "") -> None:
        super().__init__(message)
        self.challenge = challenge


class BadStatus(PeerError):
    """The agent's server answered with an HTTP status and nothing more.

    Attributes:
        status: The HTTP status code.
    """

    code = "HTTP_STATUS"

    def __init__(self, peer: str, status: int) -> None:
        super().__init__(f"{peer}: HTTP {status}")
        self.status = status


def check_status(peer: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse an answer whose HTTP status is not 200.

    Args:
        peer: Host and port, for the message.
        status: The status.
        headers: By lower-case name.
        body: As far as it was read; a JSON-RPC error in it says more than the status.
    """
    if status == OK:
        return
    if status in {401, 403}:
        challenge = headers.get("www-authenticate", "")
        raise AuthRequired(f"{peer}: HTTP {status}, credentials needed", challenge=challenge)
    frame = _parsed(body) or {}
    error = frame.get("error")
    if frame.get("jsonrpc") == VERSION and isinstance(error, Mapping):
        raise failure(peer, error)
    if status in _PASSING:
        raise TransportError(f"{peer}: HTTP {status}, try again later", delivered=True)
    raise BadStatus(peer, status)


def result(peer: str, body: bytes, request_id: int) -> JsonObject:
    """The result of a JSON-RPC response.

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
    if not isinstance(found, Mapping):
        raise InvalidAgentResponse(f"{peer}: result: must be an object")
    return found


def decoded(peer: str, kind: type[Decoded], data: JsonObject) -> Decoded:
    """A message of the data model.

    Raises:
        InvalidAgentResponse: It breaks a rule of the data model; the message names the field.
    """
    try:
        return model.decode(kind, data)
    except RequestError as error:
        raise InvalidAgentResponse(f"{peer}: {kind.__name__}: {error}") from None


def card(peer: str, body: bytes) -> model.AgentCard:
    """The agent card in a body.

    Raises:
        InvalidAgentResponse: No card.
    """
    data = _parsed(body)
    if data is None:
        raise InvalidAgentResponse(f"{peer}: the agent card is not a JSON object")
    return decoded(peer, model.AgentCard, data)


def failure(peer: str, error: JsonObject) -> InterloomError:
    """A JSON-RPC error object as an instance of the class with that code.

    The peer's own text is repeated on one line of bounded length.
    """
    code, text = error.get("code"), error.get("message")
    said = f"{peer}: {shown(text) if isinstance(text, str) and text else f'error {code}'}"
    details = list(_objects(error.get("data")))
    reason = next((each["reason"] for each in details if isinstance(each.get("reason"), str)), "")
    kind = by_jsonrpc(code, str(reason)) if isinstance(code, int) else None
    if kind is Unavailable and reason != ROWS[Unavailable].reason:
        kind = None  # its code is that of every internal error
    if kind is Unavailable:
        return kind(said, details=_metadata(details))
    if kind is RequestError:
        kind = BadRequest  # one code and one reason for both; the base class says less
    if kind is None:
        return PeerError(said)
    if issubclass(kind, RequestError):
        return kind(said, details=_metadata(details), violations=tuple(_violations(details)))
    return kind(said)


def _metadata(details: list[JsonObject]) -> dict[str, str]:
    return {
        shown(name): shown(value)
        for each in details
        for name, value in _pairs(each.get("metadata"))
        if isinstance(value, str)
    }


def _violations(details: list[JsonObject]) -> Iterator[Violation]:
    for each in details:
        for entry in _objects(each.get("fieldViolations")):
            field, rule = entry.get("field"), entry.get("description")
            if isinstance(field, str) and isinstance(rule, str):
                yield Violation(shown(field), shown(rule))


def _pairs(value: Json) -> list[tuple[str, Json]]:
    return list(value.items())[:MAX_DETAILS] if isinstance(value, Mapping) else []


def _objects(value: Json) -> Iterator[JsonObject]:
    """The objects in a list, the first `MAX_DETAILS` of them."""
    if isinstance(value, list):
        for item in value[:MAX_DETAILS]:
            if isinstance(item, Mapping):
                yield item


def _parsed(body: bytes) -> JsonObject | None:
    """The JSON object in a body, None when there is none."""
    try:
        found: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("JsonObject", found) if isinstance(found, dict) else None
