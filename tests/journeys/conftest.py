"""Every journey runs on the matrix binding x store."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Final

import pytest

from tests.journeys.matrix import BINDINGS, STORES, Stage


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


ACROSS_BINDINGS: Final = frozenset(
    {"test_messages", "test_questions", "test_cancel", "test_streams_that_end"}
)
"""Journeys about what goes between a caller and an agent; all others are about what is behind it,
where no binding reaches, and take JSON-RPC."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each journey the cells of the matrix that it is about."""
    if "stage" in metafunc.fixturenames:
        name = metafunc.definition.path.stem
        bindings = BINDINGS if name in ACROSS_BINDINGS else ("jsonrpc",)
        cells = list(product(bindings, STORES))
        metafunc.parametrize("stage", cells, ids=map("-".join, cells), indirect=True)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    binding, store = request.param
    return Stage(BINDINGS[binding], STORES[store](tmp_path), has_grpc=binding == "grpc")
