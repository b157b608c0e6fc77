"""Which of a card's interfaces to use, and where a card is found. No I/O.

Source: A2A 1.0.1 sections 8.2 (well-known URI), 8.3.2 (client protocol selection).
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from interloom.runtime.errors import LocalError, PeerError
from interloom.runtime.model import AgentCard, AgentInterface
from interloom.runtime.wire.card import WELL_KNOWN
from interloom.runtime.wire.versions import SERVED

BINDING = "JSONRPC"


def interface(card: AgentCard) -> AgentInterface:
    """The first interface of the card that speaks our binding and version.

    Raises:
        PeerError: There is none; the message lists what the card offers.
    """
    for offered in card.supported_interfaces:
        version = offered.protocol_version.split(".")
        if offered.protocol_binding == BINDING and version[:2] == SERVED.split("."):
            if not is_web_address(offered.url):
                raise PeerError(f"{shown(card.name)}: its card names an address that is no URL")
            return offered
    offers = ", ".join(
        shown(f"{each.protocol_binding} {each.protocol_version}")
        for each in card.supported_interfaces
    )
    lacks = f"its card offers no {BINDING} {SERVED} interface"
    raise PeerError(f"{shown(card.name)}: {lacks}; it offers {offers or 'none'}")


def card_address(url: str) -> str:
    """Where the card of the agent at `url` is; an address of a .json file is the card's own.

    Raises:
        LocalError: Not an absolute http or https address.
    """
    if not is_web_address(url):
        raise LocalError("an agent's address must be an absolute http:// or https:// URL")
    parts = urlsplit(url)
    path = parts.path if parts.path.endswith(".json") else parts.path.rstrip("/") + WELL_KNOWN
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def is_web_address(url: str) -> bool:
    """True for an absolute http or https URL with a host and a possible port."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def host(url: str) -> str:
    """Host and port of an address, for messages: no user, path or query."""
    return urlsplit(url).netloc.rpartition("@")[2]


def shown(text: str, limit: int = 200) -> str:
    """A peer's text as a message may repeat it: one printable line of bounded length."""
    line = "".join(char if char.isprintable() else " " for char in text[: limit + 1])
    return line if len(text) <= limit else f"{line[:limit]}…"
