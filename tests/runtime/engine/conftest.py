"""Every store, empty. The engine runs on asyncio."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from interloom.runtime.testing.engine_installations import MemoryInstallation, SqliteInstallation
from interloom.runtime.testing.engine_on_postgres import PostgresInstallation
from interloom.runtime.testing.engines import scenarios
from tests.runtime.engine.house import Store

_SCENARIO: Final = re.compile(r"/test_conformance\.py::\w+\[(memory|sqlite|postgres)-")


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many scenarios each engine passed."""
    passed = Counter(
        engine
        for report in terminalreporter.stats.get("passed", ())
        for engine in _SCENARIO.findall(report.nodeid)
    )
    for engine, number in sorted(passed.items()):
        of = len(scenarios(is_shared=engine != "memory"))
        terminalreporter.write_line(f"ENGINE {engine}: {number} of {of} scenarios")
