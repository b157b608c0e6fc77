"""The official SDK's client, connected to the fixture over one binding."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import grpc
import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as pb

from tests.peers.conformance.served import Served

BINDINGS: Final = ("JSONRPC", "HTTP+JSON", "GRPC")
TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Peer:
    """The SDK's client, twice: it either streams or it does not.

    Attributes:
        calls: Waits for whole answers.
        streams: Streams where it can.
        card: The fixture's card.
    """

    calls: Client
    streams: Client
    card: pb.AgentCard

    async def send(self, request: pb.SendMessageRequest) -> pb.Task:
        """Send a message; the task as answered."""
        (answer,) = [each async for each in self.calls.send_message(request)]
        assert answer.HasField("task")
        return answer.task

    async def stream(self, request: pb.SendMessageRequest) -> list[pb.StreamResponse]:
        """Send a message; the events of its stream, which must end."""
        return [each async for each in self.streams.send_message(request)]

    async def subscribe(self, task: pb.Task) -> list[pb.StreamResponse]:
        """The events of a subscription, which must end."""
        request = pb.SubscribeToTaskRequest(id=task.id)
        return [each async for each in self.streams.subscribe(request)]


@asynccontextmanager
async def connected(
    served: Served, binding: str, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[Peer]:
    """Read the card and connect over one of its bindings."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, headers=headers) as http:
        card = await A2ACardResolver(http, served.url).get_agent_card()
        # Whatever it promises: else it is the client that refuses, and we are not asked.
        card.capabilities.streaming = card.capabilities.extended_agent_card = True
        calls, streams = (
            ClientFactory(
                ClientConfig(
                    streaming=streaming,
                    httpx_client=http,
                    grpc_channel_factory=grpc.aio.insecure_channel,
                    supported_protocol_bindings=[binding],
                )
            ).create(card)
            for streaming in (False, True)
        )
        async with calls, streams:
            yield Peer(calls, streams, card)


def saying(
    text: str = "hello",
    *,
    kind: str = "tck-complete-task",
    task: pb.Task | None = None,
    at_once: bool = False,
    accepted: tuple[str, ...] = (),
) -> pb.SendMessageRequest:
    """A message; its kind is what the fixture goes by."""
    message = pb.Message(
        message_id=f"{kind}-{uuid4()}",
        role=pb.ROLE_USER,
        parts=[pb.Part(text=text)],
        task_id="" if task is None else task.id,
    )
    settings = pb.SendMessageConfiguration(
        return_immediately=at_once, accepted_output_modes=accepted
    )
    return pb.SendMessageRequest(message=message, configuration=settings)
