"""Every store, open and empty. They run on asyncio: a thread wakes its loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.sqlite import SqliteLedger


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    made: Ledger
    match request.param:
        case "memory":
            made = MemoryLedger()
        case "sqlite":
            made = SqliteLedger(tmp_path / "store.db")
        case _:
            made = PostgresLedger(request.getfixturevalue("store_url"))
    yield made
    await made.aclose()
