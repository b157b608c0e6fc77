"""Starting the servers of a job, each in its own process, and reading what CPU they used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from bench.serving import READY

_START_S = 120.0
_STOP_S = 5.0
_LINE_BYTES = 1000


class DidNotStart(Exception):
    """A server's process ended, or said nothing, before it was ready."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core does what; None leaves the choice to the kernel.

    Attributes:
        server: Where the targets run, one loaded at a time.
        generator: Where the load and the tool server run.
    """

    server: int | None
    generator: int | None


@dataclass(frozen=True, slots=True)
class Running:
    """A server that accepts connections.

    Attributes:
        name: Its name in the table of servers.
        port: Where it listens on 127.0.0.1.
        pid: Its process.
    """

    name: str
    port: int
    pid: int

    def own_cpu_s(self) -> float:
        """CPU seconds used so far by the process and all its threads."""
        return _cpu_clock_s(self.pid)

    def cpu_s(self) -> float:
        """CPU seconds used so far by the process, all its threads and its living descendants."""
        return sum(_cpu_clock_s(pid) for pid in (self.pid, *_descendants(self.pid)))


def two_cores() -> Cores:
    """The first two cores this process may use, or none when it has no two."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[1]) if len(allowed) > 1 else Cores(None, None)


@asynccontextmanager
async def started(
    name: str,
    *,
    core: int | None,
    scratch: Path,
    tools_port: int = 0,
    tools_core: int | None = None,
) -> AsyncGenerator[Running]:
    """Run a server until the context is left.

    Args:
        name: Its name in the table of servers.
        core: The core it is bound to.
        tools_core: The core of the tool server, for those that start one themselves.
        scratch: A folder of its own for files it keeps; made by the server.
        tools_port: Where the tool server listens, for those that call it.

    Raises:
        DidNotStart: It ended or stayed silent; its own words are on standard error.
    """
    command = [sys.executable, "-m", "bench.servers", name]
    command += ["--scratch", str(scratch), "--tools-port", str(tools_port)]
    command += [] if core is None else ["--core", str(core)]
    command += [] if tools_core is None else ["--tools-core", str(tools_core)]
    process = await anyio.open_process(
        command, stdin=subprocess.DEVNULL, stderr=None, cwd=Path(__file__).parents[1]
    )
    async with process:
        try:
            yield Running(name, await _port_of(name, process), process.pid)
        finally:
            with anyio.CancelScope(shield=True):
                await _stop(process)


async def _port_of(name: str, process: Process) -> int:
    if process.stdout is None:
        raise DidNotStart(f"{name}: no standard output to read")
    try:
        with anyio.fail_after(_START_S):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", _LINE_BYTES)
    except (anyio.IncompleteRead, anyio.EndOfStream):
        raise DidNotStart(f"{name}: the process ended before it was ready") from None
    except TimeoutError:
        raise DidNotStart(f"{name}: not ready after {_START_S:g} s") from None
    word, _, rest = line.decode().partition(" ")
    if word != READY:
        raise DidNotStart(f"{name}: said {line!r} where '{READY} PORT' was due")
    return int(rest)


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    with anyio.move_on_after(_STOP_S):
        await process.wait()
        return
    process.kill()
    await process.wait()


def _cpu_clock_s(pid: int) -> float:
    # Linux gives every process a clock of its own, exact to the nanosecond and across threads,
    # dead ones included; clock_getcpuclockid(3) computes its id like this. /proc/PID/stat counts
    # in ticks of 10 ms.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _descendants(pid: int) -> Iterator[int]:
    parents = dict(_parents())
    for child in parents:
        ancestor = parents.get(child)
        while ancestor and ancestor != pid:
            ancestor = parents.get(ancestor)
        if ancestor == pid:
            yield child


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it ended while we looked
            continue
        # The name in parentheses may hold anything; state and parent follow the last one.
        yield int(stat.parent.name), int(text.rpartition(")")[2].split()[1])
