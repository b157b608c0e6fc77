"""`interloom run` in a process of its own, told to serve what it cannot.

Source: `ours`: a sentence and exit code 2, whatever is wrong with the configuration.
"""

from __future__ import annotations

import fcntl
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

BOUND_S = 30.0
AGENT = """from __future__ import annotations
from interloom.agents import Context, agent

@agent(name="echo")
async def echo(ctx: Context) -> str:
    return ctx.text
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "echo_agent_module.py").write_text(AGENT, "utf-8")
    config = 'agents: {echo: {use: "echo_agent_module:echo"}}\nserver: {port: 0}\n'
    (tmp_path / "interloom.yaml").write_text(config, "utf-8")
    return tmp_path


def refusal(folder: Path) -> str:
    """The last line `interloom run` writes, once it has given up as it should."""
    ended = subprocess.run(
        [sys.executable, "-m", "interloom.apps.cli", "run"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]


def test_store_of_another_process_is_refused_in_a_sentence(folder: Path) -> None:
    with (folder / "interloom.db.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refusal(folder) == "error: interloom.db: another process serves this store"


def test_database_of_somebody_else_is_refused_in_a_sentence(folder: Path) -> None:
    database = sqlite3.connect(folder / "interloom.db")
    database.execute("CREATE TABLE theirs (id)")
    database.close()
    said = "error: interloom.db: is a database, but not a store of Interloom"
    assert refusal(folder) == said
