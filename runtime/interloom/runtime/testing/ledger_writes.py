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
    CallRow,
    CallState,
    CreateTask,
    Journal,
    MessageSeen,
    MoveTask,
    PutCall,
    PutReply,
    PutSignal,
    PutStep,
    RunRow,
    RunState,
    Seen,
    StoredTask,
    Write,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.promise import refusal, same
from interloom.runtime.testing.samples import creation, event, events, move, record


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
    same(await ledger.seen("ann", "echo", "message of task-1"), Seen(task.id))


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
        since = Query("ann", "echo", since=moment, context_id=task.context_id)
        same(await ledger.page(since), ([StoredTask(task, None)], 1))


async def what_was_never_written_reads_as_nothing(ledger: Ledger) -> None:
    """An unknown task is no error."""
    same(await ledger.task("nowhere"), None)
    same(await ledger.events("nowhere"), [])
    same(await ledger.journal("nowhere"), Journal())
    same(await ledger.seen("ann", "echo", "nothing"), None)
    same(await ledger.runs(), [])
    nothing: list[StoredTask] = []
    same(await ledger.page(Query("ann", "echo")), (nothing, 0))


async def a_refused_transaction_leaves_nothing(ledger: Ledger) -> None:
    """Whichever of its writes is refused, none of them took place."""
    task = record(seq=2)
    await ledger.commit(*creation(record(seq=1)))
    await ledger.commit(move(2, snapshot=b"before"))
    for snapshot in (None, b"after"):
        harmless = (
            PutStep(task.id, "step", b"1"),
            PutSignal(task.id, "ask/1", b"[]"),
            PutCall(CallRow(task.id, "tool/1", CallState.INTENDED, b"{}")),
            move(3, message_id="second message", snapshot=snapshot),
            move(4, state=TaskState.COMPLETED, snapshot=snapshot),
            CreateTask(record("task-2", seq=1), "third message", events(1, 1)),
        )
        for write in _refused_at(2):
            await refusal(Conflict, ledger.commit(write, *harmless))
        for write in _refused_at(4):
            await refusal(Conflict, ledger.commit(*harmless, write))
    same(await ledger.task(task.id), StoredTask(task, b"before"))
    same(await ledger.events(task.id), list(events(1, 2)))
    begun = RunRow(task.id, "echo", RunState.ACTIVE, 0)
    same(
        await ledger.journal(task.id),
        Journal(event_ids=frozenset({"event-1", "event-2"}), run=begun),
    )
    same(await ledger.runs(), [RunRow(task.id, "echo", RunState.ACTIVE, 0)])
    for number in (2, 3):
        same(await ledger.task(f"task-{number}"), None)
        same(await ledger.events(f"task-{number}"), [])
    for message_id in ("second message", "third message", "fourth message"):
        same(await ledger.seen("ann", "echo", message_id), None)


def _refused_at(seq: int) -> tuple[Write, ...]:
    """Writes to be refused when `task-1` has come to an event, one for each guard."""
    after, repeated = record(seq=seq + 2), event(seq + 2, "event-1")
    return (
        move(seq),
        MoveTask(record(seq=seq + 1), seq - 1, (event(seq + 1),)),
        MoveTask(after, seq, (event(seq + 1), repeated), b"snapshot", "fourth message"),
        MoveTask(after, seq, (event(seq + 1), event(seq + 1, "new"))),
        move(seq + 1, message_id="message of task-1"),
        CreateTask(record(), "fourth message", ()),
        CreateTask(record("task-3"), "message of task-1", ()),
        CreateTask(record("task-3"), "fourth message", (event(1), event(2, "event-1"))),
        CreateTask(record("task-3"), "fourth message", (event(1), event(1, "new"))),
    )


async def a_guard_sees_the_writes_before_it(ledger: Ledger) -> None:
    """Within one transaction too."""
    await ledger.commit(*creation(record(seq=1)), move(2), move(3, snapshot=b"snapshot"))
    same(await ledger.task("task-1"), StoredTask(record(seq=3), b"snapshot"))
    again = (move(4, message_id="again"), move(5, message_id="again"))
    same((await refusal(MessageSeen, ledger.commit(*again))).seen, Seen("task-1"))
    twice = (move(4), MoveTask(record(seq=5), 4, (event(5, "event-4"),)))
    await refusal(Conflict, ledger.commit(*twice))
    same(await ledger.events("task-1"), list(events(1, 3)))


