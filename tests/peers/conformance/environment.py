"""Environments of their own for judges that ours is too old for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.peers.conformance.served import ROOT

HOME: Final = ROOT / ".venv" / "judges"
REQUIREMENTS: Final = Path(__file__).parent / "requirements"
_ASK: Final = "import sys; print(*sys.version_info[:2])"
_NEWEST: Final = 20


def environment(name: str, *, needs: tuple[int, int]) -> Path:
    """An environment with what `requirements/<name>.txt` pins, made when there is none.

    Args:
        name: Of the environment and of its requirements.
        needs: The least version of Python it takes.

    Returns:
        The folder of its programs.

    Raises:
        RuntimeError: This machine has no such Python; see `python`.
        subprocess.CalledProcessError: It could not be filled.
    """
    folder, wanted = HOME / name, (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    stamp, programs = folder / "installed.txt", folder / "bin"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python(needs), "-m", "venv", folder], check=True)  # noqa: S603 - found by us
        install = [str(programs / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        pins = ["--requirement", str(REQUIREMENTS / f"{name}.txt")]
        subprocess.run([*install, *pins], check=True)  # noqa: S603 - the environment's own
        stamp.write_text(wanted, "utf-8")
    return programs


def python(needs: tuple[int, int]) -> str:
    """A Python of this machine that is new enough.

    Raises:
        RuntimeError: There is none.
    """
    for candidate in _candidates(needs):
        if _version(candidate) >= needs:
            return candidate
    least = ".".join(map(str, needs))
    raise RuntimeError(f"needs Python {least} or newer, and this machine has none on its path")


def _candidates(needs: tuple[int, int]) -> Iterator[str]:
    """Pythons that may be new enough: ours, those on the path, those pyenv keeps."""
    yield sys.executable
    names = [f"python{needs[0]}.{minor}" for minor in range(needs[1], _NEWEST)]
    yield from filter(None, map(shutil.which, (*names, "python3")))
    # A shim of pyenv refuses to start a version that is installed but not chosen.
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(kept.glob("3.*/bin/python3"), reverse=True))


def _version(python: str) -> tuple[int, ...]:
    asked = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=False)  # noqa: S603 - found by us
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else ()
