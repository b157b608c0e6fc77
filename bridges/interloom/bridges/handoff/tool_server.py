"""A tool server as an agent may use it: who talks to it, and what it may ask of us."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from interloom.bridges.handoff.pinning import Pins
from interloom.bridges.handoff.recovery import CAREFUL, Policy
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.asks import Sample
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.runtime.values import JsonObject


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
    """

    client: McpClient
    policy: Policy = CAREFUL
    roots: tuple[Path, ...] = ()
    model: SamplingModel | None = None
    pins: Pins = field(default_factory=Pins)


def declared(*, roots: bool = False, model: bool = False) -> Capabilities:
    """What an agent's caller, its configuration and its model can do for a tool server.

    Args:
        roots: There are folders to tell of.
        model: There is a model to ask.
    """
    return Capabilities(form=True, url=True, sampling=model, roots=roots, tasks=True)
