"""Which of a card's interfaces to use. No I/O.

Source: A2A 1.0.1 section 8.3.2 (client protocol selection), 4.4.6 (`AgentInterface`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from interloom.runtime.client.addresses import is_web_address, shown
from interloom.runtime.errors import PeerError
from interloom.runtime.model import AgentCard, AgentInterface
from interloom.runtime.wire.card import Binding
from interloom.runtime.wire.versions import SERVED

_OVER_HTTP: Final = frozenset({Binding.JSONRPC.value, Binding.HTTP_JSON.value})


def interfaces(card: AgentCard, spoken: Collection[str]) -> tuple[AgentInterface, ...]:
    """The interfaces of a card we can use, in its order; at least one.

    Args:
        card: The agent's.
        spoken: The names of the bindings we speak.

    Raises:
        PeerError: There is none; the message lists what the card offers.
    """
    ours = [each for each in card.supported_interfaces if _is_spoken(each, spoken)]
    if not ours:
        offers = ", ".join(
            shown(f"{each.protocol_binding} {each.protocol_version}")
            for each in card.supported_interfaces
        )
        lacks = f"its card offers no {' or '.join(spoken)} {SERVED} interface"
        raise PeerError(f"{shown(card.name)}: {lacks}; it offers {offers or 'none'}")
    usable = tuple(each for each in ours if _is_address(each))
    if not usable:
        raise PeerError(f"{shown(card.name)}: its card names an address that is no URL")
    return usable


def _is_spoken(offered: AgentInterface, spoken: Collection[str]) -> bool:
    version = offered.protocol_version.split(".")
    return offered.protocol_binding in spoken and version[:2] == SERVED.split(".")


def _is_address(offered: AgentInterface) -> bool:
    # Of gRPC's address a2a.proto says nothing but `host:port`, and another binding has its own kind
    # (5.8); whatever speaks it decides.
    return offered.protocol_binding not in _OVER_HTTP or is_web_address(offered.url)
