"""Results kept in the ledger's database, for every process that serves it and across restarts.

Source: ours; MCP 2026-07-28, server/utilities/caching. A name in one process's configuration need
not mean what it means in another's, so a result is found under what the server is: where it is
reached, and, for a private one, with which credentials. Only digests of either are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import scrypt, sha256
from typing import Final, NamedTuple

import orjson

from interloom.bridges.mcp.core.caching import Entry, Hint, Key, Scope
from interloom.runtime.errors import InterloomError, Unavailable
from interloom.runtime.ledger.shelf import Kept, Shelf
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, Json, SystemClock

_SALT: Final = b"io.interloom/kept-results"
_log = logger("mcp")


class Identity(NamedTuple):
    """What a server is, whatever it is called; digests.

    Attributes:
        place: Where it is reached.
        access: The same, and with which credentials.
    """

    place: str
    access: str

    @classmethod
    def of(cls, place: Json, credentials: Json) -> Identity:
        """The identity of what is reached at a place with credentials.

        Either may hold a secret that can be guessed, and the digest lies in a database: it is one
        that takes long to compute (RFC 7914, 16 MiB and some 50 ms).
        """
        return cls(_dear(place), _dear([place, credentials]))


def _dear(value: Json) -> str:
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return scrypt(text, salt=_SALT, n=2**14, r=8, p=1, dklen=32).hex()


class SharedStore:
    """A `CacheStore` in the ledger's database.

    A database that is away, and a row that is damaged, is a miss: nobody fails for a cache.

    Args:
        identities: What each server is, by our name for it.
        clock: The clock of the entries; None for the machine's.
    """

    def __init__(self, identities: Mapping[str, Identity], *, clock: Clock | None = None) -> None:
        self._identities, self._clock = identities, clock or SystemClock()
        self.shelf: Shelf | None = None
        """Where they are kept; None while no store is open, and nothing is kept."""

    async def get(self, key: Key) -> Entry | None:
        """See `CacheStore`."""
        found = None
        if self.shelf is not None:
            with suppress(Unavailable):
                found = await self.shelf.get(self._name(key))
        return None if found is None else self._entry(*found)

    async def put(self, key: Key, entry: Entry) -> None:
        """See `CacheStore`."""
        if self.shelf is None:
            return
        age_ms = int((self._clock.monotonic() - entry.received_s) * 1000)
        hint = entry.hint
        body = orjson.dumps(
            {"result": entry.result, "ttlMs": hint.ttl_ms, "scope": hint.scope.value}
        )
        kind, item = self._kind(key.server, key.method), _digest(key.params)
        kept = Kept(self._name(key), kind, item, body, hint.ttl_ms - age_ms, age_ms)
        try:
            await self.shelf.put(kept)
        except InterloomError as error:
            _log.info("mcp.cache_not_written", server=key.server, code=error.code)

    async def drop(self, server: str, method: str, params: str | None = None) -> int:
        """See `CacheStore`."""
        if self.shelf is None:
            return 0
        item = None if params is None else _digest(params)
        try:
            return await self.shelf.forget(self._kind(server, method), item)
        except InterloomError as error:  # others see what has changed once its time is over
            _log.warning("mcp.cache_not_purged", server=server, method=method, code=error.code)
            return 0

    def _entry(self, body: bytes, left_ms: int) -> Entry | None:
        try:
            saved: Json = orjson.loads(body)
            match saved:
                case {"result": Mapping() as result, "ttlMs": int(ttl_ms), "scope": str(scope)}:
                    received_s = self._clock.monotonic() - (ttl_ms - left_ms) / 1000
                    return Entry(result, received_s, Hint(ttl_ms, Scope(scope)), len(body))
                case _:
                    pass
        except ValueError:
            pass
        _log.warning("mcp.cache_damaged", bytes=len(body))
        return None

    def _kind(self, server: str, method: str) -> str:
        return _digest(self._identities[server].place, method)

    def _name(self, key: Key) -> str:
        known = self._identities[key.server]
        whose = ["public"] if key.principal is None else ["private", known.access, key.principal]
        return _digest(known.place, key.method, key.params, *whose)


def _digest(*parts: str) -> str:
    return sha256(orjson.dumps(parts)).hexdigest()
