"""tools/call with nothing between the bytes and the caller: the floor of an MCP client.

Source: MCP 2026-07-28, basic/transports/streamable-http and server/tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Final

from bench.canned_mcp import PROTOCOL_VERSION, TOOL
from bench.http1 import Exchanges, connect

META: Final[Mapping[str, object]] = MappingProxyType(
    {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
)


class ToolFailed(Exception):
    """The reply to a tools/call is not one text."""


class RawMcpClient:
    """Calls one tool over a free list of keep-alive connections, as many as calls in flight."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Exchanges] = []
        self._ids = count(1)
        self._head = (
            "POST /mcp HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{port}\r\n"
            "Accept: application/json, text/event-stream\r\n"
            "Content-Type: application/json\r\n"
            f"MCP-Protocol-Version: {PROTOCOL_VERSION}\r\n"
            "Mcp-Method: tools/call\r\n"
            f"Mcp-Name: {TOOL}\r\n"
        ).encode("ascii")

    async def call(self, text: str) -> str:
        """Call the tool with one text and return the text it answers.

        Raises:
            ToolFailed: It answers anything else.
            ConnectionLost: It hung up.
        """
        params = {"name": TOOL, "arguments": {"text": text}, "_meta": dict(META)}
        call = {"jsonrpc": "2.0", "id": next(self._ids), "method": "tools/call", "params": params}
        body = json.dumps(call).encode()
        connection = self._free.pop() if self._free else Exchanges(await connect(self._port))
        status, reply = await connection.exchange(
            b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)
        )
        self._free.append(connection)
        match json.loads(reply):
            case {"result": {"content": [{"text": str(answer)}]}} if status == 200:  # noqa: PLR2004
                return answer
            case other:
                raise ToolFailed(f"{status}: {other}")

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._free:
            connection.close()
