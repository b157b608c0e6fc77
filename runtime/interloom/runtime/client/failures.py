"""What an agent's error means: the class it stands for, whatever the binding. No I/O.

Source: A2A 1.0.1 sections 3.3.2 (errors), 5.4 (codes), 9.5, 10.6 and 11.6 (details).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from interloom.runtime.client.addresses import shown
from interloom.runtime.errors import (
    BadRequest,
    InterloomError,
    PeerError,
    Refused,
    RequestError,
    Unavailable,
    Violation,
)
from interloom.runtime.values import Json, JsonObject

MAX_DETAILS: Final = 32
"""Error details of a peer that are kept (ours)."""


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


def made(kind: type[InterloomError] | None, said: str, details: list[JsonObject]) -> InterloomError:
    """An error of a class, with what its details tell.

    Args:
        kind: Its class; None for an error that A2A has no class for.
        said: Its message.
        details: `google.rpc` messages as JSON: ErrorInfo, BadRequest.
    """
    if kind is Unavailable:
        return kind(said, details=_metadata(details))
    if kind is RequestError:
        kind = BadRequest  # one code and one reason for both; the base class says less
    if kind is None:
        return PeerError(said)
    if issubclass(kind, RequestError):
        return kind(said, details=_metadata(details), violations=tuple(_violations(details)))
    return kind(said)


def details_of(listed: Json) -> list[JsonObject]:
    """The details in a list that should hold some."""
    return list(_objects(listed))


def reason_of(details: list[JsonObject]) -> tuple[str, str]:
    """Reason and domain of the `ErrorInfo` among details; empty where there is none."""
    for each in details:
        reason, domain = each.get("reason"), each.get("domain")
        if isinstance(reason, str):
            return reason, domain if isinstance(domain, str) else ""
    return "", ""


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
