"""The HTTP+JSON binding, the client's side (A2A 1.0.1 section 11), driven by the method table."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, cast
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import orjson

from interloom.runtime.client import replies
from interloom.runtime.client.addresses import host
from interloom.runtime.client.exchange import Request, fetch, follow
from interloom.runtime.client.port import CallContext, StreamEvent
from interloom.runtime.errors import LocalError
from interloom.runtime.model import AgentInterface, WireModel
from interloom.runtime.model.wiremodel import json_name
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.methods import Method

MEDIA_TYPE: Final = "application/a2a+json"
"""Of requests and answers (11.1)."""

_FIELD: Final = re.compile(r"\{(\w+)\}")


class RestTransport:
    """Speaks HTTP+JSON to one interface.

    Args:
        interface: Where to.
        port: Sends the requests; stays the caller's to close.
    """

    def __init__(self, interface: AgentInterface, port: HttpPort) -> None:
        self._url, self._port = interface.url, port
        self._peer = host(interface.url)

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request and wait for its answer; see `Transport.call`."""
        body = await fetch(self._peer, self._port, written(self._url, method, request), context)
        return replies.answer(self._peer, body)

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Send a request and give its events as they arrive; see `Transport.stream`."""
        sent = written(self._url, method, request)
        async with aclosing(follow(self._peer, self._port, sent, context)) as events:
            async for event in events:
                if not isinstance(event, bytes):
                    yield StreamEvent(replies.answer(self._peer, event.data), event.id)

    async def aclose(self) -> None:
        """Nothing is held: the port is the caller's."""


def written(url: str, method: Method, request: WireModel) -> Request:
    """An operation as an HTTP request (11.3, 11.5 and the annotations of a2a.proto).

    Fields the path names go into the path, and the tenant before it; the rest is the body of a
    POST, or the query of a request without one.

    Raises:
        LocalError: A field of the path is empty.
    """
    fields = dict(request.to_dict())
    tenant = fields.pop("tenant", "")
    path = _FIELD.sub(lambda found: _segment(fields.pop(json_name(found[1]), "")), method.path)
    if "//" in path:
        raise LocalError(f"{method.name}: a field of its path is empty: {method.path}")
    if tenant:
        path = f"/{_segment(tenant)}{path}"
    parts = urlsplit(url)
    has_body = method.verb == "POST"
    query = parts.query if has_body else "&".join(filter(None, (parts.query, _query(fields))))
    target = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, query, ""))
    body = orjson.dumps(fields) if has_body else None
    return Request(method.name, method.verb, target, MEDIA_TYPE, body)


def _segment(value: Json) -> str:
    return quote(str(value), safe="")


def _query(fields: Mapping[str, Json]) -> str:
    """Numbers in decimal, booleans in lower case, everything else as it is (11.5)."""
    pairs = [
        (name, str(value).lower() if isinstance(value, bool) else cast("str | int", value))
        for name, value in fields.items()
    ]
    return urlencode(pairs, quote_via=quote)
