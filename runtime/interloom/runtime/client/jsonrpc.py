"""The JSON-RPC binding, the client's side (A2A 1.0.1 section 9)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import orjson

from interloom.runtime.client import replies
from interloom.runtime.client.addresses import host
from interloom.runtime.client.exchange import Request, fetch, follow
from interloom.runtime.client.port import CallContext, StreamEvent
from interloom.runtime.model import AgentInterface, WireModel
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.jsonrpc import VERSION
from interloom.runtime.wire.methods import Method

MEDIA_TYPE: Final = "application/json"
"""Of requests and answers (9.1)."""


class JsonRpcTransport:
    """Speaks JSON-RPC 2.0 to one interface.

    Args:
        interface: Where to.
        port: Sends the requests; stays the caller's to close.
    """

    def __init__(self, interface: AgentInterface, port: HttpPort) -> None:
        self._url, self._port = interface.url, port
        self._peer = host(interface.url)
        self._last_id = 0

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request and wait for its answer; see `Transport.call`."""
        sent, request_id = self._request(method, request)
        answer = await fetch(self._peer, self._port, sent, context)
        return replies.result(self._peer, answer, request_id, is_empty=method.response is None)

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Send a request and give its events as they arrive; see `Transport.stream`."""
        sent, request_id = self._request(method, request)
        async with aclosing(follow(self._peer, self._port, sent, context)) as events:
            async for event in events:
                if isinstance(event, bytes):
                    replies.result(self._peer, event, request_id)
                else:
                    yield StreamEvent(replies.result(self._peer, event.data, request_id), event.id)

    async def aclose(self) -> None:
        """Nothing is held: the port is the caller's."""

    def _request(self, method: Method, request: WireModel) -> tuple[Request, int]:
        self._last_id += 1
        frame = {
            "jsonrpc": VERSION,
            "id": self._last_id,
            "method": method.name,
            "params": request.to_dict(),
        }
        body = orjson.dumps(frame)
        return Request(method.name, "POST", self._url, MEDIA_TYPE, body), self._last_id
