"""The embedded MCP client, revision 2026-07-28.

core      the protocol as values: calls in rounds, frames, headers, tools, errors; pure
port      what a transport promises, whatever carries the bytes
turn      waiting for one's turn where others find the way to a server
replies   how a reply over HTTP is read: its type, its body within limits
http      one message per POST, over any `HttpPort`
channel   many requests over one stream of lines, which stdio and memory share
stdio     the server is a child process
memory    the server is a task in this process
legacy    servers of older revisions, made to look like one of this
eras      which of the two a server is, found out once
guarded   leaves a server alone for a while when it has failed lately
contained  opens a transport when it is needed, and again after it broke down
health    how a server does, for whoever looks after it
wire      requests stamped and sent, in a version both sides speak
cache     results kept as long as their server allows, and for whom it allows
shared_cache  the same, in the ledger's database
lists     a server's lists, page by page through the cache
client    one server: discovery, its lists, one wire request at a time
pool      the clients of one server: for everybody, or for each principal
interest  which changes of a server matter: those of what is kept of it
watch     hears of a server's changes, however often the stream ends
"""

from __future__ import annotations

from interloom.bridges.mcp.cache import ResultCache
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.eras import Eras, Known, http_in_any_era, stdio_in_any_era
from interloom.bridges.mcp.guarded import Guarded
from interloom.bridges.mcp.health import Health, Reached
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.pool import Bounds, Pool
from interloom.bridges.mcp.port import Transport
from interloom.bridges.mcp.stdio import CommandSpec, Stdio
from interloom.bridges.mcp.watch import Watch, watch_kept
from interloom.bridges.mcp.wire import Wishes

__all__ = [
    "Bounds",
    "CommandSpec",
    "Eras",
    "Guarded",
    "Health",
    "InMemory",
    "Known",
    "McpClient",
    "Pool",
    "Reached",
    "ResultCache",
    "ServerSpec",
    "Stdio",
    "StreamableHttp",
    "Transport",
    "Watch",
    "Wishes",
    "http_in_any_era",
    "stdio_in_any_era",
    "watch_kept",
]
