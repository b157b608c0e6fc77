"""What every journey is made on: the bindings and stores, one row each, and a bounded stage."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import anyio

from interloom.agents import AgentDefinition
from interloom.bridges.delegation import Peer, Peers
from interloom.bridges.handoff import Toolbox, ToolServer
from interloom.runtime.client import A2AClient
from interloom.runtime.client.grpc import GrpcChannels
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.local import Neighbours
from interloom.runtime.serve.grpc_port import GrpcPort
from interloom.runtime.serve.runtime import OpenLedger, Settings
from interloom.runtime.testing.pair import PATIENT, World, pair
from interloom.runtime.wire.card import Binding

BOUND_S: Final = 10.0
"""Seconds a journey may take; most take a hundredth of that."""

Connect: TypeAlias = Callable[[World, str], A2AClient]
"""A client of one agent, over one binding."""

BINDINGS: Final[Mapping[str, Connect]] = {
    "jsonrpc": lambda world, agent: world.client(agent, Binding.JSONRPC),
    "http+json": lambda world, agent: world.client(agent, Binding.HTTP_JSON),
    "grpc": lambda world, agent: world.client(agent, Binding.GRPC),
    "local": World.local,
}


def _memory(_folder: Path) -> OpenLedger:
    return MemoryLedger


def _sqlite(folder: Path) -> OpenLedger:
    return lambda: SqliteLedger(folder / "journey.db")


STORES: Final[Mapping[str, Callable[[Path], OpenLedger]]] = {"memory": _memory, "sqlite": _sqlite}


@dataclass(frozen=True, slots=True)
class Stage:
    """One cell of the matrix.

    Attributes:
        client: Connects to an agent.
        open_ledger: Opens the store.
        has_grpc: Whether the agents have a gRPC port; one that nobody uses costs a journey twice
            its time.
    """

    client: Connect
    open_ledger: OpenLedger
    has_grpc: bool = False

    @asynccontextmanager
    async def play(
        self,
        *agents: AgentDefinition,
        tools: Mapping[str, ToolServer] | None = None,
        settings: Settings = PATIENT,
    ) -> AsyncGenerator[World]:
        """Serve agents, all with the same tools; the whole block is bounded in time."""
        toolbox, neighbours = Toolbox(tools or {}), Neighbours()
        with anyio.fail_after(BOUND_S):
            bound = [each.bind(toolbox, _peers(each, neighbours)) for each in agents]
            if not self.has_grpc:
                async with pair(bound, self.open_ledger, settings) as world:
                    neighbours.host = world
                    yield world
                return
            with closing(GrpcPort("127.0.0.1", 0)) as door:
                told = replace(settings, doors=(door,))
                async with (
                    GrpcChannels() as channels,
                    pair(bound, self.open_ledger, told) as world,
                ):
                    neighbours.host = world
                    world.opens[Binding.GRPC.value] = channels.transport
                    yield world


def _peers(agent: AgentDefinition, neighbours: Neighbours) -> Peers:
    return Peers(Peer.local(neighbours, name) for name in agent.peers)


Disaster: TypeAlias = Callable[[World], Awaitable[None]]
"""What may happen to a runtime between a question and its answer."""


async def nothing(world: World) -> None:
    """Nothing happens."""
    del world


async def crash_twice(world: World) -> None:
    """It is killed, and killed again before anybody came."""
    await world.crash()
    await world.crash()


DISASTERS: Final[Mapping[str, Disaster]] = {
    "nothing": nothing,
    "restart": World.restart,
    "crash": World.crash,
    "two crashes": crash_twice,
}
