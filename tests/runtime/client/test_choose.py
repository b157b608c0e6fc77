"""Which interfaces of a card are used, and in which order."""

from __future__ import annotations

import pytest

from interloom.runtime.client import choose
from interloom.runtime.errors import PeerError
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


SPOKEN = ("JSONRPC", "HTTP+JSON")


def used(found: AgentCard, *spoken: str) -> list[str]:
    return [each.url for each in choose.interfaces(found, spoken or SPOKEN)]


def test_interfaces_we_speak_are_used_in_the_cards_order() -> None:
    """A2A 8.3.2: the first supported transport, earlier entries preferred."""
    chosen = used(
        card(
            ("https://h/grpc", "GRPC", "1.0"),
            ("https://h/old", "JSONRPC", "0.3"),
            ("https://h/a", "JSONRPC", "1.0"),
            ("https://h/b", "HTTP+JSON", "1.0"),
            ("https://h/c", "JSONRPC", "1.0"),
        )
    )

    assert chosen == ["https://h/a", "https://h/b", "https://h/c"]


def test_binding_that_is_not_wanted_is_passed_over() -> None:
    """Ours: a caller may narrow the bindings down."""
    both = card(("https://h/a", "JSONRPC", "1.0"), ("https://h/b", "HTTP+JSON", "1.0"))

    assert used(both, "HTTP+JSON") == ["https://h/b"]


def test_grpc_address_is_a_host_and_a_port() -> None:
    """a2a.proto, AgentInterface.url: it has no scheme there."""
    assert used(card(("h.example:443", "GRPC", "1.0")), "GRPC") == ["h.example:443"]


def test_patch_number_does_not_count() -> None:
    """A2A 3.6: patch numbers are not considered."""
    assert used(card(("https://h/a", "JSONRPC", "1.0.1"))) == ["https://h/a"]


@pytest.mark.parametrize("version", ["0.3", "1.1", "2.0", "1", "10.0", "x"])
def test_other_version_is_not_spoken(version: str) -> None:
    """A2A 3.6.3: no silent fallback to another version."""
    with pytest.raises(PeerError, match=r"no JSONRPC 1\.0 interface; it offers JSONRPC"):
        used(card(("https://h/a", "JSONRPC", version)), "JSONRPC")


def test_message_lists_what_is_offered_on_one_line() -> None:
    with pytest.raises(PeerError) as caught:
        used(card(("https://h/a", "GRPC\n", "1.0"), ("https://h/b", "HTTP+JSON", "0.3")))

    assert str(caught.value) == (
        "hotel: its card offers no JSONRPC or HTTP+JSON 1.0 interface; "
        "it offers GRPC  1.0, HTTP+JSON 0.3"
    )


@pytest.mark.parametrize(
    "url", ["/a2a", "file:///etc/passwd", "https://", "https://h:x/", "ws://h"]
)
def test_address_that_is_no_web_address_is_the_cards_fault(url: str) -> None:
    with pytest.raises(PeerError, match="hotel: its card names an address that is no URL"):
        used(card((url, "JSONRPC", "1.0")))


def test_address_that_is_none_does_not_spoil_the_others() -> None:
    """Ours: the next interface of the card may do."""
    assert used(card(("/a", "JSONRPC", "1.0"), ("https://h/b", "JSONRPC", "1.0"))) == [
        "https://h/b"
    ]
