"""Many requests at once over one stream of lines: what stdio and the in-memory transport share.

Source: MCP 2026-07-28, basic/transports/stdio (framing, correlation, cancellation by
`notifications/cancelled`); basic/patterns/cancellation "Timeouts". What is ours: requests that are
ready together go out in one write; a message that belongs to nobody is passed over, and a peer that
sends nothing else is given up.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
import orjson

from interloom.bridges.mcp.core.errors import BadFrame, McpPeerError
from interloom.bridges.mcp.core.frames import (
    CANCELLED,
    Message,
    Notification,
    Request,
    Result,
    check_depth,
    read_message,
)
from interloom.bridges.mcp.core.lines import (
    Line,
    LineDecoder,
    Overlong,
    encode_line,
)
from interloom.bridges.mcp.core.routing import (
    Asked,
    Heard,
    Owner,
    Response,
    Stray,
    ids_of_broken,
    ids_shown,
    route,
)
from interloom.bridges.mcp.port import Hear, Patience
from interloom.bridges.mcp.waiting import News, Waiting
from interloom.runtime.errors import BrokenOff, TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json, JsonObject

MAX_STRAYS: Final = 100
"""Lines in a row that belong to nobody before a server is treated as broken; ours."""

MAX_UNREAD: Final = 10_000
"""Messages that may wait to be written beside an answer of ours; ours."""

LAST_WORDS_S: Final = 1.0
"""Seconds a peer that reads no more is still listened to, for mostly it has ended; ours."""

_ENDED: Final = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
_log = logger("mcp")


class Wire(Protocol):
    """A reliable stream of bytes in both directions, like an anyio byte stream."""

    async def send(self, item: bytes, /) -> None:
        """Send all of these bytes."""
        ...

    async def receive(self) -> bytes:
        """Some bytes that have arrived; raises `anyio.EndOfStream` at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Manners:
    """How a channel behaves where transports differ.

    Attributes:
        max_bytes: Bytes of one message.
        ended: What is said of requests that were under way when the stream ended.
    """

    max_bytes: int = 10 * 1024 * 1024
    ended: str = "the server closed its end"


@dataclass(frozen=True, slots=True)
class Attendant:
    """Whoever answers for a channel beyond its requests; only older revisions need one.

    Attributes:
        asked: Given requests of the server.
        overheard: Given notifications that belong to no request.
        ended: Told once the stream has ended.
    """

    asked: Callable[[JsonObject], None]
    overheard: Callable[[Notification], None]
    ended: Callable[[], None]


