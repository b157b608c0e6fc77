"""Under which names this process may be asked: a web page must not drive agents from a browser.

A page may send requests to any address its reader's browser can reach. It may not choose `Host`
and `Origin`, which name the server it believes to talk to and the page's own; where the name is a
foreign one that was made to resolve to us ("DNS rebinding"), both are foreign.

Source: RFC 9110 7.4 and 15.5.20 (a request for a name that is not ours is misdirected: 421), RFC
9112 3.2 (a request without `Host` is a bad one), RFC 6454 7 (`Origin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What a process is called by those on its own host."""


class Refusal(NamedTuple):
    """Why a request is not for us.

    Attributes:
        status: HTTP status.
        reason: In our words; the peer's own are not repeated.
    """

    status: int
    reason: str


_NO_HOST: Final = Refusal(400, "the request names no host")
_OTHER_HOST: Final = Refusal(421, "this server does not answer for the host named")
_OTHER_ORIGIN: Final = Refusal(403, "pages of this origin may not send requests here")


class Hosts:
    """The names that are ours, whatever the port: it may have been forwarded.

    Args:
        names: As in a URL, so an IPv6 address wears brackets.
        base_url: Where clients reach us; its host is ours, too.
    """

    def __init__(self, names: frozenset[str], base_url: str) -> None:
        authority = urlsplit(base_url).netloc.lower().encode()
        self._names = frozenset({name.encode() for name in names} | {_host(authority)})
        port = authority.removeprefix(_host(authority))
        self._usual = self._names | {name + port for name in self._names}

    def refusal(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        """Why a request with these headers is not for us; None when it is."""
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if host not in self._usual:
            if host is None:
                return _NO_HOST
            if _host(host.lower()) not in self._names:
                return _OTHER_HOST
        if origin is None or _host(origin.lower().partition(b"://")[2]) in self._names:
            return None
        return _OTHER_ORIGIN


def _host(authority: bytes) -> bytes:
    """`localhost:8080` without the port."""
    host, _, port = authority.rpartition(b":")
    return host if port.isdigit() else authority
