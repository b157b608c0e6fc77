"""Requests as bytes, good and bad, to a running runtime: what no proper client would send."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast
from urllib.parse import quote, unquote, urlencode

import anyio
import orjson

from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.outbox import Posting
from interloom.runtime.errors import RequestError
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model.wiremodel import json_name
from interloom.runtime.net.port import Reply
from interloom.runtime.serve.auth import Authenticator
from interloom.runtime.serve.body import BodyLimits, Scope
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.agents import asker, echo
from interloom.runtime.testing.pair import World, pair
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire import sse
from interloom.runtime.wire.errors import ROWS
from interloom.runtime.wire.methods import METHODS

BOUND_S: Final = 5.0
"""Seconds a test of bad input may take in all."""
LIMITS: Final = BodyLimits(max_bytes=1_000_000, max_s=0.2)
HEADERS: Final = {
    "host": "127.0.0.1:8080",
    "content-type": "application/json",
    "a2a-version": "1.0",
}
A2A: Final = "a2a-protocol.org"
OURS: Final = "interloom"

RPC: Final = "JSONRPC"
REST: Final = "HTTP+JSON"
BINDINGS: Final = (RPC, REST)
_FIELD: Final = re.compile(r"\{(\w+)\}")

End: TypeAlias = Literal["whole", "stalls", "leaves"]
"""After the last chunk of a body: nothing is missing, nothing more comes, the client goes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status, 0 when the server said nothing at all.
        headers: By lower-case name.
        body: All of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def frame(self) -> JsonObject:
        """The body as a JSON object."""
        return cast("JsonObject", orjson.loads(self.body))

    @property
    def result(self) -> JsonObject:
        """The result of a JSON-RPC response."""
        return cast("JsonObject", self.frame["result"])

    @property
    def error(self) -> JsonObject:
        """The error of a JSON-RPC response."""
        return cast("JsonObject", self.frame["error"])

    @property
    def details(self) -> list[JsonObject]:
        """The error's details: ErrorInfo first."""
        return cast("list[JsonObject]", self.error.get("data", self.error.get("details")))

    @property
    def fields(self) -> list[Json]:
        """The fields that broke a rule."""
        return [
            violation["field"]
            for each in self.details
            for violation in cast("list[JsonObject]", each.get("fieldViolations", []))
        ]

    def is_refusal(
        self, code: int, reason: str, *, domain: str = OURS, status: int = 200, call_id: Json = 1
    ) -> None:
        """Check that it is exactly this JSON-RPC error, and that it says nothing it should not."""
        info = self.details[0]
        assert self.status == status
        assert self.headers["content-type"] == "application/json"
        assert self.frame.keys() == {"jsonrpc", "id", "error"}
        assert (self.frame["id"], self.error["code"]) == (call_id, code), self.body
        assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
        assert (info["reason"], info["domain"]) == (reason, domain)
        assert self.error["message"]
        self.is_discreet()

    def is_refusal_of(self, binding: str, error: type[RequestError], *fields: str) -> None:
        """Check that it is exactly this error, as a binding spells it, about these fields."""
        found = ROWS[error]
        if binding == RPC:
            said_by_http = found.http in {401, 403, 408, 413, 415}
            assert self.status == (found.http if said_by_http else 200), self.body
            assert self.error["code"] == found.jsonrpc
        else:
            assert self.status == self.error["code"] == found.http, self.body
            assert self.error["status"] == found.grpc
        info = self.details[0]
        assert (info["reason"], info["domain"]) == (found.reason, found.domain)
        assert self.fields == list(fields)
        self.is_discreet()

    def is_discreet(self) -> None:
        """Check that nothing of our inside is shown."""
        for word in (b"Traceback", b'File "', b".py", b"orjson", b"pydantic", b"line 1"):
            assert word not in self.body


@dataclass(slots=True)
class _Connection:
    """One request's ASGI channel."""

    chunks: list[bytes]
    end: End
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    answered: anyio.Event = field(default_factory=anyio.Event)

    async def receive(self) -> Scope:
        if self.chunks:
            body = self.chunks.pop(0)
            more = bool(self.chunks) or self.end != "whole"
            return {"type": "http.request", "body": body, "more_body": more}
        if self.end != "leaves":
            await self.answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Scope) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): text.decode() for name, text in message["headers"]}
            return
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            self.answered.set()


