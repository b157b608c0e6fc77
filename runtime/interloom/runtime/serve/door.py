"""A way in beside HTTP: something that serves the same operations on a port of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from interloom.runtime.engine.operations import Operations
from interloom.runtime.serve.gate import Gate
from interloom.runtime.wire.card import Endpoint


class Door(Protocol):
    """Opened with the runtime and closed with it; the cards name it from the start.

    A program that serves HTTP alone then loads nothing of another binding's library.
    """

    def endpoint(self, agent: str) -> Endpoint:
        """Where an agent is reached through it."""
        ...

    def open(
        self, operations: Operations, gate: Gate, agents: Sequence[str]
    ) -> AbstractAsyncContextManager[None]:
        """Serve until the block is left; whoever is inside then gets a bounded time to finish.

        Args:
            operations: What is served.
            gate: Who is let in.
            agents: The agents' names, the default first.

        Raises:
            BadConfig: It cannot be opened as it was set up.
        """
        ...
