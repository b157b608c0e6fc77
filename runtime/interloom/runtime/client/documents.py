"""Small JSON documents that change seldom, cards and key sets: fetched, and kept as HTTP allows.

Source: RFC 9111 (a private cache), RFC 9110 section 13 (conditional requests). Ours: at most
`MAX_KEPT` are kept, and of those that ask for the same one at the same time one asks its server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio

from interloom.runtime.client import freshness, replies
from interloom.runtime.client.addresses import host, origin
from interloom.runtime.client.freshness import Validity
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.client.port import CallContext
from interloom.runtime.errors import TransportError
from interloom.runtime.net.port import HttpPort, Reply
from interloom.runtime.values import Clock

MAX_KEPT: Final = 256
"""Documents kept at once; the one not asked for longest goes first."""
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was last confirmed.

    Attributes:
        body: Its bytes; the same object for as long as it does not change.
        confirmed_at: When its server last said so, seconds on the monotonic clock.
    """

    body: bytes
    confirmed_at: float
    _headers: Mapping[str, str]
    _validity: Validity

    def is_fresh(self, now: float) -> bool:
        """Whether it may be used without asking."""
        return self._validity.is_kept and now < self._validity.fresh_until

    def may_stand_in(self, now: float) -> bool:
        """Whether it may be used when its server cannot be reached."""
        return self._validity.is_kept and now < self._validity.stale_until

    def conditions(self) -> dict[str, str]:
        """The headers that ask whether it has changed."""
        return self._validity.conditions() if self._validity.is_kept else {}

    def confirmed(self, headers: Mapping[str, str], now: float) -> Document:
        """The same, after a 304 (RFC 9111 section 4.3.4)."""
        merged = {**self._headers, **headers}
        return Document(self.body, now, merged, freshness.judge(merged, at=now))


@dataclass(slots=True)
class _Place:
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    document: Document | None = None


class Documents:
    """Fetches documents.

    Args:
        port: Sends the requests.
        options: Credentials, and the limits of a card.
        clock: Says what is still fresh.
    """

    def __init__(self, port: HttpPort, options: ClientOptions, clock: Clock) -> None:
        self._port, self._options, self._clock = port, options, clock
        self._places: dict[str, _Place] = {}

    async def get(self, address: str, *, newest_s: float | None = None) -> Document:
        """The document at an address.

        Args:
            address: An http or https URL.
            newest_s: Ask anew when the last confirmation is older, fresh or not.

        Raises:
            TransportError: No answer, and nothing kept that may stand in.
            AuthRequired: It is not public.
            PeerError: The server has none.
        """
        place = self._place(address)
        if (kept := self._usable(place, newest_s)) is not None:
            return kept
        async with place.lock:
            if (kept := self._usable(place, newest_s)) is not None:
                return kept  # somebody else has asked meanwhile
            place.document = await self._ask(address, place.document)
            return place.document

    def _place(self, address: str) -> _Place:
        place = self._places.pop(address, None) or _Place()
        self._places[address] = place
        while len(self._places) > MAX_KEPT:
            del self._places[next(iter(self._places))]
        return place

    def _usable(self, place: _Place, newest_s: float | None) -> Document | None:
        document, now = place.document, self._clock.monotonic()
        if document is None or not document.is_fresh(now):
            return None
        return None if newest_s is not None and now - document.confirmed_at > newest_s else document

    async def _ask(self, address: str, known: Document | None) -> Document:
        try:
            return await self._fetch(address, known)
        except TransportError:
            if known is None or not known.may_stand_in(self._clock.monotonic()):
                raise
            return known

    async def _fetch(self, address: str, known: Document | None) -> Document:
        credentials = await self._options.credentials(origin(address))
        headers = {**CallContext(headers=credentials).fields(), "accept": "application/json"}
        if known is not None:
            headers |= known.conditions()
        async with self._port.send(
            "GET", address, headers=headers, limits=self._options.card_limits
        ) as reply:
            return await self._read(host(address), reply, known)

    async def _read(self, peer: str, reply: Reply, known: Document | None) -> Document:
        now = self._clock.monotonic()
        if reply.status == _NOT_MODIFIED and known is not None:
            return known.confirmed(reply.headers, now)
        body = await reply.read()
        replies.check_status(peer, reply.status, reply.headers, body)
        return Document(body, now, reply.headers, freshness.judge(reply.headers, at=now))
