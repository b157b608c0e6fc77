"""Tasks, what they produce, and the events that tell of both.

Source: A2A 4.1.1 to 4.1.3, 4.1.7 and 4.2.
"""

from __future__ import annotations

from interloom.runtime.model.fields import Flag, Many, Name, Some, Text, Timestamp, WireEnum
from interloom.runtime.model.freeform import Struct
from interloom.runtime.model.message import Message, Part
from interloom.runtime.model.wiremodel import WireModel


class TaskState(WireEnum):
    """Where a task stands."""

    UNSPECIFIED = "TASK_STATE_UNSPECIFIED"
    SUBMITTED = "TASK_STATE_SUBMITTED"
    WORKING = "TASK_STATE_WORKING"
    COMPLETED = "TASK_STATE_COMPLETED"
    FAILED = "TASK_STATE_FAILED"
    CANCELED = "TASK_STATE_CANCELED"
    INPUT_REQUIRED = "TASK_STATE_INPUT_REQUIRED"
    REJECTED = "TASK_STATE_REJECTED"
    AUTH_REQUIRED = "TASK_STATE_AUTH_REQUIRED"


class TaskStatus(WireModel):
    """A state, why, and since when."""

    state: TaskState
    message: Message | None = None
    timestamp: Timestamp | None = None


class Artifact(WireModel):
    """A result of a task."""

    artifact_id: Name
    name: Text = ""
    description: Text = ""
    parts: Some[Part]
    metadata: Struct | None = None
    extensions: Many[Text] = ()


class Task(WireModel):
    """A piece of work, with its identity, its progress and its results."""

    id: Name
    context_id: Text = ""
    status: TaskStatus
    artifacts: Many[Artifact] = ()
    history: Many[Message] = ()
    metadata: Struct | None = None


class TaskStatusUpdateEvent(WireModel):
    """A task moved, or said something while it stayed."""

    task_id: Name
    context_id: Name
    status: TaskStatus
    metadata: Struct | None = None


class TaskArtifactUpdateEvent(WireModel):
    """A task produced a result, or a piece of one."""

    task_id: Name
    context_id: Name
    artifact: Artifact
    append: Flag = False
    last_chunk: Flag = False
    metadata: Struct | None = None
