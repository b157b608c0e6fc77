"""A server's lists: pages put together, how long they may be kept, what was left out. No I/O.

Source: MCP 2026-07-28, server/utilities/pagination; server/utilities/caching (freshness);
server/tools and basic/transports/streamable-http "Schema Extension" (a bad tool is left out, the
others stay).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import orjson

from interloom.bridges.mcp.core.caching import Scope, check_scopes, read_hint
from interloom.bridges.mcp.core.errors import BadEntry, BadResult, BadTool, ListTooLarge
from interloom.bridges.mcp.core.tools import Tool, read_tool
from interloom.runtime.values import Json, JsonObject

TOOLS: Final = "tools/list"

FIELDS: Final = {
    TOOLS: "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The lists of the protocol, and the field each has its entries in."""

MAX_PAGES: Final = 100
"""Pages of one list; ours, because a server may hand out cursors for ever."""

MAX_TOOLS: Final = 2000
"""Entries of one list, on all its pages together; ours."""

MAX_LIST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of JSON of those entries; ours, because they are kept."""

MAX_AGE_S: Final = 300.0
"""Seconds a list that came without a time to live is called by; ours, the caching page leaves it to
the client. A server that tells of no change is found out about a changed tool within them."""

DOUBT_S: Final = 5.0
"""Seconds after which such a list is asked for again when a call does not fit it; ours, so that an
agent that goes on being mistaken costs a list now and then, and not one a call."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        entries: The definitions, unread.
        cursor: Where the next page begins, opaque; None on the last. An empty string is a cursor.
        ttl_ms: Milliseconds it may be taken for fresh; 0 when it may not, or does not say.
        size_bytes: Bytes of JSON of the definitions.
        scope: Who may be given it.
        received_s: When it arrived, seconds on the caller's monotonic clock.
    """

    entries: Sequence[Json]
    cursor: str | None
    ttl_ms: int
    size_bytes: int = 0
    scope: Scope = Scope.PRIVATE
    received_s: float = 0.0

    @property
    def fresh_until_s(self) -> float:
        """Until when it is fresh; its clock starts when it arrived ("Pagination")."""
        return self.received_s + self.ttl_ms / 1000

    @property
    def expires_s(self) -> float:
        """Until when calls may be made by it."""
        return self.fresh_until_s if self.ttl_ms else self.received_s + MAX_AGE_S


@dataclass(frozen=True, slots=True)
class ToolList:
    """All pages of a server's tools, as one credential sees them.

    Attributes:
        tools: The usable ones by name, in the server's order.
        rejected: Why others were left out, by name.
        fresh_until_s: When the first of its pages is stale, on the clock the pages were timed by.
        expires_s: When calls may not be made by it any more.
        generation: How often the list had been declared stale when it was fetched.
        received_s: When the first of its pages came.
    """

    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    rejected: tuple[BadTool, ...] = ()
    fresh_until_s: float = 0.0
    expires_s: float = MAX_AGE_S
    generation: int = 0
    received_s: float = 0.0

    def is_fresh(self, now_s: float) -> bool:
        """True while the server says it may be shown again without asking."""
        return now_s < self.fresh_until_s

    def is_expired(self, now_s: float) -> bool:
        """True once a time to live has run out, or `MAX_AGE_S` where there was none.

        A list that came without one is never shown again (`is_fresh`), but for a while its schemas
        go on telling which arguments to mirror: the page lets a client keep what is stale by its
        own heuristics, and a list per call would double the round trips.
        """
        return now_s >= self.expires_s

    def is_doubtful(self, now_s: float) -> bool:
        """True when what does not fit it may well fit the list that the server has now."""
        return not self.is_fresh(now_s) and now_s >= self.received_s + DOUBT_S

    def why_rejected(self, name: str) -> BadTool | None:
        """The reason a tool was left out, None when it was not."""
        return next((reason for reason in self.rejected if reason.tool == name), None)


def read_page(
    result: JsonObject, *, server: str, method: str = TOOLS, received_s: float = 0.0
) -> Page:
    """Read one page of a list.

    Args:
        result: `ListToolsResult`, or that of another list.
        server: Our name for the server.
        method: The list's method.
        received_s: When it arrived, seconds on the caller's monotonic clock.

    Raises:
        BadResult: The entries are no array or `nextCursor` is no string.
    """
    name = FIELDS[method]
    entries, cursor, hint = result.get(name), result.get("nextCursor"), read_hint(result)
    if not isinstance(entries, list):
        raise BadResult(server, method, f"{name} must be an array")
    if not (cursor is None or isinstance(cursor, str)):
        raise BadResult(server, method, "nextCursor must be a string")
    size_bytes = len(orjson.dumps(entries))
    return Page(entries, cursor, hint.ttl_ms, size_bytes, hint.scope, received_s)


def check_pages(pages: Sequence[Page], *, server: str, method: str = TOOLS) -> None:
    """Hold the pages of a list so far against the caps on a whole list, and against each other.

    Raises:
        ListTooLarge: More of them need not be asked for.
        BadResult: They differ in their scope.
    """
    if sum(len(page.entries) for page in pages) > MAX_TOOLS:
        raise ListTooLarge(server, method, f"has more than {MAX_TOOLS} {FIELDS[method]}")
    if sum(page.size_bytes for page in pages) > MAX_LIST_BYTES:
        raise ListTooLarge(server, method, f"is over {MAX_LIST_BYTES} bytes")
    if len(pages) == MAX_PAGES and pages[-1].cursor is not None:
        raise ListTooLarge(server, method, f"has more than {MAX_PAGES} pages")
    check_scopes({page.scope for page in pages}, server=server, method=method)


def join(pages: Sequence[Page], *, server: str, generation: int = 0) -> ToolList:
    """Put pages of tools together; of two tools with one name the first stays."""
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
    return ToolList(
        tools,
        tuple(rejected),
        fresh_until_s=min(page.fresh_until_s for page in pages),
        expires_s=min(page.expires_s for page in pages),
        generation=generation,
        received_s=min(page.received_s for page in pages),
    )


def read_entries(
    pages: Sequence[Page], read: Callable[[Json], Read]
) -> tuple[tuple[Read, ...], tuple[BadEntry, ...]]:
    """Read what stands on the pages of another list: the usable entries, and why others are not.

    Pages of one list may overlap when the list changes between them ("Pagination"); what comes
    twice is given twice.
    """
    found: list[Read] = []
    rejected: list[BadEntry] = []
    for entry in (entry for page in pages for entry in page.entries):
        try:
            found.append(read(entry))
        except BadEntry as reason:
            rejected.append(reason)
    return tuple(found), tuple(rejected)
