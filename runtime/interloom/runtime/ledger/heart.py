"""Says from a thread of its own that a process is alive, as long as its event loop turns.

A thread, because an agent that computes for a while must not look dead; the loop has to turn,
because one that is stuck for good must. A beat is only given when the loop has turned since the
one before, so a loop that is stuck gets one more at most: it may be held up for as long as a lease,
and others have its runs a third of a lease later.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - a thread wakes the loop, which anyio has no cheap word for
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from interloom.runtime.telemetry.log import logger

log = logger("ledger")

BEATS: Final = 3
"""Beats to a lease: two may be lost before others take this process for dead."""


_FRAMES: Final = 8
"""Innermost calls of a stuck loop that are logged."""


class Heart:
    """Beats until it is stopped, or told that it came too late."""

    def __init__(
        self, beat: Callable[[], bool], *, lease_s: float, on_loss: Callable[[], None]
    ) -> None:
        """Begin to beat; inside the event loop that is watched.

        Args:
            beat: Called in the thread; False says that the process was taken for dead. What it
                raises is a beat that is lost.
            lease_s: Seconds without a beat after which that happens.
            on_loss: Called in the event loop, once, when it has happened.
        """
        self._beat, self._on_loss = beat, on_loss
        self._lease_s = lease_s
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._turned, self._stopped = threading.Event(), threading.Event()
        self._turned.set()
        self._is_lost = False
        self._thread = threading.Thread(target=self._work, name="interloom-heart", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; returns once the thread is done with the store."""
        self._stopped.set()
        self._turned.set()
        self._thread.join()

    def lose(self) -> None:
        """Find that others took the process for dead; in the event loop."""
        if not self._is_lost:
            self._is_lost = True
            self._stopped.set()
            self._on_loss()

    def _work(self) -> None:
        with suppress(RuntimeError):  # the loop is gone, and so is everybody who could be told
            while not self._stopped.wait(self._lease_s / BEATS):
                self._await_turn()
                if self._stopped.is_set():
                    return
                if not self._alive():
                    self._loop.call_soon_threadsafe(self.lose)
                    return
                self._turned.clear()
                self._ask_for_turn()

    def _await_turn(self) -> None:
        """Return once the loop has turned since the last beat, or nobody wants another."""
        if self._turned.is_set():
            return
        log.warning("heart.stopped", reason="the event loop does not turn", at=self._at())
        while not self._turned.wait(self._lease_s):
            self._ask_for_turn()  # which says when it is gone for good

    def _ask_for_turn(self) -> None:
        self._loop.call_soon_threadsafe(self._turned.set)

    def _at(self) -> str:
        """Where the thread of the loop is: what keeps it from turning."""
        # Its documented name.
        frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        frame = frames.get(self._loop_thread)
        if frame is None:
            return ""
        return " < ".join(
            f"{each.name} ({each.filename}:{each.lineno})"
            for each in reversed(traceback.extract_stack(frame, limit=_FRAMES))
        )

    def _alive(self) -> bool:
        try:
            return self._beat()
        except Exception as error:  # noqa: BLE001 - a store that is away does not end the thread
            log.warning("heart.missed", error=type(error).__name__)
            return True
