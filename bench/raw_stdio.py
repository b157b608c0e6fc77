"""tools/call over a child's standard streams, with nothing between the bytes and the caller.

Source: MCP 2026-07-28, basic/transports/stdio and server/tools.
"""

from __future__ import annotations

# Protocol callbacks: the least a client can cost.
import asyncio  # noqa: TID251 - anyio has no protocol callbacks
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

from bench.callers import Call, on_calls
from bench.canned_mcp import TOOL
from bench.raw_mcp import META, ToolFailed
from bench.serving import Place

ROOT: Final = Path(__file__).parents[1]
"""Where the canned server is started."""


def canned(place: Place) -> list[str]:
    """The command of the canned server, on its core."""
    core = [] if place.tools_core is None else [str(place.tools_core)]
    return [sys.executable, "-m", "bench.canned_stdio", *core]


def caller(place: Place) -> None:
    """Take orders to call."""
    on_calls(_opened(place), place)


class _Child(asyncio.SubprocessProtocol):
    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._ids = count(1)
        self._rest = b""
        self.stdin: asyncio.WriteTransport | None = None

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by the event loop."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = json.loads(line)
            self._waiting.pop(reply["id"]).set_result(reply["result"]["content"][0]["text"])

    async def call(self, text: str) -> str:
        """Call the tool with one text and return the text it answers."""
        call_id = next(self._ids)
        params = {"name": TOOL, "arguments": {"text": text}, "_meta": dict(META)}
        call = {"jsonrpc": "2.0", "id": call_id, "method": "tools/call", "params": params}
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = waiting
        if self.stdin is None:
            raise ToolFailed("the child was never started")
        self.stdin.write(json.dumps(call).encode() + b"\n")
        return await waiting


@asynccontextmanager
async def _opened(place: Place) -> AsyncGenerator[Call]:
    loop = asyncio.get_running_loop()
    transport, child = await loop.subprocess_exec(_Child, *canned(place), stderr=None, cwd=ROOT)
    stdin = transport.get_pipe_transport(0)
    assert isinstance(stdin, asyncio.WriteTransport)  # noqa: S101 - subprocess_exec's promise
    child.stdin = stdin
    try:
        yield child.call
    finally:
        transport.close()
