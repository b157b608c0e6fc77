"""A session with an older server over Streamable HTTP.

Source: MCP 2025-11-25, basic/transports "Streamable HTTP": sessions (`MCP-Session-Id`, 404 means
that it is gone, DELETE ends it), a GET stream for what belongs to no request, streams taken up
again with `Last-Event-ID` after as many milliseconds as `retry` says.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import anyio
import orjson
from anyio.abc import TaskGroup

from interloom.bridges.mcp.core.errors import Busy, HttpFailure, McpError, McpPeerError, refused
from interloom.bridges.mcp.core.frames import CANCELLED, Request
from interloom.bridges.mcp.http import ServerSpec, nameless
from interloom.bridges.mcp.legacy.link import Arrived, SessionLost
from interloom.bridges.mcp.legacy.posting import OK, Exchange
from interloom.bridges.mcp.port import Patience
from interloom.bridges.mcp.replies import media_type_of, within
from interloom.runtime.errors import BrokenOff, LocalError, TransportError
from interloom.runtime.net.port import HttpPort, Limits, Reply
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

SESSION: Final = "mcp-session-id"
MAX_PICKUPS: Final = 10
"""Times in a row that a stream is taken up again without an event on it; ours."""
MAX_PAUSE_S: Final = 30.0
"""Seconds between two tries to open the GET stream at most; ours."""
OFFER_S: Final = 5.0
"""Seconds for which it is waited to hear whether a server offers a GET stream; ours, for a gateway
may hold the head of a stream back until something comes on it."""
GOODBYE_S: Final = 5.0
"""Seconds that ending a request or a session may take."""
NOT_FOUND: Final = 404
FIRST_REFUSAL: Final = 400
"""The lowest HTTP status that says no to a notification or a response (transports, sending 4)."""
BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that say nothing about whether a server offers a stream of everybody's; ours."""
UNBOUNDED: Final = 2**62
"""Bytes of a stream as a whole; its events have their own bound."""

_POST: Final = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
_GET: Final = {"Accept": "text/event-stream"}
_log = logger("mcp")


class HttpLink:
    """Makes sessions with one server.

    Args:
        server: Which server; as for modern Streamable HTTP.
        port: How requests travel.
    """

    def __init__(self, server: ServerSpec, port: HttpPort) -> None:
        self.server = server.name
        self._spec, self._port = server, port
        self._tasks: TaskGroup | None = None
        self._current: HttpConnection | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Keep the GET stream while the block runs, then end the session; see `Link.open`."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()
                current, self._current = self._current, None
                if current is not None:
                    await current.end()

    async def connection(
        self,
        request: Request,
        patience: Patience,
    ) -> HttpConnection:
        """The session that lives, or a new one; see `Link.connection`."""
        if self._tasks is None:
            raise LocalError(f"MCP server {self.server}: its transport is not open")
        if self._current is None or not self._current.is_alive:
            self._current = HttpConnection(self._spec, self._port, self._tasks)
        return self._current


