"""What a stream has told of a task so far, to go on with another one. No I/O.

Source: A2A 1.0.1 sections 3.1.6 (a subscription begins with the task as it is), 3.5.2 (order). What
counts as news after a break is ours: with numbers, whatever has a higher one; without, a snapshot
that tells more than was told, and a status other than the last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from interloom.runtime.core.machine import SETTLED, TERMINAL
from interloom.runtime.model import (
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
)


@dataclass(slots=True)
class Seen:
    """A task as its events have told it.

    Attributes:
        ends: States at which the stream is over.
        task_id: The task; empty until an event names it.
        last_id: Id of the last event that had one.
        is_answered: A message came in place of a task: nothing follows.
    """

    ends: frozenset[TaskState]
    task_id: str = ""
    last_id: str = ""
    is_answered: bool = False
    _status: TaskStatus | None = None
    _parts: dict[str, int] = field(default_factory=dict[str, int])
    _is_after_break: bool = False
    _is_resumed: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be expected once the stream has ended."""
        return self.is_answered or (self._status is not None and self._status.state in self.ends)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected of a stream that has not ended.

        The stream of a message may begin with the task as the message found it, waiting; one that
        took its place does not end where the task asks.
        """
        is_final = self._status is None or self._status.state in TERMINAL
        return self.is_settled and (is_final or self._is_resumed)

    def broke(self) -> None:
        """The stream broke off; what comes next may have been told already."""
        self._is_after_break = self._is_resumed = True

    def take(self, response: StreamResponse, event_id: str = "") -> bool:
        """Take an event in; False when it tells nothing new."""
        if self._is_old(event_id):
            return False
        self.last_id = event_id or self.last_id
        if response.message is not None:
            self.is_answered = True
            return True
        if response.task is not None:
            return self._take_task(response.task)
        if response.status_update is not None:
            self.task_id = response.status_update.task_id
            return self._take_status(response.status_update.status)
        if response.artifact_update is not None:
            self._take_artifact(response.artifact_update)
        return True

    def _is_old(self, event_id: str) -> bool:
        """Whether a number says that it was told before the break."""
        if not (self._is_after_break and _is_number(event_id) and _is_number(self.last_id)):
            return False
        return int(event_id) <= int(self.last_id)

    def _take_task(self, task: Task) -> bool:
        parts = {each.artifact_id: len(each.parts) for each in task.artifacts}
        is_known = self._is_after_break and task.status == self._status and parts == self._parts
        self.task_id, self._status, self._parts = task.id, task.status, parts
        return not is_known

    def _take_status(self, status: TaskStatus) -> bool:
        is_known = self._is_after_break and status == self._status
        self._status = status
        self._is_after_break = self._is_after_break and is_known
        return not is_known

    def _take_artifact(self, update: TaskArtifactUpdateEvent) -> None:
        self.task_id = update.task_id
        before = self._parts.get(update.artifact.artifact_id, 0) if update.append else 0
        self._parts[update.artifact.artifact_id] = before + len(update.artifact.parts)
        self._is_after_break = False


def of_message() -> Seen:
    """For SendStreamingMessage, whose stream is over when the task ends or asks (3.1.2)."""
    return Seen(SETTLED)


def of_subscription() -> Seen:
    """For SubscribeToTask, whose stream is over when the task is (3.1.6)."""
    return Seen(TERMINAL)


def _is_number(event_id: str) -> bool:
    return event_id.isascii() and event_id.isdigit() and len(event_id) <= len(str(2**63))
