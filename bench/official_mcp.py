"""The official MCP SDK's client, calling the canned server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from bench.callers import Call, on_calls
from bench.canned_mcp import PROTOCOL_VERSION, TOOL
from bench.raw_mcp import ToolFailed
from bench.raw_stdio import ROOT, canned
from bench.serving import Place


def tools_call(place: Place) -> None:
    """Take orders to call."""
    on_calls(opened_client(place), place)


def tools_call_on_stdio(place: Place) -> None:
    """The same, the server being a child process."""
    command, *args = canned(place)
    server = StdioServerParameters(command=command, args=args, cwd=ROOT)
    on_calls(_opened(Client(server, mode=PROTOCOL_VERSION)), place)


@asynccontextmanager
async def opened_client(place: Place) -> AsyncGenerator[Call]:
    """One client for all calls, its protocol version settled beforehand."""
    async with _opened(Client(place.tools_url, mode=PROTOCOL_VERSION)) as call:
        yield call


@asynccontextmanager
async def _opened(one: Client) -> AsyncGenerator[Call]:
    async with one as client:

        async def call(text: str) -> str:
            match (await client.call_tool(TOOL, {"text": text})).content:
                case [TextContent(text=answer)]:
                    return answer
                case other:
                    raise ToolFailed(f"{other}")

        yield call
