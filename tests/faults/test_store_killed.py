"""A store whose process is killed, or not alone. Real processes; ours (DESIGN section 4)."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio

from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.testing.samples import events
from tests.faults.killable import running

WRITER = "tests.faults.store_writer"
LANES = 8
KILLS = 3


def kill_after(path: Path, acknowledgements: int) -> dict[int, int]:
    """Kill a writer after so many acknowledgements; the last event each lane was promised."""
    with running(WRITER, path, LANES, 0) as writer:
        assert writer.hear() == "open"
        said = [writer.hear() for _ in range(acknowledgements)]
        said += writer.kill()
    promised: dict[int, int] = {}
    for line in said:
        lane, seq = map(int, line.split())
        promised[lane] = seq
    return promised


async def check(path: Path, promised: dict[int, int]) -> None:
    ledger = SqliteLedger(path)
    try:
        for lane, seq in promised.items():
            stored = await ledger.task(f"lane-{lane}")
            assert stored is not None
            last = stored.record.seq
            assert last >= seq
            found = await ledger.events(f"lane-{lane}", limit=last + 1)
            assert found == list(events(1, last))
            steps = (await ledger.journal(f"lane-{lane}")).steps
            assert set(steps) == {f"step-{n}" for n in range(1, last + 1)}
    finally:
        await ledger.aclose()


def test_everything_acknowledged_is_there_however_often_the_process_is_killed(
    tmp_path: Path,
) -> None:
    """And every transaction is whole: task, event and step of one commit go together."""
    path = tmp_path / "store.db"
    moments = random.Random(20260728)  # noqa: S311 - picks moments, keeps no secret
    promised: dict[int, int] = {}
    for _ in range(KILLS):
        promised |= kill_after(path, moments.randrange(1, 200))
        anyio.run(check, path, promised)

    assert len(promised) == LANES
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_process_that_is_killed_does_not_keep_the_other_from_writing(tmp_path: Path) -> None:
    """Two write to one file, and what each was promised is there."""
    path = tmp_path / "store.db"
    promised: dict[int, int] = {}
    with running(WRITER, path, 2, 0) as first, running(WRITER, path, 2, 2) as second:
        assert first.hear() == second.hear() == "open"
        said = [program.hear() for _ in range(50) for program in (first, second)]
        said += first.kill()
        said += [second.hear() for _ in range(50)]
        said += second.kill()
    for line in said:
        lane, seq = map(int, line.split())
        promised[lane] = seq
    anyio.run(check, path, promised)

    assert sorted(promised) == [0, 1, 2, 3]


def test_processes_that_make_a_store_at_once_make_one(tmp_path: Path) -> None:
    """Each time the file is new, so each of them would make the tables."""
    for attempt in range(3):
        path = tmp_path / f"store-{attempt}.db"
        with (
            running(WRITER, path, 1, 0) as one,
            running(WRITER, path, 1, 1) as two,
            running(WRITER, path, 1, 2) as three,
        ):
            assert [program.hear() for program in (one, two, three)] == ["open"] * 3
