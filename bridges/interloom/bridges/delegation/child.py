"""Another agent's task that works for one of ours, as a value that can be saved. No I/O.

Source: A2A 1.0.1 sections 3.1.3 (GetTask) and 4.1.3 (states); DESIGN section 4 (`ours`): the task
is looked up by its stored id, and never begun twice.

A `Child` is plain data. Show it the task and it says what to do next:

    Over     the task has ended
    Asks     get these answers from somebody, then send them
    Works    look again later; here is what it says of its work

An answer may be on its way for a while: a status that was answered is not asked about again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from interloom.runtime.core.machine import INTERRUPTED, TERMINAL
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Message, Task, TaskStatus
from interloom.runtime.values import JsonObject

FIRST_LOOK_MS: Final = 1_000
"""Milliseconds until a task that has become silent is looked at again; each time it has nothing
new, twice as many."""
MAX_LOOK_MS: Final = 60_000
"""Milliseconds above which nobody waits for the end of a task that is there (ours)."""
MAX_MISSES: Final = 64
"""Looks in a row that find nobody at home before a task is given up: an hour (ours)."""
MAX_ROUNDS: Final = 20
"""Times an agent may ask before it is treated as broken (ours)."""
FORMAT: Final = 1
"""Version of what `dump` writes."""


class Over(NamedTuple):
    """The task has ended.

    Attributes:
        task: As it ended.
    """

    task: Task


class Asks(NamedTuple):
    """The task waits.

    Attributes:
        status: INPUT_REQUIRED or AUTH_REQUIRED, with the question.
    """

    status: TaskStatus


class Works(NamedTuple):
    """Nothing to do before the next look.

    Attributes:
        says: What the agent says of its work; empty when it says nothing.
    """

    says: str


Step: TypeAlias = Over | Asks | Works
"""What follows from a look at the task."""


@dataclass(frozen=True, slots=True)
class Child:
    """The other agent's task, as far as we know it.

    Attributes:
        task_id: The other agent's id of it.
        context_id: Its conversation; an answer names it, for agents that would begin another.
        rounds: Times it has asked and was answered.
        answered: Mark of the status that was answered last.
        seen: Mark of the status it showed last.
        looks: Looks in a row that have shown nothing new.
        misses: Looks in a row that have found nobody.
        due_ms: When to look again, milliseconds on the wall clock; 0 for now.
    """

    task_id: str
    context_id: str = ""
    rounds: int = 0
    answered: str = ""
    seen: str = ""
    looks: int = 0
    misses: int = 0
    due_ms: int = 0

    def look(self, task: Task) -> tuple[Child, Step]:
        """Look at the task as its agent shows it."""
        state, mark = task.status.state, mark_of(task.status)
        is_news = mark != self.seen
        after = replace(self, seen=mark, looks=0 if is_news else self.looks, misses=0)
        if state in TERMINAL:
            return after, Over(task)
        if state in INTERRUPTED and mark != self.answered:
            return after, Asks(task.status)
        return after, Works(text_of(task.status.message) if state not in INTERRUPTED else "")

    def is_shown(self, task: Task) -> bool:
        """Whether a task stands where it stood when it was looked at last."""
        return mark_of(task.status) == self.seen

    def answer(self) -> Child:
        """What it asks has its answer."""
        return replace(self, rounds=self.rounds + 1, answered=self.seen, looks=0, due_ms=0)

    def later(self, *, now_ms: int) -> Child:
        """Nothing new for a while: look again later, and later each time."""
        wait_ms = min(FIRST_LOOK_MS << min(self.looks, 8), MAX_LOOK_MS)
        return replace(self, looks=self.looks + 1, due_ms=now_ms + wait_ms)

    def left_ms(self, now_ms: int) -> int:
        """Milliseconds until it is to be looked at; a clock that was set back makes nobody wait."""
        return min(max(self.due_ms - now_ms, 0), MAX_LOOK_MS)

    def missed(self) -> Child | None:
        """Nobody was found; None when that is once too often."""
        return replace(self, misses=self.misses + 1) if self.misses < MAX_MISSES else None

    def dump(self) -> JsonObject:
        """The task as JSON; `load` gives it back."""
        return {
            "v": FORMAT,
            "task_id": self.task_id,
            "context_id": self.context_id,
            "rounds": self.rounds,
            "answered": self.answered,
            "seen": self.seen,
            "looks": self.looks,
            "misses": self.misses,
            "due_ms": self.due_ms,
        }

    @classmethod
    def load(cls, saved: JsonObject) -> Child:
        """The task that `dump` wrote.

        Raises:
            LocalError: It was written by another format, or is damaged.
        """
        match saved:
            case {
                "v": 1,
                "task_id": str(task_id),
                "context_id": str(context_id),
                "rounds": int(rounds),
                "answered": str(answered),
                "seen": str(seen),
                "looks": int(looks),
                "misses": int(misses),
                "due_ms": int(due_ms),
            }:
                rest = rounds, answered, seen, looks, misses, due_ms
                return cls(task_id, context_id, *rest)
            case _:
                raise LocalError(f"a saved delegation of format {FORMAT} is needed")


def mark_of(status: TaskStatus) -> str:
    """What tells a status from the one before it, also where both ask the same."""
    message_id = "" if status.message is None else status.message.message_id
    return f"{status.state.value}/{status.timestamp or ''}/{message_id}"


def text_of(message: Message | None) -> str:
    """The text of a message, its text parts joined by line ends."""
    parts = () if message is None else message.parts
    return "\n".join(part.text for part in parts if part.text is not None)
