"""The one door to HTTP: send a request, get a status, headers, and a body or a byte stream.

Two things are ours to promise whatever library is behind it: every wait is bounded, and no answer
is larger than the caller said it may be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much one exchange may take.

    Attributes:
        connect_s: Seconds until the connection stands, a wait for a free one included.
        total_s: Seconds for the whole exchange, a stream's last byte included; None for no end.
        idle_s: Seconds between two reads.
        max_bytes: Bytes of body after decompression.
    """

    connect_s: float = 10.0
    total_s: float | None = 60.0
    idle_s: float = 60.0
    max_bytes: int = 10 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()
"""What an exchange may take when the caller names no limits."""


class Reply(Protocol):
    """An answer whose head has arrived; the body is still on its way."""

    @property
    def status(self) -> int:
        """HTTP status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Field values by lower-case name.

        Where a name repeats, its values are joined by `, ` as RFC 9110 section 5.3 allows, so that
        no challenge of a 401 is lost.
        """
        ...

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            TransportError: It broke off, took too long, or is over `max_bytes`.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece, as it arrives.

        Raises:
            TransportError: As for `read`.
        """
        ...


class HttpPort(Protocol):
    """Sends HTTP requests."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Reply]:
        """Send one request; leaving the context closes the exchange, read to its end or not.

        Redirects are not followed: the reply is the redirect.

        Raises:
            LocalError: The URL is not absolute http(s), a header cannot be sent, or the port is
                closed; nothing was sent.
            Refused: The place is one that must not be connected to; nothing was sent.
            TransportError: No connection, or no head in time; `delivered` is False when it is
                certain that the peer never saw the request.
        """
        ...

    async def aclose(self) -> None:
        """Close idle connections; nothing may be sent afterwards."""
        ...
