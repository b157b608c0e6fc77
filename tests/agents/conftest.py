"""Agents are tried on every store, through a client."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.runtime.testing.pair import World
from tests.journeys.matrix import STORES, Stage


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=STORES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(World.client, STORES[request.param](tmp_path))
