"""The gRPC binding (A2A 1.0.1 section 10), driven by the method table.

Bytes in, bytes out: grpc.aio is given no serializers, so that what cannot be read or written is an
error of ours, with its details, and not one of the library's.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

import anyio
import grpc
from grpc import aio

from interloom.runtime.engine.caller import Caller, Stream
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import Unavailable
from interloom.runtime.model import WireModel, decode
from interloom.runtime.serve.auth import Credentials
from interloom.runtime.serve.connection import STALL_S
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.replies import BEAT_S, report
from interloom.runtime.telemetry.log import logger
from interloom.runtime.wire.grpc import DETAILS, RPCS, SERVICE_NAME, Rpc, addressed, status
from interloom.runtime.wire.protobuf import encode, parse, to_json

log = logger("serve")

Context: TypeAlias = aio.ServicerContext[bytes, bytes]
_Unary: TypeAlias = Callable[[Caller, WireModel], Awaitable[bytes]]
_Streaming: TypeAlias = Callable[[Caller, WireModel], AbstractAsyncContextManager[Stream]]


class _Asked(NamedTuple):
    """A request that may be answered."""

    caller: Caller
    request: WireModel


_NOBODY: Final = _Asked(Caller("", ""), WireModel())
"""Who is refused before it is known who and what is asked."""


class Grpc:
    """Answers gRPC calls to one process's agents.

    A call that its client leaves, or whose deadline passes, is cancelled by grpc.aio: that ends the
    waiting, and the stream, and never the task.

    Args:
        operations: What the agents can do.
        gate: Who is let in.
        agents: The agents' names; the first is asked when a request names none.
        stall_s: Seconds for a client to take an event of a stream.
    """

    def __init__(
        self,
        operations: Operations,
        gate: Gate,
        agents: Sequence[str],
        *,
        stall_s: float = STALL_S,
    ) -> None:
        self._gate, self._agents, self._stall_s = gate, tuple(agents), stall_s
        self._operations: dict[str, Any] = {
            name: getattr(operations, rpc.method.operation) for name, rpc in RPCS.items()
        }

    def handler(self) -> grpc.GenericRpcHandler:
        """The service, for a server of grpc.aio."""
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.unary_stream_rpc_method_handler(self._streaming(rpc))
            if rpc.method.streaming
            else grpc.unary_unary_rpc_method_handler(self._unary(rpc))
            for name, rpc in RPCS.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE_NAME, handlers)

    def _unary(self, rpc: Rpc) -> Callable[[bytes, Context], Awaitable[bytes]]:
        operation: _Unary = self._operations[rpc.method.name]
        response = rpc.response

        async def answer(body: bytes, context: Context) -> bytes:
            asked = _NOBODY
            try:
                asked = await self._admit(rpc, body, context)
                json = await operation(*asked)
                return encode(response, json)
            except Exception as error:  # noqa: BLE001 - the last one who can tell the client
                return await _refuse(context, asked.caller.agent, error)

        return answer

    def _streaming(self, rpc: Rpc) -> Callable[[bytes, Context], Awaitable[None]]:
        operation: _Streaming = self._operations[rpc.method.name]

        async def follow(body: bytes, context: Context) -> None:
            asked = _NOBODY
            try:
                asked = await self._admit(rpc, body, context)
                async with operation(*asked) as stream:
                    await _pour(stream, rpc, context, self._stall_s)
            except aio.BaseError:  # the client left while something was written
                log.debug("request.abandoned", agent=asked.caller.agent)
            except Exception as error:  # noqa: BLE001 - the last one who can tell the client
                with anyio.move_on_after(self._stall_s):  # who takes no event takes no status
                    await _refuse(context, asked.caller.agent, error)

        return follow

    async def _admit(self, rpc: Rpc, body: bytes, context: Context) -> _Asked:
        gate, principal = self._gate, None
        headers = fields(context.invocation_metadata() or ())
        if not gate.is_open:
            principal = await gate.identify(Credentials(headers, _certificate(context)))
        message = to_json(parse(rpc.request, body))
        agent, tenant = addressed(str(message.get("tenant", "")), self._agents)
        message["tenant"] = tenant
        gate.admit(agent, rpc.method.name, headers)
        request = decode(rpc.method.request, message)
        activated = gate.extensions(agent, headers)
        if activated:
            await context.send_initial_metadata((("a2a-extensions", activated.decode()),))
        return _Asked(gate.caller(agent, principal, headers, request), request)


async def _pour(stream: Stream, rpc: Rpc, context: Context, stall_s: float) -> None:
    """Write all of a stream, as fast as its client reads; its events wait in the ledger.

    Raises:
        Unavailable: The client left an event for too long.
    """
    response, follower = rpc.response, stream.follower
    # One for all writes: setting its deadline is a quarter of what a scope for each costs.
    with anyio.CancelScope() as scope:
        if stream.opening is not None:
            scope.deadline = anyio.current_time() + stall_s
            await context.write(encode(response, stream.opening))
        while not follower.done:
            scope.deadline = math.inf
            for event in await follower.next(BEAT_S):
                scope.deadline = anyio.current_time() + stall_s
                await context.write(encode(response, follower.response(event)))
    if scope.cancelled_caught:
        raise Unavailable("the events were not read in time: go on after the last one")


async def _refuse(context: Context, agent: str, error: Exception) -> NoReturn:
    """End a call as its error says: a code, words, and the details in a trailer (10.6)."""
    report(error, agent)
    code, text, rich = status(error)
    await context.abort(grpc.StatusCode[code], text, ((DETAILS, rich),))


def _certificate(context: Context) -> str | None:
    """The client's certificate, PEM; None where the connection was opened without one."""
    found = context.auth_context().get("x509_pem_cert")
    return None if found is None else b"".join(found).decode("ascii")


def fields(metadata: Iterable[tuple[str, str | bytes]]) -> dict[bytes, bytes]:
    """A call's metadata as header fields; values of one name are joined as HTTP's are (10.2)."""
    found: dict[bytes, bytes] = {}
    for key, value in metadata:
        name, said = key.encode(), value if isinstance(value, bytes) else value.encode()
        found[name] = b"%b,%b" % (found[name], said) if name in found else said
    return found
