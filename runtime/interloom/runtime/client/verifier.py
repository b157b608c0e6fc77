"""Holds agent cards against a policy, and fetches the keys it takes (A2A 1.0.1 section 8.4.3)."""

from __future__ import annotations

from typing import Final

from interloom.runtime.client.addresses import is_web_address, origin
from interloom.runtime.client.documents import Documents
from interloom.runtime.client.policy import Demand, Trust
from interloom.runtime.errors import BadConfig, InterloomError
from interloom.runtime.model import AgentCard
from interloom.runtime.values import Clock
from interloom.runtime.wire.keys import PublicKey, public_keys
from interloom.runtime.wire.signatures import Header, UntrustedCard, headers, verify

ROTATION_S: Final = 60.0
"""A key set without the key that is looked for is fetched again, at most this often."""


class Verifier:
    """Holds cards against a policy.

    Args:
        trust: The policy.
        documents: Fetches key sets.
        clock: Says which keys are still used.
    """

    def __init__(self, trust: Trust, documents: Documents, clock: Clock) -> None:
        self._trust, self._documents, self._clock = trust, documents, clock

    async def check(self, card: AgentCard) -> None:
        """Pass a card that may be trusted.

        Raises:
            UntrustedCard: It may not.
        """
        demand = self._trust.demand
        if demand is Demand.IGNORE or (demand is Demand.IF_PRESENT and not card.signatures):
            return
        keys = list(self._trust.keys)
        for header in headers(card):
            if not any(key.kid == header.kid for key in keys):
                keys += await self._fetched(header)
        verify(card, keys, now=self._clock.now(), readings=self._trust.readings)

    async def _fetched(self, header: Header) -> tuple[PublicKey, ...]:
        """The key a signature points at, when it may be fetched from there and is there."""
        if not is_web_address(header.jku) or origin(header.jku) not in self._trust.key_origins:
            return ()
        found = await self._named(header, newest_s=None)
        return found or await self._named(header, newest_s=ROTATION_S)

    async def _named(self, header: Header, newest_s: float | None) -> tuple[PublicKey, ...]:
        try:
            document = await self._documents.get(header.jku, newest_s=newest_s)
            keys = public_keys(document.body)
        except BadConfig:
            return ()
        except InterloomError as error:
            raise UntrustedCard(f"the keys of the agent card cannot be fetched: {error}") from None
        return tuple(key for key in keys if key.kid == header.kid)
