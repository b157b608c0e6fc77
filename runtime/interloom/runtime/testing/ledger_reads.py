"""What a store promises of runs, their journals and everything read. Source: as `ledger_writes`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.paging import Position, Query
from interloom.runtime.core.record import Chunk, Event
from interloom.runtime.errors import Conflict
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import (
    CallRow,
    CallState,
    CreateTask,
    Journal,
    MoveTask,
    ParkRun,
    PutCall,
    PutRun,
    PutSignal,
    PutStep,
    RunRow,
    RunState,
    StoredTask,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.promise import same
from interloom.runtime.testing.samples import begun, creation, event, events, move, record


async def the_first_step_and_the_first_signal_stand(ledger: Ledger) -> None:
    """A second value under a key is no error and changes nothing; a call's row is replaced."""
    task = record(seq=1)
    await ledger.commit(*creation(task))
    for value in (b"first", b"second"):
        call = CallRow(task.id, "tool/1", CallState.INTENDED, value)
        await ledger.commit(
            PutStep(task.id, "step", value), PutSignal(task.id, "ask", value), PutCall(call)
        )
    done = CallRow(task.id, "tool/1", CallState.DONE, b"third")
    await ledger.commit(PutCall(done))
    same(
        await ledger.journal(task.id),
        Journal(
            {"step": b"first"},
            {"ask": b"first"},
            {"tool/1": done},
            frozenset({"event-1"}),
            RunRow(task.id, "echo", RunState.ACTIVE, 0),
        ),
    )


async def a_journal_holds_one_task_only(ledger: Ledger) -> None:
    """The same keys of another task are another matter."""
    for task_id in ("task-1", "task-2"):
        await ledger.commit(*creation(record(task_id)))
        call = CallRow(task_id, "key", CallState.DONE, task_id.encode())
        await ledger.commit(
            PutStep(task_id, "key", task_id.encode()),
            PutSignal(task_id, "key", task_id.encode()),
            PutCall(call),
        )
    journal = await ledger.journal("task-2")
    same((journal.steps, journal.signals), ({"key": b"task-2"}, {"key": b"task-2"}))
    same(journal.calls["key"].body, b"task-2")


async def _run_state(ledger: Ledger) -> RunState | None:
    runs = await ledger.runs()
    return runs[0].state if runs else None


async def a_run_that_waits_is_parked_until_a_signal_comes(ledger: Ledger) -> None:
    """Any signal wakes it: the run looks for itself whether it is the one."""
    await begun(ledger)
    await ledger.commit(ParkRun("task-1", ("ask/1", "ask/2")))
    same(await _run_state(ledger), RunState.PARKED)
    await ledger.commit(PutSignal("task-1", "ask/3", b"[]"))
    same(await _run_state(ledger), RunState.ACTIVE)


async def a_run_is_not_parked_over_a_signal_that_came_first(ledger: Ledger) -> None:
    """An answer that overtakes the parking is not slept through; one to another ask is."""
    await begun(ledger)
    await ledger.commit(PutSignal("task-1", "ask/1", b"[]"))
    await ledger.commit(ParkRun("task-1", ("ask/0", "ask/1")))
    same(await _run_state(ledger), RunState.ACTIVE)
    same(len(await ledger.claim("worker-1", ("echo",), limit=1)), 1)
    await ledger.commit(ParkRun("task-1", ("ask/2",)))
    same(await _run_state(ledger), RunState.PARKED)


async def a_task_that_is_over_has_no_run(ledger: Ledger) -> None:
    """There is nothing left to park, to wake or to begin again; its journal stays."""
    for state in sorted(TERMINAL, key=lambda each: each.value):
        await ledger.commit(*creation(record(state.name)))
        await ledger.commit(PutStep(state.name, "step", b"1"), move(1, state.name, state=state))
        again = PutRun(state.name, "echo", RunState.ACTIVE, 1)
        for late in (ParkRun(state.name, ("ask",)), PutSignal(state.name, "ask", b"[]"), again):
            await ledger.commit(late)
        same(await ledger.runs(), [])
        same((await ledger.journal(state.name)).steps, {"step": b"1"})


async def a_task_that_waits_keeps_its_run(ledger: Ledger) -> None:
    """Only a terminal state ends it."""
    await ledger.commit(*creation(record()))
    for seq, state in enumerate((TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED), 1):
        await ledger.commit(move(seq, state=state))
        same(await _run_state(ledger), RunState.ACTIVE)


async def the_clock_of_a_store_does_not_go_back(ledger: Ledger) -> None:
    """It says when in time, not only how much of it has passed."""
    first, second = await ledger.now(), await ledger.now()
    same((first.utcoffset(), first <= second), (timedelta(), True))


async def runs_are_listed_oldest_first(ledger: Ledger) -> None:
    """Oldest by their tasks; one that is begun again keeps its place."""
    for task_id in ("b", "a", "c"):
        await ledger.commit(*creation(record(task_id)))
    again = PutRun("b", "echo", RunState.ACTIVE, 4)
    await ledger.commit(move(1, "c", state=TaskState.COMPLETED), again)
    same(
        await ledger.runs(),
        [RunRow("b", "echo", RunState.ACTIVE, 4), RunRow("a", "echo", RunState.ACTIVE, 0)],
    )


async def a_snapshot_stands_until_the_task_moves_on(ledger: Ledger) -> None:
    """Whoever moves a task says what its snapshot is now."""
    await ledger.commit(*creation(record()))
    for seq, snapshot in enumerate((None, b'{"id":"task-1"}', b"[]", None, b"{}"), 1):
        await ledger.commit(move(seq, snapshot=snapshot))
        same(await ledger.task("task-1"), StoredTask(record(seq=seq), snapshot))


