"""The gRPC binding, the client's side (A2A 1.0.1 section 10), driven by the method table.

    async with GrpcChannels() as channels:
        opens = {**http_bindings(port), Binding.GRPC.value: channels.transport}
        client = A2AClient(card, port, opens=opens)

Importing this loads grpc and protobuf, so nothing else of the client does.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from math import inf
from typing import Any, Final, Self, TypeAlias

import anyio
import anyio.lowlevel
import grpc
from google.protobuf.message import Message
from grpc import aio

from interloom.runtime.client.addresses import GrpcAddress, grpc_address, shown
from interloom.runtime.client.failures import AuthRequired, details_of, made, reason_of
from interloom.runtime.client.options import PATIENT
from interloom.runtime.client.port import MAX_EVENT_BYTES, CallContext, StreamEvent
from interloom.runtime.errors import (
    BadRequest,
    InterloomError,
    InvalidAgentResponse,
    PeerError,
    TransportError,
    Unauthenticated,
)
from interloom.runtime.model import AgentInterface, WireModel
from interloom.runtime.net.port import Limits
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.errors import by_reason, by_status
from interloom.runtime.wire.grpc import DETAILS, RPCS, Rpc, details
from interloom.runtime.wire.methods import Method
from interloom.runtime.wire.protobuf import from_json, parse, to_json

ChannelTrust: TypeAlias = Callable[[GrpcAddress], grpc.ChannelCredentials | None]
"""Gives the TLS credentials for an address; None to speak to it in the clear."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", PATIENT.max_bytes),  # a call's own limit is checked later
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # as with HTTP, the environment has no say
    ("grpc.service_config_disable_resolution", 1),  # nor has a TXT record
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.use_local_subchannel_pool", 1),  # one program's trust is not another's
)
_STATUSES: Final[Mapping[str, int]] = {"INVALID_ARGUMENT": 400, "UNIMPLEMENTED": 404}
"""HTTP statuses of the error table beside codes that say enough without a reason."""
_DENIED: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
_PASSING: Final = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED"})
"""Codes of a server, or of the library, when bytes did not arrive or may be sent again later."""


def system_trust(address: GrpcAddress) -> grpc.ChannelCredentials | None:
    """TLS with the roots that grpc comes with, where TLS is to be spoken."""
    return grpc.ssl_channel_credentials() if address.is_secure else None


class GrpcChannels:
    """Connections to gRPC interfaces, one for each authority, shared by all clients of a program.

    Args:
        trust: The TLS credentials of each address.
    """

    def __init__(self, trust: ChannelTrust = system_trust) -> None:
        self._trust = trust
        self._channels: dict[GrpcAddress, aio.Channel] = {}

    def transport(self, interface: AgentInterface) -> GrpcTransport:
        """The transport of an interface; the `Open` of the gRPC binding.

        Raises:
            PeerError: Its address is none.
        """
        address = grpc_address(interface.url)
        if address is None:
            raise PeerError(f"{shown(interface.url)}: must be host:port")
        return GrpcTransport(address.authority, lambda: self._channel(address))

    def _channel(self, address: GrpcAddress) -> aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            target, credentials = f"dns:///{address.authority}", self._trust(address)
            if credentials is None:
                channel = aio.insecure_channel(target, _OPTIONS)
            else:
                channel = aio.secure_channel(target, credentials, _OPTIONS)
            self._channels[address] = channel
        return channel

    async def aclose(self) -> None:
        """Close all connections; calls under way are cancelled."""
        while self._channels:
            _, channel = self._channels.popitem()
            await channel.close()

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """See `aclose`."""
        with anyio.CancelScope(shield=True):
            await self.aclose()


