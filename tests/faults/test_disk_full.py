"""A process whose disk is full: no task is advanced, nobody is told what is not stored.

Source: ours (ARCHITECTURE, persist before send). A real process whose files may not grow.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.faults.killable import running
from tests.faults.stored import file

SLEEPER = "tests.faults.sleeper"
FULL = 4096
"""Bytes: less than the store's files have by then, so nothing more can be written to them."""
LIFTED = -1


def test_task_stands_still_while_the_disk_is_full_and_goes_on_after(tmp_path: Path) -> None:
    store, notes = tmp_path / "store.db", tmp_path / "notes"
    with running(SLEEPER, file(store), notes, "waits") as program:
        program.hear_at_last("open")
        program.tell("begin")
        program.hear_at_last("inside")

        program.limit_files(FULL)
        program.tell("go")  # the step has had its effect, and cannot be stored
        program.hear_at_last("inside")  # so it is begun again
        program.tell("begin")
        program.hear_at_last("refused UNAVAILABLE")
        with closing(sqlite3.connect(store)) as connection:
            rows = connection.execute("SELECT state, seq FROM task").fetchall()
            steps = connection.execute("SELECT key FROM step").fetchall()
        assert rows == [("TASK_STATE_WORKING", 3)]
        assert steps == [("first",)]

        program.limit_files(LIFTED)
        program.tell("over 1")
        program.hear_at_last("TASK_STATE_COMPLETED done by the one that waits")
        program.tell("begin")
        program.hear_at_last("begun")
        program.tell("over 2")
        program.hear_at_last("TASK_STATE_COMPLETED done by the one that waits")
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
