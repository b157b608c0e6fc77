"""What a server says of a task of its own, read from foreign JSON. No I/O.

Source: Tasks extension (`io.modelcontextprotocol/tasks`), "Tasks", "Task Polling"; `Task`,
`DetailedTask` in its schema.ts. The same shape stands in the answer that creates a task, in the
answer to `tasks/get`, and in `notifications/tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from interloom.bridges.mcp.core.errors import BadResult, clip
from interloom.runtime.values import Json, JsonObject

MAX_ID_CHARS: Final = 1024
"""Characters of a task id; ours, because it is stored and sent as a header."""


@unique
class Status(Enum):
    """Where a task stands."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_BY_NAME: Final = {status.value: status for status in Status}


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as its server described it at one moment.

    Attributes:
        task_id: The server's id for it; may be a bearer token, so it is never printed.
        status: Where it stands.
        message: `statusMessage`, one clipped line; empty when there is none.
        ttl_ms: Milliseconds that the server keeps it, from its creation on; None for ever.
        poll_ms: Milliseconds between polls that the server wishes; None when it does not say.
        payload: What belongs to the status: `inputRequests`, `result` or `error`; empty otherwise.
    """

    task_id: str
    status: Status
    message: str
    ttl_ms: int | None
    poll_ms: int | None
    payload: JsonObject


_PAYLOADS: Final = {
    Status.INPUT_REQUIRED: "inputRequests",
    Status.COMPLETED: "result",
    Status.FAILED: "error",
}
"""The field that each status brings along."""


def read_task(value: JsonObject, *, server: str, method: str, is_seed: bool = False) -> TaskView:
    """Read a task from a result or from the params of a notification.

    Its times of day are the server's own and nothing follows from them, so they are not read.

    Args:
        value: What the server sent.
        server: Our name for the server.
        method: What it was sent in, for the error.
        is_seed: It is the answer that creates the task, which carries no payload.

    Raises:
        BadResult: A field has the wrong shape, or the status lacks what belongs to it.
    """
    try:
        return _read(value, is_seed=is_seed)
    except ValueError as broken:
        raise BadResult(server, method, f"task: {broken}") from None


def _read(value: JsonObject, *, is_seed: bool) -> TaskView:
    task_id, message = value.get("taskId"), value.get("statusMessage")
    if not isinstance(task_id, str) or not 0 < len(task_id) <= MAX_ID_CHARS:
        raise ValueError(f"taskId must be a string of 1 to {MAX_ID_CHARS} characters")
    status = _BY_NAME.get(str(value.get("status")))
    if status is None:
        raise ValueError(f"status must be one of {', '.join(_BY_NAME)}")
    if not (message is None or isinstance(message, str)):
        raise ValueError("statusMessage must be a string")
    return TaskView(
        task_id=task_id,
        status=status,
        message=clip(message or ""),
        ttl_ms=_milliseconds("ttlMs", value.get("ttlMs")),
        poll_ms=_milliseconds("pollIntervalMs", value.get("pollIntervalMs")),
        payload={} if is_seed else _payload(status, value),
    )


def _payload(status: Status, value: JsonObject) -> JsonObject:
    name = _PAYLOADS.get(status)
    if name is None:
        return {}
    payload = value.get(name)
    if not isinstance(payload, Mapping):
        raise ValueError(f"status {status.value} needs {name}, an object")  # noqa: TRY004  foreign
    return payload


def _milliseconds(name: str, value: Json) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} must be an integer of milliseconds")
    return value
