"""One process at a time on a store: agents at work, and somebody who talks to them.

What holds for any engine is a scenario of `interloom.runtime.testing.engines`; here are tests of
what is not the engine's, or of the embedded one alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import anyio

from interloom.runtime.engine.agent import Agent
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.testing.engine_house import (
    COLD_S,
    WARM_S,
    Installation,
    Process,
    cluster,
    drink,
    quiet,
    request,
    said,
    words,
)

__all__ = [
    "COLD_S",
    "LIMIT_S",
    "WARM_S",
    "House",
    "Store",
    "drink",
    "house",
    "opened",
    "quiet",
    "request",
    "said",
    "words",
]

LIMIT_S: Final = 10
Store: TypeAlias = Installation
House: TypeAlias = Process


@asynccontextmanager
async def house(store: Store, *agents: Agent, warm_s: float = WARM_S) -> AsyncGenerator[House]:
    """Run agents until the block is left. Then everything is dropped where it stands: a crash.

    Within the block everything happens in `LIMIT_S` seconds or the test fails.
    """
    async with cluster(store) as room:
        with anyio.fail_after(LIMIT_S):
            yield await room.start(*agents, warm_s=warm_s)


@asynccontextmanager
async def opened(store: Store) -> AsyncGenerator[Ledger]:
    """The store itself."""
    ledger = await store.open()
    try:
        yield ledger
    finally:
        with anyio.CancelScope(shield=True):
            await ledger.aclose()
