"""Small words every floor shares: JSON values, the clock, fresh ids."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value as read from the wire; parsed once, at the border."""

JsonObject: TypeAlias = Mapping[str, Json]
"""A JSON object."""


_DRAW: Final = 64
"""Identifiers to a system call."""


class Clock(Protocol):
    """Where the time comes from; cores never ask, they are told."""

    def now(self) -> datetime:
        """The present moment, aware, UTC, in whole milliseconds: what A2A carries (5.6.1)."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class Ids(Protocol):
    """Where fresh identifiers come from."""

    def fresh(self) -> str:
        """An identifier nobody else has: 128 random bits as 32 hex digits."""
        ...


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._at_ms = 0
        self._moment = datetime.fromtimestamp(0, UTC)

    def now(self) -> datetime:
        """The machine's wall clock, UTC, in whole milliseconds.

        Within one millisecond it is the same object: a busy process asks several times in each.
        """
        at_ms = time.time_ns() // 1_000_000
        if at_ms != self._at_ms:
            self._moment = datetime.fromtimestamp(at_ms / 1000, UTC)
            self._at_ms = at_ms
        return self._moment

    def monotonic(self) -> float:
        """The machine's monotonic clock, seconds."""
        return time.monotonic()


class RandomIds:
    """Identifiers from the operating system's random source, drawn many at a time.

    One pool serves the whole process, so that there is one hook for a fork, however many of these.
    """

    def fresh(self) -> str:
        """128 random bits as 32 hex digits."""
        try:
            return _drawn.pop()
        except IndexError:
            bits = os.urandom(_DRAW * 16).hex()
            _drawn.extend(bits[at : at + 32] for at in range(32, len(bits), 32))
            return bits[:32]


_drawn: Final[list[str]] = []
os.register_at_fork(after_in_child=_drawn.clear)  # or two processes would share them
