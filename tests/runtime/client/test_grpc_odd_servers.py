"""Our gRPC client against servers that are not what they should be.

Source: A2A 1.0.1 sections 10.2 (metadata), 10.6 (errors), 8.3.2 (tenant); gRPC status codes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import anyio
import grpc
import pytest
from grpc import aio

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.client import A2AClient, AuthRequired
from interloom.runtime.client.grpc import GrpcChannels
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.errors import (
    BadRequest,
    InterloomError,
    InvalidAgentResponse,
    MethodNotFound,
    PeerError,
    TaskNotFound,
    TransportError,
    Unavailable,
)
from interloom.runtime.model import AgentCapabilities, AgentCard, AgentInterface
from interloom.runtime.net.port import DEFAULT_LIMITS
from interloom.runtime.wire.card import Binding
from interloom.runtime.wire.grpc import DETAILS, SERVICE_NAME, status
from tests.runtime.client.ports import ScriptedPort

BOUND_S: Final = 20.0
HOST: Final = "127.0.0.1"
ONLY: Final = ClientOptions(bindings=(Binding.GRPC.value,))

Handler: TypeAlias = Callable[[bytes, Any], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Odd:
    """A server that answers every unary call, and every stream, with one function."""

    unary: Handler | None = None
    stream: Handler | None = None
    seen: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    @asynccontextmanager
    async def served(self, options: ClientOptions = ONLY) -> AsyncGenerator[A2AClient]:
        server = aio.server()
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        if self.unary is not None:
            for name in ("SendMessage", "GetTask"):
                methods[name] = grpc.unary_unary_rpc_method_handler(self._noting(self.unary))
        if self.stream is not None:
            methods["SubscribeToTask"] = grpc.unary_stream_rpc_method_handler(
                self._noting(self.stream)
            )
        handler = grpc.method_handlers_generic_handler(SERVICE_NAME, methods)
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port(f"{HOST}:0")
        with anyio.fail_after(BOUND_S):
            await server.start()
            try:
                async with GrpcChannels() as channels:
                    opens = {Binding.GRPC.value: channels.transport}
                    yield A2AClient(
                        _card(f"{HOST}:{port}"), ScriptedPort(()), options=options, opens=opens
                    )
            finally:
                await server.stop(None)

    def _noting(self, handler: Handler) -> Handler:
        async def note(body: bytes, context: Any) -> bytes | None:  # noqa: ANN401 - the library's
            self.seen.append(dict(context.invocation_metadata()))
            return await handler(body, context)

        return note


def _card(url: str) -> AgentCard:
    place = AgentInterface(url=url, protocol_binding="GRPC", protocol_version="1.0", tenant="odd")
    return AgentCard(
        name="odd",
        description="",
        supported_interfaces=(place,),
        version="1",
        capabilities=AgentCapabilities(),
        default_input_modes=(),
        default_output_modes=(),
        skills=(),
    )


def ends(code: grpc.StatusCode, text: str = "", rich: bytes = b"") -> Handler:
    """A handler that ends the call."""

    async def handler(body: bytes, context: Any) -> None:  # noqa: ANN401 - the library's
        del body
        await context.abort(code, text, ((DETAILS, rich),) if rich else ())

    return handler


def gives(*bodies: bytes) -> Handler:
    """A handler that answers with bytes, or streams them."""

    async def handler(body: bytes, context: Any) -> bytes | None:  # noqa: ANN401 - the library's
        del body
        for each in bodies[:-1]:
            await context.write(each)
        return bodies[-1]

    return handler


CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: BadRequest,
    grpc.StatusCode.UNIMPLEMENTED: MethodNotFound,
    grpc.StatusCode.UNAUTHENTICATED: AuthRequired,
    grpc.StatusCode.PERMISSION_DENIED: AuthRequired,
    grpc.StatusCode.UNAVAILABLE: TransportError,
    grpc.StatusCode.DEADLINE_EXCEEDED: TransportError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TransportError,
    grpc.StatusCode.INTERNAL: PeerError,
    grpc.StatusCode.UNKNOWN: PeerError,
    grpc.StatusCode.NOT_FOUND: PeerError,
}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
async def test_status_without_details_is_what_its_code_says(code: grpc.StatusCode) -> None:
    """gRPC status codes; a code that several errors of A2A share stands for none of them."""
    async with Odd(ends(code, "line\none")).served() as client:
        with pytest.raises(InterloomError) as failed:
            await client.get("t")

        assert type(failed.value) is CODES[code]
        assert "\n" not in str(failed.value)


@pytest.mark.parametrize("rich", [b"\xff", b"", status(RuntimeError("x")).details])
async def test_details_that_say_nothing_leave_the_code(rich: bytes) -> None:
    """ours: a peer's trailer is foreign input."""
    async with Odd(ends(grpc.StatusCode.INTERNAL, "no", rich)).served() as client:
        with pytest.raises(PeerError, match=": no"):
            await client.get("t")


