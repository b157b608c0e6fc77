"""The demo's agent: it books a flight with a tool and knows nothing of questions or crashes."""

from __future__ import annotations

from interloom.agents import AgentFailed, Context, agent


@agent(name="concierge", description="Books trips.", tools=["flights"])
async def concierge(ctx: Context) -> str:
    """Book a flight to the place the caller names."""
    flight = await ctx.tool("flights", "book", {"destination": ctx.text})
    if flight.is_error:
        raise AgentFailed(flight.text)
    return f"Booked: {flight.text}"
