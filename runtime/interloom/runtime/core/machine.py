"""The A2A task life cycle as one table.

Source: A2A 1.0.1 `TaskState` (a2a.proto), section 3.1.1 (a terminal task accepts no message),
3.1.5 (cancelable states), 7.6 (AUTH_REQUIRED). The specification names the states and their
kinds but prints no full table; rows marked `ours` are this project's reading.
"""

from __future__ import annotations

from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from interloom.runtime.errors import IllegalMove
from interloom.runtime.model import TaskState


@unique
class Move(Enum):
    """What can happen to a task, named from the task's point of view."""

    __hash__ = object.__hash__  # each is one object, and looked up for every request

    STARTED = "started"
    REPORTED = "reported"
    ASKED_INPUT = "asked_input"
    ASKED_AUTH = "asked_auth"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    FINISHED = "finished"
    BROKE = "broke"
    CANCELED = "canceled"
    DECLINED = "declined"


S, M = TaskState, Move

# While a question is open, the status is the question: progress is not shown over it (ours).
# A task may ask again before it is answered (a refused answer, a second question of a parallel
# call), and may work on or end without an answer when its agent stops waiting for one (ours).
_WAITING: Final = {
    M.ASKED_INPUT: S.INPUT_REQUIRED,
    M.ASKED_AUTH: S.AUTH_REQUIRED,
    M.ANSWERED: S.WORKING,
    M.WITHDRAWN: S.WORKING,
    M.FINISHED: S.COMPLETED,
    M.BROKE: S.FAILED,
    M.CANCELED: S.CANCELED,
    M.DECLINED: S.REJECTED,
}

TABLE: Final = MappingProxyType(
    {
        S.SUBMITTED: {
            M.STARTED: S.WORKING,
            M.DECLINED: S.REJECTED,
            M.CANCELED: S.CANCELED,
            M.BROKE: S.FAILED,
        },
        S.WORKING: {
            M.REPORTED: S.WORKING,
            M.ASKED_INPUT: S.INPUT_REQUIRED,
            M.ASKED_AUTH: S.AUTH_REQUIRED,
            M.FINISHED: S.COMPLETED,
            M.BROKE: S.FAILED,
            M.CANCELED: S.CANCELED,
            M.DECLINED: S.REJECTED,
        },
        S.INPUT_REQUIRED: _WAITING,
        S.AUTH_REQUIRED: _WAITING,
        S.COMPLETED: {},
        S.FAILED: {},
        S.CANCELED: {},
        S.REJECTED: {},
    }
)

TERMINAL: Final = frozenset(state for state, row in TABLE.items() if not row)
"""States that accept nothing more."""

INTERRUPTED: Final = frozenset({S.INPUT_REQUIRED, S.AUTH_REQUIRED})
"""States that wait for a person."""

SETTLED: Final = TERMINAL | INTERRUPTED
"""States at which a blocking SendMessage returns (A2A 3.2.2)."""


def move(state: TaskState, event: Move) -> TaskState:
    """Return the state after `event`.

    Raises:
        IllegalMove: `state` does not accept `event`; nothing changed.
    """
    try:
        return TABLE[state][event]
    except KeyError:
        raise IllegalMove(state.name, event.value) from None
