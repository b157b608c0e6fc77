"""Children that die at a moment of our choice, for a parent that says which.

A line on stdin is `NAME MOMENT`. A child is forked that lives on the store NAME.db of a folder, and
kills itself when the moment comes; what a moment is, the program says. The child's exit status goes
to stdout: -9, or 0 when it was not to die. Forking one loaded process is a hundred times quicker
than starting another, and nobody else's threads are in it.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import anyio

Life: TypeAlias = Callable[[Path, str], Awaitable[None]]
"""What a child does with a store, until a moment."""


def die() -> None:
    """Be gone: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def fork_for_each_line(live: Life, folder: Path) -> None:
    """Do what the lines say, until there are no more."""
    for line in sys.stdin:
        name, _, moment = line.strip().partition(" ")
        sys.stdout.write(f"{_status(live, folder / f'{name}.db', moment)}\n")
        sys.stdout.flush()


def _status(live: Life, store: Path, moment: str) -> int:
    """Have a child live; its exit status, negative when a signal ended it."""
    child = os.fork()
    if not child:
        try:
            anyio.run(live, store, moment)
        except BaseException:  # noqa: BLE001 - else the child would go on as the parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
