"""The fixture agent in a process of its own, for as long as a judge looks at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
GOODBYE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where the fixture is served.

    Attributes:
        url: Base URL of its HTTP bindings.
        grpc: `host:port` of its gRPC binding; empty without one.
    """

    url: str
    grpc: str = ""


@contextmanager
def fixture(*options: str, **environment: str) -> Generator[Served]:
    """Serve the fixture; see `tests.peers.fixture` and its `card` for what there is to choose.

    Raises:
        RuntimeError: It did not come up; its own words are on stderr.
    """
    command = [sys.executable, "-m", "tests.peers.fixture", "--http-port", "0", *options]
    with subprocess.Popen(  # noqa: S603 - this Python, these words
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            # It says where it listens once it does; without that, an empty line of a dead process.
            said: str = "" if process.stdout is None else process.stdout.readline()
            places = said.split()
            if not places:
                raise RuntimeError("the fixture agent did not come up")
            yield Served(*places)
        finally:
            process.terminate()
            try:
                process.wait(GOODBYE_S)
            except subprocess.TimeoutExpired:
                process.kill()
