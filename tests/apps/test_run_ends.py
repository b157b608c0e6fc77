"""`interloom run` in a process of its own, told to end, or left without a disk.

Source: ours; docs/operations.md.
"""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import pytest

BOUND_S: Final = 30.0
AGENTS: Final = '''
import anyio
from interloom.agents import Context, agent

@agent(name="asker")
async def asker(ctx: Context) -> str:
    return str(await ctx.ask("Which colour?"))

@agent(name="waiter")
async def waiter(ctx: Context) -> str:
    """Works until somebody writes to a pipe of that name."""
    return await anyio.to_thread.run_sync(lambda: open(ctx.text).read())

@agent(name="stuck")
async def stuck(ctx: Context) -> str:
    await anyio.sleep_forever()
    return ""
'''
CONFIG: Final = """
agents:
  asker: {use: "ends_agents:asker"}
  waiter: {use: "ends_agents:waiter"}
  stuck: {use: "ends_agents:stuck"}
server: {port: 0}
"""


class Serving:
    """A process that serves."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def readiness(self) -> tuple[int, dict[str, str]]:
        """Status and checks of `/readyz`."""
        try:
            with urlopen(f"{self.url}/readyz", timeout=BOUND_S) as reply:  # noqa: S310 - http
                return reply.status, orjson.loads(reply.read())["checks"]
        except HTTPError as refused:
            with refused:
                return refused.code, orjson.loads(refused.read())["checks"]

    def until(self, status: int, **checks: str) -> None:
        """Ask until it says so."""
        deadline = time.monotonic() + BOUND_S
        while (found := self.readiness()) != (status, {**WELL, **checks}):
            assert time.monotonic() < deadline, found

    def begin(self, agent: str, text: str = "go") -> str:
        """Begin a task; its id."""
        message = {"messageId": f"m-{agent}", "role": "ROLE_USER", "parts": [{"text": text}]}
        body = {"message": message, "configuration": {"returnImmediately": True}}
        request = Request(  # noqa: S310 - http
            f"{self.url}/a2a/{agent}/message:send",
            orjson.dumps(body),
            {"content-type": "application/json", "a2a-version": "1.0"},
        )
        with urlopen(request, timeout=BOUND_S) as reply:  # noqa: S310 - http
            task: dict[str, str] = orjson.loads(reply.read())["task"]
            return task["id"]

    def tell(self, sig: signal.Signals) -> None:
        self.process.send_signal(sig)

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(BOUND_S)


WELL: Final = {"store": "ok", "worker": "ok", "process": "ok"}


@contextmanager
def serving(folder: Path, *options: str) -> Generator[Serving]:
    (folder / "ends_agents.py").write_text(AGENTS, "utf-8")
    (folder / "interloom.yaml").write_text(CONFIG, "utf-8")
    command = [sys.executable, "-m", "interloom.apps.cli", "run", *options]
    with subprocess.Popen(  # noqa: S603 - this Python, these words
        command, cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Serving(process, _url(cast("IO[str]", process.stderr)))
        finally:
            process.kill()


def _url(lines: IO[str]) -> str:
    for line in lines:
        logged: dict[str, str] = orjson.loads(line)
        if logged["event"] == "serve.listening":
            return logged["url"]
    raise AssertionError("the process ended without listening")


def runs(folder: Path) -> list[tuple[str, str | None]]:
    """State and worker of the runs that are left."""
    with closing(sqlite3.connect(folder / "interloom.db")) as database:
        return database.execute("SELECT state, worker FROM run").fetchall()


def state(folder: Path, task_id: str) -> str:
    with closing(sqlite3.connect(folder / "interloom.db")) as database:
        rows = database.execute("SELECT state FROM task WHERE id = ?", (task_id,))
        return str(rows.fetchone()[0])


def test_process_without_work_ends_at_once_and_well(tmp_path: Path) -> None:
    with serving(tmp_path, "--grace", "3600") as process:
        process.tell(signal.SIGTERM)
        assert process.ended() == 0


def test_agent_that_works_may_finish_while_readiness_is_red(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with serving(tmp_path, "--grace", "3600") as process:
        task_id = process.begin("waiter", str(pipe))
        process.tell(signal.SIGTERM)
        process.until(503, process="draining")
        pipe.write_text("done")
        assert process.ended() == 0
    assert (state(tmp_path, task_id), runs(tmp_path)) == ("TASK_STATE_COMPLETED", [])


def test_agent_that_waits_is_parked_and_one_that_outlasts_its_grace_is_handed_back(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, "--grace", "0.2") as process:
        process.begin("asker")
        process.begin("stuck")
        process.tell(signal.SIGTERM)
        assert process.ended() == 0
    assert sorted(runs(tmp_path)) == [("active", None), ("parked", None)]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_it_at_once(tmp_path: Path, sig: signal.Signals) -> None:
    """Its runs are as after a crash: whoever looks next goes on with them."""
    with serving(tmp_path, "--grace", "3600") as process:
        process.begin("stuck")
        process.tell(signal.SIGTERM)
        process.until(503, process="draining")
        process.tell(sig)
        assert process.ended() == -sig
    ((run_state, _),) = runs(tmp_path)
    assert run_state == "active"


def test_interrupted_process_ends_in_good_order_and_says_that_it_was(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        process.tell(signal.SIGINT)
        assert process.ended() == 130


def test_full_disk_turns_readiness_red_until_there_is_room_again(tmp_path: Path) -> None:
    """No file of the process may grow, as on a disk that is full; then it may again."""
    with serving(tmp_path) as process:
        process.until(200)
        _, hard = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        process.until(503, store="unavailable")
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        process.until(200)
        process.begin("asker")
