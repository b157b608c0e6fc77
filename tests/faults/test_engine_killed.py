"""A task whose process is killed twice, once while it asks and once in the middle of a step.

Source: the promise of DESIGN section 4: a completed step is never run again, a step interrupted
before that may run again, and the events of a task are gapless.
"""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from interloom.runtime.model import TaskState
from tests.faults.killable import PATIENCE_S, running
from tests.faults.stored import history, unfinished

TRAVELLER = "tests.faults.traveller"


@pytest.mark.parametrize(
    ("store", "waits"), [("sqlite", "in memory"), ("postgres", "parked")], indirect=["store"]
)
def test_task_survives_two_kills_without_losing_its_place(
    store: str, tmp_path: Path, waits: str
) -> None:
    notes, warm_s = tmp_path / "notes", 0.01 if waits == "parked" else PATIENCE_S
    with running(TRAVELLER, store, notes, warm_s) as asking:
        assert asking.hear() == "open"
        asking.tell("begin")
        asking.hear_at_last("parked" if waits == "parked" else "TASK_STATE_INPUT_REQUIRED")
        asking.kill()
    with running(TRAVELLER, store, notes, warm_s) as working:
        assert working.hear() == "open"
        working.tell("Lisbon")
        assert working.hear() == "stuck"
        working.kill()
    with running(TRAVELLER, store, notes, warm_s) as ending:
        assert ending.hear() == "open"
        ending.tell("")
        assert ending.hear() == "Lisbon at attempt 2"

    assert notes.read_text().split() == ["first", "second", "second"]
    state, events = anyio.run(history, store, "ann", "traveller")
    assert state is TaskState.COMPLETED
    assert [event.partition("/")[0] for event in events] == [
        "submitted",
        "started",
        "status",
        "ask",
        "message",
        "finished",
        "finished",
    ]
    assert anyio.run(unfinished, store) == 0
