"""What is known of an agent that may be called, and what is told of its errors.

Source: `ours`; docs/delegation.md.
"""

from __future__ import annotations

import pytest

from interloom.bridges.delegation.peer import Peer
from interloom.bridges.handoff.recovery import Next, Repeat, Standing, Vouched
from interloom.runtime.client import A2AClient
from interloom.runtime.errors import InterloomError, InvalidAgentResponse, TransportError
from interloom.runtime.local import Neighbours, local_client


def connect(owner: str) -> A2AClient:
    return local_client(Neighbours(), "hotel", owner=owner)


WORDS: dict[str, tuple[InterloomError, str]] = {
    "a name": (TransportError("hotel.example: no connection", delivered=False), "no connection"),
    "a port": (
        TransportError("127.0.0.1:8080: HTTP 503, later", delivered=True),
        "HTTP 503, later",
    ),
    "IPv6": (InvalidAgentResponse("[::1]:80: id: not the request's"), "id: not the request's"),
    "nowhere": (
        TransportError("not done within its time", delivered=True),
        "not done within its time",
    ),
}


@pytest.mark.parametrize(("error", "words"), WORDS.values(), ids=WORDS)
def test_address_of_an_agent_is_not_told(error: InterloomError, words: str) -> None:
    """ours: our caller knows it by our name; where it is, is in the log."""
    assert Peer("hotel", connect).said(error) == words


def test_neighbours_errors_are_told_as_they_are() -> None:
    """ours: there is no address before them, and a field's name may look like one."""
    said = "message.taskId: was used elsewhere"

    assert Peer("hotel", connect, is_local=True).said(InvalidAgentResponse(said)) == said


@pytest.mark.parametrize(
    ("repeat", "vouched", "following"),
    [
        (Repeat.ASK, Vouched.KEYED, Next.RESEND),
        (Repeat.ASK, Vouched.NOTHING, Next.ASK),
        (Repeat.ALWAYS, Vouched.NOTHING, Next.RESEND),
        (Repeat.NEVER, Vouched.KEYED, Next.FAIL),
    ],
)
def test_message_in_doubt_is_decided_by_the_table_of_tool_calls(
    repeat: Repeat, vouched: Vouched, following: Next
) -> None:
    """DESIGN 4."""
    assert Peer("hotel", connect, repeat).next(Standing.INTERRUPTED, vouched) is following
