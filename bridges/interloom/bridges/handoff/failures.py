"""Why a call has no result, as its author sees it. No I/O.

A failure is stored in the call's row and read back as the same class with the same text, so that
an author's `except` takes the same path when the code is run again:

    {"kind": "failed", "reason": str, "error_code": int | null}         ToolFailed
    {"kind": "unanswered", "reason": str, "took_effect": bool | null}   ToolUnanswered
    {"kind": "local", "reason": str}                                    LocalError
"""

from __future__ import annotations

from typing import Final, TypeAlias, cast

from interloom.bridges.mcp.core.errors import HttpFailure, McpError
from interloom.runtime.errors import InterloomError, LocalError, PeerError, TransportError
from interloom.runtime.values import JsonObject

GATEWAY: Final = frozenset({502, 503, 504})
"""HTTP statuses that come from in front of a server, which may be at work all the same."""


class ToolFailed(PeerError):
    """A tool's server answered an error, or broke the protocol.

    Attributes:
        server: The agent's name for the server.
        tool: The tool, the prompt or the resource's URI; empty when tools were listed.
        error_code: The MCP error code; None when it broke the protocol or answered without one.
    """

    code = "TOOL_FAILED"

    def __init__(
        self, reason: str, *, server: str, tool: str = "", error_code: int | None = None
    ) -> None:
        super().__init__(reason)
        self.server, self.tool, self.error_code = server, tool, error_code


class ToolUnanswered(PeerError):
    """A call has no answer; the text says why.

    Attributes:
        server: The agent's name for the server.
        tool: The tool, the prompt or the resource's URI; empty when tools were listed.
        took_effect: False when it certainly did not run; None when nobody knows.
    """

    code = "TOOL_UNANSWERED"

    def __init__(
        self, reason: str, *, server: str, tool: str = "", took_effect: bool | None = None
    ) -> None:
        super().__init__(reason)
        self.server, self.tool, self.took_effect = server, tool, took_effect


Failure: TypeAlias = ToolFailed | ToolUnanswered | LocalError
"""All that a call may end in, live and replayed."""


def failure(
    error: InterloomError,
    *,
    server: str,
    tool: str = "",
    repeated: bool = False,
    is_reading: bool = False,
) -> Failure:
    """What an author sees of an error that a call ran into.

    Args:
        error: What went wrong.
        server: The agent's name for the server.
        tool: The tool, the prompt or the resource's URI.
        repeated: An earlier try of the same request may have reached the server.
        is_reading: It was no tool, so that nothing can have taken effect.
    """
    match error:
        case TransportError(delivered=delivered):
            maybe = None if is_reading else delivered or repeated
            return _unanswered(error, server, tool, maybe=maybe)
        case HttpFailure(status=status, method=method) if status in GATEWAY:
            maybe = None if is_reading else method == "tools/call" or repeated
            return _unanswered(error, server, tool, maybe=maybe)
        case McpError(error_code=error_code):
            return ToolFailed(str(error), server=server, tool=tool, error_code=error_code)
        case PeerError():
            return ToolFailed(str(error), server=server, tool=tool)
        case _:
            return LocalError(str(error))


def _unanswered(
    error: InterloomError, server: str, tool: str, *, maybe: bool | None
) -> ToolUnanswered:
    if not tool or maybe is None:  # what is only read changes nothing, nor does a list
        return ToolUnanswered(str(error), server=server, tool=tool, took_effect=False)
    effect = "may have taken effect" if maybe else "did not take place"
    reason, took_effect = f"{error}; the call of {tool} {effect}.", None if maybe else False
    return ToolUnanswered(reason, server=server, tool=tool, took_effect=took_effect)


def dump_failure(error: Failure) -> JsonObject:
    """A failure as its row keeps it; see the module for the shapes."""
    match error:
        case ToolFailed(error_code=error_code):
            return {"kind": "failed", "reason": str(error), "error_code": error_code}
        case ToolUnanswered(took_effect=took_effect):
            return {"kind": "unanswered", "reason": str(error), "took_effect": took_effect}
        case LocalError():
            return {"kind": "local", "reason": str(error)}


def load_failure(saved: JsonObject, *, server: str, tool: str) -> Failure:
    """The reverse of `dump_failure`."""
    reason = str(saved["reason"])
    match saved["kind"]:
        case "failed":
            code = cast("int | None", saved["error_code"])
            return ToolFailed(reason, server=server, tool=tool, error_code=code)
        case "unanswered":
            effect = cast("bool | None", saved["took_effect"])
            return ToolUnanswered(reason, server=server, tool=tool, took_effect=effect)
        case _:
            return LocalError(reason)
