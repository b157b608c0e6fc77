"""The client of one MCP server: discovery, the tool list, one wire request at a time.

Source: MCP 2026-07-28, basic/versioning (negotiation), server/tools, server/utilities/caching,
basic/transports/streamable-http "Client Behavior".

A tool call is not here: `core.rounds.Call` says what to send, and whoever drives it decides when.
"""

from __future__ import annotations

import anyio

from interloom.bridges.mcp.core import frames, headers, listing
from interloom.bridges.mcp.core.discovery import METHOD as DISCOVER
from interloom.bridges.mcp.core.discovery import Discovery, read_discovery
from interloom.bridges.mcp.core.errors import BadResult, BadTool, HeaderMismatch, UnsupportedVersion
from interloom.bridges.mcp.core.listing import MAX_PAGES, Page, ToolList, read_page
from interloom.bridges.mcp.core.rounds import Send
from interloom.bridges.mcp.core.tools import Tool
from interloom.bridges.mcp.http import (
    SILENT,
    Listener,
    OnLog,
    OnProgress,
    ServerSpec,
    StreamableHttp,
)
from interloom.runtime.net.port import HttpPort
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, Ids, Json, JsonObject, RandomIds, SystemClock

_log = logger("mcp")
_NO_META: JsonObject = {}


class McpClient:
    """Talks to one server under one set of credentials; safe for any number of calls at once.

    Args:
        server: Which server, and how long it may take.
        port: How requests travel.
        profile: Who we say we are; None for the defaults.
        ids: Where request ids come from; None for random ones.
        clock: What tells the age of the tool list; None for the machine's.
    """

    def __init__(
        self,
        server: ServerSpec,
        port: HttpPort,
        *,
        profile: frames.Profile | None = None,
        ids: Ids | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.server = server
        self.profile = profile or frames.Profile()
        self._http = StreamableHttp(server, port)
        self._ids = ids or RandomIds()
        self._clock = clock or SystemClock()
        self._list: ToolList | None = None
        self._listing = anyio.Lock()
        self._use(self.profile.versions[0])

    async def discover(self) -> Discovery:
        """Ask the server what it is, and settle on a version both speak.

        Raises:
            BadResult: There is none, or the answer breaks the schema.
            McpPeerError | TransportError: The request failed.
        """
        result = await self._ask(DISCOVER, {})
        found = read_discovery(result, server=self.server.name)
        version = self._mutual(found.versions)
        if version is None:
            rule = f"supports none of our versions: {', '.join(self.profile.versions)}"
            raise BadResult(self.server.name, DISCOVER, rule)
        self._use(version)
        return found

    async def list_tools(self) -> tuple[Tool, ...]:
        """The server's tools, all pages; asked for again unless the last list is still fresh.

        Tools whose definition breaks a rule are left out with a warning.

        Raises:
            BadResult: A page breaks the schema, or there are more than `MAX_PAGES`.
            McpPeerError | TransportError: A request failed.
        """
        seen = self._list
        if seen is None or not seen.is_fresh(self._clock.monotonic()):
            seen = await self._refresh(seen)
        return tuple(seen.tools.values())

    async def learn_tools(self) -> None:
        """Have the tool list at hand, as `exchange` needs it; free when it is there already.

        Raises:
            BadResult: As for `list_tools`.
            McpPeerError | TransportError: A request failed.
        """
        await self._known()

    async def exchange(
        self,
        send: Send,
        *,
        meta: JsonObject = _NO_META,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        tool: Tool | None = None,
    ) -> JsonObject:
        """Put one request of a call on the wire; return its result object, for `Call.receive`.

        A refusal that is certain to have changed nothing is answered here, once: another version,
        or headers built from a newer tool list.

        Args:
            send: What the call wants sent.
            meta: The caller's `_meta` keys: trace context, log level, vendor keys.
            on_progress: Hears progress; a progress token is sent when it is given.
            on_log: Hears log messages, which `meta` has to ask for (`frames.LOG_LEVEL`).
            tool: The tool that is called, when the caller has it; else the list is looked up, and
                fetched on the first call of all.

        Raises:
            BadTool: The tool was left out of the list.
            McpPeerError: The server answered an error, or broke the protocol.
            TransportError: No answer; `delivered` says whether the server can have seen it.
        """
        listener = Listener(on_progress, on_log)
        if send.method != "tools/call":
            return await self._send(send.method, send.params, meta, listener)
        name, seen = str(send.params.get("name")), self._list
        if tool is None:
            seen = await self._known()
            tool = self._find(seen, name)
        try:
            return await self._send(send.method, send.params, meta, listener, tool)
        except HeaderMismatch:
            seen = await self._refresh(seen)
        tool = self._find(seen, name)
        return await self._send(send.method, send.params, meta, listener, tool)

    async def _send(
        self,
        method: str,
        params: JsonObject,
        meta: JsonObject = _NO_META,
        listener: Listener = SILENT,
        tool: Tool | None = None,
    ) -> JsonObject:
        """One request, and a second one when the first was refused for its version."""
        try:
            return await self._send_once(method, params, meta, listener, tool)
        except UnsupportedVersion as refusal:
            version = self._mutual(refusal.supported)
            if version is None:
                raise
            self._use(version)
        return await self._send_once(method, params, meta, listener, tool)

    async def _send_once(
        self,
        method: str,
        params: JsonObject,
        meta: JsonObject,
        listener: Listener,
        tool: Tool | None,
    ) -> JsonObject:
        request_id = self._ids.fresh()
        if listener.progress is not None:
            meta = {"progressToken": request_id, **meta}
        request = frames.request(request_id, method, params, stamp=self._stamp, meta=meta)
        fields = headers.standard(method, params, version=self.version)
        if tool is not None and tool.mirrors:
            fields |= headers.mirrored(tool.mirrors, params.get("arguments"))
        return await self._http.request(request, fields, listener=listener)

    async def _ask(self, method: str, params: JsonObject) -> JsonObject:
        """A request that has no rounds."""
        result = await self._send(method, params)
        return frames.require_complete(result, server=self.server.name, method=method)

    async def _known(self) -> ToolList:
        """The tool list to mirror by: kept for as long as the caching page lets it be kept."""
        seen = self._list
        if seen is None or seen.is_expired(self._clock.monotonic()):
            return await self._refresh(seen)
        return seen

    async def _refresh(self, seen: ToolList | None) -> ToolList:
        """Fetch the list, unless somebody else has since the caller saw `seen`."""
        async with self._listing:
            if self._list is None or self._list is seen:
                self._list = await self._fetch()
            return self._list

    async def _fetch(self) -> ToolList:
        name, received_s = self.server.name, self._clock.monotonic()
        pages: list[Page] = []
        params: dict[str, Json] = {}
        while len(pages) < MAX_PAGES:
            page = read_page(await self._ask(listing.METHOD, params), server=name)
            pages.append(page)
            if page.cursor is None:
                break
            params = {"cursor": page.cursor}
        else:
            raise BadResult(name, listing.METHOD, f"has more than {MAX_PAGES} pages")
        found = listing.join(pages, server=name, received_s=received_s)
        for reason in found.rejected:
            _log.warning("mcp.tool_rejected", server=name, tool=reason.tool, rule=reason.rule)
        return found

    def _find(self, known: ToolList, name: str) -> Tool | None:
        """The listed tool; None for one the server does not list, which it may refuse itself."""
        tool = known.tools.get(name)
        reason = None if tool is not None else known.why_rejected(name)
        if reason is not None:
            raise BadTool(self.server.name, name, reason.rule)
        return tool

    def _mutual(self, supported: tuple[str, ...]) -> str | None:
        return next((version for version in self.profile.versions if version in supported), None)

    def _use(self, version: str) -> None:
        self.version = version
        self._stamp = self.profile.meta(version)
