"""The engine runs on asyncio; a store is a file or a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.faults.stored import file


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store, which is left to the processes of the test."""
    if request.param == "sqlite":
        yield file(tmp_path / "store.db")
    else:
        with postgres.or_skip(postgres.shared).store() as url:
            yield url