class Channel:
    """One stream to one server.

    Args:
        server: Our name for the server.
        wire: The stream; closing it is its owner's business.
        manners: How it behaves.
    """

    def __init__(self, server: str, wire: Wire, manners: Manners) -> None:
        self.server = server
        self._wire = wire
        self._manners = manners
        self._waiting: dict[str, Waiting] = {}
        self._outgoing: list[tuple[bytes, Waiting | None]] = []
        self._has_outgoing = anyio.Event()
        self._strays = 0
        self._fault: str | None = None
        self._attendant: Attendant | None = None
        self.is_open = True

    async def run(self) -> None:
        """Read and write until the stream ends; then end every request that is under way."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write_on, tasks.cancel_scope)
                await self._read()
                tasks.cancel_scope.cancel()
        finally:
            self._end()

    async def request(
        self, request: Request, *, hear: Hear | None, patience: Patience
    ) -> JsonObject:
        """Send one request; return the result object of its response; see `Transport.request`."""
        with self._under_way(request) as waiting:
            until = anyio.current_time() + patience.total_s
            while True:
                left_s = until - anyio.current_time()
                message: Message | None = None
                with anyio.move_on_after(min(patience.silence_s, left_s)):
                    message = await waiting.take()
                if message is None:
                    raise self._late(
                        request, waiting, patience, is_over=left_s <= patience.silence_s
                    )
                if isinstance(message, Result):
                    return message.value
                if hear is not None:
                    await hear(message)

    @asynccontextmanager
    async def listen(self, request: Request) -> AsyncGenerator[AsyncIterator[Notification]]:
        """Hold a subscription open; see `Transport.listen`."""
        with self._under_way(request) as waiting:
            yield News(waiting)

    def tell(self, frame: Json) -> None:
        """Send a frame that nothing is expected back for.

        A peer that has us answer and reads none of it is given up.
        """
        if len(self._outgoing) >= MAX_UNREAD:
            self._fault = f"it reads nothing, and {MAX_UNREAD} messages wait for it"
        else:
            self._send(encode_line(frame), None)

    def attend(self, attendant: Attendant) -> None:
        """Hand over what no request of ours is the reason for."""
        self._attendant = attendant

    def _under_way(self, request: Request) -> _UnderWay:
        if not self.is_open:
            raise self._error(request, self._manners.ended, delivered=False)
        return _UnderWay(self, Waiting(self.server, request))

    def begin(self, waiting: Waiting) -> None:
        """Put a request on its way."""
        self._waiting[waiting.request.id] = waiting
        self._send(encode_line(waiting.request.to_json()), waiting)

    def leave(self, waiting: Waiting) -> None:
        """Let go of a request; one that was sent and is not answered is cancelled."""
        self._waiting.pop(waiting.request.id, None)
        if waiting.is_sent and not waiting.is_answered:
            params: JsonObject = {"requestId": waiting.request.id}
            said: JsonObject = {"jsonrpc": "2.0", "method": CANCELLED, "params": params}
            self._send(encode_line(said), None)
        elif not waiting.is_sent:
            self._outgoing = [entry for entry in self._outgoing if entry[1] is not waiting]

    def _send(self, data: bytes, waiting: Waiting | None) -> None:
        if self.is_open:
            self._outgoing.append((data, waiting))
            self._has_outgoing.set()

    async def _write_on(self, running: anyio.CancelScope) -> None:
        """Write until the peer reads no more; then hear what it still has to say, and end."""
        await self._write()
        await anyio.sleep(LAST_WORDS_S)
        running.cancel()

    async def _write(self) -> None:
        """Everything that became ready together is one write."""
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing = anyio.Event()
            batch, self._outgoing = self._outgoing, []
            for _, waiting in batch:
                if waiting is not None:
                    waiting.is_sent = True
            if batch:
                try:
                    await self._wire.send(b"".join(data for data, _ in batch))
                except _ENDED:
                    return

    async def _read(self) -> None:
        decoder = LineDecoder(max_bytes=self._manners.max_bytes)
        while self._fault is None:
            try:
                chunk = await self._wire.receive()
            except _ENDED:
                return
            for line in decoder.feed(chunk):
                self._take(line)

    def _take(self, line: Line) -> None:
        if isinstance(line, Overlong):
            ids = ids_shown(line.head, line.tail)
            self._refuse(ids, f"is over {self._manners.max_bytes} bytes")
            return
        try:
            frame: Json = orjson.loads(line)
        except orjson.JSONDecodeError:
            self._refuse(ids_of_broken(line), "is not JSON")
            return
        if isinstance(frame, list) and frame and self._attendant is not None:
            for each in frame:  # several at once, as 2025-03-26 has it (basic/index "Batching")
                self._sort(each, line)
        else:
            self._sort(frame, line)

    def _sort(self, frame: Json, line: bytes) -> None:
        match route(frame):
            case Response() as response:
                self._answer(response, line)
            case Heard() as heard:
                self._heard(heard, line)
            case Asked(frame=asked):
                self._asked(asked)
            case Stray(rule=rule):
                self._stray(rule)

    def _asked(self, frame: JsonObject) -> None:
        if self._attendant is None:
            self._stray("is a request, which a server must not send")
        else:
            self._strays = 0
            self._attendant.asked(frame)

    def _answer(self, response: Response, line: bytes) -> None:
        waiting = self._addressee(response)
        if waiting is None or waiting.is_answered:  # cancelled meanwhile, or answered twice
            _log.debug("mcp.response_dropped", server=self.server)
            return
        self._strays = 0
        waiting.is_answered = True
        request = waiting.request
        try:
            check_depth(line, response.frame, request.method, server=self.server)
            waiting.put(read_message(response.frame, request, server=self.server))
        except McpPeerError as error:
            waiting.put(error)

    def _addressee(self, response: Response) -> Waiting | None:
        if response.id is not None:
            return self._waiting.get(response.id)
        # An error about a request that could not be read: with one under way it can be no other.
        sent = [waiting for waiting in self._waiting.values() if waiting.is_sent]
        return sent[0] if len(sent) == 1 else None

    def _heard(self, heard: Heard, line: bytes) -> None:
        self._strays = 0
        owner = self._owner(heard)
        if owner is not None:
            try:
                params, method = heard.notification.params, owner.request.method
                check_depth(line, params, method, server=self.server)
            except BadFrame as error:
                owner.put(error)
            else:
                owner.put(heard.notification)
        elif heard.owner in {Owner.NOBODY, Owner.LOG} and self._attendant is not None:
            self._overheard(heard.notification, line, self._attendant)

    def _overheard(self, said: Notification, line: bytes, attendant: Attendant) -> None:
        try:
            check_depth(line, said.params, said.method, server=self.server)
        except BadFrame as error:
            self._stray(error.rule)
        else:
            attendant.overheard(said)

    def _owner(self, heard: Heard) -> Waiting | None:
        match heard.owner:
            case Owner.REQUEST:
                return self._waiting.get(heard.key)
            case Owner.TOKEN:
                owners = [each for each in self._waiting.values() if each.token == heard.key]
            case Owner.LOG:  # nothing tells two that asked for log messages apart
                owners = [each for each in self._waiting.values() if each.wants_log]
            case Owner.NOBODY:
                return None
        return owners[0] if len(owners) == 1 else None

    def _refuse(self, ids: list[str], rule: str) -> None:
        """Fail the request whose reply cannot be read, if one of these ids is a request's."""
        waiting = next((self._waiting[key] for key in ids if key in self._waiting), None)
        if waiting is None:
            self._stray(rule)
        else:
            waiting.is_answered = True
            waiting.put(BadFrame(self.server, waiting.request.method, f"the reply {rule}"))

    def _stray(self, rule: str) -> None:
        self._strays += 1
        _log.debug("mcp.line_dropped", server=self.server, rule=rule)
        if self._strays == MAX_STRAYS:
            self._fault = f"the last {MAX_STRAYS} lines belong to no request; the last one {rule}"

    def _end(self) -> None:
        self.is_open = False
        for waiting in list(self._waiting.values()):
            request = waiting.request
            if self._fault is not None:
                waiting.put(BadFrame(self.server, request.method, self._fault))
            else:
                rule = self._manners.ended
                text = f"MCP server {self.server}: {request.method}: {rule}"
                waiting.put(BrokenOff(text, delivered=waiting.is_sent))
        if self._attendant is not None:
            self._attendant.ended()

    def _late(
        self, request: Request, waiting: Waiting, patience: Patience, *, is_over: bool
    ) -> TransportError:
        rule = f"silent for {patience.silence_s:g} s"
        if is_over:
            rule = f"not done within {patience.total_s:g} s"
        return self._error(request, rule, delivered=waiting.is_sent)

    def _error(self, request: Request, rule: str, *, delivered: bool) -> TransportError:
        text = f"MCP server {self.server}: {request.method}: {rule}"
        return TransportError(text, delivered=delivered)


class _UnderWay:
    """A request from its first byte to its last; a hand-written context manager, for its price."""

    __slots__ = ("_channel", "_waiting")

    def __init__(self, channel: Channel, waiting: Waiting) -> None:
        self._channel, self._waiting = channel, waiting

    def __enter__(self) -> Waiting:
        self._channel.begin(self._waiting)
        return self._waiting

    def __exit__(self, *_: object) -> None:
        self._channel.leave(self._waiting)
