"""The client of one MCP server: discovery, the tool list, one wire request at a time.

Source: MCP 2026-07-28, basic/versioning (negotiation), server/tools, server/utilities/caching,
basic/transports/streamable-http "Client Behavior".

A tool call is not here: `core.rounds.Call` says what to send, and whoever drives it decides when.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import anyio

from interloom.bridges.mcp.core import frames, headers, listing
from interloom.bridges.mcp.core.discovery import METHOD as DISCOVER
from interloom.bridges.mcp.core.discovery import Discovery, read_discovery
from interloom.bridges.mcp.core.errors import BadResult, BadTool, HeaderMismatch, UnsupportedVersion
from interloom.bridges.mcp.core.listing import Page, ToolList, read_page
from interloom.bridges.mcp.core.rounds import Send
from interloom.bridges.mcp.core.tools import Tool
from interloom.bridges.mcp.port import Transport
from interloom.runtime.errors import TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, Ids, Json, JsonObject, RandomIds, SystemClock

_log = logger("mcp")
_NO_META: JsonObject = {}


class Prepared(NamedTuple):
    """A request that only has to be put on the wire.

    Attributes:
        request: The request, stamped.
        headers: What is mirrored from it.
        params: Its params as the caller gave them.
        meta: The caller's `_meta` keys.
        seen: The tool list that the headers were made from; None where none was needed.
    """

    request: frames.Request
    headers: Mapping[str, str]
    params: JsonObject
    meta: JsonObject
    seen: ToolList | None

    @property
    def method(self) -> str:
        """MCP method."""
        return self.request.method


class McpClient:
    """Talks to one server under one set of credentials; safe for any number of calls at once.

    Args:
        transport: How requests reach the server.
        profile: Who we say we are; None for the defaults.
        ids: Where request ids come from; None for random ones.
        clock: What tells the age of the tool list; None for the machine's.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        profile: frames.Profile | None = None,
        ids: Ids | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.server = transport.server
        self.profile = profile or frames.Profile()
        self._transport = transport
        self._ids = ids or RandomIds()
        self._clock = clock or SystemClock()
        self._list: ToolList | None = None
        self._listing = anyio.Lock()
        self._use(self.profile.versions[0])

    async def discover(self) -> Discovery:
        """Ask the server what it is, and settle on a version both speak.

        No call needs it: a refused version is settled on the way. It is for whoever connects a
        server and wants to know that it is one; it is the one method every server must offer.

        Raises:
            BadResult: There is none, or the answer breaks the schema.
            McpPeerError | TransportError: The request failed.
        """
        result = await self._ask(DISCOVER, {})
        found = read_discovery(result, server=self.server)
        version = self._mutual(found.versions)
        if version is None:
            rule = f"supports none of our versions: {', '.join(self.profile.versions)}"
            raise BadResult(self.server, DISCOVER, rule)
        self._use(version)
        return found

    async def list_tools(self) -> tuple[Tool, ...]:
        """The server's tools, all pages; asked for again unless the last list is still fresh.

        Tools whose definition breaks a rule are left out with a warning.

        Raises:
            BadResult: A page breaks the schema.
            ListTooLarge: The list as a whole is over a cap.
            McpPeerError | TransportError: A request failed.
        """
        seen = self._list
        if seen is None or not seen.is_fresh(self._clock.monotonic()):
            seen = await self._refresh(seen)
        return tuple(seen.tools.values())

    async def prepare(self, send: Send, *, meta: JsonObject = _NO_META) -> Prepared:
        """Make a request ready: what can fail on this side fails here, before a byte of it leaves.

        Args:
            send: What the call wants sent.
            meta: The caller's `_meta` keys: trace context, vendor keys.

        Raises:
            LocalError: The request cannot be put on the wire.
            BadTool: The tool was left out of the list.
            McpPeerError | TransportError: The tool list, which a call's headers are made from,
                could not be had; `delivered` is False, because the call itself was not sent.
        """
        seen = await self._known() if send.method == "tools/call" else None
        return self._prepared(send.method, send.params, meta, seen)

    async def perform(self, ready: Prepared) -> JsonObject:
        """Put a request on the wire; return its result object, for `Call.receive`.

        A refusal that is certain to have changed nothing is answered here, once: another version,
        or headers built from a newer tool list.

        Raises:
            LocalError | BadTool: As for `prepare`, once the list has turned out to be another.
            McpPeerError: The server answered an error, or broke the protocol.
            TransportError: No answer; `delivered` says whether the server can have seen it.
        """
        try:
            return await self._send(ready)
        except HeaderMismatch:
            if ready.seen is None:
                raise
        seen = await self._listed_anew(ready.seen)
        return await self._send(self._prepared(ready.method, ready.params, ready.meta, seen))

    async def exchange(self, send: Send, *, meta: JsonObject = _NO_META) -> JsonObject:
        """`prepare` and `perform` in one, for a call that nobody keeps a record of."""
        return await self.perform(await self.prepare(send, meta=meta))

    async def _send(self, ready: Prepared) -> JsonObject:
        """One request, and a second one when the first was refused for its version."""
        try:
            return await self._transport.request(ready.request, ready.headers)
        except UnsupportedVersion as refusal:
            version = self._mutual(refusal.supported)
            if version is None:
                raise
            self._use(version)
        again = self._prepared(ready.method, ready.params, ready.meta, ready.seen)
        return await self._transport.request(again.request, again.headers)

    def _prepared(
        self, method: str, params: JsonObject, meta: JsonObject, seen: ToolList | None
    ) -> Prepared:
        request = frames.request(self._ids.fresh(), method, params, stamp=self._stamp, meta=meta)
        fields = headers.standard(method, params, version=self.version)
        tool = None if seen is None else self._find(seen, str(params.get("name")))
        if tool is not None and tool.mirrors:
            fields |= headers.mirrored(tool.mirrors, params.get("arguments"))
        return Prepared(request, fields, params, meta, seen)

    async def _ask(self, method: str, params: JsonObject) -> JsonObject:
        """A request that has no rounds."""
        result = await self._send(self._prepared(method, params, _NO_META, None))
        return frames.require_complete(result, server=self.server, method=method)

    async def _known(self) -> ToolList:
        """The tool list to mirror by: kept for as long as the caching page lets it be kept."""
        seen = self._list
        if seen is None or seen.is_expired(self._clock.monotonic()):
            return await self._listed_anew(seen)
        return seen

    async def _listed_anew(self, seen: ToolList | None) -> ToolList:
        """`_refresh` for a call that has not been sent, or was refused."""
        try:
            return await self._refresh(seen)
        except TransportError as error:
            raise TransportError(str(error), delivered=False) from error

    async def _refresh(self, seen: ToolList | None) -> ToolList:
        """Fetch the list, unless somebody else has since the caller saw `seen`."""
        async with self._listing:
            if self._list is None or self._list is seen:
                self._list = await self._fetch()
            return self._list

    async def _fetch(self) -> ToolList:
        name, received_s = self.server, self._clock.monotonic()
        pages: list[Page] = []
        params: dict[str, Json] = {}
        while not pages or pages[-1].cursor is not None:
            pages.append(read_page(await self._ask(listing.METHOD, params), server=name))
            listing.check_size(pages, server=name)
            params = {"cursor": pages[-1].cursor}
        found = listing.join(pages, server=name, received_s=received_s)
        for reason in found.rejected:
            _log.warning("mcp.tool_rejected", server=name, tool=reason.tool, rule=reason.rule)
        return found

    def _find(self, known: ToolList, name: str) -> Tool | None:
        """The listed tool; None for one the server does not list, which it may refuse itself."""
        tool = known.tools.get(name)
        reason = None if tool is not None else known.why_rejected(name)
        if reason is not None:
            raise BadTool(self.server, name, reason.rule)
        return tool

    def _mutual(self, supported: tuple[str, ...]) -> str | None:
        return next((version for version in self.profile.versions if version in supported), None)

    def _use(self, version: str) -> None:
        self.version = version
        self._stamp = self.profile.meta(version)
