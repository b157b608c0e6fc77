"""The command line as a whole: misuse, bugs, `run`, help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from interloom.apps.cli import COMMANDS, main
from tests.apps import fake_agent as fake
from tests.apps.broken_configs import STORE
from tests.apps.command_line import DONE_TASK, run
from tests.apps.fake_agent import FakeAgent


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("cal",), "No such command 'cal'. Did you mean 'call'?"),
        (("--nope",), "No such option"),
        (("call", "a"), "Missing argument 'TEXT'"),
        (("call", "a", "  "), "TEXT is empty"),
        (("call", "a", "x", "--url", "nonsense"), "must be an absolute http:// or https:// URL"),
        (("tasks", "list"), "Missing option '--agent'"),
        (("tasks", "answer", "t", "--agent", "a"), "give exactly one of TEXT, --set, --json and"),
        (("tasks", "answer", "t", "x", "--decline", "--agent", "a"), "give exactly one of"),
        (("tasks", "answer", "t", "--json", "{", "--agent", "a"), "not JSON"),
        (("tasks", "answer", "t", "--json", "[]", "--agent", "a"), "not a JSON object"),
        (("tasks", "list", "--agent", "a", "--state", "done"), "'done' is not one of"),
    ],
)
def test_misuse_is_one_line_and_exit_code_two(args: tuple[str, ...], said: str) -> None:
    result = run(*args)

    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_bug_ends_without_a_traceback(agent: FakeAgent) -> None:
    """Ours: a person at a shell is owed a sentence; the traceback comes on request."""
    agent.on("GetTask", fake.Result(DONE_TASK))
    args = ("tasks", "get", "", "--agent", "a", "--url", agent.url)

    result = run(*args)
    asked = CliRunner(env={"INTERLOOM_TRACEBACK": "1"}).invoke(main, args)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: unexpected ValidationError, a bug of interloom; set ")
    assert type(asked.exception).__name__ == "ValidationError"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "interloom.yaml: no such file"),
        (("broken.yaml",), "broken.yaml:1: agents.a.use: must be 'module:attribute'"),
        (("good.yaml", "--host", "0.0.0.0"), "--host: others could reach this address"),  # noqa: S104
        (("good.yaml", "--port", "70000"), "--port: must be at most 65535"),
        (("good.yaml", "--grace", "-1"), "--grace: must be at least 0"),
        (("good.yaml", "--grace", "nan"), "--grace: must be "),
        (("good.yaml", "--store", "x"), f"--store: {STORE}"),
    ],
)
def test_run_refuses_a_broken_configuration(
    args: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.yaml").write_text("agents: {a: {use: x}}", encoding="utf-8")
    (tmp_path / "good.yaml").write_text("agents: {a: {use: 'x:y'}}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    result = run("run", *args)

    assert result.exit_code == 2
    assert f"error: {said}" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    """Ours: `interloom --help` is asked for by completion and by people in a hurry."""
    heavy = ("aiohttp", "pydantic", "grpc", "anyio", "yaml", "orjson", "google", "uvicorn")
    program = (
        "import sys\nfrom interloom.apps.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stderr == "[]\n"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + [["tasks", "answer"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: interloom {' '.join(command)}")


def test_bare_command_shows_the_help() -> None:
    assert "Exit codes: 0 ok, 1 unexpected, 2 usage" in run("--help").stdout
    assert run().exit_code == 2
