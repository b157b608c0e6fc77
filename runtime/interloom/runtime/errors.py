"""Every error the project raises on purpose, split by who must act.

InterloomError
├── LocalError                     our own caller broke a contract; fix the call
│   ├── IllegalMove                a task was told to do what its state forbids
│   └── BadConfig                  a configuration says something impossible
│       └── NoStore                nothing was stored yet where it says
├── RequestError                   a peer's request is wrong; the peer must change it
│   ├── BadJson · BadRequest · MethodNotFound · BadParams · TooLarge · TooSlow
│   ├── VerbNotAllowed · NotAcceptable · UnsupportedMediaType
│   ├── Unauthenticated · PermissionDenied
│   ├── UnsupportedOperation · ContentTypeNotSupported · VersionNotSupported
│   ├── PushNotSupported · ExtendedCardNotConfigured · ExtensionRequired
│   ├── TaskNotFound               gone, never there, or not yours: one answer for all three
│   └── TaskNotCancelable          too late
├── PeerError                      a peer we called broke the protocol, or said no
│   └── InvalidAgentResponse
├── Conflict                       somebody else wrote first; load again and decide again
├── Refused                        a policy said no
├── AgentFailed · AgentRejected    an author's code ends its task, in words for the caller
├── TransportError                 bytes did not arrive; retrying may help
│   └── BrokenOff                  the connection broke while an answer was on its way
└── Unavailable                    we cannot serve now; retrying later will help

What a peer sees for each class is one table: `interloom.runtime.wire.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


class InterloomError(Exception):
    """Base of all errors raised on purpose.

    The message of such an error is written by us and fit for a peer's eyes; the text of a foreign
    exception never is.

    Attributes:
        code: Stable name written to logs and metrics, never localised.
        retryable: True when the same call may succeed later, unchanged.
    """

    code: ClassVar[str] = "INTERLOOM_ERROR"
    retryable: ClassVar[bool] = False


class LocalError(InterloomError):
    """The caller broke a contract of this library."""

    code = "LOCAL"


class IllegalMove(LocalError):
    """The task's state forbids the event."""

    code = "ILLEGAL_MOVE"

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"state {state} does not accept {event}")
        self.state = state
        self.event = event


class BadConfig(LocalError):
    """A configuration says something impossible; the message names file, line and key."""

    code = "BAD_CONFIG"


class NoStore(BadConfig):
    """There is no store yet where a configuration has it."""

    code = "NO_STORE"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that breaks a rule.

    Attributes:
        field: Path in the wire's names, dots and indices: `message.parts[0].text`.
        rule: What is wrong with it, one sentence without the value.
    """

    field: str
    rule: str


class RequestError(InterloomError):
    """A peer's request is wrong; sending it again unchanged gives the same answer.

    Attributes:
        details: Context for the peer, e.g. `{"taskId": "…"}`; no secrets.
        violations: The fields that broke a rule, when the error is about fields.
    """

    code = "REQUEST"

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.details = dict(details or {})
        self.violations = violations


class BadJson(RequestError):
    """The body is not JSON."""

    code = "BAD_JSON"


class BadRequest(RequestError):
    """The body is JSON but not a request of the binding."""

    code = "BAD_REQUEST"


class MethodNotFound(RequestError):
    """The binding has no such method; for HTTP+JSON, nothing is served at the path."""

    code = "METHOD_NOT_FOUND"


class BadParams(RequestError):
    """The method's parameters break a rule; `violations` says which."""

    code = "BAD_PARAMS"


class TooLarge(RequestError):
    """The body is over the limit."""

    code = "TOO_LARGE"


class TooSlow(RequestError):
    """The body did not arrive within the time limit."""

    code = "TOO_SLOW"


