"""An MCP server with one tool and one answer, at the price of a socket.

It answers any tool's call at once, so that a target that calls it is measured and not it.

Source: MCP 2026-07-28, basic/transports/streamable-http, server/tools and server/discover.
"""

from __future__ import annotations

# The cheapest thing that answers; it shares a core with the load generator.
import asyncio  # noqa: TID251 - anyio has no protocol callbacks
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import httptools
import orjson

from bench.serving import Place, on_protocol

PROTOCOL_VERSION: Final = "2026-07-28"
TOOL: Final = "echo"
TOOL_TEXT: Final = "The tool has nothing to add; it was only asked how long asking takes."

_RESULTS: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "tools/call": orjson.dumps(
            {
                "resultType": "complete",
                "content": [{"type": "text", "text": TOOL_TEXT}],
                "isError": False,
            }
        ),
        "tools/list": orjson.dumps(
            {
                "resultType": "complete",
                "tools": [
                    {
                        "name": TOOL,
                        "description": "Answers at once, whatever it is told.",
                        "inputSchema": {
                            "type": "object",
                            "properties": {"text": {"type": "string"}},
                            "required": ["text"],
                        },
                        "annotations": {"readOnlyHint": True},
                    }
                ],
                "ttlMs": 3_600_000,
                "cacheScope": "public",
            }
        ),
        "server/discover": orjson.dumps(
            {
                "resultType": "complete",
                "supportedVersions": [PROTOCOL_VERSION],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "canned", "version": "1"},
                "ttlMs": 3_600_000,
                "cacheScope": "public",
            }
        ),
    }
)


_UNKNOWN: Final = b'"error":{"code":-32601,"message":"No."}'


def respond(body: bytes) -> bytes:
    """The whole HTTP response to one JSON-RPC message. Pure.

    An unknown method is 404 with -32601 and a notification 202, as the transport demands.

    Raises:
        orjson.JSONDecodeError: The body is not JSON.
    """
    reply = reply_to(body)
    if reply is None:
        return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    return (b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b") % (
        b"404 Not Found" if reply.endswith(_UNKNOWN + b"}") else b"200 OK",
        len(reply),
        reply,
    )


def reply_to(message: bytes) -> bytes | None:
    """The JSON-RPC reply to one message; None when it is a notification. Pure.

    Raises:
        orjson.JSONDecodeError: The message is not JSON.
    """
    call = orjson.loads(message)
    if "id" not in call:
        return None
    result = _RESULTS.get(call["method"])
    member = b'"result":%b' % result if result else _UNKNOWN
    return b'{"jsonrpc":"2.0","id":%b,%b}' % (orjson.dumps(call["id"]), member)


class CannedMcp(asyncio.Protocol):
    """One connection to the canned server."""

    __slots__ = ("_body", "_parser", "_transport")

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server's promise
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._body = b""

    def on_body(self, body: bytes) -> None:
        """Called by the parser, once for most requests."""
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._transport.write(respond(self._body))


def serve(place: Place) -> None:
    """Serve it."""
    on_protocol(CannedMcp, place)
