"""The transport that speaks to a server of an older revision.

Source: MCP 2025-11-25, basic/lifecycle, basic/transports (sessions), server/* (`listChanged`,
`resources/subscribe`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
from anyio.abc import TaskGroup

from interloom.bridges.mcp.core.errors import McpError, McpPeerError, answered
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.legacy import translate
from interloom.bridges.mcp.legacy.calls import TELL_S, Calls, notification_of
from interloom.bridges.mcp.legacy.changes import Changes
from interloom.bridges.mcp.legacy.levels import Levels
from interloom.bridges.mcp.legacy.link import Arrived, Connection, Link, SessionLost
from interloom.bridges.mcp.port import Hear, Patience
from interloom.bridges.mcp.turn import turn
from interloom.bridges.mcp.waiting import News
from interloom.runtime.errors import InterloomError, LocalError, TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Ids, JsonObject, RandomIds

ASKING = frozenset({"tools/call", "prompts/get", "resources/read"})
"""Requests that may be answered with questions (MCP 2026-07-28, basic/patterns/mrtr)."""

TRIES = 2
"""Times a request is sent whose session turns out to be lost; ours."""

_log = logger("mcp")


class NoHandshake(Exception):
    """The server refused `initialize`, or agreed on no version: it is of no older era.

    Attributes:
        error: What it said.
    """

    def __init__(self, error: McpPeerError) -> None:
        super().__init__(str(error))
        self.error = error


class Session:
    """Makes an older server look like one of 2026-07-28; see `Transport`.

    Args:
        link: What carries the messages.
        patience: How long a request may take that does not say.
        ids: Where ids and tokens come from; None for random ones.

    Attributes:
        version: The protocol version that was agreed on; None before the first handshake.
        patience: How long a request may take that does not say.
    """

    def __init__(self, link: Link, *, patience: Patience, ids: Ids | None = None) -> None:
        self.server = link.server
        self.version: str | None = None
        self._link = link
        self.patience = patience
        self._ids = ids or RandomIds()
        self._tasks: TaskGroup | None = None
        self._greeting = anyio.Lock()
        self._greeted: Connection | None = None
        self._welcome: JsonObject = {}
        self._calls = Calls(link.server, self._ids)
        self._changes = Changes(link.server)
        self._levels = Levels()
        self._leveling = anyio.Lock()

    @property
    def is_holding(self) -> bool:
        """Whether a call is under way, or is held open for answers."""
        return self._calls.is_holding

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let calls be held while the block runs; see `Transport.open`."""
        async with self._link.open(), anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                self._calls.forget()
                tasks.cancel_scope.cancel()

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """Send one request; return the result object of its response; see `Transport.request`.

        Raises:
            NoHandshake: The server is of no older era.
        """
        patience = patience or self.patience
        if request.method == "server/discover":
            await self._connected(request, patience)
            return translate.discovered(self._welcome, request)
        if request.method not in ASKING:
            return await self._ask(request, request, patience)
        state = translate.state_of(request)
        with self._levels.wishing(translate.level_of(request)):
            return await self._in_rounds(request, state, hear, patience)

    async def _in_rounds(
        self, request: Request, state: str, hear: Hear | None, patience: Patience
    ) -> JsonObject:
        if state.startswith(translate.HELD):
            return await self._calls.resume(request, state, hear, patience)
        if state and not translate.is_accepted(translate.answers(request)):
            code = translate.URL_REQUIRED
            raise answered(self.server, request.method, error_code=code, said="", data=None)
        return await self._call(request, hear, patience)

    @asynccontextmanager
    async def listen(
        self,
        request: Request,
        headers: Mapping[str, str],
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        """Hold a subscription open; see `Transport.listen`.

        Raises:
            NoHandshake: The server is of no older era.
        """
        connection = await self._connected(request, self.patience)
        agreed: JsonObject = {}
        if await connection.can_overhear():
            agreed = translate.honoured(request, self._welcome)
        with self._changes.listening(request, agreed) as waiting:
            async with self._watching(request, translate.uris_of(agreed)):
                yield News(waiting)

    @asynccontextmanager
    async def _watching(self, request: Request, uris: Sequence[str]) -> AsyncGenerator[None]:
        """Have the server tell of single resources while the block runs."""
        watched, entered = self._changes.watched, list[str]()
        try:
            for uri in uris:
                await watched.enter(uri, partial(self._watch, request, "resources/subscribe"))
                entered.append(uri)
            yield
        finally:
            if watched is self._changes.watched:  # a new session would not know what is meant
                with anyio.move_on_after(TELL_S, shield=True):
                    for uri in entered:
                        await watched.leave(uri, partial(self._unwatch, request))

    def leave(self, state: str) -> None:
        """Let go of a call that is held open for answers; see `Transport.leave`."""
        self._calls.leave(state)

    async def _watch(self, request: Request, method: str, uri: str) -> None:
        asked = Request(self._ids.fresh(), method, {"uri": uri})
        await self._ask(asked, request, self.patience)

    async def _unwatch(self, request: Request, uri: str) -> None:
        """Say that nobody listens; whoever does not take that tells nobody anything."""
        with suppress(InterloomError):
            await self._watch(request, "resources/unsubscribe", uri)

    async def _connected(self, request: Request, patience: Patience) -> Connection:
        """A connection whose handshake is made; `request` says who we are."""
        async with turn(self._greeting, request, patience, server=self.server):
            connection = await self._link.connection(request, patience)
            if connection is not self._greeted:
                await self._greet(connection, request, patience)
                self._greeted = connection
            return connection

    async def _greet(self, connection: Connection, request: Request, patience: Patience) -> None:
        hello = translate.hello(self._ids.fresh(), translate.meta_of(request))
        try:
            welcome = await connection.ask(hello, patience=patience)
            version = translate.check_welcome(welcome, server=self.server)
            self._changes.forget()
            self._levels.told(None)
            ended = partial(self._ended, connection)
            connection.begin(version, self._overhearing(connection), ended)
            with suppress(McpPeerError):  # requests will tell whether it minds
                await connection.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        except McpPeerError as error:
            raise NoHandshake(error) from error
        except SessionLost:
            raise self._lost(request) from None
        except TransportError as error:  # the request itself has not been sent
            raise TransportError(str(error), delivered=False) from error
        self._welcome, self.version = welcome, version
        _log.info("mcp.session_begun", server=self.server, version=version)

    def _ended(self, connection: Connection) -> None:
        """Nothing is overheard on a connection any more; one that was replaced concerns nobody."""
        if self._greeted in {None, connection}:
            self._changes.end()

    def _overhearing(self, connection: Connection) -> Arrived:
        def overhear(frame: JsonObject) -> None:
            if "id" not in frame:
                notification = notification_of(frame)
                self._calls.overheard(connection, notification)
                self._changes.take(notification)
            elif self._tasks is not None:
                self._calls.asked(connection, None, frame, self._tasks)

        return overhear

    async def _ask(self, request: Request, stamped: Request, patience: Patience) -> JsonObject:
        """A request that asks nothing back; one whose session was lost was not carried out."""
        plain = translate.plain(request)
        for _ in range(TRIES):
            connection = await self._connected(stamped, patience)
            with suppress(SessionLost):
                return await connection.ask(plain, patience=patience)
        raise self._lost(request)

    async def _call(self, request: Request, hear: Hear | None, patience: Patience) -> JsonObject:
        """A call that may ask; one whose session was lost was not carried out."""
        for _ in range(TRIES):
            connection = await self._connected(request, patience)
            try:
                if translate.level_of(request) is not None:
                    await self._set_level(connection, request, patience)
                held = self._calls.begin(request, connection, self._opened())
                return await self._calls.follow(held, hear, patience)
            except SessionLost:
                continue
            except McpError as error:
                if error.error_code != translate.URL_REQUIRED:
                    raise
                name, method = self.server, request.method
                required = translate.required_urls(error.data, server=name, method=method)
                return translate.round_of(required, translate.AGAIN)
        raise self._lost(request)

    async def _set_level(
        self, connection: Connection, request: Request, patience: Patience
    ) -> None:
        """Tell the server what to log, once for each change; one that refuses is not pressed."""
        async with turn(self._leveling, request, patience, server=self.server):
            level = self._levels.due()
            if level is None or not translate.can_log(self._welcome):
                return
            asked = Request(self._ids.fresh(), "logging/setLevel", {"level": level.value})
            try:
                await connection.ask(asked, patience=patience)
            except McpPeerError as refusal:
                _log.info("mcp.level_refused", server=self.server, rule=refusal.rule)
            except TransportError as error:  # the request it was for has not been sent
                raise TransportError(str(error), delivered=False) from error
            self._levels.told(level)

    def _opened(self) -> TaskGroup:
        if self._tasks is None:
            raise LocalError(f"MCP server {self.server}: its transport is not open")
        return self._tasks

    def _lost(self, request: Request) -> TransportError:
        text = f"MCP server {self.server}: {request.method}: each session is lost at once"
        return TransportError(text, delivered=False)
