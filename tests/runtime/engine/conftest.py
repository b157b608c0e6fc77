"""Every store, empty. The engine runs on asyncio."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.runtime.testing.engine_installations import MemoryInstallation, SqliteInstallation
from interloom.runtime.testing.engine_on_postgres import PostgresInstallation
from tests.runtime.engine.house import Store


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def installed(request: pytest.FixtureRequest, folder: Path) -> Store:
    """An empty store of the kind that a fixture's parameter names."""
    match request.param:
        case "memory":
            return MemoryInstallation()
        case "sqlite":
            return SqliteInstallation(folder / "store.db")
        case _:
            return PostgresInstallation(request.getfixturevalue("store_url"))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return installed(request, tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def shared_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Those that several processes may be at work on at once."""
    made = installed(request, tmp_path)
    assert made.is_shared
    return made
