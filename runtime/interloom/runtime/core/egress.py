"""Where we connect to on somebody else's word: URLs and addresses that are refused, and why.

A caller who names a URL must not reach what only we can reach: this machine, the network behind
it, a cloud's metadata service (server-side request forgery).

Source: A2A 1.0.1 section 13.2 (private, loopback and link-local addresses, allow-lists, HTTPS);
the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its successors); RFC
4291 2.5.5.2 (IPv4-mapped) and RFC 6052 2.1 (NAT64), whose addresses stand for the IPv4 address
within. What is not known to be somewhere on the public internet is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from interloom.runtime.errors import BadConfig, Refused

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_URL: Final = 2048
"""Characters of a URL (ours; common servers and proxies take 8000 bytes of request line)."""

_PUBLIC_V6: Final = IPv6Network("2000::/3")
"""Global unicast; everything outside of it is refused, whatever it is for."""

_REFUSED: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(block), name)
    for block, name in (
        ("0.0.0.0/8", "of this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a provider's customers"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own service"),
        ("169.254.0.0/16", "link-local"),  # the metadata service of most clouds is among them
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("2001::/23", "reserved for protocols"),  # Teredo and ORCHID are among them
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "for documentation"),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")
_NUMERIC: Final = re.compile(r"(0[xX])?[0-9A-Fa-f]*")
_SAID: Final = re.compile(r"[\x21-\x7e]+")
_PORTS: Final = {"https": 443, "http": 80}
_LOWEST_PORT: Final = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL points at.

    Attributes:
        host: A name in small letters, or an address without brackets.
        port: TCP port.
        address: The host, when it is an address.
    """

    host: str
    port: int
    address: Address | None

    @property
    def origin(self) -> str:
        """Host and port, for logs and for taking turns."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Egress:
    """What may be connected to.

    Attributes:
        hosts: Names that may be anywhere, and reached without TLS.
        networks: Addresses that may be reached though they are not public; without TLS when the
            URL says the address itself.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[str]) -> Egress:
        """Read an allow-list of names, addresses and networks (`10.1.0.0/16`).

        Raises:
            BadConfig: An entry is none of the three.
        """
        hosts, networks = set[str](), list[Network]()
        for entry in allowed:
            try:
                networks.append(ip_network(entry.strip("[]")))
            except ValueError:
                if not _HOST.fullmatch(entry) or _is_numeric(entry):
                    raise BadConfig(
                        f"{entry!r} is no host name, address or network like 10.1.0.0/16"
                    ) from None
                hosts.add(entry.lower())
        return cls(frozenset(hosts), tuple(networks))

    def target(self, url: str) -> Target:
        """What a URL points at, once nothing that it says by itself speaks against it.

        Raises:
            Refused: In words for whoever gave the URL; they follow the name of its field.
        """
        scheme, target = _read(url)
        is_named = target.host in self.hosts or (
            target.address is not None and self._is_listed(target.address)
        )
        if not is_named:
            if scheme != "https":
                raise Refused("must be an https:// URL")
            if target.port < _LOWEST_PORT and target.port != _PORTS["https"]:
                raise Refused(f"must be of port 443, or of one from {_LOWEST_PORT} on")
            if target.address is not None:
                self.check(target.host, target.address)
        return target

    def check(self, host: str, address: Address) -> None:
        """Hold an address that a host has now against the rules.

        Raises:
            Refused: It must not be connected to.
        """
        if host.lower() in self.hosts or self._is_listed(address):
            return
        kind = special(address)
        if kind:
            raise Refused(f"must not lead to an address that is {kind}")

    def _is_listed(self, address: Address) -> bool:
        embedded = _embedded(address)
        return any(
            each.version == network.version and each in network
            for network in self.networks
            for each in (address, embedded)
            if each is not None
        )


def special(address: Address) -> str:
    """What kind of address it is, in a word or two, unless it is a public one: then nothing."""
    embedded = _embedded(address)
    if embedded is not None:
        return special(embedded)
    for network, kind in _REFUSED:
        if address.version == network.version and address in network:
            return kind
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return "loopback" if address.is_loopback else "not public"
    return ""


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _read(url: str) -> tuple[str, Target]:
    """Scheme and target of a URL, read strictly: what two could read differently is no URL."""
    if len(url) > MAX_URL:
        raise Refused(f"must not be longer than {MAX_URL} characters")
    if not _SAID.fullmatch(url) or "\\" in url:
        raise Refused("must consist of the characters of a URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused("must be a URL") from None
    if parts.scheme not in _PORTS or not host:
        raise Refused("must be an absolute https:// URL")
    if "@" in parts.netloc:
        raise Refused("must not carry a user or a password")
    if "#" in url:
        raise Refused("must not carry a fragment (#)")
    if port == 0:
        raise Refused("must be of a port that there is")
    address = _address(host, is_bracketed="[" in parts.netloc)
    return parts.scheme, Target(host, port or _PORTS[parts.scheme], address)


def _address(host: str, *, is_bracketed: bool) -> Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        if is_bracketed or not _HOST.fullmatch(host) or _is_numeric(host):
            raise Refused("must name its host in letters, digits, '-' and '.'") from None
        return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise Refused("must not name a network interface")
    return address


def _is_numeric(host: str) -> bool:
    """Whether its last label is a number, which some resolvers take for an address (WHATWG URL)."""
    last = host.rstrip(".").rpartition(".")[2]
    return last.isdigit() or (last[:2] in {"0x", "0X"} and bool(_NUMERIC.fullmatch(last)))
