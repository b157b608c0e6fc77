"""Where a card is looked for, and whose address one is."""

from __future__ import annotations

import pytest

from interloom.runtime.client import addresses
from interloom.runtime.errors import LocalError


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
    assert addresses.card_address(url) == address


@pytest.mark.parametrize(
    "url", ["", "h.example", "//h", "ftp://h", "https://", "http://[::1", "http://h:0"]
)
def test_address_of_an_agent_is_a_web_address(url: str) -> None:
    with pytest.raises(LocalError, match="must be an absolute http:// or https:// URL"):
        addresses.card_address(url)


def test_host_in_messages_carries_no_secret() -> None:
    assert addresses.host("https://me:secret@h.example:8/p?token=x") == "h.example:8"


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        ("https://H.example/a2a/x?y", "https://h.example"),
        ("https://h.example:443", "https://h.example"),
        ("http://h.example:443/", "http://h.example:443"),
        ("http://h.example:80/", "http://h.example"),
        ("https://me:secret@h.example:8", "https://h.example:8"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("H.example:443", "h.example:443"),
        ("dns:///h.example:443", "dns:///h.example:443"),
    ],
)
def test_origin_is_scheme_host_and_port(url: str, owner: str) -> None:
    """RFC 6454 section 4; a gRPC address stands for itself."""
    assert addresses.origin(url) == owner


def test_host_of_a_grpc_address_is_all_of_it() -> None:
    assert addresses.host("h.example:443") == "h.example:443"
