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

from interloom.runtime.model import TaskState
from tests.faults.killable import Program, running
from tests.faults.stored import FILE, history
from tests.postgres import asked

SLEEPER = "tests.faults.sleeper"
WHOLE = ["submitted", "started", "status/1", "status/2", "finished/1", "finished"]
AT_WORK = (
    "SELECT 1 FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
)
BY_THE_OTHER = "TASK_STATE_COMPLETED done by the one that passes"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def begun(program: Program) -> None:
    """Have a process begin a task and get into its second step."""
    program.tell("begin")
    program.hear_at_last("inside")


def is_at_rest(store: str) -> bool:
    """Whether nobody has a transaction under way."""
    if not store.startswith(FILE):
        return not asked(store, AT_WORK)
    try:
        with closing(sqlite3.connect(store.removeprefix(FILE), timeout=0.5)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def freeze(program: Program, store: str) -> None:
    """SIGSTOP, between two transactions: one that is under way would hold everybody up."""
    program.stop()
    while not is_at_rest(store):
        program.go_on()
        program.stop()


def test_frozen_process_that_comes_back_is_refused_and_works_on(store: str, notes: Path) -> None:
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
    assert anyio.run(history, store, "ann", "sleeper") == (TaskState.COMPLETED, WHOLE)


def test_process_whose_event_loop_is_blocked_loses_its_runs(store: str, notes: Path) -> None:
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
    assert anyio.run(history, store, "ann", "sleeper") == (TaskState.COMPLETED, WHOLE)
