"""Which interface of a card is used, and where a card is looked for."""

from __future__ import annotations

import pytest

from interloom.runtime.client import choose
from interloom.runtime.errors import LocalError, PeerError
from interloom.runtime.model import AgentCapabilities, AgentCard, AgentInterface, AgentSkill


def card(*interfaces: tuple[str, str, str]) -> AgentCard:
    """A card with interfaces as (url, binding, version)."""
    return AgentCard(
        name="hotel",
        description="Books rooms.",
        version="1",
        supported_interfaces=tuple(
            AgentInterface(url=url, protocol_binding=binding, protocol_version=version)
            for url, binding, version in interfaces
        ),
        capabilities=AgentCapabilities(),
        default_input_modes=("text/plain",),
        default_output_modes=("text/plain",),
        skills=(AgentSkill(id="a", name="a", description="a", tags=("a",)),),
    )


def test_first_interface_we_speak_is_used() -> None:
    """A2A 8.3.2: the first supported transport, earlier entries preferred."""
    chosen = choose.interface(
        card(
            ("https://h/grpc", "GRPC", "1.0"),
            ("https://h/old", "JSONRPC", "0.3"),
            ("https://h/a", "JSONRPC", "1.0"),
            ("https://h/b", "JSONRPC", "1.0"),
        )
    )

    assert chosen.url == "https://h/a"


def test_patch_number_does_not_count() -> None:
    """A2A 3.6: patch numbers are not considered."""
    assert choose.interface(card(("https://h/a", "JSONRPC", "1.0.1"))).url == "https://h/a"


@pytest.mark.parametrize("version", ["0.3", "1.1", "2.0", "1", "10.0", "x"])
def test_other_version_is_not_spoken(version: str) -> None:
    """A2A 3.6.3: no silent fallback to another version."""
    with pytest.raises(PeerError, match=r"no JSONRPC 1\.0 interface; it offers JSONRPC"):
        choose.interface(card(("https://h/a", "JSONRPC", version)))


def test_message_lists_what_is_offered_on_one_line() -> None:
    with pytest.raises(PeerError) as caught:
        choose.interface(
            card(("https://h/a", "GRPC\n", "1.0"), ("https://h/b", "HTTP+JSON", "1.0"))
        )

    assert str(caught.value) == (
        "hotel: its card offers no JSONRPC 1.0 interface; it offers GRPC  1.0, HTTP+JSON 1.0"
    )


@pytest.mark.parametrize(
    "url", ["/a2a", "file:///etc/passwd", "https://", "https://h:x/", "ws://h"]
)
def test_address_that_is_no_web_address_is_the_cards_fault(url: str) -> None:
    with pytest.raises(PeerError, match="hotel: its card names an address that is no URL"):
        choose.interface(card((url, "JSONRPC", "1.0")))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://h.example", "https://h.example/.well-known/agent-card.json"),
        ("https://h.example/", "https://h.example/.well-known/agent-card.json"),
        ("http://h:8/a2a/x", "http://h:8/a2a/x/.well-known/agent-card.json"),
        ("https://h/a?t=1#f", "https://h/a/.well-known/agent-card.json?t=1"),
        ("https://h/cards/x.json", "https://h/cards/x.json"),
    ],
)
def test_card_is_looked_for_under_its_well_known_path(url: str, address: str) -> None:
    """A2A 8.2."""
    assert choose.card_address(url) == address


@pytest.mark.parametrize(
    "url", ["", "h.example", "//h", "ftp://h", "https://", "http://[::1", "http://h:0"]
)
def test_address_of_an_agent_is_a_web_address(url: str) -> None:
    with pytest.raises(LocalError, match="must be an absolute http:// or https:// URL"):
        choose.card_address(url)


def test_host_in_messages_carries_no_secret() -> None:
    assert choose.host("https://me:secret@h.example:8/p?token=x") == "h.example:8"
