"""An A2A Task, put together from its events in order.

There is one way to a task's present: apply its events, as they were stored. A task in memory and
a task read back after a year cannot differ.

A view is the one mutable thing in the core: a stream of ten thousand chunks must cost the same
per chunk at its end as at its beginning, so chunks are added to lists and the JSON is written
once, when somebody asks for it.

Source: A2A 1.0.1 sections 3.2.4 (history length), 3.7 (messages and artifacts), 4.2.2 (append).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from interloom.runtime.core.machine import INTERRUPTED
from interloom.runtime.core.record import Event
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Message, decode

_WAITS: Final = frozenset(state.value for state in INTERRUPTED)


class TaskView:
    """What a client may know of one task.

    History (ours, within A2A 3.7): the caller's messages and the agent's questions, in order.
    Progress texts are transient; the present status message stays in `status`.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Apply some events at once; see `apply`."""
        # A2A JSON as parsed; `Any` because nothing here depends on more than the names used.
        self._task: dict[str, Any] = {}
        self._history: list[Any] = []
        self._artifacts: dict[str, dict[str, Any]] = {}
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Apply one event; it must be the next one of its task."""
        body = orjson.loads(event.json)[event.kind]
        match event.kind:
            case "task":
                self._history = body.pop("history", [])
                self._task = body
            case "statusUpdate":
                self._enter(body["status"], event.message)
            case "artifactUpdate":
                self._add(body["artifact"], append=body.get("append", False))

    def _enter(self, status: dict[str, Any], cause: bytes | None) -> None:
        before = self._task["status"]
        if "message" in before and before["state"] in _WAITS:
            self._history.append(before["message"])
        if cause is not None:
            self._history.append(orjson.loads(cause))
        self._task["status"] = status

    def _add(self, artifact: dict[str, Any], *, append: bool) -> None:
        key = artifact["artifactId"]
        known = self._artifacts.get(key)
        if append and known is not None:
            known["parts"].extend(artifact["parts"])
        else:
            self._artifacts[key] = artifact

    def json(self, history_length: int | None = None) -> bytes:
        """The A2A Task as of the last event, as JSON.

        Args:
            history_length: At most this many messages, the latest ones; None for all, 0 for none.

        Raises:
            LocalError: No event has been applied.
        """
        if not self._task:
            raise LocalError("a view without events shows no task")
        task = dict(self._task)
        if self._artifacts:
            task["artifacts"] = list(self._artifacts.values())
        _put_history(task, self._history, history_length)
        return orjson.dumps(task)

    @property
    def first_text(self) -> str:
        """The text of the message that began the task, its text parts joined by line ends."""
        parts = self._history[0]["parts"] if self._history else []
        return "\n".join(part["text"] for part in parts if "text" in part)

    @property
    def first_message(self) -> Message:
        """The message that began the task.

        Raises:
            LocalError: No event has been applied.
        """
        if not self._history:
            raise LocalError("a view without events has no message")
        return decode(Message, self._history[0])


def shorten(task: bytes, history_length: int | None, *, artifacts: bool = True) -> bytes:
    """A Task's JSON with less in it (A2A 3.2.4, 3.1.4).

    Args:
        task: A whole Task as JSON.
        history_length: At most this many messages, the latest ones; None for all.
        artifacts: False leaves the artifacts out, the field included.
    """
    if history_length is None and artifacts:
        return task
    shape = orjson.loads(task)
    _put_history(shape, shape.pop("history", []), history_length)
    if not artifacts:
        shape.pop("artifacts", None)
    return orjson.dumps(shape)


def _put_history(task: dict[str, Any], history: list[Any], length: int | None) -> None:
    kept = history if length is None else history[max(0, len(history) - length) :]
    if kept:
        task["history"] = kept
