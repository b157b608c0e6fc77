"""The official MCP SDK's client, calling the canned server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp import Client
from mcp_types import TextContent

from bench.callers import Call, on_orders
from bench.canned_mcp import PROTOCOL_VERSION, TOOL
from bench.raw_mcp import ToolFailed
from bench.serving import Place


def tools_call(place: Place) -> None:
    """Take orders to call."""
    on_orders(opened_client(place), place)


@asynccontextmanager
async def opened_client(place: Place) -> AsyncGenerator[Call]:
    """One client for all calls, its protocol version settled beforehand."""
    async with Client(place.tools_url, mode=PROTOCOL_VERSION) as client:

        async def call(text: str) -> str:
            match (await client.call_tool(TOOL, {"text": text})).content:
                case [TextContent(text=answer)]:
                    return answer
                case other:
                    raise ToolFailed(f"{other}")

        yield call
