"""The stores of these tests' processes, of SQLite or of PostgreSQL: opened, and looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from interloom.apps.stores import Place, opener
from interloom.runtime.core.paging import Query
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.model import TaskState

FILE: Final = "sqlite:///"
LEASE_S: Final = 2.0
"""Seconds until others go on; longer than a busy machine leaves a process without a turn."""


def file(path: Path) -> str:
    """The URL of a file's store."""
    return f"{FILE}{path}"


def opening(store: str) -> Callable[[], Ledger]:
    """Opens a store by its URL, with a short lease; for whoever closes it."""
    return opener(Place(store, LEASE_S))


async def history(store: str, owner: str, agent: str) -> tuple[TaskState, list[str]]:
    """How an owner's oldest task stands, and the ids of its events, their numbers checked."""
    ledger = opening(store)()
    try:
        found, _ = await ledger.page(Query(owner, agent))
        record = found[-1].record
        events = await ledger.events(record.id)
        assert [event.seq for event in events] == list(range(1, record.seq + 1))
        return record.state, [event.id for event in events]
    finally:
        await ledger.aclose()


async def unfinished(store: str) -> int:
    """How many runs there are."""
    ledger = opening(store)()
    try:
        return len(await ledger.runs())
    finally:
        await ledger.aclose()
