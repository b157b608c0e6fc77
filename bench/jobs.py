"""What is measured: each job, its floor, ours, its peers and its budget."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from bench.canned_mcp import TOOL_TEXT
from bench.figures import Load
from bench.load import Effort, ask, order_calls, order_events
from bench.load_grpc import call_grpc
from bench.process import Running
from bench.request import TEXT, message_answered, message_streamed, page_listed
from bench.table import Budget, Ceiling, Comparison

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
        budget: What ours may cost.
        calls_tools: Whether the canned MCP server runs beside the targets.
        in_flight: Requests under way at any time; None for as many as the run is told.
        rounds: How often each target is loaded at most.
    """

    drive: Drive
    floor: str
    ours: tuple[str, ...]
    others: tuple[str, ...]
    budget: Budget | Ceiling
    calls_tools: bool = False
    in_flight: int | None = None
    rounds: int = sys.maxsize

    @property
    def targets(self) -> tuple[str, ...]:
        """All of them, the floor first."""
        return (self.floor, *self.ours, *self.others)


JOBS: Final[Mapping[str, Job]] = MappingProxyType(
    {
        "send-memory": Job(
            drive=partial(ask, question=message_answered(TEXT)),
            floor="asgi-echo",
            ours=("ours-memory",),
            others=("a2a-sdk-echo",),
            budget=Budget(aim=1.5, gate=2),
        ),
        "send-durable": Job(
            drive=partial(ask, question=message_answered(TEXT)),
            floor="asgi-sqlite",
            ours=("ours-sqlite",),
            others=(),
            budget=Budget(aim=2, gate=2.5),
        ),
        "stream": Job(
            drive=partial(ask, question=message_streamed(TEXT)),
            floor="asgi-sse",
            ours=("ours-memory",),
            others=("a2a-sdk-echo",),
            budget=Budget(aim=1.5, gate=2),
        ),
        "grpc": Job(
            drive=partial(call_grpc, answer=TEXT),
            floor="grpc-echo",
            ours=("ours-grpc",),
            others=(),
            budget=Budget(aim=1.3, gate=1.6),
        ),
        "list-page": Job(
            drive=partial(ask, question=page_listed()),
            floor="asgi-page",
            ours=("ours-page",),
            others=(),
            budget=Ceiling(gate_ms=5),
            in_flight=1,
        ),
        "event": Job(
            drive=order_events,
            floor="ours-100th",
            ours=("ours-10000th",),
            others=(),
            budget=Budget(aim=1.2, gate=1.3),
        ),
        "event-durable": Job(
            drive=order_events,
            floor="ours-sqlite-100th",
            ours=("ours-sqlite-10000th",),
            others=(),
            budget=Budget(aim=1.2, gate=1.3),
            rounds=3,  # each stores 10,000 events, one commit after the other
        ),
        "bridge": Job(
            drive=partial(ask, question=message_answered(TOOL_TEXT)),
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
            budget=Budget(aim=2.5, gate=5),
            calls_tools=True,
        ),
        "tools-call-64": Job(
            drive=order_calls,
            floor="raw-mcp-client",
            ours=("ours-mcp-client",),
            others=("mcp-client",),
            budget=Budget(aim=2.5, gate=5),
            calls_tools=True,
            in_flight=64,
        ),
        "tools-stdio": Job(
            drive=partial(order_calls, with_children=False),
            floor="raw-stdio-client",
            ours=("ours-stdio-client",),
            others=("mcp-stdio-client",),
            budget=Budget(aim=4, gate=5),
        ),
    }
)

COMPARISONS: Final = (Comparison("ours-mcp-client", "tools-call", "tools-call-64", gate=1.3),)
"""What must cost the same, however many are in flight."""
