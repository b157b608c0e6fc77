"""An agent that may be called: how it is reached, and what is known of repeating a message to it.

Source: A2A 1.0.1 section 3.3.1 (an agent may recognise a repeated messageId); decision 0012: agents
of this runtime do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from interloom.bridges.handoff.recovery import Next, Repeat, Standing, Vouched, next_for
from interloom.runtime.client import A2AClient
from interloom.runtime.errors import InterloomError
from interloom.runtime.local import Neighbours, local_client
from interloom.runtime.wire import streams

Connect: TypeAlias = Callable[[str], A2AClient]
"""A client of the agent, in the name of an owner of tasks."""
_ADDRESS: Final = re.compile(r"^(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d+)?: ")
"""What the client puts before the words of an error: host and port."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An agent that may be called.

    Attributes:
        name: What our agents call it.
        connect: Reaches it.
        repeat: The operator's word on a message that may have arrived.
        dedupes: The operator's word that it takes no message twice.
        is_local: It is served by this process, so while that lives it will be there.
    """

    name: str
    connect: Connect
    repeat: Repeat = Repeat.ASK
    dedupes: bool = False
    is_local: bool = False

    @classmethod
    def local(cls, neighbours: Neighbours, name: str) -> Peer:
        """An agent of the same process; its tasks belong to whom the caller's belong to."""

        def connect(owner: str) -> A2AClient:
            return local_client(neighbours, name, owner=owner)

        return cls(name, connect, dedupes=True, is_local=True)

    async def vouched(self, client: A2AClient) -> Vouched:
        """What vouches for sending it a message twice.

        Raises:
            InterloomError: Its card is needed to know, and cannot be had.
        """
        return Vouched.KEYED if self.dedupes or await is_ours(client) else Vouched.NOTHING

    def next(self, standing: Standing, vouched: Vouched) -> Next:
        """What is done with a message; see `recovery.TABLE`."""
        return next_for(standing, self.repeat, vouched)

    def said(self, error: InterloomError) -> str:
        """An error's words for whoever we work for: where the agent is, is for the log."""
        return str(error) if self.is_local else _ADDRESS.sub("", str(error))


async def is_ours(client: A2AClient) -> bool:
    """Whether an agent is served by this runtime: then it takes no message twice."""
    offered = (await client.card()).capabilities.extensions
    return any(each.uri == streams.URI for each in offered)
