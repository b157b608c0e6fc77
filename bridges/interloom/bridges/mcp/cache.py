"""Results kept for as long as their server allows, and for whom it allows.

Source: MCP 2026-07-28, server/utilities/caching. One cache serves all clients of a process: a
public result is given to every principal, a private one only to the one it was for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from interloom.bridges.mcp.core.caching import CACHEABLE, Entry, Key, Scope, admit, key_of
from interloom.bridges.mcp.interest import Interest
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, JsonObject, SystemClock

MAX_ENTRIES: Final = 10_000
"""Results kept in memory; the least recently used goes first. Ours."""

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of JSON kept in memory; ours."""

_log = logger("mcp")


class CacheStore(Protocol):
    """Where entries are kept."""

    async def get(self, key: Key) -> Entry | None:
        """The entry under a key, fresh or not."""
        ...

    async def put(self, key: Key, entry: Entry) -> None:
        """Keep an entry; what was under its key is gone."""
        ...

    async def drop(self, server: str, method: str, params: str | None = None) -> int:
        """Forget what a server's method came to, for every principal.

        Args:
            server: Our name for the server.
            method: MCP method.
            params: The params of the key; None for all of them.

        Returns:
            How many entries are gone.
        """
        ...


class MemoryStore:
    """A store in this process, bounded in entries and bytes."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._max_entries, self._max_bytes, self._bytes = max_entries, max_bytes, 0

    async def get(self, key: Key) -> Entry | None:
        """See `CacheStore`."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    async def put(self, key: Key, entry: Entry) -> None:
        """See `CacheStore`."""
        self._forget(key)
        self._entries[key] = entry
        self._bytes += entry.size_bytes
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))

    async def drop(self, server: str, method: str, params: str | None = None) -> int:
        """See `CacheStore`."""
        gone = [
            key
            for key in self._entries
            if (key.server, key.method) == (server, method) and params in {None, key.params}
        ]
        for key in gone:
            self._forget(key)
        return len(gone)

    def _forget(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes


@dataclass(slots=True)
class Counts:
    """What a cache has done for a server so far, for metrics.

    Attributes:
        hits: Requests that were not sent.
        misses: Requests of a cacheable method that had to be sent.
        kept: Results that were kept.
        purged: Entries that were declared stale before their time.
    """

    hits: int = 0
    misses: int = 0
    kept: int = 0
    purged: int = 0


class Place(NamedTuple):
    """Where the result of a request is kept.

    Attributes:
        server: Our name for the server.
        method: MCP method.
        params: Its params.
        principal: For whom.
        generation: How often such results had been declared stale when it was looked for.
        asked_s: When that was, seconds on the cache's clock.
        entry: What is there and fresh; None when the request has to be sent.
    """

    server: str
    method: str
    params: JsonObject
    principal: str
    generation: int
    asked_s: float = 0.0
    entry: Entry | None = None


class ResultCache:
    """Keeps results by the rules of the protocol.

    Args:
        store: Where; None for this process's memory.
        clock: What tells their age; None for the machine's.
    """

    def __init__(self, store: CacheStore | None = None, *, clock: Clock | None = None) -> None:
        self._store = store or MemoryStore()
        self._clock = clock or SystemClock()
        self._generations: dict[tuple[str, str], int] = {}
        self._interests: dict[str, Interest] = {}
        self._counts: dict[str, Counts] = {}

    def counts_of(self, server: str) -> Counts:
        """What it has done for a server so far."""
        return self._counts.setdefault(server, Counts())

    async def look(self, server: str, method: str, params: JsonObject, *, principal: str) -> Place:
        """Where the result of a request is kept, and what is there and still fresh."""
        place = Place(server, method, params, principal, self.generation(server, method))
        if method not in CACHEABLE:
            return place
        key, now_s = key_of(server, method, params, principal), self._clock.monotonic()
        place = place._replace(asked_s=now_s)
        for each in (key._replace(principal=None), key):
            entry = await self._store.get(each)
            if entry is not None and entry.is_fresh(now_s):
                self.counts_of(server).hits += 1
                self.interest(server).add(method, params)
                _log.debug("mcp.cache_hit", server=server, method=method)
                return place._replace(entry=entry)
        self.counts_of(server).misses += 1
        _log.debug("mcp.cache_missed", server=server, method=method)
        return place

    async def keep(self, place: Place, result: JsonObject) -> None:
        """Keep the result of a request that was sent after `look`, if it may be kept.

        Its age is counted from then on: it is never taken for fresher than it is. One that was
        asked for before its like were declared stale is of before the change, and is not kept.
        """
        server, method, params, principal, generation, asked_s, _ = place
        entry = admit(method, params, result, now_s=asked_s)
        if entry is None or generation != self.generation(server, method):
            return
        key = key_of(server, method, params, principal)
        if entry.hint.scope is Scope.PUBLIC:
            key = key._replace(principal=None)
        await self._store.put(key, entry)
        self.counts_of(server).kept += 1
        self.interest(server).add(method, params)

    async def purge(
        self, server: str, methods: Iterable[str], *, params: JsonObject | None = None
    ) -> None:
        """Declare results stale, for every principal ("Interaction with Notifications")."""
        for method in methods:
            self._generations[server, method] = self.generation(server, method) + 1
            keyed = None if params is None else key_of(server, method, params, None).params
            gone = await self._store.drop(server, method, keyed)
            self.counts_of(server).purged += gone
            _log.debug("mcp.cache_purged", server=server, method=method, entries=gone)

    def generation(self, server: str, method: str) -> int:
        """How often results of a method were declared stale; another number, another list."""
        return self._generations.get((server, method), 0)

    def interest(self, server: str) -> Interest:
        """What is kept of a server, for whoever listens to its changes."""
        return self._interests.setdefault(server, Interest())
