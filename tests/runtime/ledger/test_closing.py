"""A store that is closed leaves nothing behind, whatever is under way. Ours."""

from __future__ import annotations

import threading

import anyio
from anyio.lowlevel import checkpoint

from interloom.runtime.errors import Unavailable
from tests.runtime.ledger.opening import Place, store_at

LIMIT_S = 30


async def test_who_joins_while_the_store_is_closed_has_no_heart(place: Place) -> None:
    """It would beat on for ever, on a connection that nobody closes."""
    ledger = store_at(place)
    refused: list[Unavailable] = []

    async def join() -> None:
        try:
            await ledger.join("late", lambda: None)
        except Unavailable as refusal:
            refused.append(refusal)

    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(join)
            await checkpoint()
            await checkpoint()
            await ledger.aclose()

    assert [str(refusal) for refusal in refused] == ["the store is closed"]
    assert [each for each in threading.enumerate() if each.name == "interloom-heart"] == []
