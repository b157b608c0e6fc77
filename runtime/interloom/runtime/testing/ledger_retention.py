"""What a store promises of deleting what is over. Source: as `ledger_writes`."""

from __future__ import annotations

from datetime import timedelta

from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.core.paging import Query
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import (
    CallRow,
    CallState,
    CreateTask,
    Journal,
    MovePush,
    Pruned,
    PutCall,
    PutPush,
    PutReply,
    PutSignal,
    PutStep,
    StoredTask,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.ledger_pushes import push
from interloom.runtime.testing.promise import same
from interloom.runtime.testing.samples import creation, event, events, move, record

_SOON = START + timedelta(seconds=1)
_FAR = START + timedelta(days=365_000)
_DONE = TaskState.COMPLETED
_NOTHING = Pruned()


async def _finish(ledger: Ledger, *task_ids: str, state: TaskState = _DONE) -> None:
    for task_id in task_ids:
        await ledger.commit(*creation(record(task_id)))
        await ledger.commit(move(1, task_id, state=state, snapshot=b"{}", message_id=task_id))


async def a_task_that_is_over_is_deleted_whole(ledger: Ledger) -> None:
    """Nothing is left under its id, and ids of its messages are new: they begin a task again."""
    await _finish(ledger, "task-1")
    row = push(done=1)
    call = CallRow("task-1", "tool/a.b/1", CallState.DONE, b"{}")
    letter = Undelivered("task-1", row.id, 1, START, "410")
    await ledger.commit(
        PutStep("task-1", "step", b"1"), PutSignal("task-1", "ask", b"2"), PutCall(call)
    )
    await ledger.commit(PutPush(row, limit=9), MovePush(row, row.progress, letter))

    same(await ledger.prune(_SOON, limit=9), Pruned(tasks=1))

    same(await ledger.task("task-1"), None)
    same(await ledger.events("task-1"), [])
    same(await ledger.journal("task-1"), Journal())
    same(await ledger.pushes("task-1"), [])
    same(await ledger.undelivered(limit=9), [])
    same(await ledger.page(Query("ann", "echo")), (list[StoredTask](), 0))
    for message_id in ("message of task-1", "task-1"):
        same(await ledger.seen("ann", "echo", message_id), None)
    await _finish(ledger, "task-1")
    same((await ledger.page(Query("ann", "echo")))[1], 1)
    same([each.seq for each in await ledger.events("task-1")], [1])


async def only_what_is_over_for_long_enough_is_deleted(ledger: Ledger) -> None:
    """Whoever waits stays, however long; and so does what ended just now."""
    await ledger.commit(*creation(record("works")))
    await _finish(ledger, "waits", state=TaskState.INPUT_REQUIRED)
    await _finish(ledger, "done")
    await _finish(ledger, "failed", state=TaskState.FAILED)
    same(await ledger.prunable(START), _NOTHING)
    same(await ledger.prune(START, limit=9), _NOTHING)
    same(await ledger.prunable(_FAR), Pruned(tasks=2))
    same(await ledger.prune(_FAR, limit=9), Pruned(tasks=2))
    same(await ledger.prunable(_FAR), _NOTHING)
    found, total = await ledger.page(Query("ann", "echo"))
    same(({each.record.id for each in found}, total), ({"works", "waits"}, 2))
    same([run.task_id for run in await ledger.runs()], ["works", "waits"])


async def what_is_over_is_deleted_in_batches(ledger: Ledger) -> None:
    """As many as asked for, and those of every owner and agent until there are none."""
    for number in range(5):
        task = record(f"t{number}", owner=f"owner {number % 2}", agent=f"agent {number % 3}")
        task = task.moved(TaskState.CANCELED, START, events=0, asks=())
        await ledger.commit(CreateTask(task, f"m{number}", ()))
    counts = [(await ledger.prune(_SOON, limit=2)).tasks for _ in range(4)]
    same(counts, [2, 2, 1, 0])


async def what_has_many_events_is_deleted_in_the_end(ledger: Ledger) -> None:
    """Fewer may go at a time than were asked for, but never none."""
    for task_id in ("a", "b", "c"):
        task = record(task_id).moved(_DONE, START, events=3000, asks=())
        await ledger.commit(CreateTask(task, task_id, events(1, 3)))
    gone = 0
    while fresh := (await ledger.prune(_SOON, limit=9)).tasks:
        gone += fresh
    same(gone, 3)


async def what_is_still_to_be_posted_is_not_deleted(ledger: Ledger) -> None:
    """Until it has been delivered, or given up."""
    await ledger.commit(*creation(record()), PutPush(push(), limit=9))
    await ledger.commit(move(1, state=_DONE))
    same(await ledger.prunable(_FAR), _NOTHING)
    same(await ledger.prune(_FAR, limit=9), _NOTHING)
    (row,) = await ledger.outbox(limit=9)
    await ledger.commit(MovePush(row, Progress(1, 0, None, "")))
    same(await ledger.prune(_FAR, limit=9), Pruned(tasks=1))
    same(await ledger.outbox(limit=9), [])


async def a_message_answered_at_once_is_forgotten(ledger: Ledger) -> None:
    """It has no task; its age is that of its answer."""
    for message_id in ("a", "b", "c"):
        await ledger.commit(PutReply("ann", "echo", message_id, b"{}"))
    await ledger.commit(*creation(record()))
    same(await ledger.prune(START - timedelta(days=36_500), limit=9), _NOTHING)
    same(await ledger.prunable(_FAR), Pruned(replies=3))
    same(await ledger.prune(_FAR, limit=2), Pruned(replies=2))
    same(await ledger.prune(_FAR, limit=2), Pruned(replies=1))
    same([await ledger.seen("ann", "echo", each) for each in "abc"], [None] * 3)
    await ledger.commit(PutReply("ann", "echo", "a", b"[]"))


async def what_comes_after_a_deletion_is_read_as_ever(ledger: Ledger) -> None:
    """Numbers that a store gave its rows may be given again; nothing must follow from that."""
    await _finish(ledger, "old-1", "old-2")
    await ledger.prune(_SOON, limit=9)
    await ledger.commit(*creation(record("new")))
    await ledger.commit(move(1, "new"), PutStep("new", "step", b"1"))
    same(await ledger.events("new"), [event(1)])
    same((await ledger.journal("new")).steps, {"step": b"1"})
    same((await ledger.page(Query("ann", "echo")))[1], 1)


async def a_chore_is_one_processs_at_a_time(ledger: Ledger) -> None:
    """Each chore by itself; whoever asks while it is done is told to leave it."""
    same(await ledger.take_turn("prune", 3600), True)
    same(await ledger.take_turn("prune", 3600), False)
    same(await ledger.take_turn("other", 0), True)
    same(await ledger.take_turn("other", 0), True)
