"""One child process: how it is started, listened to and brought to an end.

Source: MCP 2026-07-28, basic/transports/stdio "Shutdown" (close its input, wait, terminate, kill)
and what may be done with `stderr`. Ours: a child leads a process group, so that what it has started
ends with it, and on Linux it is told to end when we die without a word (`prctl(2)`,
PR_SET_PDEATHSIG); it inherits the environment variables it needs to run, and no others.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.stapled import StapledByteStream

from interloom.bridges.mcp.core.lines import LineDecoder, Overlong
from interloom.runtime.telemetry.log import logger

INHERITED: Final = frozenset(
    {
        *("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"),
        *("LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"),
        *("APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATHEXT", "PROGRAMFILES"),
        *("SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE"),
    }
)
"""Variables of ours that a child sees; everything else, secrets included, it must be given."""

GRACE_S: Final = 2.0
"""Seconds a child gets to end after its input is closed, and again after it is told to."""

MAX_STDERR_LINE: Final = 4096
"""Bytes of one line of `stderr` that are logged."""
STDERR_LINES: Final = 200
"""Lines logged in each `STDERR_PERIOD_S`; a child that floods `stderr` must not flood the log."""
STDERR_PERIOD_S: Final = 10.0

_LAUNCH: Final = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[3:])
"""
_log = logger("mcp")


class CannotStart(Exception):
    """There is no such program, or it may not be run.

    Attributes:
        rule: Why, without a path.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """What a child sees: the variables in `INHERITED`, and above them what it is given."""
    ours = {name: value for name, value in os.environ.items() if name.upper() in INHERITED}
    return {**ours, **given}


async def start(
    command: str, args: Sequence[str], *, env: Mapping[str, str], cwd: str | None
) -> Process:
    """Start a program with pipes to all three of its streams, as the leader of a process group.

    Raises:
        CannotStart: There is no such program or folder, or it may not be run.
    """
    found = shutil.which(command, path=env.get("PATH"))
    if found is None:
        raise CannotStart("the command is not there, or is no program")
    words = [found, *args]
    if sys.platform == "linux":
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())]
        words = [*launcher, str(Path.cwd() / found), command, *args]
    process: Process | None = None
    with anyio.CancelScope(shield=True):  # a process half started would be nobody's
        try:
            process = await anyio.open_process(words, env=env, cwd=cwd, start_new_session=True)
        except OSError as error:
            raise CannotStart(f"cannot be started ({type(error).__name__})") from error
    if process is None:
        raise CannotStart("cannot be started")
    return process


def wire_of(process: Process) -> StapledByteStream:
    """Its input and its output as one stream."""
    if process.stdin is None or process.stdout is None:
        raise CannotStart("has no pipes")
    return StapledByteStream(process.stdin, process.stdout)


async def stop(process: Process) -> int:
    """End a process and its group: close its input, wait, terminate, wait, kill.

    Returns:
        Its exit status; negative for the signal that ended it.
    """
    if process.stdin is not None:
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await process.stdin.aclose()
    for sign in (None, signal.SIGTERM):
        if sign is not None:
            _signal(process, sign)
        with anyio.move_on_after(GRACE_S):
            await process.wait()
            break
    # The group outlives its leader where a grandchild ignores that its input has ended.
    _signal(process, signal.SIGKILL)
    return await process.wait()


def _signal(process: Process, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)


class Complaints:
    """Reads a child's `stderr` for as long as there is any, and logs it line by line at DEBUG.

    It is never shown above that: what a server says there may repeat what it was sent.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._period_began = 0.0
        self._logged = 0
        self._dropped = 0

    async def read(self, stderr: ByteReceiveStream) -> None:
        """Read to the end, or until cancelled."""
        decoder = LineDecoder(max_bytes=MAX_STDERR_LINE)
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                chunk = await stderr.receive()
                if _log.isEnabledFor(logging.DEBUG):
                    for line in decoder.feed(chunk):
                        self._say(line.head + b"..." if isinstance(line, Overlong) else line)

    def _say(self, line: bytes) -> None:
        now_s = anyio.current_time()
        if now_s >= self._period_began + STDERR_PERIOD_S:
            if self._dropped:
                _log.debug("mcp.stderr_dropped", server=self._server, lines=self._dropped)
            self._period_began, self._logged, self._dropped = now_s, 0, 0
        if self._logged == STDERR_LINES:
            self._dropped += 1
            return
        self._logged += 1
        text = line.decode("utf-8", "replace")
        said = "".join(each if each.isprintable() else " " for each in text)
        _log.debug("mcp.stderr", server=self._server, said=said)
