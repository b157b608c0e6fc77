"""The JSON-RPC binding (A2A 1.0.1 section 9), driven by the method table."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anyio

from interloom.runtime.engine.caller import Caller, Stream
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import (
    Conflict,
    RequestError,
    TransportError,
    Unavailable,
    UnsupportedMediaType,
)
from interloom.runtime.model import WireModel, decode
from interloom.runtime.serve.body import BodyLimits, Receive, Send, read
from interloom.runtime.serve.gate import Gate, trace_of
from interloom.runtime.telemetry.log import logger
from interloom.runtime.wire import jsonrpc, sse
from interloom.runtime.wire.errors import row
from interloom.runtime.wire.jsonrpc import Id
from interloom.runtime.wire.methods import METHODS, Method

log = logger("serve")

BEAT_S: Final = 15.0
"""Seconds of silence after which a stream sends a comment, and notices a client that left."""

_JSON: Final = (b"content-type", b"application/json")
_STREAM: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


_PLAIN: Final = frozenset({b"application/json", b"application/a2a+json"})
"""Media types of a request (A2A 9.1, 14.1.1)."""


class JsonRpc:
    """Answers JSON-RPC requests to one process's agents."""

    def __init__(self, operations: Operations, gate: Gate, limits: BodyLimits) -> None:
        self._gate, self._limits = gate, limits
        self.leave = operations.leave
        self._operations: dict[str, Any] = {
            method.name: getattr(operations, method.operation) for method in METHODS.values()
        }

    async def answer(
        self, agent: str, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        """Read one request for an agent and answer it; whatever happens, the client is told."""
        call_id: Id | None = None
        try:
            if headers.get(b"content-type") not in _PLAIN:
                check_media_type(headers.get(b"content-type", b""))
            body = await read(headers, receive, self._limits)
            frame = jsonrpc.load(body)
            call_id = jsonrpc.id_of(frame)
            call = jsonrpc.call(frame)
            method = self._gate.admit(agent, call.method, headers)
            request = decode(method.request, call.params)
            caller = Caller("", agent, trace_of(headers, request))
            if method.streaming:
                await self._stream(method, caller, request, call.id, receive, send)
            else:
                json = await self._operations[method.name](caller, request)
                await respond(send, 200, jsonrpc.result(call.id, json))
        except TransportError:
            log.debug("request.abandoned", agent=agent)
        except Exception as error:  # noqa: BLE001 - the last one who can tell the client
            report(error, agent)
            await respond(send, _status(error), jsonrpc.error(call_id, error))

    async def _stream(
        self,
        method: Method,
        caller: Caller,
        request: WireModel,
        call_id: Id,
        receive: Receive,
        send: Send,
    ) -> None:
        opened: AbstractAsyncContextManager[Stream]
        opened = self._operations[method.name](caller, request)
        async with opened as stream:
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
            opening = stream.opening
            frame = b"" if opening is None else sse.encode(jsonrpc.result(call_id, opening))
            await _chunk(send, frame)  # an empty one lets the head go; see `serve.connection`
            await _pour(stream, caller.agent, call_id, receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def check_media_type(content_type: bytes) -> None:
    """Refuse a body that is not said to be JSON; parameters do not matter.

    What it says is not needed to read it. But a browser sends a body of these types for a page of
    another origin only after asking us whether it may (Fetch, "CORS-safelisted request-header"),
    and we never say yes.

    Raises:
        UnsupportedMediaType: It is something else, or not said to be anything.
    """
    if content_type.partition(b";")[0].strip().lower() not in _PLAIN:
        raise UnsupportedMediaType("the body of a request is application/json")


async def _pour(stream: Stream, agent: str, call_id: Id, receive: Receive, send: Send) -> None:
    follower = stream.follower
    try:
        while not follower.done:
            events = await follower.next(BEAT_S)
            if events:
                frames = [
                    sse.encode(jsonrpc.result(call_id, follower.response(event)))
                    for event in events
                ]
                await _chunk(send, b"".join(frames))
            elif await gone(receive):
                return
            else:
                await _chunk(send, sse.COMMENT)
    except Exception as error:  # noqa: BLE001 - the head is out: it can only go into the stream
        report(error, agent)
        await _chunk(send, sse.encode(jsonrpc.error(call_id, error)))


async def gone(receive: Receive) -> bool:
    """Whether the client has closed the connection."""
    with anyio.move_on_after(0):
        return bool((await receive())["type"] == "http.disconnect")
    return False


async def _chunk(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def respond(send: Send, status: int, body: bytes, *, is_head: bool = False) -> None:
    """Send a whole JSON answer; to HEAD, all of it but the body (RFC 9110 9.3.2, 8.6)."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length]})
    await send({"type": "http.response.body", "body": b"" if is_head else body})


def report(error: Exception, agent: str) -> None:
    """Log what went wrong, once: with a traceback when it is our fault."""
    if isinstance(error, RequestError | Unavailable | Conflict):
        log.info("request.refused", agent=agent, code=error.code)
    else:
        log.error("request.broke", agent=agent, exc_info=error)


def _status(error: Exception) -> int:
    # JSON-RPC errors travel under 200; only what HTTP itself has a word for is said with it.
    http = row(error).http
    return http if http in {408, 413, 415, 503} else 200
