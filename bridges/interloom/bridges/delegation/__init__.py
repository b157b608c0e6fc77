"""Agents that call agents: work is handed on over A2A, and nothing of it is lost.

depth       how deep agents have called agents; pure
child       the other agent's task, as a value that can be saved; pure
climbing    its questions as ours, our caller's answers as its; pure
outcome     what the author gets: a result, or why there is none; pure
rows        a delegation as its journal row has it; pure
peer        an agent that may be called, and what is known of it
sending     sends the message that begins the other task
errand      one delegation from its row to its result
following   watches the other agent's task until it is over or asks
peers       the agents an agent may call
"""

from __future__ import annotations

from interloom.bridges.delegation.depth import MAX_DEPTH, TooDeep
from interloom.bridges.delegation.outcome import (
    Delegated,
    DelegationFailed,
    DelegationUnanswered,
)
from interloom.bridges.delegation.peer import Peer
from interloom.bridges.delegation.peers import NOBODY, Peers

__all__ = [
    "MAX_DEPTH",
    "NOBODY",
    "Delegated",
    "DelegationFailed",
    "DelegationUnanswered",
    "Peer",
    "Peers",
    "TooDeep",
]
