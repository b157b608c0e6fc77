"""Programs of these tests, as real processes that can be killed at any moment."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
"""Seconds a program may take altogether; then it is killed, and what waits for it ends."""


class Program:
    """A running program; made by `running`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hear(self) -> str:
        """The next line it says; empty once it is gone."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return line.removesuffix("\n") if line.endswith("\n") else ""

    def hear_at_last(self, wanted: str) -> None:
        """Hear a line, whatever it says before."""
        while (line := self.hear()) != wanted:
            assert line, f"it is gone, and never said {wanted!r}"

    def tell(self, line: str) -> None:
        """Give it a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def kill(self) -> list[str]:
        """SIGKILL: no handler runs, nothing is flushed. What it had said before is returned."""
        self._process.kill()
        said = list(iter(self.hear, ""))
        assert self._process.wait(PATIENCE_S) < 0
        return said

    def stop(self) -> None:
        """SIGSTOP: it stands still in the middle of whatever it does."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Let it make no file longer than a size, as a full disk would not; -1 to lift that."""
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def ended(self) -> int:
        """Wait for it to end by itself; its exit status."""
        return self._process.wait(PATIENCE_S)


@contextmanager
def running(module: str, *arguments: object, patience_s: float = PATIENCE_S) -> Generator[Program]:
    """Run a module until the block is left; then it is killed if it is still there."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        watchdog = Timer(patience_s, process.kill)
        watchdog.start()
        try:
            yield Program(process)
        finally:
            watchdog.cancel()
            process.kill()