async def events_are_read_in_pages(ledger: Ledger) -> None:
    """`after` is exclusive, `limit` is a bound, the order is that of their numbers."""
    await ledger.commit(*creation(record(seq=30)))
    same(await ledger.events("task-1", after=0, limit=10), list(events(1, 10)))
    same(await ledger.events("task-1", after=28, limit=2), list(events(29, 30)))
    same(await ledger.events("task-1", after=30), nothing := list[Event]())
    same(await ledger.events("task-1", after=31), nothing)


async def events_are_read_back_whole(ledger: Ledger) -> None:
    """Whatever they tell of."""
    written = (
        event(1, message=b'{"role":"ROLE_USER"}'),
        event(2, chunk=Chunk("result", append=True, last=False)),
        event(3, chunk=Chunk("", append=False, last=True), message=b"{}"),
    )
    await ledger.commit(CreateTask(record(seq=3), "hello", written))
    same(await ledger.events("task-1"), list(written))
    await ledger.commit(*creation(record("task-2")))
    await ledger.commit(MoveTask(record("task-2", seq=3), 0, written))
    same(await ledger.events("task-2"), list(written))


async def large_and_strange_values_come_back_byte_for_byte(ledger: Ledger) -> None:
    """Megabytes, bytes that are no UTF-8, names with quotes and signs."""
    name = 'Ärger\'; DROP TABLE task; -- "λ" 🧵'
    task = record(name, owner=name, agent=name)
    await begun(ledger, task, message_id=name)
    large = bytes(range(256)) * 16_384
    await ledger.commit(
        PutStep(task.id, name, large),
        PutSignal(task.id, name, large),
        MoveTask(task, 0, (event(1, name, body=large, message=large),), large),
        ParkRun(task.id, (name,)),
    )
    journal = await ledger.journal(task.id)
    same(journal.steps == {name: large} == journal.signals, True)
    same((await ledger.events(task.id))[0].body == large, True)
    same(await ledger.task(task.id) == StoredTask(task, large), True)
    same(await _run_state(ledger), RunState.ACTIVE)
    same((await ledger.page(Query(name, name)))[1], 1)


async def pages_meet_without_gap_or_overlap(ledger: Ledger) -> None:
    """Newest status first, ties broken by id, also when a page ends among equal times."""
    tasks = [
        record(f"task-{n:02}", status_at=START + timedelta(milliseconds=n // 5)) for n in range(23)
    ]
    for task in tasks:
        await ledger.commit(*creation(task))
    expected = sorted(tasks, key=lambda each: (each.status_at, each.id), reverse=True)
    for size in (1, 4, 5, 22, 23, 50):
        found, query = list[StoredTask](), Query("ann", "echo", size=size)
        while True:
            page, total = await ledger.page(query)
            same((total, len(page) <= size + 1), (23, True))
            found += page[:size]
            if len(page) <= size:
                break
            last = page[size - 1].record
            query = replace(query, after=Position(last.status_at, last.id))
        same([each.record for each in found], expected)


async def a_listing_shows_what_was_asked_for(ledger: Ledger) -> None:
    """Every filter narrows the page and the count; another owner's tasks are never seen."""
    later = START + timedelta(milliseconds=1)
    done = record("done", status_at=later, state=TaskState.COMPLETED)
    plain, other = record("plain"), record("other", agent="other")
    for task in (plain, other, done, record("foreign", owner="bob")):
        await ledger.commit(*creation(task))
    for query, expected in (
        (Query("ann", "echo"), [done, plain]),
        (Query("ann", "other"), [other]),
        (Query("ann", "echo", context_id=plain.context_id), [plain]),
        (Query("ann", "echo", context_id=plain.context_id, since=later), []),
        (Query("ann", "echo", context_id=plain.context_id, state=TaskState.COMPLETED), []),
        (Query("ann", "other", context_id=plain.context_id), []),
        (Query("ann", "echo", state=TaskState.COMPLETED), [done]),
        (Query("ann", "echo", since=later), [done]),
        (Query("ann", "echo", state=TaskState.COMPLETED, since=later), [done]),
        (Query("ann", "echo", state=plain.state, since=later), []),
        (Query("ann", "other", state=TaskState.COMPLETED), []),
        (Query("nobody", "echo"), []),
    ):
        listed = [StoredTask(each, None) for each in expected]
        same(await ledger.page(query), (listed, len(expected)))


async def a_listing_brings_the_snapshots_along(ledger: Ledger) -> None:
    """A page is read at once, not task by task."""
    await ledger.commit(*creation(record("moves")))
    await ledger.commit(*creation(record("rests")))
    await ledger.commit(move(1, "rests", snapshot=b'{"id":"rests"}'))
    page, _ = await ledger.page(Query("ann", "echo"))
    same(
        {each.record.id: each.snapshot for each in page},
        {"rests": b'{"id":"rests"}', "moves": None},
    )


async def a_listing_counts_what_is_there_now(ledger: Ledger) -> None:
    """Through every state a task enters, and none for what was refused."""
    await ledger.commit(*creation(record()))
    await ledger.commit(*creation(record("task-2")))
    states = [TaskState.INPUT_REQUIRED, TaskState.WORKING, TaskState.WORKING, TaskState.COMPLETED]
    for seq, state in enumerate(states, 1):
        await ledger.commit(move(seq, state=state))
        with suppress(Conflict):
            await ledger.commit(move(1, "task-2", state=TaskState.FAILED), move(9, state=state))
        for one in TaskState:
            found, total = await ledger.page(Query("ann", "echo", state=one))
            same(total, len(found))
        same((await ledger.page(Query("ann", "echo")))[1], 2)
