"""What we tell a server we can do for it, and what it may therefore ask. No I/O.

Source: MCP 2026-07-28, basic/index `_meta` (declared on every request), client/elicitation,
client/sampling, client/roots; Tasks extension, "Capability Negotiation".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from interloom.runtime.values import Json, JsonObject

TASKS: Final = "io.modelcontextprotocol/tasks"
"""Identifier of the Tasks extension."""

OWNERS: Final = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""The input requests of the protocol and the capability each belongs to."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The client capabilities declared on a request.

    Attributes:
        form: Somebody can fill in a form.
        url: Somebody can be sent to a URL.
        sampling: A model of ours can be asked for a message; without tools and without context
            from other servers, which are capabilities of their own.
        roots: There are folders to tell of.
        tasks: A call may be answered with a task, and is then polled (Tasks extension).
    """

    form: bool = True
    url: bool = True
    sampling: bool = False
    roots: bool = False
    tasks: bool = False

    def allows(self, method: str, mode: Json) -> bool:
        """True when a server may send this input request; `mode` counts for elicitation only."""
        match method:
            case "elicitation/create":
                return (mode == "form" and self.form) or (mode == "url" and self.url)
            case "sampling/createMessage":
                return self.sampling
            case "roots/list":
                return self.roots
            case _:
                return False

    def to_json(self) -> JsonObject:
        """`{"elicitation": {"form": {}, "url": {}}, …}`: what is offered, `{}` for nothing."""
        declared: dict[str, Json] = {}
        modes = {mode: _YES for mode in ("form", "url") if getattr(self, mode)}
        if modes:
            declared["elicitation"] = modes
        declared |= {name: _YES for name in ("sampling", "roots") if getattr(self, name)}
        if self.tasks:
            declared["extensions"] = {TASKS: _YES}
        return declared


_YES: Final[JsonObject] = {}
