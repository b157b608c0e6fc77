"""Both stores. The engine runs on asyncio."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.engine.house import Store


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "store.db" if request.param == "sqlite" else None)
