"""What a store promises of its transactions. Source: `ledger.port` and `ledger.rows` (ours)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio

from interloom.runtime.core.paging import Query
from interloom.runtime.core.questions import OpenAsk, Question, Response
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import (
    AddEvents,
    AddMessage,
    CallRow,
    CallState,
    CreateTask,
    EndRun,
    Journal,
    MessageSeen,
    MoveTask,
    PutCall,
    PutSignal,
    PutStep,
    RunRow,
    RunState,
    StoredTask,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.promise import refusal, same
from interloom.runtime.testing.samples import creation, event, events, record


async def a_new_task_is_read_back_whole(ledger: Ledger) -> None:
    """Every field, open questions and times included, is what was written."""
    asked = OpenAsk(
        "ask/1",
        (Question("size", "Which size?", {"type": "object"}), Question("who", "Who?", source="x")),
        {"size": Response("accept", {"size": 3})},
    )
    trace = Trace(f"00-{'a' * 32}-{'b' * 16}-01", "vendor=1", "key=value")
    state = TaskState.INPUT_REQUIRED
    task = TaskRecord("task-1", "context", "ann", "echo", state, START, 2, (asked,), trace)
    await ledger.commit(*creation(task))
    same(await ledger.task(task.id), StoredTask(task, None))
    same(await ledger.events(task.id), list(events(1, 2)))
    same(await ledger.seen("ann", "echo", "message of task-1"), task.id)


async def a_moment_is_kept_to_the_millisecond(ledger: Ledger) -> None:
    """Also where a float of seconds would round it off: these three are such moments."""
    moments = (
        datetime(2039, 6, 17, 8, 43, 56, 785_000, UTC),
        datetime(1974, 4, 19, 23, 7, 4, 399_000, UTC),
        datetime(2004, 9, 8, 2, 52, 12, 771_000, UTC),
    )
    for moment in moments:
        task = record(f"at {moment}", status_at=moment)
        await ledger.commit(*creation(task))
        same(await ledger.task(task.id), StoredTask(task, None))
        since = Query("ann", since=moment, context_id=task.context_id)
        same(await ledger.page(since), ([task], 1))


async def what_was_never_written_reads_as_nothing(ledger: Ledger) -> None:
    """An unknown task is no error."""
    same(await ledger.task("nowhere"), None)
    same(await ledger.events("nowhere"), [])
    same(await ledger.journal("nowhere"), Journal())
    same(await ledger.seen("ann", "echo", "nothing"), None)
    same(await ledger.runs(), [])
    nothing: list[TaskRecord] = []
    same(await ledger.page(Query("ann")), (nothing, 0))


async def a_refused_transaction_leaves_nothing(ledger: Ledger) -> None:
    """Whichever of its writes is refused, none of them took place."""
    task = record(seq=1)
    await ledger.commit(*creation(task))
    moved = record(seq=2)
    harmless = (
        PutStep(task.id, "step", b"1"),
        PutSignal(task.id, "ask/1", b"[]"),
        PutCall(CallRow(task.id, "tool/1", CallState.INTENDED, b"{}")),
        AddMessage(task, "second message"),
        MoveTask(moved, 1, b"snapshot"),
        AddEvents(task.id, (event(2),)),
        EndRun(task.id),
    )
    refused = (
        MoveTask(moved, 7),
        AddEvents(task.id, (event(9, "event-1"),)),
        AddMessage(task, "message of task-1"),
        CreateTask(task, "third message"),
    )
    for write in refused:
        await refusal(Conflict, ledger.commit(*harmless, write))
        await refusal(Conflict, ledger.commit(write, *harmless))
    same(await ledger.task(task.id), StoredTask(task, None))
    same(await ledger.events(task.id), [event(1)])
    same(await ledger.journal(task.id), Journal(event_ids=frozenset({"event-1"})))
    same(await ledger.seen("ann", "echo", "second message"), None)
    same(await ledger.runs(), [RunRow(task.id, "echo", RunState.ACTIVE, 1)])


async def a_guard_sees_the_writes_before_it(ledger: Ledger) -> None:
    """Within one transaction too."""
    task = record(seq=1)
    twice = record(seq=3)
    await ledger.commit(
        *creation(task), MoveTask(record(seq=2), 1), MoveTask(twice, 2, b"snapshot")
    )
    same(await ledger.task(task.id), StoredTask(twice, b"snapshot"))
    again = AddMessage(task, "second message")
    await refusal(MessageSeen, ledger.commit(again, again))
    await refusal(Conflict, ledger.commit(AddEvents(task.id, (event(2), event(3, "event-2")))))
    same(await ledger.events(task.id), [event(1)])


async def a_task_moves_only_from_where_it_was_expected(ledger: Ledger) -> None:
    """The guard against a decision taken from an old state."""
    task = record(seq=1)
    await ledger.commit(*creation(task))
    later = START + timedelta(milliseconds=1)
    done = record(seq=2, state=TaskState.COMPLETED, status_at=later)
    await ledger.commit(MoveTask(done, 1))
    await refusal(Conflict, ledger.commit(MoveTask(record(seq=2), 1)))
    await refusal(Conflict, ledger.commit(MoveTask(record(seq=4), 3)))
    await refusal(Conflict, ledger.commit(MoveTask(record("nowhere", seq=1), 0)))
    same(await ledger.task(task.id), StoredTask(done, None))
    same(await ledger.task("nowhere"), None)


async def a_task_id_is_used_once(ledger: Ledger) -> None:
    """A second task of that id is refused, and takes no message with it."""
    await ledger.commit(*creation(record()))
    other = record(owner="bob")
    await refusal(Conflict, ledger.commit(*creation(other, "another message")))
    same(await ledger.task("task-1"), StoredTask(record(), None))
    same(await ledger.seen("bob", "echo", "another message"), None)


async def a_message_is_taken_once(ledger: Ledger) -> None:
    """Per owner and agent; the refusal names the task it went to (A2A 3.3.1)."""
    first = record()
    await ledger.commit(*creation(first, "hello"))
    repeated = CreateTask(record("task-2"), "hello")
    for write in (repeated, AddMessage(first, "hello")):
        refused = await refusal(MessageSeen, ledger.commit(write))
        same(refused.task_id, first.id)
    same(await ledger.task("task-2"), None)
    await ledger.commit(*creation(record("task-3", owner="bob"), "hello"))
    await ledger.commit(*creation(record("task-4", agent="other"), "hello"))
    same(await ledger.seen("bob", "echo", "hello"), "task-3")
    same(await ledger.seen("ann", "other", "hello"), "task-4")
    same(await ledger.seen("bob", "other", "hello"), None)


async def an_event_is_stored_once(ledger: Ledger) -> None:
    """Neither a number nor an id is taken twice, however long ago the first was."""
    task = record(seq=150)
    await ledger.commit(*creation(task))
    for repeated in (event(150, "new"), event(151, "event-150"), event(151, "event-1")):
        await refusal(Conflict, ledger.commit(AddEvents(task.id, (repeated,))))
    await ledger.commit(AddEvents(task.id, (event(151),)))
    same(len(await ledger.events(task.id)), 151)


async def commits_take_place_in_the_order_of_calls(ledger: Ledger) -> None:
    """Each of these is refused unless the one before it is stored."""
    task = record()
    await ledger.commit(*creation(task))

    async def move(seq: int) -> None:
        moved = MoveTask(record(seq=seq + 1), seq)
        await ledger.commit(moved, AddEvents(task.id, (event(seq + 1),)))

    async with anyio.create_task_group() as group:
        for seq in range(100):
            group.start_soon(move, seq)
    same(await ledger.events(task.id), list(events(1, 100)))


async def commits_at_once_get_each_its_own_answer(ledger: Ledger) -> None:
    """One that is refused harms none of its neighbours."""
    task = record()
    await ledger.commit(*creation(task))
    refused: list[int] = []

    async def put(number: int) -> None:
        step = PutStep(task.id, f"step-{number}", b"%d" % number)
        guards = (MoveTask(task, 7),) if number % 3 == 0 else ()
        try:
            await ledger.commit(step, *guards)
        except Conflict:
            refused.append(number)

    async with anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(put, number)
    same(sorted(refused), list(range(0, 60, 3)))
    stored = {f"step-{n}": b"%d" % n for n in range(60) if n % 3}
    same((await ledger.journal(task.id)).steps, stored)


async def a_cancelled_caller_leaves_whole_transactions(ledger: Ledger) -> None:
    """A caller that is cancelled is held until the outcome is known; nothing is half written."""
    task = record()
    await ledger.commit(*creation(task))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await ledger.commit(PutStep(task.id, "a", b"1"), PutStep(task.id, "b", b"2"))
    same((await ledger.journal(task.id)).steps, {"a": b"1", "b": b"2"})
    await ledger.commit(PutStep(task.id, "c", b"3"))
    same(len((await ledger.journal(task.id)).steps), 3)


async def a_closed_store_takes_no_writes(ledger: Ledger) -> None:
    """It says so; closing it again is no error."""
    await ledger.commit(*creation(record()))
    await ledger.aclose()
    await ledger.aclose()
    await refusal(Unavailable, ledger.commit(*creation(record("task-2"))))