class HttpConnection:
    """One session."""

    def __init__(self, server: ServerSpec, port: HttpPort, tasks: TaskGroup) -> None:
        self.is_alive = True
        self._spec, self._port, self._tasks = server, port, tasks
        self._session: str | None = None
        self._overhearing = anyio.CancelScope()
        self._is_offered = True
        self._is_offer_known = anyio.Event()
        self._headers: dict[str, str] = dict(server.headers)

    def begin(self, version: str, overheard: Arrived, ended: Callable[[], None]) -> None:
        """Name the version from now on, and listen to what belongs to no request."""
        self._headers["MCP-Protocol-Version"] = version
        self._tasks.start_soon(self._overhear, overheard, ended)

    async def can_overhear(self) -> bool:
        """Whether the server offers a GET stream, as far as it has said; see `Connection`."""
        with anyio.move_on_after(OFFER_S):
            await self._is_offer_known.wait()
        return self._is_offered

    async def ask(
        self, request: Request, *, patience: Patience, arrived: Arrived | None = None
    ) -> JsonObject:
        """Send a request; see `Connection.ask`."""
        exchange = self._exchange(request, arrived or _pass_over)
        try:
            with within(patience.total_s):  # however often the stream is taken up again
                return await self._carried(request, exchange, patience)
        except (TransportError, LocalError) as error:
            if _is_still_at_work(error):
                self._tasks.start_soon(self._cancel, request)
            raise nameless(error, self._spec, request.method) from error
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(GOODBYE_S, shield=True):
                await self._cancel(request)
            raise

    async def tell(self, frame: JsonObject) -> None:
        """Send a frame; see `Connection.tell`."""
        limits = Limits(total_s=self._spec.timeout_s, idle_s=self._spec.timeout_s)
        what = str(frame.get("method", "response"))
        try:
            async with self._sending("POST", _POST, limits, orjson.dumps(frame)) as reply:
                self._check_session(reply)
                if reply.status >= FIRST_REFUSAL:
                    raise refused(self._spec.name, what, reply.status, challenge=None)
        except (TransportError, LocalError) as error:
            raise nameless(error, self._spec, what) from error

    async def end(self) -> None:
        """End the session, if there is one that lives; a server that does not mind is let be."""
        if self._session is None or not self.is_alive:
            return
        self._lose()
        limits = Limits(total_s=GOODBYE_S, idle_s=GOODBYE_S)
        with anyio.move_on_after(GOODBYE_S, shield=True), suppress(TransportError, LocalError):
            async with self._sending("DELETE", {}, limits):
                pass

    async def _carried(
        self, request: Request, exchange: Exchange, patience: Patience
    ) -> JsonObject:
        limits = Limits(total_s=patience.total_s, idle_s=patience.silence_s, max_bytes=UNBOUNDED)
        body = orjson.dumps(request.to_json())
        result: JsonObject | None = None
        try:
            async with self._sending("POST", _POST, limits, body) as reply:
                self._check_session(reply)
                if self._session is None:
                    self._keep_session(reply)
                result = await exchange.read(reply)
        except TransportError:
            if not exchange.pickup.event_id:
                raise
        if result is None:
            result = await self._taken_up(exchange, limits)
        return result

    async def _taken_up(self, exchange: Exchange, limits: Limits) -> JsonObject:
        """Go on with a stream that ended before the response, as often as it brings news.

        Raises:
            BrokenOff: It cannot be gone on with; the server may have carried the request out.
        """
        tries = 0
        while tries < MAX_PICKUPS and exchange.pickup.event_id:
            seen = exchange.pickup.event_id
            await anyio.sleep(exchange.pickup.retry_s)
            try:
                result = await self._pick_up(exchange, limits)
            except (TransportError, Busy):
                result = None
            except (SessionLost, HttpFailure, LocalError):  # not of the request, another matter
                break
            except McpError as error:
                if error.status is None:  # the request's own, on its stream
                    raise
                break
            if result is not None:
                return result
            tries = tries + 1 if exchange.pickup.event_id == seen else 0
        raise BrokenOff("the stream ended without a response", delivered=True)

    async def _pick_up(self, exchange: Exchange, limits: Limits) -> JsonObject | None:
        fields = {**_GET, "Last-Event-ID": exchange.pickup.event_id}
        async with self._sending("GET", fields, limits) as reply:
            self._check_session(reply)
            return await exchange.read(reply)

    def _lose(self) -> None:
        """Nothing more is asked in the session, nor heard."""
        self.is_alive = False
        self._overhearing.cancel()

    async def _overhear(self, overheard: Arrived, ended: Callable[[], None]) -> None:
        """Keep the GET stream open, for as long as the server offers one and the session lives."""
        with self._overhearing:
            await self._overhear_on(overheard)
        ended()

    async def _overhear_on(self, overheard: Arrived) -> None:
        waits_for = Request("", "GET", {})
        exchange = self._exchange(waits_for, overheard)
        pause_s = 0.0
        limits = Limits(total_s=None, idle_s=3600.0, max_bytes=UNBOUNDED)
        while self.is_alive:
            last = exchange.pickup.event_id
            fields = {**_GET, "Last-Event-ID": last} if last else _GET
            try:
                async with self._sending("GET", fields, limits) as reply:
                    self._check_session(reply)
                    is_stream = reply.status == OK and media_type_of(reply) == "text/event-stream"
                    self._is_offered = is_stream or reply.status in BUSY
                    self._is_offer_known.set()
                    if is_stream:
                        pause_s = 0.0
                        await exchange.read(reply)
                    elif not self._is_offered:
                        return
            except (TransportError, LocalError, SessionLost, McpPeerError) as error:
                _log.debug("mcp.stream_lost", server=self._spec.name, reason=str(error))
            pause_s = min(max(2 * pause_s, exchange.pickup.retry_s), MAX_PAUSE_S)
            await anyio.sleep(pause_s)

    async def _cancel(self, request: Request) -> None:
        if request.method == "initialize":  # must not be cancelled (cancellation 2)
            return
        params: JsonObject = {"requestId": request.id}
        with suppress(TransportError, LocalError, SessionLost, McpPeerError):
            await self.tell({"jsonrpc": "2.0", "method": CANCELLED, "params": params})

    def _exchange(self, request: Request, arrived: Arrived) -> Exchange:
        return Exchange(self._spec.name, request, arrived, max_bytes=self._spec.max_bytes)

    def _sending(
        self, method: str, fields: Mapping[str, str], limits: Limits, body: bytes | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        headers = {**self._headers, **fields}
        return self._port.send(method, self._spec.url, headers=headers, body=body, limits=limits)

    def _check_session(self, reply: Reply) -> None:
        if reply.status == NOT_FOUND and self._session is not None:
            self._lose()
            raise SessionLost

    def _keep_session(self, reply: Reply) -> None:
        session = reply.headers.get(SESSION)
        if session and session.isascii() and session.isprintable() and " " not in session:
            self._session = self._headers["Mcp-Session-Id"] = session


def _is_still_at_work(error: Exception) -> bool:
    """True when a request was given up that its server may be at work on."""
    is_broken = isinstance(error, BrokenOff)  # and its server knows as much
    return isinstance(error, TransportError) and error.delivered and not is_broken


def _pass_over(frame: JsonObject) -> None:
    """Nobody asked for it."""
