"""bridges: how an agent reaches its tools, and what happens where tools meet tasks.

mcp       the embedded MCP client, revision 2026-07-28
handoff   a tool's question becomes the task's question
"""

from __future__ import annotations

from interloom.bridges.mcp import (
    CommandSpec,
    InMemory,
    McpClient,
    ServerSpec,
    Stdio,
    StreamableHttp,
    Transport,
)

__all__ = [
    "CommandSpec",
    "InMemory",
    "McpClient",
    "ServerSpec",
    "Stdio",
    "StreamableHttp",
    "Transport",
]
