"""What the runtime knows of a task, and the events that made it so.

Values on the path of every request are named tuples: as frozen as a frozen dataclass, and made at
a sixth of its cost (a measured 0.9 against 5.6 microseconds for nine fields).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import orjson

from interloom.runtime.core.questions import OpenAsk
from interloom.runtime.core.trace import Trace
from interloom.runtime.model import TaskState
from interloom.runtime.values import JsonObject

Kind: TypeAlias = Literal["task", "statusUpdate", "artifactUpdate"]
"""The field of `StreamResponse` that an event fills (A2A 3.2.3); a bare Message is no event."""


class TaskRecord(NamedTuple):
    """What decisions are made from: of constant size, however much a task has said.

    Attributes:
        id: Task id, ours.
        context_id: Conversation the task belongs to.
        owner: Principal that created it; nobody else may see it.
        agent: Name of the agent that works on it.
        state: Present state.
        status_at: When it entered that state, UTC, whole milliseconds.
        seq: Sequence number of its last event; events are numbered 1, 2, 3 without gaps.
        asks: Questions nobody has answered yet, oldest first.
        trace: Trace the task belongs to, or None.
    """

    id: str
    context_id: str
    owner: str
    agent: str
    state: TaskState
    status_at: datetime
    seq: int = 0
    asks: tuple[OpenAsk, ...] = ()
    trace: Trace | None = None

    def moved(
        self, state: TaskState, at: datetime, *, events: int, asks: tuple[OpenAsk, ...]
    ) -> TaskRecord:
        """The record after that many more events, in a state entered at `at`."""
        return TaskRecord(
            self.id,
            self.context_id,
            self.owner,
            self.agent,
            state,
            at,
            self.seq + events,
            asks,
            self.trace,
        )


class Event(NamedTuple):
    """An event as stored, streamed and pushed: encoded once, when it is decided.

    Attributes:
        seq: 1, 2, 3 … within the task.
        id: Unique within the task and derived from its cause (`submitted`, `ask/…`, `status/2`),
            so that a run that is begun again cannot append it twice.
        kind: Field of `StreamResponse` it fills.
        state: The task's state after it.
        json: The whole `StreamResponse` as A2A JSON, UTF-8.
        message: The message that caused it as A2A JSON, to be kept in the history; or None.
    """

    seq: int
    id: str
    kind: Kind
    state: TaskState
    json: bytes
    message: bytes | None = None


def status_event(
    record: TaskRecord,
    event_id: str,
    *,
    message: JsonObject | None = None,
    cause: JsonObject | None = None,
) -> Event:
    """The event that brought a task where `record` is: its last.

    Args:
        record: The task after the event.
        event_id: See `Event.id`.
        message: What the agent says with it, as A2A JSON.
        cause: The caller's message it answers to, as A2A JSON.
    """
    status: dict[str, object] = {"state": record.state.value, "timestamp": stamp(record.status_at)}
    if message is not None:
        status["message"] = message
    update = {"taskId": record.id, "contextId": record.context_id, "status": status}
    return Event(
        record.seq,
        event_id,
        "statusUpdate",
        record.state,
        orjson.dumps({"statusUpdate": update}),
        None if cause is None else orjson.dumps(cause),
    )


def stamp(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:mm:ss.sssZ` (A2A 5.6.1)."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
