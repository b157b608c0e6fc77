"""Where MCP meets A2A: a tool's question becomes the task's question, and nothing is lost.

questions   elicitations as questions, responses as elicitation results; pure
pending     a call as its journal row has it; pure
failures    why a call has no result, the same live and after a restart; pure
recovery    what is done with a call where it stands: one table; pure
doubt       the question about a call nobody knows the outcome of; pure
checking    holds what goes to a tool and comes back against its schemas; pure
fitting     does so with the list that the server has now, where an old one might be wrong
pinning     whether a tool is still the one that was agreed to
naming      one name for each tool of many servers; pure
tool_server a server as an agent may use it, and what it may ask of us
sampling    a function of the configuration as the model that a server may ask
inputs      answers what a server asks: by a person, by a model, from the configuration
unsaid      a server's words without what they repeat of a request; pure
telling     tells the caller how far a call is, and our log what its server logs, not too often
remote      follows a call that its server made a task of
conversation  one logical call from its row to its result
toolbox     the tools of an agent: list them, call them
"""

from __future__ import annotations

from interloom.bridges.handoff.failures import ToolFailed, ToolUnanswered
from interloom.bridges.handoff.pinning import OnChange, Pins
from interloom.bridges.handoff.recovery import EVERY_TOOL, Policy, Repeat
from interloom.bridges.handoff.sampling import FunctionModel, SamplingRefused
from interloom.bridges.handoff.tool_server import SamplingModel, ToolServer, declared
from interloom.bridges.handoff.toolbox import Catalogue, Offered, Toolbox
from interloom.bridges.mcp.core.asks import Sample

__all__ = [
    "EVERY_TOOL",
    "Catalogue",
    "FunctionModel",
    "Offered",
    "OnChange",
    "Pins",
    "Policy",
    "Repeat",
    "Sample",
    "SamplingModel",
    "SamplingRefused",
    "ToolFailed",
    "ToolServer",
    "ToolUnanswered",
    "Toolbox",
    "declared",
]
