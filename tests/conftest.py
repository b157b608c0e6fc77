"""What tests of any folder may ask for."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import pytest

from interloom.runtime.testing.engines import scenarios
from tests import postgres

_SCENARIO: Final = re.compile(r"/test_conformance\.py::\w+\[(memory|sqlite|postgres)-")


@pytest.fixture
def database_url() -> Iterator[str]:
    """A new database on the PostgreSQL server of the tests; skips where there is no server."""
    with postgres.or_skip(postgres.shared).database() as url:
        yield url


@pytest.fixture
def store_url() -> Iterator[str]:
    """As `database_url`, with the tables of a store."""
    with postgres.or_skip(postgres.shared).store() as url:
        yield url


@pytest.fixture(scope="session")
def own_cluster() -> Iterator[postgres.Cluster]:
    postgres.or_skip(postgres.binaries)
    with postgres.cluster() as made:
        yield made


@pytest.fixture
def cluster(own_cluster: postgres.Cluster) -> Iterator[postgres.Cluster]:
    """A PostgreSQL server to be stopped and started, which runs again after each test."""
    yield own_cluster
    own_cluster.start()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: half of the time of the tests is waiting."""
    has_affinity = hasattr(os, "sched_getaffinity")  # not everywhere
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count()
    return (cores or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many scenarios each engine passed, and why one was not tested at all or in part.

    Here, where all workers report to.
    """
    passed = Counter(
        engine
        for report in terminalreporter.stats.get("passed", ())
        for engine in _SCENARIO.findall(report.nodeid)
    )
    for engine, number in sorted(passed.items()):
        of = len(scenarios(is_shared=engine != "memory"))
        terminalreporter.write_line(f"ENGINE {engine}: {number} of {of} scenarios")
    for reason in reasons_without_postgres(terminalreporter.stats.get("skipped", ())):
        how_much = "not all of it tested" if passed["postgres"] else "not tested"
        terminalreporter.write_line(f"ENGINE postgres: {how_much}: {reason}")


def reasons_without_postgres(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """Why there was no server for tests that were skipped, each reason once and on one line."""
    found = set[str]()
    for report in skipped:
        if isinstance(report.longrepr, tuple):
            _, is_told, reason = report.longrepr[2].partition(postgres.NOT_TESTED)
            if is_told:
                found.add(reason.partition("\n")[0])
    return sorted(found)
