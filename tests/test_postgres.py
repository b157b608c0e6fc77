"""The PostgreSQL server of the tests starts, stops and leaves nothing. Source: ours."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.postgres import Cluster

LIMIT_S = 60
HERE = Path(__file__)
_HIDING = """
from tests import postgres
postgres._folders = lambda: iter(())
"""

_ABANDONED = """
import os, sys
from tests import postgres
with postgres.cluster() as made:
    print(made.folder, flush=True)
    sys.stdin.read()
"""


def kept(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT number FROM kept").fetchall()


def test_each_test_has_a_database_of_its_own(database_url: str) -> None:
    with postgres.or_skip(postgres.shared).database() as other:
        for url in (database_url, other):
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE kept (number INT)")
        assert kept(database_url) == kept(other) == []


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_server_that_was_stopped_comes_back_with_what_was_committed(
    cluster: Cluster, how: signal.Signals
) -> None:
    with cluster.database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (number INT)")
            connection.execute("INSERT INTO kept VALUES (1)")
        cluster.stop(how)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        cluster.start()
        assert kept(url) == [(1,)]


def test_server_asks_for_the_password_over_tcp(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(cluster.tcp_url)
    with psycopg.connect(cluster.tcp_url, password=postgres.PASSWORD) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_server_ends_with_the_process_that_started_it() -> None:
    """Also one that is killed, and has no chance to clean up."""
    postgres.or_skip(postgres.binaries)
    child = subprocess.Popen(  # noqa: S603 - this file's own script
        [sys.executable, "-c", _ABANDONED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        watched = os.pidfd_open(server)
        child.kill()
        child.wait(LIMIT_S)
        ended, _, _ = select.select([watched], [], [], LIMIT_S)
        os.close(watched)
        assert ended


@pytest.mark.parametrize("workers", ["0", "1"])
def test_run_without_a_server_says_so_in_its_summary(tmp_path: Path, workers: str) -> None:
    """Also where other processes run the tests; that a line is missing, nobody would notice."""
    (tmp_path / "hiding.py").write_text(_HIDING)
    told = ("PYTEST_", postgres.FROM_ENVIRONMENT)
    environment = {name: each for name, each in os.environ.items() if not name.startswith(told)}
    test = f"{HERE}::{test_each_test_has_a_database_of_its_own.__name__}"
    done = subprocess.run(  # noqa: S603 - these tests
        [sys.executable, "-m", "pytest", "-q", "-p", "hiding", "-n", workers, test],
        env={**environment, "PYTHONPATH": str(tmp_path)},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    (said,) = (line for line in done.stdout.splitlines() if line.startswith("ENGINE"))
    assert said.startswith("ENGINE postgres: not tested: no initdb and postgres on PATH, ")
    assert said.endswith("; install a server, or set INTERLOOM_TEST_POSTGRES to a URL of one")
