"""Where MCP meets A2A: a tool's question becomes the task's question, and nothing is lost.

questions   elicitations as questions, responses as elicitation results; pure
pending     a call as its journal row has it; pure
failures    why a call has no result, the same live and after a restart; pure
doubt       what to do with a call nobody knows the outcome of; pure
toolbox     the tools of an agent: list them, call them
"""

from __future__ import annotations

from interloom.bridges.handoff.doubt import Repeat
from interloom.bridges.handoff.failures import ToolFailed, ToolUnanswered
from interloom.bridges.handoff.toolbox import Toolbox, ToolServer

__all__ = ["Repeat", "ToolFailed", "ToolServer", "ToolUnanswered", "Toolbox"]
