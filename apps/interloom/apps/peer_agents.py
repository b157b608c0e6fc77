"""The agents of a configuration as others of it may call them, and what keeps them reachable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from interloom.apps.bindings import bindings
from interloom.apps.config import LocalAgent, RemoteAgent
from interloom.bridges.delegation import Peer, Peers
from interloom.bridges.handoff import Repeat
from interloom.runtime.client import A2AClient, ClientOptions, for_origin
from interloom.runtime.local import Neighbours
from interloom.runtime.net.pooled import PooledHttp


class PeerAgents:
    """One way to each agent of `agents`: within this process, or by its card.

    Attributes:
        neighbours: What this process serves; to be named before anybody is called.
    """

    def __init__(self, blocks: Mapping[str, LocalAgent | RemoteAgent]) -> None:
        """Describe the agents; nothing is connected."""
        self.neighbours = Neighbours()
        self._http, self._held = PooledHttp(), AsyncExitStack()
        self._opens = bindings(self._http, self._held)
        self._by_name = {name: self._peer(name, block) for name, block in blocks.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def of(self, names: Iterable[str]) -> Peers:
        """What one agent is given."""
        return Peers(self._by_name[name] for name in names)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let the agents be called while the block runs; close what was opened when it is left."""
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._held.aclose()
                await self._http.aclose()

    def _peer(self, name: str, block: LocalAgent | RemoteAgent) -> Peer:
        if isinstance(block, LocalAgent):
            return Peer.local(self.neighbours, name)
        options = ClientOptions()
        if block.headers:
            options = ClientOptions(credentials=for_origin(block.card, block.headers))
        client = A2AClient(block.card, self._http, options=options, opens=self._opens)
        return Peer(name, lambda _owner: client, Repeat(block.retry), dedupes=block.honours_key)
