"""Records and events to fill a store with: plausible, small and told apart by their ids."""

from __future__ import annotations

from datetime import datetime

import orjson

from interloom.runtime.core.record import Chunk, Event, TaskRecord
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import CreateTask, MoveTask, PutRun, RunState, Write
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START


def record(
    task_id: str = "task-1",
    *,
    owner: str = "ann",
    agent: str = "echo",
    state: TaskState = TaskState.WORKING,
    status_at: datetime = START,
    seq: int = 0,
) -> TaskRecord:
    """A task; with a larger `seq` and the same id it is the same task, later."""
    return TaskRecord(
        id=task_id,
        context_id=f"context of {task_id}",
        owner=owner,
        agent=agent,
        state=state,
        status_at=status_at,
        seq=seq,
    )


def event(
    seq: int,
    event_id: str = "",
    *,
    body: bytes = b"",
    message: bytes | None = None,
    chunk: Chunk | None = None,
) -> Event:
    """An event called `event-<seq>` unless told otherwise."""
    return Event(
        seq,
        event_id or f"event-{seq}",
        TaskState.WORKING,
        body or orjson.dumps({"state": TaskState.WORKING.value, "seq": seq}),
        message,
        chunk,
    )


def events(first: int, last: int) -> tuple[Event, ...]:
    """The events `first` to `last`, both included."""
    return tuple(event(seq) for seq in range(first, last + 1))


def move(
    seq: int,
    task_id: str = "task-1",
    *,
    state: TaskState = TaskState.WORKING,
    snapshot: bytes | None = None,
    message_id: str = "",
) -> MoveTask:
    """The move of a task to its event `seq` from the one before."""
    task = record(task_id, state=state, seq=seq)
    return MoveTask(task, seq - 1, (event(seq),), snapshot, message_id)


async def begun(
    ledger: Ledger,
    task: TaskRecord | None = None,
    *,
    worker: str = "worker-1",
    message_id: str = "",
) -> None:
    """Store a task whose run is at work, as that of a worker that joins for it."""
    task = task or record()
    await ledger.join(worker, lambda: None)
    await ledger.commit(*creation(task, message_id))
    await ledger.claim(worker, (task.agent,), limit=1)


def creation(task: TaskRecord, message_id: str = "") -> tuple[Write, ...]:
    """The transaction that begins a task: its row, its first events and its run."""
    return (
        CreateTask(task, message_id or f"message of {task.id}", events(1, task.seq)),
        PutRun(task.id, task.agent, RunState.ACTIVE, 0),
    )
