"""A place where one process after another serves a store, to be killed."""

from __future__ import annotations

import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process

ROOT: Final = Path(__file__).parents[3]
HOST: Final = "127.0.0.1"
READY_S: Final = 60.0
POLL_S: Final = 0.05


class Worker:
    """A place where one process after another serves the store.

    Attributes:
        is_up: Whether there is one that can be talked to.
    """

    def __init__(
        self, command: list[str], folder: Path, environment: Mapping[str, str], path: str = ""
    ) -> None:
        """Choose a port; nothing is started yet.

        Args:
            command: The program, which takes `--port`.
            folder: Where it runs and its log goes.
            environment: All of it.
            path: Of the agent, below the port.
        """
        self.port = free_port()
        self._command = [*command, "--port", str(self.port)]
        self._path = path
        self._folder, self._environment = folder, environment
        self._process: Process | None = None
        self.is_up = False

    @property
    def url(self) -> str:
        """Where its agent is, whenever there is one."""
        return f"http://{HOST}:{self.port}{self._path}"

    async def start(self) -> None:
        """Start a process and wait until it can be talked to."""
        log = (self._folder / "workers.log").open("ab")
        with log:
            self._process = await anyio.open_process(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        await listening(self.port)
        self.is_up = True

    async def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self.is_up = False
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None


async def listening(port: int) -> None:
    """Wait until somebody listens on a port of this machine."""
    with anyio.fail_after(READY_S):
        while True:
            try:
                stream = await anyio.connect_tcp(HOST, port)
            except OSError:
                await anyio.sleep(POLL_S)
            else:
                await stream.aclose()
                return


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
