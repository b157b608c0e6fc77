"""To whom a message belongs when all of them arrive on one channel. No I/O.

Source: MCP 2026-07-28, basic/transports/stdio "Receiving Messages" (responses by id, notifications
of a request, notifications of a subscription by `subscriptionId`), basic/patterns/progress (by
token), basic/patterns/cancellation (a server cancels subscriptions only).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from interloom.bridges.mcp.core.errors import clip
from interloom.bridges.mcp.core.frames import PREFIX, Notification, is_request_id
from interloom.bridges.mcp.core.lines import HEAD_BYTES, TAIL_BYTES
from interloom.runtime.values import Json, JsonObject

SUBSCRIPTION: Final = PREFIX + "subscriptionId"
"""The `_meta` key that names the request a subscription was opened with."""

_ID: Final = re.compile(rb'"id"\s*:\s*"([^"\\]{1,128})"')


@dataclass(frozen=True, slots=True)
class Response:
    """A result or an error.

    Attributes:
        id: Id of the request; None for an error about a request that could not be read.
        frame: The whole frame, unchecked.
    """

    id: str | None
    frame: JsonObject


class Owner(Enum):
    """How a notification names its owner."""

    REQUEST = "request"  # by the request's id
    TOKEN = "token"  # noqa: S105  by the request's progress token
    LOG = "log"  # not at all: whoever asked for log messages
    NOBODY = "nobody"  # not at all: about the server


@dataclass(frozen=True, slots=True)
class Heard:
    """A notification.

    Attributes:
        notification: What was said.
        owner: How it names the request it belongs to.
        key: The id or token; empty where `owner` needs none.
    """

    notification: Notification
    owner: Owner
    key: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the server: forbidden in this revision, what older ones ask questions with."""

    frame: JsonObject


@dataclass(frozen=True, slots=True)
class Stray:
    """Nothing that belongs on the channel.

    Attributes:
        rule: What is wrong with it.
    """

    rule: str


Route: TypeAlias = Response | Heard | Asked | Stray


def route(frame: Json) -> Route:
    """Find out what a frame is and whose."""
    if not isinstance(frame, Mapping) or frame.get("jsonrpc") != "2.0":
        return Stray("is no JSON-RPC 2.0 message")
    method, request_id = frame.get("method"), frame.get("id")
    if isinstance(method, str):
        return _asked(frame) if "id" in frame else _heard(frame, method)
    if "method" in frame:
        return Stray("has a method that is no string")
    if isinstance(request_id, str):
        return Response(request_id, frame)
    if request_id is None and "error" in frame:
        return Response(None, frame)
    return Stray("answers a request of ours that never was")  # our ids are strings


def ids_shown(*parts: bytes) -> list[str]:
    """The ids that stand in parts of a reply that cannot be read; one of them may be its own."""
    found = (match for part in parts for match in _ID.finditer(part))
    return [match.group(1).decode("utf-8", "replace") for match in found]


def ids_of_broken(line: bytes) -> list[str]:
    """Whose a reply may be that is not JSON; what else a server writes is nobody's."""
    head = line[:HEAD_BYTES]
    if not head.startswith(b"{") or b'"method"' in head:
        return []
    return ids_shown(head, line[-TAIL_BYTES:])


def progress_token(params: JsonObject) -> str | None:
    """The progress token of a request, as a key; see `_key`."""
    meta = params.get("_meta")
    return _key(meta.get("progressToken")) if isinstance(meta, Mapping) else None


def _asked(frame: JsonObject) -> Asked | Stray:
    is_answerable = is_request_id(frame["id"])  # it would be sent back
    return Asked(frame) if is_answerable else Stray("has an id that is no string and no integer")


def _heard(frame: JsonObject, method: str) -> Heard:
    given = frame.get("params")
    params: JsonObject = given if isinstance(given, Mapping) else {}
    notification = Notification(clip(method), params)
    meta = params.get("_meta")
    subscription = _key(meta.get(SUBSCRIPTION)) if isinstance(meta, Mapping) else None
    if subscription is not None:
        return Heard(notification, Owner.REQUEST, subscription)
    match method, _key(params.get("progressToken")), _key(params.get("requestId")):
        case "notifications/progress", str(token), _:
            return Heard(notification, Owner.TOKEN, token)
        case "notifications/cancelled", _, str(request_id):
            return Heard(notification, Owner.REQUEST, request_id)
        case "notifications/message", _, _:
            return Heard(notification, Owner.LOG)
        case _:
            return Heard(notification, Owner.NOBODY)


def _key(value: Json) -> str | None:
    """Tokens are strings or integers, and 1 is not "1"."""
    if isinstance(value, str):
        return value
    return f"#{value}" if isinstance(value, int) and not isinstance(value, bool) else None
