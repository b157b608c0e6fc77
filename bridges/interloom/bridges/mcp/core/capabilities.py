"""What we tell a server we can do for it, and what it may therefore ask. No I/O.

Source: MCP 2026-07-28, basic/index `_meta` (declared on every request), client/elicitation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from interloom.runtime.values import Json, JsonObject

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
    """

    form: bool = True
    url: bool = True

    def allows(self, method: str, mode: Json) -> bool:
        """True when a server may send this input request; `mode` counts for elicitation only."""
        if method != "elicitation/create":
            return False
        return (mode == "form" and self.form) or (mode == "url" and self.url)

    def to_json(self) -> JsonObject:
        """`{"elicitation": {"form": {}, "url": {}}}`, or `{}` when nothing is offered."""
        modes: dict[str, Json] = {}
        if self.form:
            modes["form"] = {}
        if self.url:
            modes["url"] = {}
        return {"elicitation": modes} if modes else {}
