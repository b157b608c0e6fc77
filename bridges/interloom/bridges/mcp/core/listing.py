"""A server's tool list: its pages put together, how long it may be kept, what was left out. No I/O.

Source: MCP 2026-07-28, server/utilities/pagination; server/utilities/caching (freshness);
server/tools and basic/transports/streamable-http "Schema Extension" (a bad tool is left out, the
others stay).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from interloom.bridges.mcp.core.errors import BadResult, BadTool, ListTooLarge
from interloom.bridges.mcp.core.tools import Tool, read_tool
from interloom.runtime.values import Json, JsonObject

METHOD: Final = "tools/list"

MAX_PAGES: Final = 100
"""Pages of one list; ours, because a server may hand out cursors for ever."""

MAX_TOOLS: Final = 2000
"""Definitions of one list, on all its pages together; ours."""

MAX_LIST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of JSON of those definitions; ours, because they are kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of `tools/list`.

    Attributes:
        entries: The definitions, unread.
        cursor: Where the next page begins, opaque; None on the last. An empty string is a cursor.
        ttl_ms: Milliseconds it may be taken for fresh; 0 when it may not, or does not say.
        size_bytes: Bytes of JSON of the definitions.
    """

    entries: Sequence[Json]
    cursor: str | None
    ttl_ms: int
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ToolList:
    """All pages of a server's tools, as one credential sees them.

    Attributes:
        tools: The usable ones by name, in the server's order.
        rejected: Why others were left out, by name.
        received_s: When the first page arrived, seconds on the caller's monotonic clock.
        ttl_ms: The shortest of the pages' times to live.
    """

    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    rejected: tuple[BadTool, ...] = ()
    received_s: float = 0.0
    ttl_ms: int = 0

    def is_fresh(self, now_s: float) -> bool:
        """True while the server says it may be shown again without asking."""
        return now_s < self.received_s + self.ttl_ms / 1000

    def is_expired(self, now_s: float) -> bool:
        """True once a time to live has run out.

        A list that came without one does not expire. It is never shown again (`is_fresh`), but its
        schemas go on telling which arguments to mirror, until the server says they do not match:
        the page lets a client keep what is stale by its own heuristics, and a list per call would
        double the round trips.
        """
        return self.ttl_ms > 0 and not self.is_fresh(now_s)

    def why_rejected(self, name: str) -> BadTool | None:
        """The reason a tool was left out, None when it was not."""
        return next((reason for reason in self.rejected if reason.tool == name), None)


def read_page(result: JsonObject, *, server: str) -> Page:
    """Read one `ListToolsResult`.

    Raises:
        BadResult: `tools` is no array or `nextCursor` no string.
    """
    entries, cursor, ttl_ms = (result.get(key) for key in ("tools", "nextCursor", "ttlMs"))
    if not isinstance(entries, list):
        raise BadResult(server, METHOD, "tools must be an array")
    if not (cursor is None or isinstance(cursor, str)):
        raise BadResult(server, METHOD, "nextCursor must be a string")
    return Page(entries, cursor, _lifetime(ttl_ms), len(orjson.dumps(entries)))


def check_size(pages: Sequence[Page], *, server: str) -> None:
    """Hold the pages of a list so far against the caps on a whole list.

    Raises:
        ListTooLarge: More of them need not be asked for.
    """
    if sum(len(page.entries) for page in pages) > MAX_TOOLS:
        raise ListTooLarge(server, METHOD, f"has more than {MAX_TOOLS} tools")
    if sum(page.size_bytes for page in pages) > MAX_LIST_BYTES:
        raise ListTooLarge(server, METHOD, f"is over {MAX_LIST_BYTES} bytes")
    if len(pages) == MAX_PAGES and pages[-1].cursor is not None:
        raise ListTooLarge(server, METHOD, f"has more than {MAX_PAGES} pages")


def join(pages: Sequence[Page], *, server: str, received_s: float) -> ToolList:
    """Put pages together; of two tools with one name the first stays."""
    tools: dict[str, Tool] = {}
    rejected: list[BadTool] = []
    for entry in (entry for page in pages for entry in page.entries):
        try:
            tool = read_tool(entry, server=server)
        except BadTool as reason:
            rejected.append(reason)
            continue
        if tool.name in tools:
            rejected.append(BadTool(server, tool.name, "another tool has this name"))
        else:
            tools[tool.name] = tool
    return ToolList(tools, tuple(rejected), received_s, min(page.ttl_ms for page in pages))


def _lifetime(ttl_ms: Json) -> int:
    """Absent and negative count as 0 (caching, "Time-to-Live"); so does what is no integer."""
    return ttl_ms if isinstance(ttl_ms, int) and ttl_ms > 0 and ttl_ms is not True else 0
