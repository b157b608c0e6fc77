"""The embedded MCP client, revision 2026-07-28.

core      the protocol as values: calls in rounds, frames, headers, tools, errors; pure
port      what a transport promises, whatever carries the bytes
http      one message per POST, over any `HttpPort`
client    one server: discovery, the tool list, one wire request at a time
"""

from __future__ import annotations

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.port import Transport

__all__ = ["McpClient", "ServerSpec", "StreamableHttp", "Transport"]
