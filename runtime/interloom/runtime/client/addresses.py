"""Where an agent is: its card's address, and what a message may repeat of any. No I/O.

Source: A2A 1.0.1 section 8.2 (well-known URI).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from interloom.runtime.errors import LocalError
from interloom.runtime.wire.card import WELL_KNOWN

_PORTS: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65535
_AUTHORITY: Final = re.compile(
    r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


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
        return parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class GrpcAddress(NamedTuple):
    """Where a gRPC interface is.

    Attributes:
        authority: `host:port`.
        is_secure: False where TLS is not to be spoken.
    """

    authority: str
    is_secure: bool


def grpc_address(url: str) -> GrpcAddress | None:
    """The address of a gRPC interface; None for what is none.

    `host:port`, as a2a.proto has it, or `https://host:port` and `http://host:port`, as some cards
    do. TLS is the rule (A2A 10.1); this machine itself is spoken to in the clear, and so is what
    says `http`. Nothing else: the library behind it would take paths of sockets, and more.
    """
    scheme, there, rest = url.rpartition("://")
    found = _AUTHORITY.fullmatch(rest.removesuffix("/"))
    if found is None or (there and scheme.lower() not in _PORTS):
        return None
    name, port = found["host"], int(found["port"] or _PORTS.get(scheme.lower(), 0))
    if not 0 < port <= _MAX_PORT:
        return None
    is_secure = scheme.lower() == "https" if there else name.lower() not in _LOOPBACK
    return GrpcAddress(f"{name}:{port}", is_secure)


def origin(url: str) -> str:
    """Who answers at an address, as credentials are kept for it (RFC 6454 section 4).

    Scheme, host and port, the default port left out: `https://agent.example`. An address without
    a scheme, as gRPC's `host:port` is, stands for itself.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or parts.hostname is None:
        return url.lower()
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, _PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}"


def host(url: str) -> str:
    """Host and port of an address, for messages: no user, path or query."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] if parts.netloc else shown(url)


def shown(text: str, limit: int = 200) -> str:
    """A peer's text as a message may repeat it: one printable line of bounded length."""
    line = "".join(char if char.isprintable() else " " for char in text[: limit + 1])
    return line if len(text) <= limit else f"{line[:limit]}…"