class GrpcTransport:
    """Speaks gRPC to one interface.

    Args:
        peer: Its `host:port`, for messages.
        connect: Gives the channel to it; it stays its owner's to close.
    """

    def __init__(self, peer: str, connect: Callable[[], aio.Channel]) -> None:
        self._peer, self._connect = peer, connect

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request and wait for its answer; see `Transport.call`."""
        rpc = RPCS[method.name]
        send = (await self._ready(context.limits)).unary_unary(rpc.path)
        try:
            body: bytes = await send(
                _encoded(rpc, request),
                timeout=_seconds(context, idle_s=context.limits.idle_s),
                metadata=tuple(context.fields().items()),
            )
        except aio.AioRpcError as error:
            raise _failure(self._peer, error) from None
        except anyio.get_cancelled_exc_class():
            await _cancelled()
            raise
        return self._read(rpc.response, body, context.limits.max_bytes)

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Send a request and give its events as they arrive; see `Transport.stream`."""
        rpc = RPCS[method.name]
        begin = (await self._ready(context.limits)).unary_stream(rpc.path)
        call = begin(
            _encoded(rpc, request),
            timeout=_seconds(context),
            metadata=tuple(context.fields().items()),
        )
        try:
            while (body := await self._next(call, context.limits.idle_s)) is not None:
                yield StreamEvent(self._read(rpc.response, body, MAX_EVENT_BYTES))
        finally:
            call.cancel()  # without effect once it is over

    async def aclose(self) -> None:
        """Nothing is held: the channel is shared."""

    async def _ready(self, limits: Limits) -> Any:  # noqa: ANN401 - its types know no bytes
        """The channel, connected: until then nothing of a request can have been delivered."""
        channel = self._connect()
        before = channel.get_state(try_to_connect=True)
        with anyio.move_on_after(limits.connect_s):
            while (state := channel.get_state(try_to_connect=True)) is not _READY:
                if state is _FAILED and before is not _FAILED:
                    break
                await channel.wait_for_state_change(state)
                before = state
            else:
                return channel
        raise TransportError(f"{self._peer}: cannot connect", delivered=False)

    async def _next(self, call: Any, idle_s: float) -> bytes | None:  # noqa: ANN401 - no types
        try:
            with anyio.fail_after(idle_s):
                body = await call.read()
        except TimeoutError:
            raise TransportError(f"{self._peer}: silent for {idle_s:g} s", delivered=True) from None
        except aio.AioRpcError as error:
            raise _failure(self._peer, error) from None
        except anyio.get_cancelled_exc_class():
            await _cancelled()
            raise
        return None if body is aio.EOF else body

    def _read(self, kind: type[Message], body: bytes, max_bytes: int) -> JsonObject:
        if len(body) > max_bytes:
            raise TransportError(
                f"{self._peer}: the answer is over {max_bytes} bytes", delivered=True
            )
        try:
            return to_json(parse(kind, body))
        except BadRequest:
            said = f"{self._peer}: the answer is no {kind.DESCRIPTOR.name}, or nested too deep"
            raise InvalidAgentResponse(said) from None


_READY: Final = grpc.ChannelConnectivity.READY
_FAILED: Final = grpc.ChannelConnectivity.TRANSIENT_FAILURE


def _encoded(rpc: Rpc, request: WireModel) -> bytes:
    return from_json(rpc.request, request.to_dict()).SerializeToString()


def _seconds(context: CallContext, *, idle_s: float = inf) -> float | None:
    """How long the agent is told we wait; None for as long as it takes."""
    left = inf if context.deadline is None else context.deadline - anyio.current_time()
    seconds = min(left, idle_s, context.limits.total_s or inf)
    return None if seconds == inf else max(seconds, 0)


async def _cancelled() -> None:
    """Raise as anyio does, if it was a scope of its that ended the wait.

    grpc.aio swallows the error it is cancelled with and raises one of its own, which the scope does
    not know for its own: it would end the caller's task instead of the block.
    """
    await anyio.lowlevel.checkpoint()


def _failure(peer: str, error: aio.AioRpcError) -> InterloomError:
    """What a failed call means: by the reason of its rich status (10.6), else by its code."""
    code, text = error.code().name, error.details()
    trailers = dict(error.trailing_metadata() or ())
    rich = trailers.get(DETAILS, b"")
    told = details_of(details(rich) if isinstance(rich, bytes) else [])
    said = f"{peer}: {shown(text) if text else code}"
    if code in _DENIED:
        refused = made(Unauthenticated, said, told)
        challenge = (
            refused.details.get("challenge", "") if isinstance(refused, Unauthenticated) else ""
        )
        return AuthRequired(f"{peer}: {code}, credentials needed", challenge=challenge)
    kind = by_reason(*reason_of(told))
    if kind is None and code in _PASSING:
        return TransportError(said, delivered=True)
    return made(kind or by_status(_STATUSES.get(code, 0), code), said, told)
