"""The embedded MCP client, revision 2026-07-28.

core      the protocol as values: calls in rounds, frames, headers, tools, errors; pure
http      one message per POST, over any `HttpPort`
client    one server: discovery, the tool list, one wire request at a time
"""

from __future__ import annotations

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.http import ServerSpec

__all__ = ["McpClient", "ServerSpec"]
