"""How agents are written.

    from interloom.agents import AgentFailed, Context, agent

    @agent(name="concierge", description="Books trips.", tools=["flights"])
    async def concierge(ctx: Context) -> str:
        flight = await ctx.tool("flights", "book", {"destination": ctx.text})
        if flight.is_error:
            raise AgentFailed(flight.text)
        return f"Booked: {flight.text}"

An agent is a plain async function. What must not happen twice goes through `ctx`: after a pause
or a crash the function is called again, and `ctx` gives back what was done already.
"""

from __future__ import annotations

from interloom.agents.authoring import AgentDefinition, agent
from interloom.agents.context import Context, Declined, Unanswered
from interloom.agents.results import Finished
from interloom.bridges.delegation import Delegated, DelegationFailed, DelegationUnanswered
from interloom.bridges.handoff import ToolFailed, ToolUnanswered
from interloom.bridges.mcp.core.prompts import PromptMessage, PromptResult
from interloom.bridges.mcp.core.resources import Contents
from interloom.bridges.mcp.core.tools import ToolResult
from interloom.runtime.errors import AgentFailed, AgentRejected
from interloom.runtime.model import Artifact, Message, Part
from interloom.runtime.wire.card import Extended

__all__ = [
    "AgentDefinition",
    "AgentFailed",
    "AgentRejected",
    "Artifact",
    "Contents",
    "Context",
    "Declined",
    "Delegated",
    "DelegationFailed",
    "DelegationUnanswered",
    "Extended",
    "Finished",
    "Message",
    "Part",
    "PromptMessage",
    "PromptResult",
    "ToolFailed",
    "ToolResult",
    "ToolUnanswered",
    "Unanswered",
    "agent",
]
