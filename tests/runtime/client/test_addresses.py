"""Where a card is looked for, and whose address one is."""

from __future__ import annotations

import pytest

from interloom.runtime.client import addresses
from interloom.runtime.client.addresses import GrpcAddress, grpc_address
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


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("agents.example:443", GrpcAddress("agents.example:443", is_secure=True)),
        ("10.0.0.7:50051", GrpcAddress("10.0.0.7:50051", is_secure=True)),
        ("127.0.0.1:50051", GrpcAddress("127.0.0.1:50051", is_secure=False)),
        ("localhost:50051", GrpcAddress("localhost:50051", is_secure=False)),
        ("[::1]:50051", GrpcAddress("[::1]:50051", is_secure=False)),
        ("https://agents.example", GrpcAddress("agents.example:443", is_secure=True)),
        ("https://127.0.0.1:50051/", GrpcAddress("127.0.0.1:50051", is_secure=True)),
        ("http://agents.example:50051", GrpcAddress("agents.example:50051", is_secure=False)),
    ],
)
def test_grpc_address_says_where_and_whether_over_tls(url: str, address: GrpcAddress) -> None:
    """a2a.proto: `host:port`; A2A 10.1: over TLS. Ours: this machine in the clear, and `http`."""
    assert grpc_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "agents.example",
        "agents.example:0",
        "agents.example:65536",
        "agents.example:port",
        ":443",
        "unix:/run/secret.sock",
        "unix:///run/secret.sock",
        "xds:///agents",
        "dns://8.8.8.8/agents.example:443",
        "ipv4:10.0.0.7:443,10.0.0.8:443",
        "https://agents.example/path",
        "user@agents.example:443",
        "agents.example:443?x",
        "agents example:443",
    ],
)
def test_address_that_grpc_would_read_as_something_else_is_none(url: str) -> None:
    """ours: a card does not get to open our sockets or choose our name server."""
    assert grpc_address(url) is None
