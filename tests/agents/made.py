"""A function made an agent, for tests that need no more of it."""

from __future__ import annotations

from interloom.agents import AgentDefinition, agent
from interloom.agents.authoring import AgentFunction


def made(function: AgentFunction) -> AgentDefinition:
    """An agent called `it`."""
    return agent(name="it", description="It.")(function)
