"""Agent cards: found by their address, kept as HTTP allows, and held against a policy.

Source: A2A 1.0.1 sections 8.2 (well-known path), 8.4.3 (signatures), 8.6.2 (caching).
"""

from __future__ import annotations

from dataclasses import dataclass

from interloom.runtime.client import replies
from interloom.runtime.client.addresses import card_address, host
from interloom.runtime.client.documents import MAX_KEPT, Document, Documents
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.client.verifier import Verifier
from interloom.runtime.model import AgentCard
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class _Read:
    document: Document
    card: AgentCard


class Cards:
    """The cards of many agents; share one, and agents that are called often are asked seldom.

    Args:
        port: Sends the requests; stays the caller's to close.
        options: Credentials, the limits of a card, and whose cards are trusted.
        clock: Says what is still fresh.
    """

    def __init__(
        self, port: HttpPort, options: ClientOptions | None = None, clock: Clock | None = None
    ) -> None:
        told = options or ClientOptions()
        self.clock = clock or SystemClock()
        self._documents = Documents(port, told, self.clock)
        self._verifier = Verifier(told.trust, self._documents, self.clock)
        self._read: dict[str, _Read] = {}

    async def get(self, url: str) -> AgentCard:
        """The card of the agent at `url`: under its well-known path, or `url` itself if a .json.

        The same object for as long as the card does not change.

        Raises:
            LocalError: `url` is no http or https address.
            TransportError: No answer, and no card that may stand in.
            AuthRequired: The card is not public.
            PeerError: No card there, or one that breaks the specification.
            UntrustedCard: The policy does not trust it.
        """
        address = card_address(url)
        document = await self._documents.get(address)
        known = self._read.pop(address, None)
        if known is None or known.document is not document:
            known = _Read(document, await self._checked(address, document, known))
        self._read[address] = known
        while len(self._read) > MAX_KEPT:
            del self._read[next(iter(self._read))]
        return known.card

    async def check(self, card: AgentCard) -> None:
        """Hold a card that came another way against the policy.

        Raises:
            UntrustedCard: The policy does not trust it.
        """
        await self._verifier.check(card)

    async def _checked(self, address: str, document: Document, known: _Read | None) -> AgentCard:
        """The card in a document; checked each time it was confirmed, for keys come and go."""
        if known is not None and known.document.body == document.body:
            card = known.card
        else:
            peer = host(address)
            card = replies.decoded(peer, AgentCard, replies.parsed_card(peer, document.body))
        await self._verifier.check(card)
        return card


async def resolve(url: str, port: HttpPort, options: ClientOptions | None = None) -> AgentCard:
    """The card of one agent, fetched anew; raises what `Cards.get` raises."""
    return await Cards(port, options).get(url)
