"""A tool server as an agent may use it: who talks to it, and what it may ask of us."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from interloom.bridges.handoff.pinning import Pins
from interloom.bridges.handoff.recovery import CAREFUL, Policy
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.asks import Sample
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.health import Health
from interloom.bridges.mcp.pool import Pool
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject


class SamplingModel(Protocol):
    """A model that writes messages for tool servers (MCP 2026-07-28 client/sampling)."""

    async def sample(self, request: Sample) -> JsonObject:
        """Write a message.

        Args:
            request: What is asked. `max_tokens` must be respected; the rest may be ignored.

        Returns:
            `CreateMessageResult`: `{"role": "assistant", "content": {...}, "model": str, …}`.

        Raises:
            InterloomError: It will not, or cannot; the call that asked has failed then.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToolServer:
    """One server an agent may use.

    Attributes:
        client: Talks to it; what it declares is what `declared` says, no more.
        policy: What to do with calls whose outcome is unknown.
        roots: Folders it is told of when it asks, absolute; none unless an operator named them.
        model: Writes the messages it asks for; None when it may not ask.
        pins: The definitions of its tools that were agreed to.
        pool: Where clients of single principals come from, `client` among them; None where one
            client serves everybody.
        patience: How long one request of a call may take; None for what its configuration says.
    """

    client: McpClient
    policy: Policy = CAREFUL
    roots: tuple[Path, ...] = ()
    model: SamplingModel | None = None
    pins: Pins = field(default_factory=Pins)
    pool: Pool | None = None
    patience: Patience | None = None

    def within(self, timeout_s: float | None) -> ToolServer:
        """The server for a call with a time limit of its own; None leaves it as it is.

        Raises:
            LocalError: It is no time.
        """
        if timeout_s is None:
            return self
        if not timeout_s > 0:
            raise LocalError("timeout_s: must be above 0")
        return replace(self, patience=Patience(timeout_s, timeout_s))

    @asynccontextmanager
    async def of(self, principal: str) -> AsyncGenerator[ToolServer]:
        """The server as a principal reaches it, while the block runs.

        Raises:
            Crowded: Too many principals use it at this moment.
        """
        if self.pool is None:
            yield self
            return
        async with self.pool.client(principal) as client:
            yield self if client is self.client else replace(self, client=client)

    def leave(self, state: Json) -> None:
        """Let go of a call that asked and will get no answers, whosever it is."""
        if self.pool is None:
            self.client.leave(state)
        else:
            self.pool.leave(state)

    def health(self) -> Health:
        """How it does; asks nobody.

        Raises:
            LocalError: It has no pool, which is what keeps count.
        """
        if self.pool is None:
            raise LocalError(f"MCP server {self.client.server}: nobody keeps count of its health")
        return replace(self.pool.health(), changed_tools=self.pins.changed)


def declared(*, roots: bool = False, model: bool = False) -> Capabilities:
    """What an agent's caller, its configuration and its model can do for a tool server.

    Args:
        roots: There are folders to tell of.
        model: There is a model to ask.
    """
    return Capabilities(form=True, url=True, sampling=model, roots=roots, tasks=True)
