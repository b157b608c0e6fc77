"""Every journey runs on the matrix binding x store."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.journeys.matrix import BINDINGS, STORES, Stage


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=product(BINDINGS, STORES), ids="-".join)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    binding, store = request.param
    return Stage(BINDINGS[binding], STORES[store](tmp_path))
