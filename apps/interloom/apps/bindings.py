"""The bindings this process speaks as a client, by their names on agent cards."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from interloom.runtime.client import http_bindings
from interloom.runtime.client.port import Open, Transport
from interloom.runtime.model import AgentInterface
from interloom.runtime.net.port import HttpPort
from interloom.runtime.wire.card import Binding


def bindings(port: HttpPort, held: AsyncExitStack) -> Mapping[str, Open]:
    """JSON-RPC, HTTP+JSON and gRPC.

    Args:
        port: Sends the HTTP requests.
        held: Closes the gRPC channels that are opened.
    """

    def over_grpc(interface: AgentInterface) -> Transport:
        # Imported once a card leads there: grpc takes longer to load than most calls take.
        from interloom.runtime.client.grpc import GrpcChannels  # noqa: PLC0415

        channels = GrpcChannels()
        held.push_async_callback(channels.aclose)
        return channels.transport(interface)

    return {**http_bindings(port), Binding.GRPC.value: over_grpc}
