"""A delegation as its journal row has it. No I/O.

The body of a row is JSON, `made` as for a tool call:

    INTENDED, IN_DOUBT  {"made": {...}, "doubts": int}       the message may have been sent
    REMOTE_TASK         {"made": {...}, "child": {...}}      the other agent works on a task
    INPUT_REQUIRED      {"made": {...}, "child": {...},      it asks, and we have asked
                         "climbed": {...}}
    DONE                {"made": {...}, "result": {...}}
    ERROR               {"made": {...}, "error": {...}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import orjson

from interloom.bridges.delegation.child import Child
from interloom.bridges.delegation.climbing import Climbed
from interloom.bridges.delegation.outcome import Delegated, Failure, dump_failure, load_failure
from interloom.bridges.handoff.pending import Made, digest
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.model import Part
from interloom.runtime.values import JsonObject

KIND: Final = "delegate"


def made_of(task_id: str, key: str, peer: str, parts: Sequence[Part]) -> Made:
    """Which delegation an agent's code makes under a key."""
    arguments: JsonObject = {"parts": [orjson.loads(part.to_json()) for part in parts]}
    return Made(task_id, key, peer, peer, digest(arguments))


def message_id(made: Made, answer: int | None = None) -> str:
    """The id of the message that begins it, or of its nth answer: the same for every repeat."""
    first = f"{made.task_id}/{made.key}"
    return first if answer is None else f"{first}/answer/{answer}"


def sent(made: Made, doubts: int, state: CallState = CallState.INTENDED) -> CallRow:
    """The row of a delegation whose message may be on its way."""
    return made.row(state, {"doubts": doubts})


def working(made: Made, child: Child) -> CallRow:
    """The row of a delegation that the other agent works on."""
    return made.row(CallState.REMOTE_TASK, {"child": child.dump()})


def waiting(made: Made, child: Child, climbed: Climbed) -> CallRow:
    """The row of a delegation whose agent waits for our caller."""
    body: JsonObject = {"child": child.dump(), "climbed": climbed.dump()}
    return made.row(CallState.INPUT_REQUIRED, body)


def done(made: Made, result: Delegated) -> CallRow:
    """The row of a delegation that has its result."""
    return made.row(CallState.DONE, {"result": result.dump()})


def failed(made: Made, error: Failure) -> CallRow:
    """The row of a delegation that came to nothing."""
    return made.row(CallState.ERROR, {"error": dump_failure(error)})


def read_doubts(body: JsonObject) -> int:
    """How often it was uncertain what became of the message."""
    return cast("int", body["doubts"])


def read_child(body: JsonObject) -> tuple[Child, Climbed | None]:
    """The other agent's task, and what it asks if our caller was asked."""
    climbed = cast("JsonObject | None", body.get("climbed"))
    child = Child.load(cast("JsonObject", body["child"]))
    return child, None if climbed is None else Climbed.load(climbed)


def read_outcome(made: Made, state: CallState, body: JsonObject) -> Delegated:
    """The result of a row that is DONE.

    Raises:
        DelegationFailed | DelegationUnanswered | LocalError: It is ERROR: the failure it holds.
    """
    if state is CallState.ERROR:
        raise load_failure(cast("JsonObject", body["error"]), peer=made.server)
    return Delegated.load(cast("JsonObject", body["result"]))


def found_child(row: CallRow) -> tuple[str, Child] | None:
    """The peer's name and its task, of a row whose task may still be at work; else None."""
    if row.state not in {CallState.REMOTE_TASK, CallState.INPUT_REQUIRED}:
        return None
    body: JsonObject = orjson.loads(row.body)
    saved = cast("JsonObject | None", body.get("child"))
    made = cast("JsonObject", body["made"])
    return None if saved is None else (str(made["server"]), Child.load(saved))
