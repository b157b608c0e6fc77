"""Which era a server is of, found out once and remembered: modern first, then the handshake.

Source: MCP 2026-07-28, basic/versioning "Backward Compatibility" (an era belongs to the server, is
kept for the lifetime of its process or origin, and is found out again when it turns out wrong);
basic/transports/streamable-http and stdio "Backward Compatibility" (what tells the eras apart).

On HTTP the request itself is tried first: a 4xx without an error that only modern servers have
means an older one. On stdio `server/discover` is asked before anything else: any error but such a
one, and silence too, means an older one.

A modern server may be rolled back. On stdio another process of it is asked again. On HTTP a refusal
as of an older one has `server/discover` asked, which every modern server answers; ours, and at most
once in `DOUBT_S`. An older one that shakes hands no more is found out by its next request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import anyio

from interloom.bridges.mcp.channel import Channel
from interloom.bridges.mcp.core.discovery import METHOD as DISCOVER
from interloom.bridges.mcp.core.errors import (
    Busy,
    Forbidden,
    HeaderMismatch,
    HttpFailure,
    InvalidParams,
    McpError,
    McpPeerError,
    MethodNotFound,
    MissingCapability,
    Unauthorized,
    UnsupportedVersion,
)
from interloom.bridges.mcp.core.frames import PREFIX, Notification, Request
from interloom.bridges.mcp.core.headers import standard
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.legacy.http import HttpLink
from interloom.bridges.mcp.legacy.lines import HasChannel, LinesLink
from interloom.bridges.mcp.legacy.session import NoHandshake, Session
from interloom.bridges.mcp.legacy.translate import VERSIONS, meta_of
from interloom.bridges.mcp.port import Hear, Patience, Transport
from interloom.bridges.mcp.stdio import CommandSpec, Stdio
from interloom.bridges.mcp.turn import turn
from interloom.runtime.errors import TransportError
from interloom.runtime.net.port import HttpPort
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

PROBE_S: Final = 30.0
"""Seconds a server on stdio may keep silent about `server/discover` before it is taken for an older
one; ours. Most of those answer with an error at once, and a newer one may be slow to start: taken
for older, its questions would not survive a restart of ours."""

DOUBT_S: Final = 60.0
"""Seconds between two doubts whether a server on HTTP is still modern; ours."""

_MODERN: Final = (HeaderMismatch, MissingCapability, UnsupportedVersion)
_NOT_ABOUT_ERAS: Final = (Busy, Unauthorized, Forbidden)
_CLIENT_ERRORS: Final = range(400, 500)
_log = logger("mcp")


class Era(Enum):
    """How a server is spoken to."""

    MODERN = "modern"
    LEGACY = "legacy"


@dataclass(slots=True)
class Known:
    """What was found out about a server, for all who talk to it.

    Attributes:
        era: Which it is; None while nobody knows.
        doubted_s: When a modern one was doubted last, in the event loop's time.
    """

    era: Era | None = None
    doubted_s: float = -DOUBT_S


class LinesTransport(HasChannel, Transport, Protocol):
    """A transport with a channel."""


class Eras:
    """Speaks to a server in the way of its era; see `Transport`.

    Args:
        modern: Speaks this revision.
        legacy: Speaks the older ones.
        lines: Where the modern way has its channels from, on a stream of lines: there
            `server/discover` is asked before anything else.
        known: What others have found out; None for nothing.

    Attributes:
        known: The same, and what was found out here.
    """

    def __init__(
        self,
        modern: Transport,
        legacy: Session,
        *,
        lines: HasChannel | None = None,
        known: Known | None = None,
    ) -> None:
        self.server = modern.server
        self.known = known or Known()
        self._modern, self._legacy, self._lines = modern, legacy, lines
        self._probes = lines is not None
        self._seen: Channel | None = None
        self._settling = anyio.Lock()

    def open(self) -> AbstractAsyncContextManager[None]:
        """Open what both eras need; see `Transport.open`."""
        return self._legacy.open()

    @property
    def era(self) -> Era | None:
        """What the server turned out to be; None before the first request."""
        return self.known.era

    @property
    def is_holding(self) -> bool:
        """Whether calls are under way, or are held open for answers, that would end with it."""
        return self._legacy.is_holding

    @property
    def version(self) -> str | None:
        """The older version that is spoken; None with a modern server."""
        return self._legacy.version if self.era is Era.LEGACY else None

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """Send one request; return the result object of its response; see `Transport.request`."""
        if self._probes:
            await self._settled(request, patience or self._legacy.patience)
        if self.era is Era.LEGACY:
            with self._doubting():
                return await self._legacy.request(request, headers, hear=hear, patience=patience)
        try:
            result = await self._modern.request(request, headers, hear=hear, patience=patience)
        except McpPeerError as error:
            if self._is_modern(error) or not _is_legacy(error):
                raise
            if self.era is Era.MODERN and not await self._is_rolled_back(error, request, patience):
                raise
            return await self._fall_back(error, request, hear, patience)
        self._settle(Era.MODERN)
        return result

    @asynccontextmanager
    async def listen(
        self, request: Request, headers: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        """Hold a subscription open; see `Transport.listen`."""
        await self._settled(request, self._legacy.patience)
        chosen = self._legacy if self.era is Era.LEGACY else self._modern
        with self._doubting():
            async with chosen.listen(request, headers) as news:
                yield news

    def leave(self, state: str) -> None:
        """Let go of a call that an older server may hold open; see `Transport.leave`."""
        if self.era is Era.LEGACY:
            self._legacy.leave(state)

    @contextmanager
    def _doubting(self) -> Generator[None]:
        """Find the era out anew next time, where an older server shakes hands no more."""
        try:
            yield
        except NoHandshake as refusal:
            self.known.era = None
            raise refusal.error from refusal

    def _settle(self, era: Era) -> None:
        if self.era is not era:
            self.known.era = era
            _log.info("mcp.era_settled", server=self.server, era=era.value)

    def _is_modern(self, error: McpPeerError) -> bool:
        """True for an error that only a modern server has; then the era is settled."""
        if isinstance(error, UnsupportedVersion):
            # One that speaks nothing newer than we do older is spoken to in that version.
            is_modern = not set(error.supported) & set(VERSIONS) or self._probes
        else:
            is_modern = isinstance(error, _MODERN) or (
                isinstance(error, MethodNotFound)
                and error.status is not None
                and error.method != DISCOVER  # which every modern server has
            )
        if is_modern:
            self._settle(Era.MODERN)
        return is_modern

    async def _fall_back(
        self,
        error: McpPeerError,
        request: Request,
        hear: Hear | None,
        patience: Patience | None,
    ) -> JsonObject:
        """The same request to an older server; the first error, if it is none of those either."""
        try:
            result = await self._legacy.request(request, {}, hear=hear, patience=patience)
        except NoHandshake:
            raise error from None
        self._settle(Era.LEGACY)
        return result

    async def _settled(self, request: Request, patience: Patience) -> None:
        """Have the era found out by whoever comes first; the others wait for it."""
        channel = None
        if self._lines is not None:
            channel = await self._lines.channel(request, patience)
        if not self._is_known_on(channel):
            async with turn(self._settling, request, patience, server=self.server):
                if not self._is_known_on(channel):
                    await self._find_out(request)
                    self._seen = channel
        self._seen = self._seen or channel

    def _is_known_on(self, channel: Channel | None) -> bool:
        """False where nobody knows, and where what was modern may be another release by now."""
        is_replaced = self._seen is not None and self._seen is not channel
        return self.era is Era.LEGACY or (self.era is Era.MODERN and not is_replaced)

    async def _is_rolled_back(
        self, error: McpPeerError, request: Request, patience: Patience | None
    ) -> bool:
        """Whether a server that was modern is an older one now, as this refusal of it may mean."""
        now_s = anyio.current_time()
        is_about_params = isinstance(error, InvalidParams)  # which modern ones answer every day
        if self._probes or is_about_params or now_s < self.known.doubted_s + DOUBT_S:
            return False
        self.known.doubted_s = now_s
        with suppress(TransportError, McpPeerError):  # no better known than before
            async with turn(
                self._settling, request, patience or self._legacy.patience, server=self.server
            ):
                await self._find_out(request)
        return self.era is Era.LEGACY

    async def _find_out(self, request: Request) -> None:
        """Settle the era by `server/discover`, stamped as `request` is."""
        probe = Request(f"{request.id}-era", DISCOVER, _meta_alone(request))
        patience = Patience(PROBE_S, PROBE_S) if self._probes else None
        fields = standard(DISCOVER, {}, version=_version(request))
        try:
            await self._modern.request(probe, fields, patience=patience)
        except TransportError as error:
            if not (self._probes and error.delivered):
                raise
            failure: McpPeerError | TransportError = error
        except McpPeerError as error:
            if self._is_modern(error):
                return
            if not self._probes and not _is_legacy(error):
                raise
            failure = error
        else:
            self._settle(Era.MODERN)
            return
        try:
            await self._legacy.request(probe, {})
        except NoHandshake:
            raise failure from None
        self._settle(Era.LEGACY)


def http_in_any_era(server: ServerSpec, port: HttpPort, known: Known | None = None) -> Eras:
    """A server behind a URL, of whatever era."""
    patience = Patience(server.timeout_s, server.total_s)
    legacy = Session(HttpLink(server, port), patience=patience)
    return Eras(StreamableHttp(server, port), legacy, known=known)


def stdio_in_any_era(server: CommandSpec, known: Known | None = None) -> Eras:
    """A server that is a program of this machine, of whatever era."""
    return lines_in_any_era(Stdio(server), Patience(server.timeout_s, server.total_s), known)


def lines_in_any_era(
    transport: LinesTransport, patience: Patience, known: Known | None = None
) -> Eras:
    """A server on a stream of lines, of whatever era."""
    legacy = Session(LinesLink(transport), patience=patience.bounded())
    return Eras(transport, legacy, lines=transport, known=known)


def _is_legacy(error: McpPeerError) -> bool:
    """True for what an older server on HTTP answers to a modern request."""
    if isinstance(error, MethodNotFound):
        return error.method == DISCOVER
    if isinstance(error, McpError):
        return error.status is not None or isinstance(error, UnsupportedVersion)
    return (
        isinstance(error, HttpFailure)
        and error.status in _CLIENT_ERRORS
        and not isinstance(error, _NOT_ABOUT_ERAS)
    )


def _meta_alone(request: Request) -> JsonObject:
    meta = {key: value for key, value in meta_of(request).items() if key != "progressToken"}
    return {"_meta": meta}


def _version(request: Request) -> str:
    return str(meta_of(request).get(PREFIX + "protocolVersion", ""))
