"""Whose agent cards are trusted: the policy.

Source: A2A 1.0.1 section 8.4.3. Ours: a key set that a signature points at (`jku`) is fetched from
origins on a list alone, because whoever changes a card can change its `jku` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from interloom.runtime.wire.keys import PublicKey
from interloom.runtime.wire.signatures import Reading


@unique
class Demand(Enum):
    """What is asked of a card's signatures."""

    REQUIRE = "require"
    """One of them must be trusted."""
    IF_PRESENT = "if-present"
    """One must be trusted when there are any: finds damage, not a thief who takes all of them."""
    IGNORE = "ignore"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which cards are trusted.

    Attributes:
        demand: What is asked of their signatures.
        keys: The keys that are trusted.
        key_origins: Origins (`https://keys.example`) whose key sets are trusted, too.
        readings: What a signature may cover.
    """

    demand: Demand = Demand.IGNORE
    keys: tuple[PublicKey, ...] = ()
    key_origins: frozenset[str] = frozenset()
    readings: tuple[Reading, ...] = (Reading.SPECIFIED,)