async def test_reason_says_more_than_the_code() -> None:
    """A2A 10.6: servers of 1.0.0 send other codes with the same reasons."""
    rich = status(TaskNotFound("gone", details={"taskId": "t"})).details
    async with Odd(ends(grpc.StatusCode.UNKNOWN, "gone", rich)).served() as client:
        with pytest.raises(TaskNotFound) as missing:
            await client.get("t")

        assert missing.value.details == {"taskId": "t"}


async def test_answer_that_is_no_message_is_the_agents_fault() -> None:
    """A2A 3.3.2: InvalidAgentResponse."""
    async with Odd(gives(b"\xff\xff")).served() as client:
        with pytest.raises(InvalidAgentResponse, match="is no Task"):
            await client.get("t")


async def test_answer_without_what_is_required_names_it() -> None:
    """A2A 5.7."""
    async with Odd(gives(pb.Task(id="t").SerializeToString())).served() as client:
        with pytest.raises(InvalidAgentResponse, match="Task: status: is required"):
            await client.get("t")


async def test_answer_over_the_limit_is_refused() -> None:
    """ours: no answer is larger than the caller said it may be."""
    small = replace(ONLY, limits=replace(DEFAULT_LIMITS, max_bytes=1000))
    body = pb.Task(id="t" * 2000, status={"state": 2}).SerializeToString()
    async with Odd(gives(body)).served(small) as client:
        with pytest.raises(TransportError, match="over 1000 bytes"):
            await client.get("t")


async def test_silent_stream_is_given_up() -> None:
    """ours: no silence longer than the caller said."""
    first = pb.StreamResponse(task=pb.Task(id="t", status={"state": 2})).SerializeToString()

    async def stall(body: bytes, context: Any) -> None:  # noqa: ANN401 - the library's
        del body
        await context.write(first)
        await anyio.Event().wait()

    impatient = replace(ONLY, patient=replace(DEFAULT_LIMITS, idle_s=0.5))
    async with (
        Odd(stream=stall).served(impatient) as client,
        aclosing(client.subscribe("t")) as events,
    ):
        assert (await anext(events)).task is not None
        with pytest.raises(TransportError, match=r"silent for 0\.5 s"):
            await anext(events)


async def test_stream_that_breaks_tells_why_after_what_came() -> None:
    """A2A 10.6: an error may end a stream that had begun."""
    first = pb.StreamResponse(task=pb.Task(id="t", status={"state": 2})).SerializeToString()
    rich = status(Unavailable("going down")).details

    async def broken(body: bytes, context: Any) -> None:  # noqa: ANN401 - the library's
        del body
        await context.write(first)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "going down", ((DETAILS, rich),))

    async with Odd(stream=broken).served() as client, aclosing(client.subscribe("t")) as events:
        assert (await anext(events)).task is not None
        with pytest.raises(Unavailable, match="going down"):
            await anext(events)


async def test_request_carries_version_extensions_and_tenant() -> None:
    """A2A 10.2, 8.3.2: metadata in small letters; the interface's tenant in the message."""
    bodies: list[bytes] = []

    async def answer(body: bytes, context: Any) -> bytes:  # noqa: ANN401 - the library's
        del context
        bodies.append(body)
        return pb.Task(id="t", status={"state": 2}).SerializeToString()

    odd = Odd(answer)
    async with odd.served(replace(ONLY, extensions=("urn:a", "urn:b"))) as client:
        await client.get("t", history_length=0)

    (metadata,) = odd.seen
    assert (metadata["a2a-version"], metadata["a2a-extensions"]) == ("1.0", "urn:a,urn:b")
    assert pb.GetTaskRequest.FromString(bodies[0]) == pb.GetTaskRequest(
        id="t", tenant="odd", history_length=0
    )


def test_address_that_is_none_is_refused_before_anything_is_opened() -> None:
    """ours: the library would open a file or ask a control plane."""
    bad = AgentInterface(
        url="unix:/run/secret.sock", protocol_binding="GRPC", protocol_version="1.0"
    )

    with pytest.raises(PeerError, match="must be host:port"):
        GrpcChannels().transport(bad)
