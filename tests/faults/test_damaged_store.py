"""A store whose file was damaged: refused at the start where it is seen, and never believed.

Source: ours. SQLite finds damage where it reads; it is told once at the start, in a sentence, where
a table begins, and to whoever asks for it elsewhere. What is whole is served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.errors import BadConfig, Unavailable
from interloom.runtime.ledger.rows import PutStep
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.testing.samples import creation, record

PAGE: Final = 4096
GARBAGE: Final = b"\xa5"
TASKS: Final = 60
STEP: Final = b"\x5a" * 2000
"""Fills half a page, so that pages of steps are known by it."""


def overwritten(data: bytes, start: int, end: int) -> bytes:
    """The file with garbage from one byte to another."""
    return data[:start] + GARBAGE * (end - start) + data[end:]


def steps_in(data: bytes) -> list[int]:
    """Where pages with steps begin."""
    return [at for at in range(0, len(data), PAGE) if STEP in data[at : at + PAGE]]


DAMAGE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "its header": lambda data: overwritten(data, 0, 100),
    "its list of tables": lambda data: overwritten(data, 100, PAGE),
    "where its tables begin": lambda data: overwritten(data, PAGE, 10 * PAGE),
    "its second half is gone": lambda data: data[: len(data) // 2],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with tasks in it, closed."""

    async def make() -> None:
        ledger = SqliteLedger(tmp_path / "store.db", durability="normal")
        for number in range(TASKS):
            task_id = f"task-{number}"
            step = PutStep(task_id, "step", STEP)
            await ledger.commit(*creation(record(task_id)), step)
        await ledger.aclose()

    anyio.run(make)
    return tmp_path / "store.db"


@pytest.mark.parametrize("where", DAMAGE)
def test_damaged_store_is_refused_in_a_sentence_and_left_alone(path: Path, where: str) -> None:
    path.write_bytes(damaged := DAMAGE[where](path.read_bytes()))
    with pytest.raises(BadConfig, match="cannot be opened as a store: ") as caught:
        SqliteLedger(path)

    assert str(path) in str(caught.value)
    assert path.read_bytes() == damaged


async def served(path: Path) -> tuple[int, int]:
    """How many tasks' journals cannot be read, and how many tasks there are after another one."""
    ledger = SqliteLedger(path)
    try:
        unreadable = 0
        for number in range(TASKS):
            try:
                journal = await ledger.journal(f"task-{number}")
            except Unavailable:
                unreadable += 1
            else:
                assert journal.steps == {"step": STEP}
        await ledger.commit(*creation(record("new")))
        return unreadable, (await ledger.page(Query("ann", "echo")))[1]
    finally:
        await ledger.aclose()


def test_damage_farther_in_is_told_to_who_asks_for_it_and_the_rest_is_served(path: Path) -> None:
    whole = path.read_bytes()
    for page in steps_in(whole)[10:20]:
        whole = overwritten(whole, page, page + PAGE)
    path.write_bytes(whole)
    unreadable, total = anyio.run(served, path)

    assert 0 < unreadable < TASKS
    assert total == TASKS + 1
