"""The client of one MCP server: discovery, its lists, one wire request at a time.

Source: MCP 2026-07-28, server/*, server/utilities/*, basic/patterns/*,
basic/transports/streamable-http "Client Behavior".

A call in rounds is not here: `core.rounds.Call` says what to send, and whoever drives it decides
when. Neither is a call that its server finishes later: that is `core.tasks.RemoteTask`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

import anyio

from interloom.bridges.mcp.cache import ResultCache
from interloom.bridges.mcp.core import completion, frames, headers, listing, prompts, resources
from interloom.bridges.mcp.core.completion import Completion
from interloom.bridges.mcp.core.discovery import METHOD as DISCOVER
from interloom.bridges.mcp.core.discovery import Discovery, read_discovery
from interloom.bridges.mcp.core.errors import BadEntry, BadResult, BadTool, HeaderMismatch
from interloom.bridges.mcp.core.listing import TOOLS, ToolList
from interloom.bridges.mcp.core.prompts import Prompt, PromptResult
from interloom.bridges.mcp.core.resources import Contents, Resource, Template
from interloom.bridges.mcp.core.rounds import Send
from interloom.bridges.mcp.core.subscriptions import METHOD as LISTEN
from interloom.bridges.mcp.core.subscriptions import Filter, Subscription
from interloom.bridges.mcp.core.tasks import TaskRequest
from interloom.bridges.mcp.core.tools import Tool
from interloom.bridges.mcp.lists import Lists
from interloom.bridges.mcp.port import Patience, Transport
from interloom.bridges.mcp.wire import NOTHING, Heard, Prepared, Wire, Wishes
from interloom.runtime.errors import TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, Ids, Json, JsonObject, RandomIds, SystemClock

_log = logger("mcp")
_NO_META: Final[JsonObject] = {}
_NO_TEXTS: Final[Mapping[str, str]] = {}
Read = TypeVar("Read")


class McpClient:
    """Talks to one server under one set of credentials; safe for any number of calls at once.

    Args:
        transport: How requests reach the server.
        principal: Whose credentials these are; what the server says is private is kept under it.
        profile: Who we say we are; None for the defaults.
        ids: Where request ids come from; None for random ones.
        clock: What tells the age of what is kept; None for the machine's.
        cache: Where results are kept, the one of the process; None for one of its own.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        principal: str = "",
        profile: frames.Profile | None = None,
        ids: Ids | None = None,
        clock: Clock | None = None,
        cache: ResultCache | None = None,
    ) -> None:
        self.server = transport.server
        self.principal = principal
        self.profile = profile or frames.Profile()
        self._wire = Wire(transport, self.profile, ids or RandomIds())
        self._clock = clock or SystemClock()
        self.cache = cache or ResultCache(clock=self._clock)
        self._lists = Lists(self.server, principal, ask=self._wire.ask, cache=self.cache)
        self._list: ToolList | None = None
        self._listing = anyio.Lock()

    @property
    def version(self) -> str:
        """The protocol version in use."""
        return self._wire.version

    async def discover(self) -> Discovery:
        """Ask the server what it is, and settle on a version both speak.

        No call needs it: a refused version is settled on the way. It is for whoever connects a
        server and wants to know that it is one; it is the one method every server must offer.

        Raises:
            BadResult: There is none, or the answer breaks the schema.
            McpPeerError | TransportError: The request failed.
        """
        found = read_discovery(await self._kept(DISCOVER, {}), server=self.server)
        if not self._wire.settle(found.versions):
            rule = f"supports none of our versions: {', '.join(self.profile.versions)}"
            raise BadResult(self.server, DISCOVER, rule)
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
        if seen is None or self._is_gone(seen) or not seen.is_fresh(self._clock.monotonic()):
            seen = await self._refresh(seen)
        return tuple(seen.tools.values())

    async def find_tool(self, name: str, *, is_doubted: bool = False) -> Tool | None:
        """A tool as it was listed last; None for one the server does not list.

        Args:
            name: Its name.
            is_doubted: A call does not fit what was listed last, which is asked for again if the
                server did not say that it still holds.

        Raises:
            BadTool: It was left out of the list.
            McpPeerError | TransportError: There is no list; `delivered` is False.
        """
        return self._find(await self._known(is_doubted=is_doubted), name)

    def remembered_tool(self, name: str) -> Tool | None:
        """A tool as it was listed last, however long ago; None when it was not."""
        return None if self._list is None else self._list.tools.get(name)

    async def list_prompts(self) -> tuple[Prompt, ...]:
        """The server's prompts; as for tools."""
        return await self._entries(prompts.LIST, partial(prompts.read_prompt, server=self.server))

    async def list_resources(self) -> tuple[Resource, ...]:
        """The server's resources; as for tools."""
        read = partial(resources.read_resource, server=self.server)
        return await self._entries(resources.LIST, read)

    async def list_templates(self) -> tuple[Template, ...]:
        """The templates of the server's resources; as for tools."""
        read = partial(resources.read_template, server=self.server)
        return await self._entries(resources.TEMPLATES, read)

    async def get_prompt(self, name: str, arguments: Mapping[str, str] = _NO_TEXTS) -> PromptResult:
        """What a prompt comes to, from a server that asks nothing back.

        Whoever can answer questions drives the rounds: `core.rounds.Call("…", "prompts/get", …)`.

        Raises:
            InvalidParams: There is no such prompt, or an argument is missing.
            BadResult: The server asks back, or the answer breaks the schema.
            McpPeerError | TransportError: The request failed.
        """
        result = await self.exchange(
            Send(prompts.GET, {"name": name, "arguments": dict(arguments)})
        )
        final = frames.require_complete(result, server=self.server, method=prompts.GET)
        return prompts.read_prompt_result(final, server=self.server)

    async def read_resource(self, uri: str) -> tuple[Contents, ...]:
        """What a resource holds, from a server that asks nothing back; kept as long as it says.

        Raises:
            McpError: There is none, if `core.resources.is_gone` says so.
            BadResult: The server asks back, or the answer breaks the schema.
            McpPeerError | TransportError: The request failed.
        """
        result = await self.exchange(Send(resources.READ, {"uri": uri}))
        final = frames.require_complete(result, server=self.server, method=resources.READ)
        return resources.read_contents(final, server=self.server)

    async def complete(
        self,
        of: completion.Reference,
        argument: str,
        value: str,
        *,
        known: Mapping[str, str] = _NO_TEXTS,
    ) -> Completion:
        """What could be meant by what was typed of an argument.

        Args:
            of: The prompt, or the resource's URI template.
            argument: Name of the argument.
            value: What was typed so far.
            known: Arguments that have their values already.

        Raises:
            BadResult: The answer breaks the schema.
            McpPeerError | TransportError: The request failed.
        """
        params = completion.completion_params(of, argument, value, known)
        result = await self._wire.ask(completion.METHOD, params)
        return completion.read_completion(result, server=self.server)

    async def ask_task(self, request: TaskRequest, *, meta: JsonObject = _NO_META) -> JsonObject:
        """Poll a task of the server, tell it answers, or cancel it; repeating any is safe.

        Args:
            request: What `RemoteTask` says.
            meta: The caller's `_meta` keys.

        Raises:
            McpPeerError | TransportError: The request failed.
        """
        return await self._wire.ask(request.method, request.params, meta=meta)

    @asynccontextmanager
    async def listen(
        self, wanted: Filter
    ) -> AsyncGenerator[tuple[Subscription, AsyncIterator[frames.Notification]]]:
        """Open one stream of changes, until the server ends it or the block is left.

        What is entered are the subscription, which reads the notifications, and the notifications.

        Raises:
            McpPeerError | TransportError: The request failed, or the stream broke off.
        """
        ready = self._wire.prepare(LISTEN, {"notifications": wanted.to_json()})
        subscription = Subscription(ready.request.id, wanted, server=self.server)
        async with self._wire.listen(ready) as said:
            yield subscription, said

    async def prepare(
        self, send: Send, *, meta: JsonObject = _NO_META, wishes: Wishes = NOTHING
    ) -> Prepared:
        """Make a request ready: what can fail on this side fails here, before a byte of it leaves.

        Args:
            send: What the call wants sent.
            meta: The caller's `_meta` keys: trace context, vendor keys.
            wishes: What it would like to hear before its result.

        Raises:
            LocalError: The request cannot be put on the wire.
            BadTool: The tool was left out of the list.
            McpPeerError | TransportError: The tool list, which a call's headers are made from,
                could not be had; `delivered` is False, because the call itself was not sent.
        """
        mirrored: Mapping[str, str] = {}
        if send.method == "tools/call":
            mirrored = self._mirrored(await self._known(), send)
        return self._wire.prepare(
            send.method, send.params, meta=meta, wishes=wishes, mirrored=mirrored
        )

    async def perform(
        self, ready: Prepared, *, heard: Heard | None = None, patience: Patience | None = None
    ) -> JsonObject:
        """Put a request on the wire; return its result object, for `Call.receive`.

        A refusal that is certain to have changed nothing is answered here, once: another version,
        or headers built from a newer tool list. A resource that is kept and fresh is not sent for.

        Args:
            ready: What to send.
            heard: Given what the request wished to hear.
            patience: How long it may take; None for what the server's configuration says.

        Raises:
            LocalError | BadTool: As for `prepare`, once the list has turned out to be another.
            McpPeerError: The server answered an error, or broke the protocol.
            TransportError: No answer; `delivered` says whether the server can have seen it.
        """
        send = partial(self._wire.send, heard=heard, patience=patience)
        if ready.method == resources.READ:
            return await self._kept(ready.method, ready.params, lambda: send(ready))
        seen = self._list
        try:
            return await send(ready)
        except HeaderMismatch:
            if ready.method != "tools/call":
                raise
        mirrored = self._mirrored(await self._listed_anew(seen), ready)
        again = self._wire.prepare(
            ready.method, ready.params, meta=ready.meta, wishes=ready.wishes, mirrored=mirrored
        )
        return await send(again)

    async def exchange(
        self, send: Send, *, meta: JsonObject = _NO_META, patience: Patience | None = None
    ) -> JsonObject:
        """`prepare` and `perform` in one, for a call that nobody keeps a record of."""
        return await self.perform(await self.prepare(send, meta=meta), patience=patience)

    def leave(self, state: Json) -> None:
        """Let go of a call that asked and will get no answers; see `Transport.leave`.

        Args:
            state: The `requestState` that came with its questions, if one did.
        """
        if isinstance(state, str):
            self._wire.leave(state)

    async def _kept(
        self,
        method: str,
        params: JsonObject,
        send: Callable[[], Awaitable[JsonObject]] | None = None,
    ) -> JsonObject:
        """The result of a request whose result may be kept."""
        place = await self.cache.look(self.server, method, params, principal=self.principal)
        if place.entry is not None:
            return place.entry.result
        result = await (self._wire.ask(method, params) if send is None else send())
        await self.cache.keep(place, result)
        return result

    async def _entries(self, method: str, read: Callable[[Json], Read]) -> tuple[Read, ...]:
        found, rejected = listing.read_entries(await self._lists.pages(method), read)
        self._warn(rejected)
        return found

    async def _known(self, *, is_doubted: bool = False) -> ToolList:
        """The tool list to mirror by: kept for as long as the caching page lets it be kept."""
        seen, now_s = self._list, self._clock.monotonic()
        if seen is None or self._is_gone(seen) or seen.is_expired(now_s):
            return await self._listed(seen)
        if is_doubted and seen.is_doubtful(now_s):
            return await self._listed(seen)
        return seen

    def _is_gone(self, seen: ToolList) -> bool:
        """True when the server has said that its list is another one now."""
        return seen.generation != self.cache.generation(self.server, TOOLS)

    async def _listed_anew(self, seen: ToolList | None) -> ToolList:
        """The list after a refusal that it explains; nothing that was kept of it counts."""
        if self._list is seen:
            await self.cache.purge(self.server, [TOOLS])
        return await self._listed(seen)

    async def _listed(self, seen: ToolList | None) -> ToolList:
        """`_refresh` for a call that has not been sent, or was refused."""
        try:
            return await self._refresh(seen)
        except TransportError as error:
            raise TransportError(str(error), delivered=False) from error

    async def _refresh(self, seen: ToolList | None) -> ToolList:
        """Fetch the list, unless somebody else has since the caller saw `seen`."""
        async with self._listing:
            if self._list is None or self._list is seen:
                generation = self.cache.generation(self.server, TOOLS)
                pages = await self._lists.pages(TOOLS)
                self._list = listing.join(pages, server=self.server, generation=generation)
                self.cache.interest(self.server).add(TOOLS, {})  # kept here, if not in the cache
                self._warn(self._list.rejected)
            return self._list

    def _warn(self, rejected: Iterable[BadEntry]) -> None:
        for reason in rejected:
            _log.warning(
                "mcp.entry_rejected",
                server=self.server,
                method=reason.method,
                entry=reason.entry,
                rule=reason.rule,
            )

    def _mirrored(self, known: ToolList, call: Send | Prepared) -> Mapping[str, str]:
        """The headers that a tool's definition asks for.

        A tool that the server does not list has none; the server may refuse it itself.
        """
        tool = self._find(known, str(call.params.get("name")))
        if tool is None or not tool.mirrors:
            return {}
        return headers.mirrored(tool.mirrors, call.params.get("arguments"))

    def _find(self, known: ToolList, name: str) -> Tool | None:
        tool = known.tools.get(name)
        reason = None if tool is not None else known.why_rejected(name)
        if reason is not None:
            raise BadTool(self.server, name, reason.rule)
        return tool
