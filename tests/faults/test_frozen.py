"""A process that stands still past its lease, and comes back: what it does then does not count.

Source: ours (DESIGN section 4): its commits are refused, its coroutine is cancelled, and no event
of it reaches a stream. Real processes, SIGSTOP and SIGCONT.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.ledger.sqlite import SqliteLedger
from tests.faults.killable import Program, running

SLEEPER = "tests.faults.sleeper"
WHOLE = ["submitted", "started", "status/1", "status/2", "finished/1", "finished"]
BY_THE_OTHER = "TASK_STATE_COMPLETED done by the one that passes"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def begun(program: Program) -> None:
    """Have a process begin a task and get into its second step."""
    program.tell("begin")
    program.hear_at_last("inside")


def freeze(program: Program, store: Path) -> None:
    """SIGSTOP, between two transactions: one that is under way would hold everybody up."""
    while True:
        program.stop()
        try:
            with closing(sqlite3.connect(store, timeout=0.5)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                return
        except sqlite3.OperationalError:
            program.go_on()


async def event_ids(store: Path) -> list[str]:
    """The oldest task's events, their numbers checked."""
    ledger = SqliteLedger(store)
    try:
        found, _ = await ledger.page(Query("ann", "sleeper"))
        record = found[-1].record
        events = await ledger.events(record.id)
        assert [event.seq for event in events] == list(range(1, record.seq + 1))
        return [event.id for event in events]
    finally:
        await ledger.aclose()


def test_frozen_process_that_comes_back_is_refused_and_works_on(store: Path, notes: Path) -> None:
    with (
        running(SLEEPER, store, notes, "waits") as frozen,
        running(SLEEPER, store, notes, "passes") as other,
    ):
        assert frozen.hear() == other.hear() == "open"
        begun(frozen)
        freeze(frozen, store)
        other.tell("over 1")
        other.hear_at_last(BY_THE_OTHER)

        frozen.go_on()
        frozen.tell("go")
        frozen.tell("over 1")
        frozen.hear_at_last(BY_THE_OTHER)
        other.kill()  # it may have the next one, too, until the frozen one is a worker again
        begun(frozen)
        frozen.tell("over 2")
        frozen.hear_at_last("TASK_STATE_COMPLETED done by the one that waits")

    steps = notes.read_text().splitlines()
    assert steps[:3] == ["first waits", "second waits", "second passes"]
    assert anyio.run(event_ids, store) == WHOLE


def test_process_whose_event_loop_is_blocked_loses_its_runs(store: Path, notes: Path) -> None:
    """It is alive, and its heart has a thread of its own; but it does not get on."""
    gate = notes.with_suffix(".gate")
    os.mkfifo(gate)
    with (
        running(SLEEPER, store, notes, "blocks") as blocked,
        running(SLEEPER, store, notes, "passes") as other,
    ):
        assert blocked.hear() == other.hear() == "open"
        begun(blocked)
        other.tell("over 1")
        other.hear_at_last(BY_THE_OTHER)

        gate.write_bytes(b"go")
        blocked.tell("over 1")
        blocked.hear_at_last(BY_THE_OTHER)

    assert notes.read_text().splitlines() == ["first blocks", "second blocks", "second passes"]
    assert anyio.run(event_ids, store) == WHOLE
