"""Whether a server that has failed lately is tried at all. No I/O.

Source: ours. A server that is down costs every call its time limit, and the calls that wait for it
hold what others need. So after some failures in a row it is left alone for a while; then one call
finds out whether it is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FAILURES: Final = 5
"""Failures in a row before a server is left alone."""

FIRST_REST_S: Final = 1.0
"""Seconds it is left alone at first; doubled with each failure after that."""

MAX_REST_S: Final = 15.0
"""Seconds it is left alone at most: a person's answer may be waiting for it."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a server's health.

    Attributes:
        failures: Failures in a row.
        rests_until_s: Until when it is left alone, seconds on the caller's monotonic clock; None
            while it is not.
        is_probed: One call is finding out whether it is back.
    """

    failures: int = 0
    rests_until_s: float | None = None
    is_probed: bool = False

    @property
    def is_closed(self) -> bool:
        """True while the server is believed to work."""
        return self.rests_until_s is None

    def admit(self, now_s: float) -> tuple[Breaker, bool]:
        """Ask for one call: the breaker afterwards, and whether the call may be made."""
        if self.rests_until_s is None:
            return self, True
        if self.is_probed or now_s < self.rests_until_s:
            return self, False
        return replace(self, is_probed=True), True

    def succeeded(self) -> Breaker:
        """The server answered, whatever it said."""
        return self if self == _CLOSED else _CLOSED

    def failed(self, now_s: float) -> Breaker:
        """The server did not answer."""
        failures = self.failures + 1
        if failures < FAILURES:
            return Breaker(failures)
        rest_s = min(FIRST_REST_S * 2.0 ** min(failures - FAILURES, 10), MAX_REST_S)
        return Breaker(failures, now_s + rest_s)

    def left(self) -> Breaker:
        """A call was given up by its caller, which says nothing about the server."""
        return replace(self, is_probed=False) if self.is_probed else self


_CLOSED: Final = Breaker()
