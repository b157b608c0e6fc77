"""What time it is in the store: the clock of this process, put right by the store's.

Ours. Processes hold against each other's what they have written: since when a task is over, when a
post is due, since when a tool server's task is followed. Their clocks may differ, so each goes by
the store's. To ask it for each of these would be one more trip to the database for every event;
it is asked now and then, and in between the difference is remembered.

What is decided in a transaction, as who has which lease, never comes here: there the database
reads its clock itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import anyio

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock

log = logger("engine")

EVERY_S: Final = 10.0
"""Seconds between two looks at the store's clock; for so long a clock that is set here is wrong."""
NOTABLE: Final = timedelta(seconds=1)
"""A clock that is off by more, or suddenly is so, is somebody's to mend."""
_NOTHING: Final = timedelta()
_MILLISECOND: Final = timedelta(milliseconds=1)
"""What either clock may have rounded off."""


class StoreClock:
    """A `Clock` that shows the store's time.

    It errs by no more than the store took to say it. A clock that is as right as can be told is
    left alone, so that on the store's own host every process has the time of the host.
    """

    def __init__(self, clock: Clock) -> None:
        """Go by the clock of this process until the store is asked for the first time."""
        self._clock, self._ahead = clock, _NOTHING

    def now(self) -> datetime:
        """The moment it is in the store, in whole milliseconds."""
        return self._clock.now() + self._ahead if self._ahead else self._clock.now()

    def monotonic(self) -> float:
        """Seconds on a clock of this process that never goes back."""
        return self._clock.monotonic()

    async def ask(self, ledger: Ledger) -> None:
        """Ask the store what time it is, and go by that.

        Raises:
            Unavailable: It cannot be asked.
        """
        asked = self._clock.now()
        there = await ledger.now()
        answered = self._clock.now()
        least, most = there - answered, there - asked
        if least - _MILLISECOND <= self._ahead <= most + _MILLISECOND:
            return
        before, self._ahead = self._ahead, min(max(self._ahead, least), most)
        if abs(self._ahead - before) > NOTABLE:
            log.warning("store.clock_differs", ahead_s=self._ahead.total_seconds())

    async def keep_asking(self, ledger: Ledger, every_s: float = EVERY_S) -> None:
        """Ask again and again, as either clock may be set; forever."""
        while True:
            await anyio.sleep(every_s)
            try:
                await self.ask(ledger)
            except Unavailable as error:  # what is known of it will do meanwhile
                log.warning("store.clock_not_asked", code=error.code)
