"""What a push config may say, and the head of the request that an event is posted with.

Source: A2A 1.0.1 sections 3.1.7 to 3.1.10, 4.3 (`Authorization: {scheme} {credentials}`, the body
is a `StreamResponse`), 3.6.1 (`A2A-Version`); the token's field is the official SDKs'; names of the
event id and the time are those of Standard Webhooks; limits are `ours`.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import BadParams, Violation
from interloom.runtime.model import TaskPushNotificationConfig

MAX_CONFIGS: Final = 16
"""Push configs of one task."""
MAX_ID: Final = 128
MAX_SECRET: Final = 4096
"""Characters of a token, and of credentials."""
MAX_PAGE: Final = 100

TOKEN: Final = "X-A2A-Notification-Token"  # noqa: S105 - a field's name
EVENT_ID: Final = "Webhook-Id"
"""Names the event: the same on every attempt, so that a receiver can pass over a repeat."""
SENT_AT: Final = "Webhook-Timestamp"
"""Seconds since the epoch at which this attempt was made."""

_ID: Final = re.compile(rf"[!-~]{{1,{MAX_ID}}}")
_SCHEME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE: Final = re.compile(rf"(?=.{{0,{MAX_SECRET}}}$)([!-~]([ -~]*[!-~])?)?")

_RULES: Final = (
    ("id", _ID, f"must be 1 to {MAX_ID} visible ASCII characters"),
    ("token", _VALUE, f"must be at most {MAX_SECRET} ASCII characters, as a header can carry them"),
    ("authentication.scheme", _SCHEME, "must be the name of an HTTP authentication scheme"),
    (
        "authentication.credentials",
        _VALUE,
        f"must be at most {MAX_SECRET} ASCII characters, as a header can carry them",
    ),
)


def check(config: TaskPushNotificationConfig, *, within: str = "") -> None:
    """Hold a config against what can be sent; where its URL leads is `core.egress`'s to say.

    Args:
        config: As a client sent it.
        within: What stands before its fields' names in an error: `configuration.….`, or nothing.

    Raises:
        BadParams: With every field that breaks a rule; its value is not repeated.
    """
    given = {"id": config.id or "-", "token": config.token}
    if config.authentication is not None:
        given["authentication.scheme"] = config.authentication.scheme
        given["authentication.credentials"] = config.authentication.credentials
    broken = [
        Violation(f"{within}{field}", rule)
        for field, shape, rule in _RULES
        if field in given and not shape.fullmatch(given[field])
    ]
    if broken:
        said = "; ".join(f"{each.field}: {each.rule}" for each in broken)
        raise BadParams(said, violations=tuple(broken))


def head(
    config: TaskPushNotificationConfig, *, event_id: str, at: datetime, trace: Trace
) -> dict[str, str]:
    """The header fields of one post, signatures excepted.

    A scheme without credentials sends no `Authorization`: there is nothing to prove anything with.
    """
    fields = {
        "Content-Type": "application/a2a+json",
        "A2A-Version": "1.0",
        EVENT_ID: event_id,
        SENT_AT: str(int(at.timestamp())),
        **trace.carrier(),
    }
    if config.token:
        fields[TOKEN] = config.token
    info = config.authentication
    if info is not None and info.credentials:
        fields["Authorization"] = f"{info.scheme} {info.credentials}"
    return fields


def event_id(task_id: str, seq: int) -> str:
    """What an event is called wherever it is posted."""
    return f"{task_id}/{seq}"


def page(configs: Mapping[str, bytes], *, size: int, token: str) -> tuple[Sequence[bytes], str]:
    """One page of a task's configs, and the token of the next; empty on the last.

    Args:
        configs: All of them by id, in the order of ids.
        size: As asked for; 0 for as many as a page may have.
        token: Of a page before, or empty.

    Raises:
        BadParams: Size or token is none of ours.
    """
    if not 0 <= size <= MAX_PAGE:
        raise _bad("pageSize", f"must be 0 to {MAX_PAGE}")
    after = _position(token)
    left = [push_id for push_id in configs if push_id > after]
    shown = left[: size or MAX_PAGE]
    more = len(left) > len(shown)
    following = urlsafe_b64encode(shown[-1].encode()).decode().rstrip("=") if more else ""
    return [configs[push_id] for push_id in shown], following


def _position(token: str) -> str:
    try:
        return b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True).decode("ascii")
    except (NotBase64, ValueError):
        raise _bad("pageToken", "is not a token of this server") from None


def _bad(field: str, rule: str) -> BadParams:
    return BadParams(f"{field}: {rule}", violations=(Violation(field, rule),))