class UnsupportedMediaType(RequestError):
    """The body is not said to be JSON (A2A 9.1, RFC 9110 15.5.16)."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class VerbNotAllowed(RequestError):
    """What is served at the path does not take the request's HTTP method (RFC 9110 15.5.6).

    `details["allowed"]` says which it takes.
    """

    code = "VERB_NOT_ALLOWED"


class NotAcceptable(RequestError):
    """The caller accepts no media type that an answer can have (RFC 9110 15.5.7)."""

    code = "NOT_ACCEPTABLE"


class Unauthenticated(RequestError):
    """The caller proves nothing, or not enough (A2A 3.3.2, 7.4; RFC 9110 15.5.2).

    `details["challenge"]` says how to, as a `WWW-Authenticate` field does.
    """

    code = "UNAUTHENTICATED"


class PermissionDenied(RequestError):
    """It is known who calls, and this is not for them (A2A 3.3.2, 7.5)."""

    code = "PERMISSION_DENIED"


class TaskNotFound(RequestError):
    """No such task, or not this caller's: the two are never told apart (A2A 3.3.2)."""

    code = "TASK_NOT_FOUND"


class TaskNotCancelable(RequestError):
    """The task is in a terminal state (A2A 3.1.5)."""

    code = "TASK_NOT_CANCELABLE"


class PushNotSupported(RequestError):
    """The agent's card does not offer push notifications (A2A 3.3.4)."""

    code = "PUSH_NOTIFICATION_NOT_SUPPORTED"


class UnsupportedOperation(RequestError):
    """The operation, or this use of it, is not offered (A2A 3.3.2)."""

    code = "UNSUPPORTED_OPERATION"


class ContentTypeNotSupported(RequestError):
    """A media type of the message is none the agent takes (A2A 3.3.2)."""

    code = "CONTENT_TYPE_NOT_SUPPORTED"


class ExtendedCardNotConfigured(RequestError):
    """The card promises an extended card and there is none (A2A 3.3.2)."""

    code = "EXTENDED_AGENT_CARD_NOT_CONFIGURED"


class ExtensionRequired(RequestError):
    """The card requires an extension the client did not declare (A2A 3.3.4)."""

    code = "EXTENSION_SUPPORT_REQUIRED"


class VersionNotSupported(RequestError):
    """The `A2A-Version` asked for is not served here (A2A 3.6.2)."""

    code = "VERSION_NOT_SUPPORTED"


class PeerError(InterloomError):
    """A peer we called broke its protocol or refused; the message names the peer and the rule."""

    code = "PEER"


class InvalidAgentResponse(PeerError):
    """An agent's answer does not conform to the specification (A2A 3.3.2)."""

    code = "INVALID_AGENT_RESPONSE"


class Conflict(InterloomError):
    """Somebody else wrote first; load again and decide again."""

    code = "CONFLICT"
    retryable = True


class Refused(InterloomError):
    """A policy said no."""

    code = "REFUSED"


class AgentFailed(InterloomError):
    """An author's code cannot go on; the text is for the caller. The task becomes FAILED."""

    code = "AGENT_FAILED"


class AgentRejected(InterloomError):
    """An author's code will not do it; the text is for the caller. The task becomes REJECTED."""

    code = "AGENT_REJECTED"


class TransportError(InterloomError):
    """Bytes did not arrive.

    Attributes:
        delivered: False when it is certain that the peer never saw the request, so that sending
            it again repeats nothing.
    """

    code = "TRANSPORT"
    retryable = True

    def __init__(self, message: str, *, delivered: bool) -> None:
        super().__init__(message)
        self.delivered = delivered


class BrokenOff(TransportError):
    """The connection broke while an answer was on its way; it was not a matter of time."""

    code = "BROKEN_OFF"


class Unavailable(InterloomError):
    """We cannot serve this now: draining, or the ledger does not take writes.

    Attributes:
        details: Context for the peer, e.g. `{"taskId": "…"}`; no secrets.
    """

    code = "UNAVAILABLE"
    retryable = True

    def __init__(self, message: str, *, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.details = dict(details or {})
