"""What a delegation comes to, as its author sees it: a result, or why there is none. No I/O.

Source: A2A 1.0.1 section 3.7 (results are artifacts); `ours`: a failure is stored in the call's row
and read back as the same class with the same text, so that an author's `except` takes the same path
when the code is run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import orjson

from interloom.bridges.delegation.child import text_of
from interloom.runtime.client.addresses import shown
from interloom.runtime.errors import LocalError, PeerError
from interloom.runtime.model import UNSET, Message, Part, Task, TaskState, decode
from interloom.runtime.values import Json, JsonObject

MAX_REASON_CHARS = 600
"""Characters of another agent's reason that are passed on."""


@dataclass(frozen=True, slots=True)
class Delegated:
    """What another agent answered.

    Attributes:
        parts: The parts of its artifacts, in order; of its message where it made none.
        task_id: Its task; empty when it answered at once.
    """

    parts: tuple[Part, ...] = ()
    task_id: str = ""

    @property
    def text(self) -> str:
        """The text parts, joined by line ends."""
        return "\n".join(part.text for part in self.parts if part.text is not None)

    @property
    def structured(self) -> Json:
        """The first data part; None when there is none."""
        return next((part.data for part in self.parts if part.data is not UNSET), None)

    @classmethod
    def of(cls, answer: Task | Message) -> Delegated:
        """What a task that is COMPLETED, or a message, says."""
        if isinstance(answer, Message):
            return cls(answer.parts)
        parts = tuple(part for artifact in answer.artifacts for part in artifact.parts)
        said = answer.status.message
        return cls(parts or (() if said is None else said.parts), answer.id)

    @classmethod
    def stated(cls, said: str) -> Delegated:
        """What a person says it answered: text, or JSON as text."""
        try:
            value: Json = orjson.loads(said)
        except orjson.JSONDecodeError:
            value = None
        text = (Part(text=said),) if said else ()
        if isinstance(value, dict | list):
            return cls((*text, Part(data=value, media_type="application/json")))
        return cls(text)

    def dump(self) -> JsonObject:
        """The result as JSON; `load` gives it back."""
        parts: list[Json] = [orjson.loads(part.to_json()) for part in self.parts]
        return {"task_id": self.task_id, "parts": parts}

    @classmethod
    def load(cls, saved: JsonObject) -> Delegated:
        """The result that `dump` wrote."""
        parts = cast("Sequence[JsonObject]", saved["parts"])
        return cls(tuple(decode(Part, each) for each in parts), str(saved["task_id"]))


class DelegationFailed(PeerError):
    """Another agent did not do what it was asked; the text has its reason.

    Attributes:
        peer: The agent's name for it.
        task_id: Its task; empty when it began none.
        state: How the task ended; None when there is no task, or its agent broke the protocol.
    """

    code = "DELEGATION_FAILED"

    def __init__(
        self, reason: str, *, peer: str, task_id: str = "", state: TaskState | None = None
    ) -> None:
        super().__init__(reason)
        self.peer, self.task_id, self.state = peer, task_id, state


class DelegationUnanswered(PeerError):
    """Another agent gave no answer; the text says why.

    Attributes:
        peer: The agent's name for it.
        task_id: Its task, as far as it is known; else empty.
        took_effect: False when it certainly was not asked; None when nobody knows.
    """

    code = "DELEGATION_UNANSWERED"

    def __init__(
        self, reason: str, *, peer: str, task_id: str = "", took_effect: bool | None = None
    ) -> None:
        super().__init__(reason)
        self.peer, self.task_id, self.took_effect = peer, task_id, took_effect


Failure: TypeAlias = DelegationFailed | DelegationUnanswered | LocalError
"""All that a delegation may end in beside a result, live and replayed."""

_ENDS = {
    TaskState.FAILED: "failed",
    TaskState.REJECTED: "rejected it",
    TaskState.CANCELED: "was canceled",
}


def result(task: Task, *, peer: str) -> Delegated:
    """The result of a task that is over.

    Raises:
        DelegationFailed: It did not end well.
    """
    state = task.status.state
    if state is TaskState.COMPLETED:
        return Delegated.of(task)
    reason = shown(text_of(task.status.message), MAX_REASON_CHARS)
    end = f"{peer} {_ENDS.get(state, 'ended')}"
    said = f"{end}: {reason}" if reason else f"{end}."
    raise DelegationFailed(said, peer=peer, task_id=task.id, state=state)


def dump_failure(error: Failure) -> JsonObject:
    """A failure as its row keeps it."""
    match error:
        case DelegationFailed(state=state, task_id=task_id):
            value = None if state is None else state.value
            return {"kind": "failed", "reason": str(error), "task_id": task_id, "state": value}
        case DelegationUnanswered(took_effect=effect, task_id=task_id):
            return {
                "kind": "unanswered",
                "reason": str(error),
                "task_id": task_id,
                "took_effect": effect,
            }
        case LocalError():
            return {"kind": "local", "reason": str(error)}


def load_failure(saved: JsonObject, *, peer: str) -> Failure:
    """The reverse of `dump_failure`."""
    reason, task_id = str(saved["reason"]), str(saved.get("task_id", ""))
    match saved["kind"]:
        case "failed":
            state = saved["state"]
            found = None if state is None else TaskState(state)
            return DelegationFailed(reason, peer=peer, task_id=task_id, state=found)
        case "unanswered":
            effect = cast("bool | None", saved["took_effect"])
            return DelegationUnanswered(reason, peer=peer, task_id=task_id, took_effect=effect)
        case _:
            return LocalError(reason)
