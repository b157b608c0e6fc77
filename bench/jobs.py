"""What is measured: each job, its floor, ours, its peers and its budget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from bench.canned_mcp import TOOL_TEXT
from bench.figures import Load
from bench.load import Effort, order_calls, send_messages
from bench.process import Running
from bench.request import TEXT
from bench.table import Budget

Drive: TypeAlias = Callable[[Running, Effort], Awaitable[Load]]
"""Loads one target and says what that came to."""


@dataclass(frozen=True, slots=True)
class Job:
    """One comparison; the names are keys of `bench.servers.SERVERS`.

    Attributes:
        drive: How its targets are loaded.
        floor: What the others are held against.
        ours: Held against the budget.
        others: For orientation: peers, and what of ours has no budget.
        budget: Ratio of our CPU per request to the floor's.
        calls_tools: Whether the canned MCP server runs beside the targets.
    """

    drive: Drive
    floor: str
    ours: tuple[str, ...]
    others: tuple[str, ...]
    budget: Budget
    calls_tools: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """All of them, the floor first."""
        return (self.floor, *self.ours, *self.others)


JOBS: Final[Mapping[str, Job]] = MappingProxyType(
    {
        "send-memory": Job(
            drive=partial(send_messages, answer=TEXT),
            floor="asgi-echo",
            ours=("ours-memory",),
            others=("a2a-sdk-echo",),
            budget=Budget(aim=1.5, gate=2),
        ),
        "send-durable": Job(
            drive=partial(send_messages, answer=TEXT),
            floor="asgi-sqlite",
            ours=("ours-sqlite",),
            others=(),
            budget=Budget(aim=2, gate=3),
        ),
        "bridge": Job(
            drive=partial(send_messages, answer=TOOL_TEXT),
            floor="asgi-raw-mcp",
            ours=("ours-bridge",),
            others=("ours-bridge-sqlite", "a2a-sdk-mcp"),
            budget=Budget(aim=2, gate=4),
            calls_tools=True,
        ),
        "tools-call": Job(
            drive=order_calls,
            floor="raw-mcp-client",
            ours=("ours-mcp-client",),
            others=("mcp-client",),
            budget=Budget(aim=2.5, gate=4),
            calls_tools=True,
        ),
    }
)
