"""A server of an older revision over real HTTP: sessions, streams, and every request kept."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio

from interloom.bridges.mcp.eras import Eras, http_in_any_era
from interloom.bridges.mcp.http import ServerSpec
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import Reply, body, says
from tests.bridges.mcp.legacy.elder import WELCOME
from tests.runtime.net.hostile import Seen, head, serving

JSON = "application/json"
STREAM = head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
LAST = b"0\r\n\r\n"
REFUSED = body(400, b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"x"},"id":null}', JSON)
ACCEPTED = body(202, b"", None)
REFUSES = says(REFUSED)

Frame: TypeAlias = Mapping[str, Json]
Act: TypeAlias = "Callable[[Parlour, Seen, Frame], Awaitable[None]]"


@dataclass(slots=True)
class Parlour:
    """Sessions are numbered; `act` answers what is no handshake and no GET.

    Attributes:
        act: Answers a POST of a session.
        listen: Answers a GET.
        lines: `METHOD what` of each request, in order: the JSON-RPC method, or what answered.
        headers: The header fields of each.
        frames: The frame of each POST.
        sessions: Sessions begun.
        gone: Sessions that are no longer known.
        refuse: Answers what belongs to no session.
        welcome: What it answers to `initialize`.
        accepts: Answers notifications and responses.
        is_modern: True once it knows no handshake any more.
    """

    act: Act
    listen: Callable[[Parlour, Seen], Awaitable[None]]
    lines: list[str] = field(default_factory=list[str])
    headers: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    frames: list[Frame] = field(default_factory=list[Frame])
    sessions: int = 0
    gone: set[str] = field(default_factory=set[str])
    refuse: Reply = REFUSES
    is_modern: bool = False
    accepts: bytes = ACCEPTED
    welcome: JsonObject = field(default_factory=lambda: WELCOME)
    changed: anyio.Event = field(default_factory=anyio.Event)

    async def answer(self, seen: Seen) -> None:
        verb = seen.head.split(" ", 1)[0]
        frame: Frame = json.loads(seen.body) if seen.body else {}
        self.lines.append(f"{verb} {frame.get('method', 'response' if frame else '')}".strip())
        self.headers.append(seen.headers)
        self.frames.append(frame)
        self.changed.set()
        self.changed = anyio.Event()
        await self._answer(verb, seen, frame)

    async def _answer(self, verb: str, seen: Seen, frame: Frame) -> None:
        session = seen.headers.get("mcp-session-id")
        if frame.get("method") == "initialize" and not self.is_modern:
            self.sessions += 1
            result = {"jsonrpc": "2.0", "id": frame["id"], "result": self.welcome}
            named = {"Mcp-Session-Id": f"s{self.sessions}"}
            await seen.stream.send(body(200, json.dumps(result).encode(), JSON, **named))
        elif session is None:
            await seen.stream.send(self.refuse(frame))
        elif session in self.gone:
            await seen.stream.send(body(404, b"", None))
        elif verb == "GET":
            await self.listen(self, seen)
        elif verb == "DELETE" or "id" not in frame or "method" not in frame:
            await seen.stream.send(self.accepts)
        else:
            await self.act(self, seen, frame)

    async def until(self, line: str) -> int:
        """The index of the first request of a kind, once it has come."""
        while line not in self.lines:
            await self.changed.wait()
        return self.lines.index(line)


def event(frame: JsonObject, *, event_id: str = "", retry: int | None = None) -> bytes:
    """One server-sent event as an HTTP chunk."""
    fields = f"id: {event_id}\n" if event_id else ""
    fields += f"retry: {retry}\n" if retry is not None else ""
    data = json.dumps({"jsonrpc": "2.0", **frame}) if frame else ""
    raw = f"{fields}data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(raw), raw)


async def gives(_: Parlour, seen: Seen, frame: Frame) -> None:
    """Answer with an empty result."""
    empty: JsonObject = {"tools": [], "content": []}
    result: JsonObject = {"jsonrpc": "2.0", "id": frame["id"], "result": empty}
    await seen.stream.send(body(200, json.dumps(result).encode(), JSON))


async def no_stream(_: Parlour, seen: Seen) -> None:
    """Offer no GET stream."""
    await seen.stream.send(body(405, b"", None))


@asynccontextmanager
async def visiting(
    act: Act = gives,
    listen: Callable[[Parlour, Seen], Awaitable[None]] = no_stream,
    refuse: Reply | None = None,
) -> AsyncGenerator[tuple[Eras, Parlour]]:
    parlour = Parlour(act, listen, refuse=refuse or REFUSES)
    with anyio.fail_after(30):
        async with serving(parlour.answer) as server, aclosing(PooledHttp()) as port:
            spec = ServerSpec("depot", server.url, {"Authorization": "Bearer t0ken"}, 5.0, 10.0)
            eras = http_in_any_era(spec, port)
            async with eras.open():
                yield eras, parlour
