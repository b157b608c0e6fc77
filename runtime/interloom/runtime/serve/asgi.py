"""The one ASGI callable: agent cards and the JSON-RPC binding, without a framework.

GET  /.well-known/agent-card.json              the first agent's card
GET  /a2a/{agent}/.well-known/agent-card.json  an agent's card
POST /a2a/{agent}                              JSON-RPC; a trailing slash is the same place
POST /                                         JSON-RPC of the first agent
GET  /health                                   200 once the process serves

Whatever is asked for, the request must be for a name of ours; see `serve.hosts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final
from urllib.parse import parse_qsl

import orjson

from interloom.runtime.errors import BadConfig
from interloom.runtime.serve.body import Receive, Scope, Send
from interloom.runtime.serve.hosts import LOOPBACK, Hosts
from interloom.runtime.serve.jsonrpc import JsonRpc, respond
from interloom.runtime.wire.card import WELL_KNOWN, About, Binding, Endpoint, card

PREFIX: Final = "/a2a/"


def agent_path(name: str) -> str:
    """Where an agent is served below the base URL."""
    return f"{PREFIX}{name}"


def endpoints(url: str) -> tuple[Endpoint, ...]:
    """Where an agent is served, given its URL: what is preferred comes first (8.3.1)."""
    return (Endpoint(Binding.JSONRPC, url),)


class A2AApp:
    """Serves agents over HTTP.

    Args:
        agents: What each agent says of itself, the first one being the default.
        open_rpc: Opens the JSON-RPC binding; left at shutdown.
        base_url: Where clients reach this process, without a trailing slash.
        names: Hosts this process may be asked as, beside that of `base_url`; None for any.

    Attributes:
        base_url: As given.
        problem: Why the startup failed, when the configuration is to blame; else None.
    """

    def __init__(
        self,
        agents: Mapping[str, About],
        open_rpc: Callable[[], AbstractAsyncContextManager[JsonRpc]],
        *,
        base_url: str,
        names: frozenset[str] | None = LOOPBACK,
    ) -> None:
        if not agents:
            raise BadConfig("there is no agent to serve")
        self.base_url = base_url
        self._hosts = None if names is None else Hosts(names, base_url)
        self._open_rpc = open_rpc
        self._rpc: JsonRpc | None = None
        self.problem: BadConfig | None = None
        default = next(iter(agents))
        self._callers = {"/": default}
        self._cards: dict[str, bytes] = {}
        for name, about in agents.items():
            path = agent_path(name)
            self._callers[path] = self._callers[f"{path}/"] = name
            places = endpoints(base_url + path)
            self._cards[path + WELL_KNOWN] = card(about, endpoints=places).to_json()
        self._cards[WELL_KNOWN] = self._cards[agent_path(default) + WELL_KNOWN]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            return
        headers = dict(scope["headers"])
        refusal = None if self._hosts is None else self._hosts.refusal(headers)
        if refusal is not None:
            await _refuse(send, refusal.status, refusal.reason)
        elif self._rpc is None:
            await _refuse(send, 503, "not serving")
        else:
            await self._answer(self._rpc, scope, headers, receive, send)

    async def _answer(
        self, rpc: JsonRpc, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        path, method = scope["path"], scope["method"]
        agent = self._callers.get(path)
        if agent is None:
            await self._page(path, method, send)
        elif method == "POST":
            if scope["query_string"]:
                take_version(headers, scope["query_string"])
            await rpc.answer(agent, headers, receive, send)
        else:
            await _refuse(send, 405, "this path takes POST", allow=b"POST")

    async def _page(self, path: str, method: str, send: Send) -> None:
        body = self._cards.get(path, b'{"status":"ok"}' if path == "/health" else None)
        if body is None:
            await _refuse(send, 404, "nothing is served at this path")
        elif method in {"GET", "HEAD"}:
            await respond(send, 200, body, is_head=method == "HEAD")
        else:
            await _refuse(send, 405, "this path takes GET", allow=b"GET")

    def leave(self) -> None:
        """Let go of all subscribers, because the process is about to end."""
        if self._rpc is not None:
            self._rpc.leave()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._open_rpc() as self._rpc:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except BadConfig as problem:
            self.problem = problem
            await send({"type": "lifespan.startup.failed", "message": str(problem)})
            return
        finally:
            self._rpc = None
        await send({"type": "lifespan.shutdown.complete"})


def take_version(headers: dict[bytes, bytes], query: bytes) -> None:
    """Let the request parameter `A2A-Version` stand in for a header that is not there (3.6.1)."""
    for name, value in parse_qsl(query):
        if name.lower() == b"a2a-version":
            headers.setdefault(b"a2a-version", value)


async def _refuse(send: Send, status: int, reason: str, *, allow: bytes = b"") -> None:
    body = orjson.dumps({"error": {"code": status, "message": reason}})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if allow:
        headers.append((b"allow", allow))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
