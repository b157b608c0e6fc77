"""An author's module, for tests that need it as a file of its own."""

from __future__ import annotations

ECHO = """from __future__ import annotations
from interloom.agents import Context, agent

@agent(name="echo")
async def echo(ctx: Context) -> str:
    return ctx.text
"""
