"""The embedded MCP client, revision 2026-07-28.

core      the protocol as values: calls in rounds, frames, headers, tools, errors; pure
port      what a transport promises, whatever carries the bytes
http      one message per POST, over any `HttpPort`
channel   many requests over one stream of lines, which stdio and memory share
stdio     the server is a child process
memory    the server is a task in this process
client    one server: discovery, the tool list, one wire request at a time
"""

from __future__ import annotations

from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Transport
from interloom.bridges.mcp.stdio import CommandSpec, Stdio

__all__ = [
    "CommandSpec",
    "InMemory",
    "McpClient",
    "ServerSpec",
    "Stdio",
    "StreamableHttp",
    "Transport",
]
