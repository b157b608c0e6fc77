"""An MCP server under a test's thumb: real HTTP, canned answers, everything seen kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.frames import Profile
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import Json, JsonObject
from tests.runtime.net.hostile import Hostile, Seen, head

Frame: TypeAlias = Mapping[str, Json]
Reply: TypeAlias = Callable[[Frame], bytes]
"""From a request frame to the raw bytes of an HTTP response."""

SHIP: JsonObject = {"name": "ship", "inputSchema": {"type": "object"}}
FORM: JsonObject = {
    "method": "elicitation/create",
    "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}},
}


@dataclass(slots=True)
class Depot:
    """Answers by method; a list of replies is used up in turn, its last one stays.

    Attributes:
        replies: What to answer, by method.
        frames: Every frame received, in order.
        headers: The header fields of each, by lower-case name.
    """

    replies: dict[str, list[Reply]]
    frames: list[Frame] = field(default_factory=list[Frame])
    headers: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    async def answer(self, seen: Seen) -> None:
        frame = json.loads(seen.body)
        self.frames.append(frame)
        self.headers.append(seen.headers)
        left = self.replies[frame["method"]]
        reply = left.pop(0) if len(left) > 1 else left[0]
        await seen.stream.send(reply(frame))

    @property
    def methods(self) -> list[Json]:
        return [frame["method"] for frame in self.frames]


def depot(**replies: Reply | list[Reply]) -> Depot:
    """A depot whose keyword `tools_call` answers `tools/call`; it lists one tool, `ship`."""
    lists: dict[str, list[Reply]] = {"tools/list": [gives({"tools": [SHIP]})]}
    for method, given in replies.items():
        lists[method.replace("_", "/")] = given if isinstance(given, list) else [given]
    return Depot(lists)


def client_of(server: Hostile, port: HttpPort, *, profile: Profile | None = None) -> McpClient:
    """A client with limits fit for a test."""
    spec = ServerSpec("depot", server.url, timeout_s=2.0, total_s=5.0)
    return McpClient(StreamableHttp(spec, port), profile=profile)


def body(status: int, content: bytes, media_type: str | None, **headers: str) -> bytes:
    """A whole response with a length."""
    fields = {"Content-Length": str(len(content)), **headers}
    if media_type is not None:
        fields["Content-Type"] = media_type
    return head(status, fields) + content


def gives(result: JsonObject, *, status: int = 200) -> Reply:
    """Answer with a result."""

    def reply(frame: Frame) -> bytes:
        envelope = {"jsonrpc": "2.0", "id": frame["id"], "result": result}
        return body(status, json.dumps(envelope).encode(), "application/json")

    return reply


def fails(code: int, *, status: int = 400, data: Json = None) -> Reply:
    """Answer with a JSON-RPC error."""

    def reply(frame: Frame) -> bytes:
        error = {"code": code, "message": "no, says the depot", "data": data}
        envelope = {"jsonrpc": "2.0", "id": frame["id"], "error": error}
        return body(status, json.dumps(envelope).encode(), "application/json; charset=utf-8")

    return reply


def streams(*messages: JsonObject, result: JsonObject | None = None) -> Reply:
    """Answer with an event stream of `messages`, `"token"` in them filled in, then a result."""

    def reply(frame: Frame) -> bytes:
        params = frame["params"]
        meta = params["_meta"] if isinstance(params, dict) else None
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        sent = [
            json.dumps({"jsonrpc": "2.0", **m}).replace('"token"', json.dumps(token))
            for m in messages
        ]
        if result is not None:
            sent.append(json.dumps({"jsonrpc": "2.0", "id": frame["id"], "result": result}))
        events = "".join(f": keep-alive\r\n\r\nevent: message\r\ndata: {m}\r\n\r\n" for m in sent)
        return body(200, events.encode(), "text/event-stream")

    return reply


def says(raw: bytes) -> Reply:
    """Answer with exactly these bytes."""
    return lambda _frame: raw


def progress(value: Json, *, of: str = "token", **more: Json) -> JsonObject:
    """A progress notification; `streams` fills in the token of the request."""
    params: JsonObject = {"progressToken": of, "progress": value, **more}
    return {"method": "notifications/progress", "params": params}


class FakeClock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def monotonic(self) -> float:
        return self.now_s
