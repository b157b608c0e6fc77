"""A store whose process is killed, or not alone. Real processes; ours (DESIGN section 4)."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.testing.samples import events
from tests.faults.killable import running

WRITER = Path(__file__).with_name("store_writer.py")
LANES = 8
KILLS = 3


def kill_after(path: Path, acknowledgements: int) -> dict[int, int]:
    """Kill a writer after so many acknowledgements; the last event each lane was promised."""
    with running(WRITER, path, LANES) as writer:
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


def test_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with running(WRITER, path, 1) as first:
        assert first.hear() == "open"
        with pytest.raises(BadConfig, match="another process serves this store"):
            SqliteLedger(path)
        with running(WRITER, path, 1) as second:
            assert second.hear() == f"refused: {path}: another process serves this store"
            assert second.ended() == 0
        assert first.hear() == "0 1"
    with running(WRITER, path, 1) as third:
        assert third.hear() == "open"
