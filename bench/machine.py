"""Where the numbers come from: machine, Python, libraries."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from bench.process import Cores

_LIBRARIES: Final = (
    "uvicorn",
    "httptools",
    "anyio",
    "aiohttp",
    "orjson",
    "pydantic",
    "protobuf",
    "a2a-sdk",
    "mcp",
)


def describe(cores: Cores) -> str:
    """A few lines to print above the numbers."""
    pinned = (
        f"servers on core {cores.server}, load on core {cores.generator}"
        if cores.server is not None
        else "not pinned: fewer than two cores"
    )
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return (
        f"{_processor()}, {os.cpu_count()} cores ({pinned}), load average "
        f"{os.getloadavg()[0]:.1f} at the start, {platform.system()} {platform.release()}\n"
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {libraries}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "missing"
