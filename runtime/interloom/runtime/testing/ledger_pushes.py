"""What a store promises of push configs and the outbox.

Source: `ledger.port` and `ledger.rows` (ours); that each webhook gets at least one attempt, and
that a config stands until it is deleted, is A2A 4.3.3, 3.1.7 and 3.1.10.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.errors import Conflict
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import DropPush, MovePush, PushesFull, PushRow, PutPush
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.promise import refusal, same
from interloom.runtime.testing.samples import creation, move, record

LATER = START + timedelta(seconds=1)
NOBODY: list[PushRow] = []


def push(push_id: str = "push-1", task_id: str = "task-1", *, done: int = 0) -> PushRow:
    """A config that was due at `START`."""
    body = b'{"url":"https://hooks.example/%b"}' % push_id.encode()
    return PushRow(task_id, push_id, "hooks.example:443", body, Progress(done, due=START))


def idle(row: PushRow) -> PushRow:
    """The same with nothing to be posted."""
    return replace(row, progress=row.progress._replace(due=None))


def due_at(row: PushRow, done: int) -> PushRow:
    """The same, further on and due at `START` again."""
    return replace(row, progress=Progress(done, due=START))


async def a_config_is_read_back_until_it_is_dropped(ledger: Ledger) -> None:
    """In the order of ids; dropping it twice is no error (A2A 3.1.10)."""
    await ledger.commit(*creation(record(seq=2)), PutPush(push("b"), 3), PutPush(push("a"), 3))
    same(await ledger.pushes("task-1"), [push("a"), push("b")])
    for _ in range(2):
        await ledger.commit(DropPush("task-1", "a"))
        same(await ledger.pushes("task-1"), [push("b")])
    same(await ledger.outbox(limit=9), [push("b")])
    await ledger.commit(PutPush(push(task_id="nowhere"), 3), DropPush("nowhere", "a"))
    same(await ledger.pushes("nowhere"), NOBODY)


async def a_task_has_no_more_configs_than_it_may(ledger: Ledger) -> None:
    """One that replaces another is no further one."""
    await ledger.commit(*creation(record(seq=2)), PutPush(push("a"), 2), PutPush(push("b"), 2))
    await refusal(PushesFull, ledger.commit(PutPush(push("c"), 2)))
    anew = replace(push("a"), body=b"{}")
    await ledger.commit(PutPush(anew, 2))
    same(await ledger.pushes("task-1"), [anew, push("b")])
    await ledger.commit(DropPush("task-1", "b"), PutPush(push("c"), 2))
    same(await ledger.pushes("task-1"), [anew, push("c")])


async def an_event_is_due_with_the_transaction_that_stores_it(ledger: Ledger) -> None:
    """Persist before send: there is no moment at which one is stored and the other is not."""
    first = push(done=1)
    await ledger.commit(*creation(record(seq=1)), PutPush(first, 3))
    same(await ledger.outbox(limit=9), NOBODY)
    same(await ledger.pushes("task-1"), [idle(first)])
    await refusal(Conflict, ledger.commit(move(2), move(2)))
    same(await ledger.outbox(limit=9), NOBODY)
    await ledger.commit(move(2))
    same(await ledger.outbox(limit=9), [first])
    await ledger.commit(move(3, state=TaskState.COMPLETED))
    same(await ledger.outbox(limit=9), [first])


async def what_follows_a_delivered_event_is_due_next(ledger: Ledger) -> None:
    """One after the other, until the config has had all there are."""
    await ledger.commit(*creation(record(seq=2)), PutPush(push(), 3))
    await ledger.commit(MovePush(push(), Progress(1, due=START)))
    second = due_at(push(), 1)
    same(await ledger.outbox(limit=9), [second])
    await ledger.commit(MovePush(second, Progress(2, due=START)))
    same(await ledger.outbox(limit=9), NOBODY)
    await ledger.commit(move(3))
    same(await ledger.outbox(limit=9), [due_at(push(), 2)])


async def an_outcome_counts_for_the_row_it_was_taken_from(ledger: Ledger) -> None:
    """Not for one that was replaced or moved on meanwhile."""
    await ledger.commit(*creation(record(seq=2)), PutPush(push(), 3))
    failed = replace(push(), progress=Progress(0, 1, LATER))
    lost = Undelivered("task-1", "push-1", 1, START, "the receiver answered 400")
    await ledger.commit(MovePush(push(), failed.progress))
    for _ in range(2):
        await ledger.commit(MovePush(push(), Progress(1, due=START), lost))
        same(await ledger.pushes("task-1"), [failed])
    anew = replace(failed, body=b"{}")
    await ledger.commit(PutPush(anew, 3), MovePush(failed, Progress(1, due=START), lost))
    same(await ledger.pushes("task-1"), [anew])
    await ledger.commit(DropPush("task-1", "push-1"), MovePush(anew, Progress(1), lost))
    same(await ledger.pushes("task-1"), NOBODY)
    nothing: list[Undelivered] = []
    same(await ledger.undelivered(limit=9), nothing)


async def a_config_that_is_given_up_is_due_no_more(ledger: Ledger) -> None:
    """It is kept, with the reason, and what it never got is there to be read."""
    await ledger.commit(*creation(record(seq=2)), PutPush(push(), 3))
    stopped = Progress(0, 8, None, "no answer, 8 times")
    lost = Undelivered("task-1", "push-1", 1, LATER, stopped.stopped)
    await ledger.commit(MovePush(push(), stopped, lost))
    await ledger.commit(move(3))
    same(await ledger.outbox(limit=9), NOBODY)
    same(await ledger.pushes("task-1"), [replace(push(), progress=stopped)])
    earlier = Undelivered("task-2", "push-1", 2, START, "the receiver answered 400")
    other = push(task_id="task-2", done=1)
    await ledger.commit(*creation(record("task-2", seq=2)), PutPush(other, 3))
    await ledger.commit(MovePush(other, Progress(2), earlier))
    same(await ledger.undelivered(limit=9), [lost, earlier])
    same(await ledger.undelivered(limit=1), [lost])


async def the_outbox_is_read_earliest_first(ledger: Ledger) -> None:
    """Hosts that have enough to do are left out."""
    late = replace(push("late"), host="slow.example:443", progress=Progress(0, 1, LATER))
    await ledger.commit(*creation(record(seq=2)), PutPush(late, 3), PutPush(push("soon"), 3))
    same(await ledger.outbox(limit=9), [push("soon"), late])
    same(await ledger.outbox(limit=1), [push("soon")])
    same(await ledger.outbox(limit=9, without={"hooks.example:443"}), [late])
    same(await ledger.outbox(limit=9, without=("hooks.example:443", late.host)), NOBODY)


async def a_commit_that_fills_the_outbox_nudges(ledger: Ledger) -> None:
    """And one that is refused, or adds to what is there already, does not."""
    nudges = list[int]()
    ledger.watch_outbox(lambda: nudges.append(1))
    await ledger.commit(*creation(record(seq=1)))
    await ledger.commit(move(2))
    same(len(nudges), 0)
    await ledger.commit(PutPush(push(), 3))
    same(len(nudges), 1)
    await refusal(Conflict, ledger.commit(PutPush(push(), 3), move(2)))
    same(len(nudges), 1)
    await ledger.commit(move(3))
    same(len(nudges), 1)
    await ledger.commit(MovePush(push(), Progress(1, due=START)))
    same(len(nudges), 2)
    await ledger.commit(MovePush(due_at(push(), 1), Progress(3, due=START)))
    same(len(nudges), 2)
    await ledger.commit(move(4))
    same(len(nudges), 3)
