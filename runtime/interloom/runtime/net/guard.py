"""Names resolved once, every address held against the rules, and only those connected to.

A name that was looked at when a URL was accepted may lead elsewhere when the URL is used (DNS
rebinding), so a connection is only ever made to an address that was judged in the same breath.

Source: A2A 1.0.1 section 13.2; `interloom.runtime.core.egress` for the rules.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Final, TypeAlias

import aiohttp.abc
import anyio

from interloom.runtime.core.egress import Address, Egress, Target
from interloom.runtime.errors import Refused

RESOLVE_S: Final = 5.0
"""Seconds a name gets to be resolved when a URL is looked at."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[Address]]]
"""The addresses of a name; raises OSError when it has none."""


async def system(host: str, port: int) -> list[Address]:
    """Ask the machine's resolver."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(sockaddr[0]) for *_, sockaddr in found]


class Guard:
    """Says where may be connected to."""

    def __init__(self, egress: Egress, resolve: Resolve = system) -> None:
        self._egress, self._resolve = egress, resolve

    def target(self, url: str) -> Target:
        """What a URL points at; see `Egress.target`.

        Raises:
            Refused: The URL by itself is against the rules.
        """
        return self._egress.target(url)

    async def admit(self, url: str) -> Target:
        """What a URL points at, once its host was looked up and stands nowhere it must not.

        Raises:
            Refused: In words that follow the name of the URL's field. They are the same for a name
                that is not there and for one that leads inwards: nobody shall learn from us what
                names our network knows.
        """
        target = self._egress.target(url)
        if target.address is None:
            found: list[Address] = []
            with anyio.move_on_after(RESOLVE_S), suppress(OSError, Refused):
                found = await self.addresses(target.host, target.port)
            if not found:
                raise Refused("must be of a host with a public address")
        return target

    async def addresses(self, host: str, port: int) -> list[Address]:
        """A name's addresses now; it is refused altogether when one of them is.

        Raises:
            OSError: It has none.
            Refused: One must not be connected to.
        """
        found = await self._resolve(host, port)
        for address in found:
            self._egress.check(host, address)
        return found


class GuardedResolver(aiohttp.abc.AbstractResolver):
    """Gives aiohttp the addresses it may connect to, and no others."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[aiohttp.abc.ResolveResult]:
        """Resolve a name; aiohttp asks for each connection, and connects to what it is given."""
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            {
                "hostname": host,
                "host": str(address),
                "port": port,
                "family": families[address.version],
                "proto": socket.IPPROTO_TCP,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for address in await self._guard.addresses(host, port)
            if family in {socket.AF_UNSPEC, families[address.version]}
        ]

    async def close(self) -> None:
        """Nothing is held."""
