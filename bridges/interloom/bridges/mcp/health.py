"""What is known of a server's health, for whoever looks after it. No I/O, and no secret.

Source: ours. An operator wants to see, for each server, whether it is reached and why not, before a
task's caller does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique

from interloom.bridges.mcp.cache import Counts
from interloom.bridges.mcp.core.breaker import Breaker
from interloom.runtime.values import JsonObject


@unique
class Reached(Enum):
    """Whether a server is reached."""

    UNTRIED = "untried"
    YES = "yes"
    """It answered last, whatever it said."""
    FAILING = "failing"
    """It did not answer last, and is tried all the same."""
    RESTING = "resting"
    """It did not answer so often in a row that it is left alone for a while; see `Breaker`."""


@dataclass(slots=True)
class Condition:
    """How a server has fared so far, whichever of our clients talked to it.

    Attributes:
        breaker: Whether it is tried at all.
        answered: When it last answered, whatever it said; None for never.
        problem: Why it did not, the last time it did not; the words of an error of ours.
    """

    breaker: Breaker = field(default_factory=Breaker)
    answered: datetime | None = None
    problem: str = ""

    @property
    def reached(self) -> Reached:
        """Whether it is reached, as far as is known without trying."""
        if not self.breaker.is_closed:
            return Reached.RESTING
        if self.breaker.failures:
            return Reached.FAILING
        return Reached.UNTRIED if self.answered is None else Reached.YES


@dataclass(frozen=True, slots=True)
class Health:
    """One server at one moment.

    Attributes:
        server: Our name for it.
        era: `modern` or `legacy`; None before that is known.
        version: The protocol version in use; None before that is known.
        reached: Whether it is reached.
        problem: Why not; empty while it is.
        failures: Failures in a row.
        rests_for_s: Seconds it is left alone; None while it is not.
        answered: When it last answered; None for never.
        clients: Clients that talk to it; more than one where callers are kept apart.
        cache: What the cache has done for it.
        changed_tools: Tools whose definitions are not those agreed to.
    """

    server: str
    era: str | None
    version: str | None
    reached: Reached
    problem: str
    failures: int
    rests_for_s: float | None
    answered: datetime | None
    clients: int
    cache: Counts
    changed_tools: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """As JSON; times in ISO 8601, what is not known is null."""
        rests_for_s = None if self.rests_for_s is None else round(self.rests_for_s, 3)
        return {
            "server": self.server,
            "era": self.era,
            "version": self.version,
            "reached": self.reached.value,
            "problem": self.problem,
            "failures": self.failures,
            "restsForS": rests_for_s,
            "answered": None if self.answered is None else self.answered.isoformat(),
            "clients": self.clients,
            "cache": {
                "hits": self.cache.hits,
                "misses": self.cache.misses,
                "kept": self.cache.kept,
                "purged": self.cache.purged,
            },
            "changedTools": list(self.changed_tools),
        }
