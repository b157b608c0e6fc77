"""Every store. The engine runs on asyncio."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.engine.house import Store, store_of_kind


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return store_of_kind(request, tmp_path)
