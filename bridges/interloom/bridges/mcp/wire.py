"""Requests to one server: stamped, sent, and answered in a version both speak.

Source: MCP 2026-07-28, basic/index `_meta`, basic/versioning (negotiation),
basic/patterns/progress, server/utilities/logging.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, TypeAlias

from interloom.bridges.mcp.core import frames, headers
from interloom.bridges.mcp.core.errors import UnsupportedVersion
from interloom.bridges.mcp.core.notices import LOG_LEVEL, PROGRESS, Level, Listening, Notice
from interloom.bridges.mcp.port import Hear, Patience, Transport
from interloom.runtime.errors import BrokenOff
from interloom.runtime.values import Ids, Json, JsonObject

Heard: TypeAlias = Callable[[Notice], Awaitable[None]]
"""What is done with progress and log messages of one request."""


class Wishes(NamedTuple):
    """What a request would like to hear before its result.

    Attributes:
        progress: How far it is.
        log: The server's log about it from this level on; None for none of it.
    """

    progress: bool = False
    log: Level | None = None


REPEATABLE: Final = frozenset(
    {
        *("server/discover", "tools/list", "prompts/list", "prompts/get", "resources/list"),
        *("resources/templates/list", "resources/read", "completion/complete", "tasks/get"),
    }
)
"""Requests that change nothing, however often they are made; a tool's call is not among them."""

ROUND_KEYS: Final = frozenset({"inputResponses", "requestState"})
"""Params of a retry, whose state a server may take once only."""

NOTHING: Final = Wishes()
_NO_META: Final[JsonObject] = {}
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Prepared(NamedTuple):
    """A request that only has to be put on the wire.

    Attributes:
        request: The request, stamped.
        headers: What is mirrored from it.
        params: Its params as the caller gave them.
        meta: The caller's `_meta` keys.
        wishes: What it would like to hear.
        mirrored: Those of the headers that come from a tool's definition.
    """

    request: frames.Request
    headers: Mapping[str, str]
    params: JsonObject
    meta: JsonObject = _NO_META
    wishes: Wishes = NOTHING
    mirrored: Mapping[str, str] = _NO_HEADERS

    @property
    def method(self) -> str:
        """MCP method."""
        return self.request.method


class Wire:
    """Stamps and sends; knows the version in use and nothing else.

    Args:
        transport: How requests reach the server.
        profile: Who we say we are.
        ids: Where request ids come from.
    """

    def __init__(self, transport: Transport, profile: frames.Profile, ids: Ids) -> None:
        self.server = transport.server
        self._transport, self._profile, self._ids = transport, profile, ids
        self._use(profile.versions[0])

    def prepare(
        self,
        method: str,
        params: JsonObject,
        *,
        meta: JsonObject = _NO_META,
        wishes: Wishes = NOTHING,
        mirrored: Mapping[str, str] = _NO_HEADERS,
    ) -> Prepared:
        """Stamp a request.

        Raises:
            LocalError: It cannot be put on the wire.
        """
        request_id = self._ids.fresh()
        asked = {**meta, **_opted(request_id, wishes)} if wishes != NOTHING else meta
        request = frames.request(request_id, method, params, stamp=self._stamp, meta=asked)
        fields = headers.standard(method, params, version=self.version)
        if mirrored:
            fields |= mirrored
        return Prepared(request, fields, params, meta, wishes, mirrored)

    async def send(
        self, ready: Prepared, *, heard: Heard | None = None, patience: Patience | None = None
    ) -> JsonObject:
        """One request, and a second one when the first was refused for its version.

        Raises:
            McpPeerError | TransportError: The request failed.
        """
        try:
            return await self._send(ready, heard, patience)
        except UnsupportedVersion as refusal:
            if not self.settle(refusal.supported):
                raise
        method, params, meta, wishes, mirrored = ready.method, *ready[2:]
        again = self.prepare(method, params, meta=meta, wishes=wishes, mirrored=mirrored)
        return await self._send(again, heard, patience)

    async def ask(
        self, method: str, params: JsonObject, *, meta: JsonObject = _NO_META
    ) -> JsonObject:
        """The result of a request that has no rounds.

        Raises:
            BadResult: It is not final.
            McpPeerError | TransportError: The request failed.
        """
        result = await self.send(self.prepare(method, params, meta=meta))
        return frames.require_complete(result, server=self.server, method=method)

    def listen(
        self, ready: Prepared
    ) -> AbstractAsyncContextManager[AsyncIterator[frames.Notification]]:
        """The stream of a request whose notifications are the point; see `Transport.listen`."""
        return self._transport.listen(ready.request, ready.headers)

    def leave(self, state: str) -> None:
        """Let go of a call between its rounds; see `Transport.leave`."""
        self._transport.leave(state)

    def settle(self, supported: tuple[str, ...]) -> bool:
        """Use the best of our versions that the server speaks; False when there is none."""
        best = next((each for each in self._profile.versions if each in supported), None)
        if best is not None:
            self._use(best)
        return best is not None

    async def _send(
        self, ready: Prepared, heard: Heard | None, patience: Patience | None
    ) -> JsonObject:
        """One request, and another under a new id when its connection broke and repeating is safe.

        A stream is not taken up again where it broke (streamable-http "Receiving Messages"), and a
        child that died is started again for whoever asks (stdio "Unexpected Termination").
        """
        hear = None if heard is None else _hearing(ready, heard)
        patience = None if patience is None else patience.bounded()
        try:
            return await self._transport.request(
                ready.request, ready.headers, hear=hear, patience=patience
            )
        except BrokenOff:
            if ready.method not in REPEATABLE or ROUND_KEYS & ready.params.keys():
                raise
        method, params, meta, wishes, mirrored = ready.method, *ready[2:]
        again = self.prepare(method, params, meta=meta, wishes=wishes, mirrored=mirrored)
        hear = None if heard is None else _hearing(again, heard)
        return await self._transport.request(
            again.request, again.headers, hear=hear, patience=patience
        )

    def _use(self, version: str) -> None:
        self.version = version
        self._stamp = self._profile.meta(version)


def _opted(request_id: str, wishes: Wishes) -> dict[str, Json]:
    """The `_meta` keys that ask for notifications; the request's id is its progress token too."""
    keys: dict[str, Json] = {}
    if wishes.progress:
        keys[PROGRESS] = request_id
    if wishes.log is not None:
        keys[LOG_LEVEL] = wishes.log.value
    return keys


def _hearing(ready: Prepared, heard: Heard) -> Hear:
    token = ready.request.id if ready.wishes.progress else None
    listening = Listening(token, ready.wishes.log)

    async def hear(said: frames.Notification) -> None:
        notice = listening.read(said)
        if notice is not None:
            await heard(notice)

    return hear
