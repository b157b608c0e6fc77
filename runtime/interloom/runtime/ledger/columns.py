"""What the columns of the tables hold, as values: one reading for every SQL store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from interloom.runtime.core import questions
from interloom.runtime.core.outbox import Progress
from interloom.runtime.core.record import Chunk, Event, TaskRecord
from interloom.runtime.core.trace import Trace
from interloom.runtime.ledger.rows import PushRow
from interloom.runtime.model import TaskState

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def among(states: Iterable[TaskState]) -> str:
    """SQL for a list of states, for what stands after IN."""
    return "({})".format(", ".join(f"'{state.value}'" for state in states))


def millis(moment: datetime) -> int:
    """Milliseconds since the epoch, the precision A2A asks for (5.6.1)."""
    return (moment - _EPOCH) // _MILLISECOND


def event(row: tuple[int, str, str, bytes, bytes | None, str | None, int, int]) -> Event:
    """An event, from seq, event_id, state, body, message, artifact, append and last."""
    seq, event_id, state, body, message, artifact, append, last = row
    chunk = None if artifact is None else Chunk(artifact, bool(append), bool(last))
    return Event(seq, event_id, TaskState(state), body, message, chunk)


def moment(at_ms: int) -> datetime:
    """A time, from milliseconds since the epoch; the inverse of `millis`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def push(row: tuple[str, str, str, bytes, int, int, int | None, str]) -> PushRow:
    """A push config, from the task's id, id, host, body, done, attempts, due_ms and stopped."""
    task_id, push_id, host, body, done, attempts, due_ms, stopped = row
    due = None if due_ms is None else moment(due_ms)
    return PushRow(task_id, push_id, host, body, Progress(done, attempts, due, stopped))


def record(
    row: tuple[str, str, str, str, str, int, int, bytes | None, bytes | None, bytes | None],
) -> TaskRecord:
    """A task, from the columns id, context_id, owner … snapshot, the last of which is not used."""
    task_id, context_id, owner, agent, state, status_ms, seq, asks, trace, _ = row
    return TaskRecord(
        id=task_id,
        context_id=context_id,
        owner=owner,
        agent=agent,
        state=TaskState(state),
        status_at=moment(status_ms),
        seq=seq,
        asks=() if asks is None else questions.load(orjson.loads(asks)),
        trace=None if trace is None else Trace(**orjson.loads(trace)),
    )
