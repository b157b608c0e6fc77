"""A runtime behind a real gRPC port, and calls to it made with nothing but grpc and protobuf."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import grpc
from google.protobuf.message import Message
from grpc import aio

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.engine.agent import Agent
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.grpc_port import GrpcPort, GrpcSettings
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.agents import asker, echo
from interloom.runtime.testing.pair import PATIENT, World, pair
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.grpc import DETAILS, RPCS, details

BOUND_S: Final = 20.0
"""Seconds a test over a real port may take in all."""
HOST: Final = "127.0.0.1"
VERSION: Final = {"a2a-version": "1.0"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call ended that was refused.

    Attributes:
        code: The gRPC status code.
        text: What it says.
        details: The details of the rich status, as JSON.
    """

    code: grpc.StatusCode
    text: str
    details: list[JsonObject]

    @property
    def reason(self) -> tuple[object, object]:
        """Reason and domain of the ErrorInfo."""
        info = self.details[0]
        return info["reason"], info["domain"]

    @property
    def fields(self) -> list[object]:
        """The fields that broke a rule."""
        return [
            each["field"]
            for detail in self.details
            for each in detail.get("fieldViolations", [])  # type: ignore[union-attr] # as written
            if isinstance(each, dict)
        ]


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of one port.

    Attributes:
        world: The runtime behind it.
        channel: The connection.
        port: The port.
    """

    world: World
    channel: aio.Channel
    port: GrpcPort

    def start(
        self,
        name: str,
        request: Message | bytes,
        *,
        deadline_s: float | None = None,
        metadata: Mapping[str, str] = VERSION,
    ) -> Any:  # noqa: ANN401 - what grpc.aio gives: a call to await, or to read
        """Begin a call; the request may be bytes that are no message."""
        rpc = RPCS[name]
        channel: Any = self.channel
        make = channel.unary_stream if rpc.method.streaming else channel.unary_unary
        body = request if isinstance(request, bytes) else request.SerializeToString()
        method = make(rpc.path, None, rpc.response.FromString)
        return method(body, timeout=deadline_s, metadata=tuple(metadata.items()))

    async def call(
        self,
        name: str,
        request: Message | bytes,
        *,
        deadline_s: float | None = None,
        metadata: Mapping[str, str] = VERSION,
    ) -> Any:  # noqa: ANN401 - the response, or the responses of a stream
        """Make a call to its end."""
        call = self.start(name, request, deadline_s=deadline_s, metadata=metadata)
        if RPCS[name].method.streaming:
            return [each async for each in call]
        return await call

    async def refused(
        self,
        name: str,
        request: Message | bytes,
        *,
        metadata: Mapping[str, str] = VERSION,
    ) -> Refusal:
        """Make a call that is refused."""
        try:
            answer = await self.call(name, request, metadata=metadata)
        except aio.AioRpcError as error:
            return refusal(error)
        raise AssertionError(f"{name} was answered: {answer}")


def refusal(error: aio.AioRpcError) -> Refusal:
    """What a failed call says."""
    trailers = dict(error.trailing_metadata() or ())
    rich = trailers.get(DETAILS, b"")
    assert isinstance(rich, bytes)
    return Refusal(error.code(), error.details() or "", details(rich))


@asynccontextmanager
async def port(settings: GrpcSettings | None = None) -> AsyncGenerator[GrpcPort]:
    """A port, held for as long as the block."""
    held = GrpcPort(HOST, 0, settings)
    try:
        yield held
    finally:
        held.close()


@asynccontextmanager
async def calling(
    *agents: Agent,
    settings: Settings = PATIENT,
    grpc_settings: GrpcSettings | None = None,
    channel_options: tuple[tuple[str, int], ...] = (),
) -> AsyncGenerator[Caller]:
    """A runtime that is called over gRPC, by default with `echo` and `asker`; bounded in time."""
    with anyio.fail_after(BOUND_S):
        async with port(grpc_settings) as door:
            told = replace(settings, doors=(door,))
            served = agents or (echo(), asker())
            async with (
                pair(served, MemoryLedger, told) as world,
                aio.insecure_channel(door.address, channel_options) as channel,
            ):
                yield Caller(world, channel, door)


def said(text: str = "hello", **fields: Any) -> pb.SendMessageRequest:  # noqa: ANN401 - of the proto
    """A message to an agent, ready to be sent; `tenant` and what else it takes may be given."""
    message: dict[str, Any] = {"message_id": "m1", "role": pb.ROLE_USER, "parts": [{"text": text}]}
    message |= fields.pop("message", {})
    return pb.SendMessageRequest(message=pb.Message(**message), **fields)
