"""The HTTP+JSON binding (A2A 1.0.1 section 11), driven by the method table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import NotAcceptable, TransportError
from interloom.runtime.model import decode
from interloom.runtime.serve.auth import Credentials
from interloom.runtime.serve.body import BodyLimits, Receive, Send, read
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.pages import MAX_AGE_S
from interloom.runtime.serve.replies import (
    Envelope,
    Field,
    check_media_type,
    extensions_field,
    fields_of,
    report,
    respond,
    stream,
    take_version,
)
from interloom.runtime.telemetry.log import logger
from interloom.runtime.wire import rest
from interloom.runtime.wire.errors import row
from interloom.runtime.wire.media import accepted
from interloom.runtime.wire.methods import METHODS, Capability, Method
from interloom.runtime.wire.routes import route

log = logger("serve")

_BARE: Final = Envelope(bytes, rest.error)
_ANSWERS: Final = (rest.JSON, "application/json")
"""Media types of an answer, the one preferred first (11.1, 3.6.1)."""
_PRIVATE: Final = ((b"cache-control", b"private, max-age=%d" % MAX_AGE_S),)
_EVENTS: Final = "text/event-stream"


class RestRequest(NamedTuple):
    """An HTTP request, as far as its head goes.

    Attributes:
        agent: Whom it is for.
        verb: Its HTTP method.
        path: Its path below the agent's, still percent-encoded.
        query: Its query, as received.
        headers: Its fields, by name in small letters.
        certificate: The client certificate of its connection, PEM; None without.
    """

    agent: str
    verb: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    certificate: str | None = None


class Rest:
    """Answers HTTP+JSON requests to one process's agents."""

    def __init__(self, operations: Operations, gate: Gate, limits: BodyLimits) -> None:
        self._gate, self._limits = gate, limits
        self._operations: dict[str, Any] = {
            method.name: getattr(operations, method.operation) for method in METHODS.values()
        }

    async def answer(self, asked: RestRequest, receive: Receive, send: Send) -> None:
        """Read one request and answer it; whatever happens, the client is told."""
        chosen = accepted(asked.headers.get(b"accept", b""), _ANSWERS) or rest.JSON
        media = (b"content-type", chosen.encode())
        try:
            await self._answer(asked, media, receive, send)
        except TransportError:
            log.debug("request.abandoned", agent=asked.agent)
        except Exception as error:  # noqa: BLE001 - the last one who can tell the client
            report(error, asked.agent)
            fields = fields_of(error)
            await respond(send, row(error).http, rest.error(error), *fields, media=media)

    async def _answer(self, asked: RestRequest, media: Field, receive: Receive, send: Send) -> None:
        gate, agent, headers = self._gate, asked.agent, asked.headers
        found = route(asked.verb, asked.path)
        principal = await gate.identify(Credentials(headers, asked.certificate))
        take_version(headers, asked.query)
        method = gate.admit(agent, found.method.name, headers)
        _check_accept(headers, is_stream=method.streaming)
        body = await self._body(asked, receive) if asked.verb == "POST" else b""
        request = decode(method.request, rest.bind(found, asked.query, body))
        caller = gate.caller(agent, principal, headers, request)
        done = self._operations[method.name](caller, request)
        fields = extensions_field(gate.extensions(agent, headers)) + _caching(method)
        if method.streaming:
            await stream(done, _BARE, agent, receive, send, *fields)
        else:
            await respond(send, 200, await done, *fields, media=media)

    async def _body(self, asked: RestRequest, receive: Receive) -> bytes:
        said = asked.headers.get(b"content-type")
        if said is not None:
            check_media_type(said)
        body = await read(asked.headers, receive, self._limits)
        if body and said is None:
            check_media_type(b"")
        return body


def _check_accept(headers: Mapping[bytes, bytes], *, is_stream: bool) -> None:
    """Refuse a caller who could read no answer; one who reads JSON is trusted to read its events.

    Raises:
        NotAcceptable: RFC 9110 15.5.7.
    """
    offered = (*_ANSWERS, _EVENTS) if is_stream else _ANSWERS
    if accepted(headers.get(b"accept", b""), offered) is None:
        raise NotAcceptable(f"an answer is {' or '.join(offered)}")


def _caching(method: Method) -> tuple[Field, ...]:
    """An extended card may be kept by who asked, and by nobody on the way (13.3)."""
    return _PRIVATE if method.capability is Capability.EXTENDED_CARD else ()
