"""Asks tool servers for their tools, all at once and bounded: how they do, and what they offer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

import anyio

from interloom.apps.tool_servers import ToolServers
from interloom.bridges.handoff import ToolServer
from interloom.bridges.mcp import Health
from interloom.bridges.mcp.core.tools import Tool
from interloom.runtime.errors import InterloomError
from interloom.runtime.values import Json, JsonObject


@unique
class Pinned(Enum):
    """What the configuration says of a tool's definition."""

    NO = "not pinned"
    AGREED = "agreed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Found:
    """One server, once it was asked.

    Attributes:
        health: How it does.
        tools: What it offers, and whether each is what was agreed to.
        problem: Why it is not known what it offers; empty when it is.
    """

    health: Health
    tools: tuple[tuple[Tool, Pinned], ...]
    problem: str

    def to_json(self) -> JsonObject:
        """As JSON."""
        listed: list[Json] = [
            {
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "digest": tool.digest,
                "pinned": pinned.value,
            }
            for tool, pinned in self.tools
        ]
        return {**self.health.to_json(), "problem": self.problem, "tools": listed}


async def probe(servers: ToolServers, *, within_s: float) -> list[Found]:
    """Ask every server; the order is that of the configuration.

    Args:
        servers: The servers; opened here, and what they start is ended again.
        within_s: Seconds each of them gets.
    """
    found: dict[str, Found] = {}
    async with servers.open(), anyio.create_task_group() as group:
        for name, server in servers.by_name.items():
            group.start_soon(_ask, name, server, within_s, found)
    return [found[name] for name in servers.by_name]


async def _ask(name: str, server: ToolServer, within_s: float, found: dict[str, Found]) -> None:
    tools: tuple[Tool, ...] = ()
    problem = f"MCP server {name}: tools/list: no answer within {within_s:g} s"
    with anyio.move_on_after(within_s):
        try:
            tools, problem = await server.client.list_tools(), ""
        except InterloomError as error:
            problem = str(error)
    judged = tuple((tool, _pinned(tool, server)) for tool in tools)
    found[name] = Found(server.health(), judged, problem)


def _pinned(tool: Tool, server: ToolServer) -> Pinned:
    if not server.pins.observe(tool):
        return Pinned.CHANGED
    return Pinned.AGREED if server.pins.knows(tool) else Pinned.NO