class Server:
    """A runtime with the agents `echo` and `asker`, and the means to send it anything."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def ask(
        self,
        *chunks: bytes,
        path: str = "/a2a/echo",
        method: str = "POST",
        query: str = "",
        headers: Mapping[str, str] = HEADERS,
        end: End = "whole",
    ) -> Answer:
        """Send one request, its body in chunks, and take what comes back.

        The path is percent-encoded, or else is as an ASGI server hands it over.
        """
        app = self.world.port.app
        assert app is not None
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        }
        connection = _Connection(list(chunks) or [b""], end)
        await app(scope, connection.receive, connection.send)
        return Answer(connection.status, connection.headers, connection.body)

    async def over(
        self, binding: str, method: str, params: JsonObject, *, agent: str = "echo"
    ) -> Answer:
        """Ask for an operation over one of the HTTP bindings."""
        if binding == RPC:
            return await self.call(method, params, agent=agent)
        verb, path, query, body = as_rest(method, params)
        return await self.rest(verb, path, body, agent=agent, query=query)

    async def call(
        self, method: Json, params: Json, *, agent: str = "echo", call_id: Json = 1
    ) -> Answer:
        """Send one JSON-RPC request whose envelope is in order."""
        frame = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}
        return await self.ask(orjson.dumps(frame), path=f"/a2a/{agent}")

    async def rest(
        self, verb: str, path: str, body: Json = None, *, agent: str = "echo", query: str = ""
    ) -> Answer:
        """Send one HTTP+JSON request."""
        path = f"/a2a/{agent}{path}"
        sent = b"" if body is None else orjson.dumps(body)
        return await self.ask(sent, method=verb, path=path, query=query)

    @asynccontextmanager
    async def streamed(self, verb: str, path: str) -> AsyncGenerator[AsyncIterator[JsonObject]]:
        """Open a stream of the HTTP+JSON binding; its events as they come."""
        url = f"http://{HEADERS['host']}{path}"
        async with self.world.port.send(verb, url, headers=HEADERS, body=b"") as reply:
            assert reply.status == 200
            yield _events(reply)

    async def task(self, agent: str = "echo", text: str = "hi") -> JsonObject:
        """Send a proper message; the task as it has settled."""
        answer = await self.call("SendMessage", {"message": message(text)}, agent=agent)
        return cast("JsonObject", answer.result["task"])

    async def is_well(self) -> None:
        """Check that it still does its work."""
        task = await self.task()
        assert cast("JsonObject", task["status"])["state"] == "TASK_STATE_COMPLETED"


def has_path(method: str, params: JsonObject) -> bool:
    """Whether the fields a path needs are there, and text that can stand in one."""
    names = _FIELD.findall(METHODS[method].path)
    return all(
        isinstance(params.get(json_name(name)), str) and params[json_name(name)] for name in names
    )


def as_rest(method: str, params: JsonObject) -> tuple[str, str, str, Json]:
    """Verb, path, query and body of an operation (A2A 11.3, 11.5)."""
    row, left = METHODS[method], dict(params)
    path = _FIELD.sub(lambda found: quote(str(left.pop(json_name(found[1]))), safe=""), row.path)
    if row.verb == "POST":
        return row.verb, path, "", left
    words = {
        name: str(value).lower() if value is True else str(value) for name, value in left.items()
    }
    return row.verb, path, urlencode(words), None


async def _events(reply: Reply) -> AsyncIterator[JsonObject]:
    reader = sse.Decoder()
    async for chunk in reply.chunks():
        for event in reader.feed(chunk):
            yield orjson.loads(event.data)


_sent = 0


def message(text: str = "hi", **more: Json) -> JsonObject:
    """A message of the caller, proper unless `more` spoils it."""
    global _sent  # noqa: PLW0603 - every message is a new one
    _sent += 1
    return {"messageId": f"m{_sent}", "role": "ROLE_USER", "parts": [{"text": text}], **more}


AGENTS: Final = (echo(), asker())


@asynccontextmanager
async def running(
    *more: Agent,
    limits: BodyLimits = LIMITS,
    authenticator: Authenticator | None = None,
    push: Posting | None = None,
) -> AsyncGenerator[Server]:
    """A server within bounds of time; when the block ends well, the server must be well too."""
    settings = Settings(limits=limits, grace_s=0.5, authenticator=authenticator, push=push)
    with anyio.fail_after(BOUND_S):
        async with pair((*AGENTS, *more), MemoryLedger, settings) as world:
            server = Server(world)
            yield server
            if authenticator is None:
                await server.is_well()


def frames(body: bytes) -> Sequence[JsonObject]:
    """The JSON in the data lines of an event stream."""
    return [
        orjson.loads(line.removeprefix(b"data: "))
        for line in body.splitlines()
        if line.startswith(b"data: ")
    ]
