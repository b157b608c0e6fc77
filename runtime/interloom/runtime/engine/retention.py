"""Deletes what has been over for long enough, a little at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Pruned
from interloom.runtime.telemetry.log import logger

log = logger("engine")

BATCH: Final = 200
"""Tasks deleted in one transaction."""
EVERY_S: Final = 600.0
"""Seconds between two looks, of all the processes that share a store together."""
PAUSE_S: Final = 0.05
"""Seconds between two transactions: others want to write, too."""
CHORE: Final = "prune"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept.

    Attributes:
        finished_s: Seconds a task that is over is kept, and a message that was answered at once.
        batch: See `BATCH`.
        every_s: See `EVERY_S`.
    """

    finished_s: float
    batch: int = BATCH
    every_s: float = EVERY_S


async def keep_pruning(ledger: Ledger, how: Retention) -> None:
    """Delete what is over again and again, in turn with other processes; forever."""
    while True:
        try:
            if await ledger.take_turn(CHORE, how.every_s):
                before = await over_before(ledger, how.finished_s)
                gone = await prune(ledger, before, batch=how.batch)
                if any(gone):
                    log.info("store.pruned", tasks=gone.tasks, replies=gone.replies)
        except Unavailable as error:  # whose turn it was does not matter: there is a next one
            log.warning("store.not_pruned", code=error.code)
        await anyio.sleep(how.every_s)


async def over_before(ledger: Ledger, finished_s: float) -> datetime:
    """Since when a task is over that is kept no longer; by the store's clock, as ours may be wrong.

    Raises:
        Unavailable: The store cannot be asked.
    """
    return await ledger.now() - timedelta(seconds=finished_s)


async def prune(ledger: Ledger, before: datetime, *, batch: int = BATCH) -> Pruned:
    """Delete all that was over before a moment; what is deleted when it is cancelled stays so.

    Raises:
        Unavailable: The store takes no writes.
    """
    tasks = replies = 0
    while any(gone := await ledger.prune(before, limit=batch)):
        tasks, replies = tasks + gone.tasks, replies + gone.replies
        await anyio.sleep(PAUSE_S)
    return Pruned(tasks, replies)