async def a_task_moves_only_from_where_it_was_expected(ledger: Ledger) -> None:
    """The guard against a decision taken from an old state."""
    task = record(seq=1)
    await ledger.commit(*creation(task))
    later = START + timedelta(milliseconds=1)
    done = record(seq=2, state=TaskState.COMPLETED, status_at=later)
    await ledger.commit(MoveTask(done, 1, (event(2),)))
    for elsewhere in (move(2), move(4), move(1, "nowhere")):
        await refusal(Conflict, ledger.commit(elsewhere))
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
    for write in (CreateTask(record("task-2"), "hello", ()), move(1, message_id="hello")):
        refused = await refusal(MessageSeen, ledger.commit(write))
        same(refused.seen, Seen(first.id))
    same(await ledger.task("task-2"), None)
    await ledger.commit(move(1, message_id="further"))
    same(await ledger.seen("ann", "echo", "further"), Seen(first.id))
    repeated = MoveTask(record(seq=2), 1, (event(2),), message_id="further")
    same((await refusal(MessageSeen, ledger.commit(repeated))).seen, Seen(first.id))
    same(await ledger.task(first.id), StoredTask(record(seq=1), None))
    await ledger.commit(*creation(record("task-3", owner="bob"), "hello"))
    await ledger.commit(*creation(record("task-4", agent="other"), "hello"))
    same(await ledger.seen("bob", "echo", "hello"), Seen("task-3"))
    same(await ledger.seen("ann", "other", "hello"), Seen("task-4"))
    same(await ledger.seen("bob", "other", "hello"), None)


async def a_reply_is_stored_once(ledger: Ledger) -> None:
    """A message that was answered at once begins no task, and joins none, as none is replied to."""
    await ledger.commit(*creation(record(), "hello"))
    await ledger.commit(PutReply("ann", "echo", "hi", b"{}"))
    same(await ledger.seen("ann", "echo", "hi"), Seen("", b"{}"))
    again = PutReply("ann", "echo", "hi", b"[]")
    for write in (again, CreateTask(record("task-2"), "hi", ()), move(1, message_id="hi")):
        same((await refusal(MessageSeen, ledger.commit(write))).seen, Seen("", b"{}"))
    begun = await refusal(MessageSeen, ledger.commit(PutReply("ann", "echo", "hello", b"{}")))
    same(begun.seen, Seen("task-1"))
    await ledger.commit(
        PutReply("bob", "echo", "hi", b"[]"), PutReply("ann", "other", "hi", b"[1]")
    )
    same(await ledger.seen("bob", "echo", "hi"), Seen("", b"[]"))
    same(await ledger.seen("ann", "other", "hi"), Seen("", b"[1]"))
    same(await ledger.task("task-1"), StoredTask(record(), None))


async def an_event_is_stored_once(ledger: Ledger) -> None:
    """Neither a number nor an id is taken twice, however long ago the first was."""
    task = record(seq=150)
    await ledger.commit(*creation(task))
    for repeated in (event(150, "new"), event(151, "event-150"), event(151, "event-1")):
        await refusal(Conflict, ledger.commit(MoveTask(record(seq=151), 150, (repeated,))))
    await ledger.commit(move(151))
    same(len(await ledger.events(task.id)), 151)


async def commits_take_place_in_the_order_of_calls(ledger: Ledger) -> None:
    """Each of these is refused unless the one before it is stored."""
    task = record()
    await ledger.commit(*creation(task))

    async with anyio.create_task_group() as group:
        for seq in range(1, 101):
            group.start_soon(ledger.commit, move(seq))
    same(await ledger.events(task.id), list(events(1, 100)))


async def commits_at_once_get_each_its_own_answer(ledger: Ledger) -> None:
    """One that is refused harms none of its neighbours."""
    task = record()
    await ledger.commit(*creation(task))
    refused: list[int] = []

    async def put(number: int) -> None:
        step = PutStep(task.id, f"step-{number}", b"%d" % number)
        guards = (move(7),) if number % 3 == 0 else ()
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
