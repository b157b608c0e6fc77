"""Every store, open and empty. They run on asyncio: a thread wakes its loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from tests.runtime.ledger.opening import Place, store_at


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def placed(request: pytest.FixtureRequest, folder: Path) -> Place:
    """Where an empty store of the kind is that a fixture's parameter names."""
    if request.param == "sqlite":
        return folder / "store.db"
    url: str = request.getfixturevalue("store_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a store is that outlives its process, to be `opened` there."""
    return placed(request, tmp_path)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    is_kept = request.param != "memory"
    made: Ledger = store_at(placed(request, tmp_path)) if is_kept else MemoryLedger()
    yield made
    await made.aclose()
