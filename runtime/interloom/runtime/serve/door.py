"""A way in beside HTTP: something that serves the same operations on a port of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from interloom.runtime.engine.operations import Operations
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.health import Health
from interloom.runtime.wire.card import Endpoint


class Served(NamedTuple):
    """What is behind a door.

    Attributes:
        operations: What may be asked for.
        gate: Who is let in.
        agents: The agents' names, the default first.
        health: Whether requests may be sent here.
    """

    operations: Operations
    gate: Gate
    agents: Sequence[str]
    health: Health


class Door(Protocol):
    """Opened with the runtime and closed with it; the cards name it from the start.

    A program that serves HTTP alone then loads nothing of another binding's library.
    """

    def endpoint(self, agent: str) -> Endpoint:
        """Where an agent is reached through it."""
        ...

    def open(self, served: Served) -> AbstractAsyncContextManager[None]:
        """Serve until the block is left; whoever is inside then gets a bounded time to finish.

        Raises:
            BadConfig: It cannot be opened as it was set up.
        """
        ...
