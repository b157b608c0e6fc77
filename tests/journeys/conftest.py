"""Every journey runs on the matrix binding x store; fewer on PostgreSQL, which takes longer."""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.serve.runtime import OpenLedger
from tests.journeys.matrix import BINDINGS, STORES, Stage


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


ACROSS_BINDINGS: Final = frozenset(
    {"test_messages", "test_questions", "test_cancel", "test_streams_that_end"}
)
"""Journeys about what goes between a caller and an agent; all others are about what is behind it,
where no binding reaches, and take JSON-RPC."""


ON_POSTGRES: Final = ACROSS_BINDINGS | {"test_push", "test_tools"}
"""Journeys that are made on a PostgreSQL store too, over one binding. In all others a run does what
it does in these: it waits, is given up, begins again."""

LEASE_S: Final = 1.0
"""After which a process that crashed is found out, where no kernel can say so."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each journey the cells of the matrix that it is about."""
    if "stage" in metafunc.fixturenames:
        name = metafunc.definition.path.stem
        bindings = BINDINGS if name in ACROSS_BINDINGS else ("jsonrpc",)
        cells = list(product(bindings, STORES))
        if name in ON_POSTGRES:
            cells.append(("jsonrpc", "postgres"))
        metafunc.parametrize("stage", cells, ids=map("-".join, cells), indirect=True)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    binding, store = request.param
    if store == "postgres":
        opened: OpenLedger = partial(
            PostgresLedger, request.getfixturevalue("store_url"), lease_s=LEASE_S
        )
    else:
        opened = STORES[store](tmp_path)
    return Stage(BINDINGS[binding], opened, has_grpc=binding == "grpc")
