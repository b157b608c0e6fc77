"""Processes of the demo: started, watched, killed, and ended whatever happens.

Each is the leader of a process group of its own, so that ending one ends what it started too.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import Process

HOST = "127.0.0.1"
READY_S = 20.0
GOODBYE_S = 2.0
POLL_S = 0.05


class ServiceDied(Exception):
    """A process ended, or did not get ready in time; `service` has the log that may say why."""

    def __init__(self, service: Service, what: str) -> None:
        super().__init__(f"the {service.name} {what}")
        self.service = service


@dataclass(slots=True)
class Service:
    """One program that is to run for a while; leaving its context ends it.

    Attributes:
        command: Program and arguments.
        environment: Added to this process's own.
        log: Where its standard output and error are appended to, over all its lives.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    _process: Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._end()

    @property
    def pid(self) -> int | None:
        """The process id, None when nothing was started or it was ended."""
        return self._process.pid if self._process else None

    async def start(self, missing: Callable[[], Awaitable[str | None]]) -> None:
        """Start the program and wait until it is ready.

        Args:
            missing: Asked again and again what is still missing; None means nothing.

        Raises:
            ServiceDied: It ended first, or was not ready within 20 s.
        """
        with self.log.open("ab") as log:
            self._process = await anyio.open_process(
                self.command,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        lacking: str | None = "it was not asked"
        with anyio.move_on_after(READY_S):
            while (lacking := await missing()) is not None:
                if self._process.returncode is not None:
                    raise ServiceDied(self, f"ended with status {self._process.returncode}")
                await anyio.sleep(POLL_S)
            return
        raise ServiceDied(self, f"was not ready within {READY_S:.0f} s: {lacking}")

    async def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed. Returns when the process is gone."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._process = None

    async def _end(self) -> None:
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGTERM)
            with anyio.move_on_after(GOODBYE_S):
                await self._process.wait()
            await self.kill()


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


async def nobody_listens(port: int) -> str | None:
    """What is missing before a loopback port can be talked to."""
    try:
        stream = await anyio.connect_tcp(HOST, port)
    except OSError:
        return f"nobody listens on port {port}"
    await stream.aclose()
    return None


def read(log: Path) -> str:
    """A log's text so far; empty when nothing was written."""
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def tail(log: Path, *, lines: int = 12, columns: int = 200) -> str:
    """The last lines of a log that are not empty, cut to a width a terminal can take."""
    filled = [line[:columns] for line in read(log).splitlines() if line.strip()]
    return "\n".join(filled[-lines:])


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return  # it ended by itself, and everything it started
