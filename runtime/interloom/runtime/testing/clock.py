"""Time that moves when told, and ids that are the same in every run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

START: Final = datetime(2026, 7, 28, 12, tzinfo=UTC)
"""When a `FakeClock` begins."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class FakeClock:
    """A `Clock` that stands still until it is advanced."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = timedelta()

    def now(self) -> datetime:
        """The moment it stands at, in whole milliseconds."""
        return self._start + self._passed // _MILLISECOND * _MILLISECOND

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self._passed.total_seconds()

    def advance(self, seconds: float) -> None:
        """Let time pass; it never goes back.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._passed += timedelta(seconds=seconds)


class SeededIds:
    """`Ids` that come in the same order for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._seed, self._given = seed, 0

    def fresh(self) -> str:
        """The next one: 32 hex digits, like the real ones."""
        self._given += 1
        return blake2b(f"{self._seed}/{self._given}".encode(), digest_size=16).hexdigest()
