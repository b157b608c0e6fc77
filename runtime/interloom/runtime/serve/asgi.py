"""The one ASGI callable: agent cards, JSON-RPC and HTTP+JSON, without a framework.

GET  /.well-known/agent-card.json              the first agent's card
GET  /a2a/{agent}/.well-known/agent-card.json  an agent's card
GET  /.well-known/api-catalog                  which agents there are
GET  /.well-known/jwks.json                    keys to verify with what is signed here, if any
POST /a2a/{agent}                              JSON-RPC; a trailing slash is the same place
POST /                                         JSON-RPC of the first agent
     /a2a/{agent}/...                          HTTP+JSON: what `wire.routes` finds
     /...                                      HTTP+JSON of the first agent
GET  /healthz                                  200: the process lives; /health is the same
GET  /readyz                                   200 when it may be sent requests, else 503

Whatever else is asked for, the request must be for a name of ours; see `serve.hosts`. Those two
are for whoever starts and balances processes, who may know them by an address alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote

import orjson

from interloom.runtime.errors import (
    BadConfig,
    InterloomError,
    MethodNotFound,
    Unavailable,
    VerbNotAllowed,
)
from interloom.runtime.serve.body import Message, Receive, Scope, Send
from interloom.runtime.serve.cards import PREFIX, Site, agent_path, pages
from interloom.runtime.serve.health import STARTING, Checks, Health
from interloom.runtime.serve.hosts import Hosts
from interloom.runtime.serve.jsonrpc import JsonRpc
from interloom.runtime.serve.pages import READS, show
from interloom.runtime.serve.replies import fields_of, respond, take_version
from interloom.runtime.serve.rest import Rest, RestRequest
from interloom.runtime.serve.tls import client_certificate
from interloom.runtime.wire import rest
from interloom.runtime.wire.card import About
from interloom.runtime.wire.errors import row

_LIVE: Final = frozenset({"/healthz", "/health"})
_READY: Final = "/readyz"
_UNCACHED: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


class Bindings(NamedTuple):
    """The bindings over HTTP, open.

    Attributes:
        jsonrpc: JSON-RPC.
        rest: HTTP+JSON.
        health: Whether requests may be sent here.
        drain: Prepares for the end; see `Runtime.drain`.
    """

    jsonrpc: JsonRpc
    rest: Rest
    health: Health
    drain: Callable[[], Awaitable[None]]


class A2AApp:
    """Serves agents over HTTP.

    Args:
        agents: What each agent says of itself, the first one being the default.
        open_bindings: Opens the bindings; left at shutdown.
        site: Where and how they are served.
        names: Hosts this process may be asked as, beside that of the site; None for any.
        made_at: The present moment.

    Attributes:
        base_url: Where clients reach this process.
        problem: Why the startup failed, when the configuration is to blame; else None.
    """

    def __init__(
        self,
        agents: Mapping[str, About],
        open_bindings: Callable[[], AbstractAsyncContextManager[Bindings]],
        site: Site,
        *,
        names: frozenset[str] | None,
        made_at: datetime,
    ) -> None:
        if not agents:
            raise BadConfig("there is no agent to serve")
        self.base_url = site.base_url
        self._hosts = None if names is None else Hosts(names, site.base_url)
        self._open_bindings = open_bindings
        self._bindings: Bindings | None = None
        self.problem: BadConfig | None = None
        self._default = next(iter(agents))
        self._callers = {"/": self._default}
        for name in agents:
            self._callers[agent_path(name)] = self._callers[f"{agent_path(name)}/"] = name
        self._pages = pages(agents, site, made_at)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            return
        headers = dict(scope["headers"])
        if scope.get("scheme") == "https":
            send = _strict(send)
        if scope["path"] in _LIVE or scope["path"] == _READY:
            await self._probe(scope["path"], scope["method"], send)
            return
        refusal = None if self._hosts is None else self._hosts.refusal(headers)
        if refusal is not None:
            await _refuse(send, refusal.status, refusal.reason)
        elif self._bindings is None:
            await _fail(send, Unavailable("not serving"))
        else:
            await self._answer(self._bindings, scope, headers, receive, send)

    async def _answer(
        self,
        bindings: Bindings,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
    ) -> None:
        path, method = scope["path"], scope["method"]
        agent = self._callers.get(path)
        if agent is not None:
            if method != "POST":
                await _fail(send, _only("POST"))
                return
            take_version(headers, scope["query_string"])
            shown = client_certificate(scope) if "extensions" in scope else None
            await bindings.jsonrpc.answer(agent, headers, receive, send, certificate=shown)
        elif path in self._pages:
            await self._read(path, method, headers, send)
        else:
            await self._operate(bindings.rest, scope, headers, receive, send)

    async def _read(self, path: str, verb: str, headers: Mapping[bytes, bytes], send: Send) -> None:
        if verb not in READS:
            await _fail(send, _only(", ".join(READS)))
        else:
            await show(self._pages[path], verb, headers, send)

    async def _probe(self, path: str, verb: str, send: Send) -> None:
        if verb not in READS:
            await _fail(send, _only(", ".join(READS)))
            return
        status, body = 200, b'{"status":"ok"}'
        if path == _READY:
            status, body = _readiness(
                STARTING if self._bindings is None else self._bindings.health.checks
            )
        await respond(send, status, body, _UNCACHED, is_head=verb == "HEAD")

    async def _operate(
        self, binding: Rest, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        path: str = scope.get("raw_path", b"").decode("latin-1") or quote(scope["path"])
        agent = self._default
        if path.startswith(PREFIX):
            agent, slash, path = path.removeprefix(PREFIX).partition("/")
            path = slash + path
        if agent_path(agent) not in self._callers:
            await _fail(send, MethodNotFound("nothing is served at this path"))
            return
        told = (scope["method"], path, scope["query_string"], headers, client_certificate(scope))
        asked = RestRequest(agent, *told)
        await binding.answer(asked, receive, send)

    async def drain(self) -> None:
        """Prepare for the end, while requests are still answered; see `Runtime.drain`."""
        if self._bindings is not None:
            await self._bindings.drain()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._open_bindings() as self._bindings:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except BadConfig as problem:
            self.problem = problem
            await send({"type": "lifespan.startup.failed", "message": str(problem)})
            return
        finally:
            self._bindings = None
        await send({"type": "lifespan.shutdown.complete"})


def _strict(send: Send) -> Send:
    """Tell browsers to come over TLS only (RFC 6797; A2A 13.4)."""

    async def strictly(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _HSTS]
        await send(message)

    return strictly


def _readiness(checks: Checks) -> tuple[int, bytes]:
    said = {"status": "ready" if checks.are_passed else "unready", "checks": checks._asdict()}
    return (200 if checks.are_passed else 503), orjson.dumps(said)


def _only(allowed: str) -> VerbNotAllowed:
    return VerbNotAllowed(f"this path takes {allowed}", details={"allowed": allowed})


async def _fail(send: Send, error: InterloomError) -> None:
    await respond(send, row(error).http, rest.error(error), *fields_of(error))


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = orjson.dumps({"error": {"code": status, "message": reason}})
    await respond(send, status, body)
