"""`interloom run` in a process of its own, told to serve what it cannot.

Source: `ours`: a sentence and exit code 2, whatever is wrong with the configuration; 1 when it is
something else.
"""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import anyio
import orjson
import pytest

from interloom.runtime.ledger.sqlite import SqliteLedger
from tests.apps.agent_source import ECHO
from tests.apps.broken_configs import SECRET
from tests.postgres import Cluster

BOUND_S = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "echo_agent_module.py").write_text(ECHO, "utf-8")
    config = 'agents: {echo: {use: "echo_agent_module:echo"}}\nserver: {port: 0}\n'
    (tmp_path / "interloom.yaml").write_text(config, "utf-8")
    return tmp_path


def refusal(folder: Path, exit_code: int = 2, *, store: str = "sqlite:///interloom.db") -> str:
    """The last line `interloom run` writes, once it has given up as it should.

    All others are for whoever reads logs.
    """
    ended = subprocess.run(  # noqa: S603 - our own interpreter, our own program
        [sys.executable, "-m", "interloom.apps.cli", "run", "--store", store],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert ended.returncode == exit_code, ended.stderr
    *logged, said = ended.stderr.splitlines()
    assert all(orjson.loads(line)["level"] in {"info", "error"} for line in logged)
    return said


def test_store_of_another_host_is_refused_in_a_sentence(folder: Path) -> None:
    path = folder / "interloom.db"

    async def make() -> None:
        await SqliteLedger(path).aclose()

    anyio.run(make)
    with closing(sqlite3.connect(path)) as database:
        beat_ms = time.time() * 1000
        database.execute("INSERT INTO worker VALUES ('w', 'another host', 1, ?)", (beat_ms,))
        database.commit()
    said = "error: interloom.db: is served from another host"
    assert refusal(folder).startswith(said)


def test_database_of_somebody_else_is_refused_in_a_sentence(folder: Path) -> None:
    database = sqlite3.connect(folder / "interloom.db")
    database.execute("CREATE TABLE theirs (id)")
    database.close()
    said = "error: interloom.db: is a database, but not a store of Interloom"
    assert refusal(folder) == said


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("import nowhere_to_be_found\n", "ModuleNotFoundError: No module named"),
        ("\n\nraise OSError('no')\n", "OSError: no ({folder}/echo_agent_module.py:3)"),
        ("def echo(:\n", "SyntaxError: invalid syntax (echo_agent_module.py, line 1)"),
        ("echo = 3\n", "echo_agent_module:echo is int, not a function under @agent(...)"),
        (ECHO.replace("def echo", "def ecco"), "is not there; did you mean 'ecco'?"),
        (ECHO.replace('@agent(name="echo")', "@agent"), "echo_agent_module.py:4)"),
    ],
)
def test_agent_that_cannot_be_loaded_is_refused_with_its_line(
    folder: Path, module: str, said: str
) -> None:
    (folder / "echo_agent_module.py").write_text(module, "utf-8")
    sentence = refusal(folder)
    assert sentence.startswith("error: agents.echo.use: ")
    assert said.format(folder=folder) in sentence


def test_module_that_is_not_there_is_refused_with_where_it_was_looked_for(folder: Path) -> None:
    (folder / "echo_agent_module.py").unlink()
    said = f"no module echo_agent_module in {folder} or among the installed packages"
    assert refusal(folder) == f"error: agents.echo.use: {said}"


def test_port_that_is_taken_is_refused_with_a_way_out(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = folder / "interloom.yaml"
        config.write_text(config.read_text("utf-8").replace("port: 0", f"port: {port}"), "utf-8")
        sentence = refusal(folder)
    assert sentence.startswith(f"error: 127.0.0.1:{port}: cannot listen: Address already in use")
    assert sentence.endswith("--port 0 takes any free port")


def test_startup_that_fails_for_another_reason_is_unexpected_and_not_a_lack_of_credentials(
    folder: Path,
) -> None:
    """README, exit codes: uvicorn's own 3 would say so. What happened is in the log."""

    async def make() -> None:
        await SqliteLedger(folder / "interloom.db").aclose()

    anyio.run(make)
    with closing(sqlite3.connect(folder / "interloom.db")) as database:
        database.execute(
            "INSERT INTO task (number, id, context_id, owner, agent, state, status_ms, seq)"
            " VALUES (1, 't', 'c', '', 'echo', 'a strange one', 0, 0)"
        )
        database.execute(
            "INSERT INTO run (task, agent, state, attempt) VALUES (1, 'echo', 'active', 1)"
        )
        database.commit()
    assert refusal(folder, 1) == "error: the server could not start; its log says why"


def test_server_that_does_not_let_us_in_is_told_without_the_password(
    folder: Path, cluster: Cluster
) -> None:
    address = f"127.0.0.1:{cluster.port}/postgres"
    sentence = refusal(folder, store=f"postgresql://postgres:{SECRET}@{address}")
    said = 'password authentication failed for user "postgres"'
    assert sentence == f"error: store: postgresql://{address}: cannot be opened: {said}"
