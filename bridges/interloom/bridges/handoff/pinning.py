"""Whether a tool is still the one that was agreed to.

Source: ours; MCP 2026-07-28 server/tools: what a server says of a tool is untrusted. A definition
may change after somebody has read it, and a model reads it again each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum, unique
from typing import Final

from interloom.bridges.mcp.core.errors import BadTool
from interloom.bridges.mcp.core.tools import Tool
from interloom.runtime.core.questions import Question, Response
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json

log = logger("handoff")
_NONE: Final[Mapping[str, str]] = {}


@unique
class OnChange(Enum):
    """What to do when a tool's definition is another one than was agreed to."""

    WARN = "warn"
    ASK = "ask"
    REFUSE = "refuse"


class Pins:
    """The definitions of one server's tools that were agreed to.

    A tool that nobody pinned is pinned as it is when it is first called, for as long as the process
    lives. So is what one caller has agreed to, for that caller.

    Args:
        agreed: SHA-256 of definitions, hexadecimal, by tool.
        on_change: What to do about another one.
    """

    def __init__(
        self, agreed: Mapping[str, str] = _NONE, on_change: OnChange = OnChange.WARN
    ) -> None:
        self._agreed = dict(agreed)
        self._on_change = on_change
        self._changed: set[str] = set()
        self._warned: dict[str, str] = {}
        self._accepted: dict[tuple[str, str], str] = {}

    @property
    def changed(self) -> tuple[str, ...]:
        """The tools that were found to be others than those agreed to."""
        return tuple(sorted(self._changed))

    def knows(self, tool: Tool) -> bool:
        """Whether a definition of a tool was agreed to."""
        return tool.name in self._agreed

    def observe(self, tool: Tool) -> bool:
        """Take in what a tool is now, for `changed`.

        Returns:
            Whether it is as agreed; one that nobody agreed to is as good as any.
        """
        is_agreed = self._agreed.get(tool.name, tool.digest) == tool.digest
        if is_agreed:
            self._changed.discard(tool.name)
        else:
            self._changed.add(tool.name)
        return is_agreed

    def shown(self, tools: Iterable[Tool], *, server: str, owner: str) -> tuple[Tool, ...]:
        """Those of a server's tools whose definitions may be read, by a model among others.

        A description does its harm when it is read, and that is before anything is called.

        Args:
            tools: As their server lists them now.
            server: Our name for the server.
            owner: For whom they are listed.
        """
        return tuple(tool for tool in tools if self._passes(tool, server, owner))

    async def check(
        self,
        tool: Tool,
        *,
        server: str,
        owner: str,
        ask: Callable[[Question], Awaitable[Response]],
    ) -> None:
        """Let a call of a tool pass, or not.

        Args:
            tool: As its server lists it now.
            server: Our name for the server.
            owner: For whom it is called; what they agree to, nobody else has agreed to.
            ask: Puts a question to the task's caller.

        Raises:
            BadTool: It is another tool now, and nobody agreed to that.
        """
        self._agreed.setdefault(tool.name, tool.digest)
        if self._passes(tool, server, owner):
            return
        if self._on_change is OnChange.REFUSE:
            raise BadTool(server, tool.name, "its definition is not the one agreed to")
        response = await ask(_question(tool, server))
        if response.action != "accept" or (response.content or {}).get("call") is not True:
            raise BadTool(server, tool.name, "nobody agreed to its new definition")
        self._accepted[tool.name, owner] = tool.digest

    def _passes(self, tool: Tool, server: str, owner: str) -> bool:
        if self.observe(tool):
            return True
        if self._warned.get(tool.name) != tool.digest:
            self._warned[tool.name] = tool.digest
            agreed = self._agreed[tool.name]
            log.warning(
                "call.tool_changed", server=server, tool=tool.name, agreed=agreed, now=tool.digest
            )
        is_accepted = self._accepted.get((tool.name, owner)) == tool.digest
        return is_accepted or self._on_change is OnChange.WARN


def _question(tool: Tool, server: str) -> Question:
    message = (
        f"The tool {tool.name} of {server} is described in other words than those that were agreed"
        " to. Should it be called all the same?"
    )
    properties: dict[str, Json] = {"call": {"type": "boolean", "title": "Call it"}}
    schema: dict[str, Json] = {"type": "object", "properties": properties, "required": ["call"]}
    return Question(f"{tool.name}-changed", message, schema, source=server)
