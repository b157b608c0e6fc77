"""A process is killed before and after every commit of an agent that calls another.

Source: DESIGN section 4: a call's row is INTENDED before the message leaves, the other task is
looked up by its stored id, and a message whose reply was lost begins no second task. Real processes
and SIGKILL.
"""

from __future__ import annotations

from pathlib import Path
from signal import SIGKILL

import anyio
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import TaskState
from tests.faults.killable import running

ERRANDS = "tests.faults.errands"
BOUND_S = 120.0
NEVER = 10_000
FEWEST = 10
"""Commits of an undisturbed life: two tasks, their questions and answers, a call's four rows."""


async def tasks(store: Path, agent: str) -> list[TaskState]:
    """How an agent's tasks stand."""
    ledger = SqliteLedger(store)
    try:
        listed, _ = await ledger.page(Query("ann", agent))
        assert await ledger.runs() == []
        return [record.state for record, _ in listed]
    finally:
        await ledger.aclose()


@pytest.mark.parametrize("when", ["before", "after"])
def test_agent_is_called_once_wherever_the_process_is_killed(tmp_path: Path, when: str) -> None:
    number, booked = 0, list[int]()
    with running(ERRANDS, tmp_path, patience_s=BOUND_S) as program:
        end = -SIGKILL
        while end == -SIGKILL:
            number += 1
            program.tell(f"{number} {when} {number}")
            end = int(program.hear())
            if end == -SIGKILL:
                program.tell(f"{number} after {NEVER}")
                assert program.hear() == "0"
            store = tmp_path / f"{number}.db"
            for name in ("concierge", "hotel"):
                assert anyio.run(tasks, store, name) == [TaskState.COMPLETED], (when, number)
            booked.append(store.with_suffix(".notes").read_text().count("booked"))

    assert end == 0
    assert number > FEWEST
    assert set(booked) <= {1, 2}  # a step that was interrupted may run again
