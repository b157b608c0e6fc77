"""A task whose process is killed twice, once while it asks and once in the middle of a step.

Source: the promise of DESIGN section 4: a completed step is never run again, a step interrupted
before that may run again, and the events of a task are gapless.
"""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.ledger.sqlite import SqliteLedger
from tests.faults.killable import running

TRAVELLER = "tests.faults.traveller"


async def event_ids(store: Path) -> list[str]:
    """The only task's events, their numbers checked."""
    ledger = SqliteLedger(store)
    try:
        ((record, _),), _ = await ledger.page(Query("ann", "traveller"))
        events = await ledger.events(record.id)
        assert [event.seq for event in events] == list(range(1, record.seq + 1))
        assert await ledger.runs() == []
        return [event.id.partition("/")[0] for event in events]
    finally:
        await ledger.aclose()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_task_survives_two_kills_without_losing_its_place(store: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with running(TRAVELLER, store, notes) as asking:
        assert asking.hear() == "open"
        asking.tell("begin")
        assert asking.hear() == "TASK_STATE_INPUT_REQUIRED"
        asking.kill()
    with running(TRAVELLER, store, notes) as working:
        assert working.hear() == "open"
        working.tell("Lisbon")
        assert working.hear() == "stuck"
        working.kill()
    with running(TRAVELLER, store, notes) as ending:
        assert ending.hear() == "open"
        ending.tell("")
        assert ending.hear() == "Lisbon at attempt 2"

    assert notes.read_text().split() == ["first", "second", "second"]
    assert anyio.run(event_ids, store) == [
        "submitted",
        "started",
        "status",
        "ask",
        "message",
        "finished",
        "finished",
    ]
