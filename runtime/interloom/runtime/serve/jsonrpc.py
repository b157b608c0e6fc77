"""The JSON-RPC binding (A2A 1.0.1 section 9), driven by the method table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import TransportError
from interloom.runtime.model import decode
from interloom.runtime.serve.auth import Credentials
from interloom.runtime.serve.body import BodyLimits, Receive, Send, read
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.replies import (
    REQUEST_TYPES,
    Envelope,
    check_media_type,
    extensions_field,
    fields_of,
    report,
    respond,
    stream,
)
from interloom.runtime.telemetry.log import logger
from interloom.runtime.wire import jsonrpc, payload
from interloom.runtime.wire.errors import row
from interloom.runtime.wire.jsonrpc import Id
from interloom.runtime.wire.methods import METHODS

log = logger("serve")

_SAID_BY_HTTP: Final = frozenset({401, 403, 408, 413, 415, 503})
"""Statuses for what HTTP itself has a word for; all other errors travel under 200."""


class JsonRpc:
    """Answers JSON-RPC requests to one process's agents."""

    def __init__(self, operations: Operations, gate: Gate, limits: BodyLimits) -> None:
        self._gate, self._limits = gate, limits
        self._operations: dict[str, Any] = {
            method.name: getattr(operations, method.operation) for method in METHODS.values()
        }

    async def answer(
        self,
        agent: str,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        send: Send,
        *,
        certificate: str | None = None,
    ) -> None:
        """Read one request for an agent and answer it; whatever happens, the client is told."""
        call_id: Id | None = None
        gate, principal = self._gate, None
        try:
            if not gate.is_open:
                principal = await gate.identify(Credentials(headers, certificate))
            if headers.get(b"content-type") not in REQUEST_TYPES:
                check_media_type(headers.get(b"content-type", b""))
            body = await read(headers, receive, self._limits)
            frame = payload.load(body)
            call_id = jsonrpc.id_of(frame)
            call = jsonrpc.call(frame)
            method = gate.admit(agent, call.method, headers)
            request = decode(method.request, call.params)
            caller = gate.caller(agent, principal, headers, request)
            done = self._operations[method.name](caller, request)
            fields = extensions_field(gate.extensions(agent, headers))
            if method.streaming:
                wrap = partial(jsonrpc.result, call.id), partial(jsonrpc.error, call.id)
                await stream(done, Envelope(*wrap), agent, receive, send, *fields)
            else:
                await respond(send, 200, jsonrpc.result(call.id, await done), *fields)
        except TransportError:
            log.debug("request.abandoned", agent=agent)
        except Exception as error:  # noqa: BLE001 - the last one who can tell the client
            report(error, agent)
            status = row(error).http if row(error).http in _SAID_BY_HTTP else 200
            await respond(send, status, jsonrpc.error(call_id, error), *fields_of(error))
