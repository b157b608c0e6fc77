"""Small words every floor shares: JSON values, the clock, fresh ids."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value as read from the wire; parsed once, at the border."""

JsonObject: TypeAlias = Mapping[str, Json]
"""A JSON object."""


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

    def now(self) -> datetime:
        """The machine's wall clock, UTC, in whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        """The machine's monotonic clock, seconds."""
        return time.monotonic()


class RandomIds:
    """Identifiers from the operating system's random source."""

    def fresh(self) -> str:
        """128 random bits as 32 hex digits."""
        return os.urandom(16).hex()
