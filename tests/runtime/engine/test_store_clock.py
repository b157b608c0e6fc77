"""The time a process goes by is the store's, as nearly as it can be told. Ours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import anyio
import pytest

from interloom.runtime.engine.store_clock import StoreClock
from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.testing import FakeClock
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.forwarding import ForwardingLedger

LIMIT_S: Final = 10.0


class Distant(ForwardingLedger):
    """A store that takes its time: so long until it reads its clock, and again until it is heard.

    Attributes:
        there: Its clock.
        here: That of the process that asks.
        asked: Times it was asked.
        is_away: Whether it says nothing.
    """

    def __init__(self, off: timedelta, *, trip_s: float = 0.0) -> None:
        self.there, self.here = FakeClock(START + off), FakeClock()
        super().__init__(MemoryLedger(self.there))
        self.asked, self.is_away = 0, False
        self._trip_s = trip_s

    def advance(self, seconds: float) -> None:
        self.there.advance(seconds)
        self.here.advance(seconds)

    async def now(self) -> datetime:
        self.asked += 1
        if self.is_away:
            raise Unavailable("the store cannot be read")
        self.advance(self._trip_s)
        now = await super().now()
        self.advance(self._trip_s)
        return now

    async def until_asked(self, times: int) -> None:
        wanted = self.asked + times
        while self.asked < wanted:
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("off", [timedelta(days=40), -timedelta(days=40), timedelta(seconds=2)])
async def test_clock_shows_the_time_of_the_store_and_goes_on(off: timedelta) -> None:
    store = Distant(off)
    clock = StoreClock(store.here)
    await clock.ask(store)
    assert clock.now() == START + off
    store.advance(5)
    assert clock.now() == store.there.now()
    assert clock.monotonic() == 5


@pytest.mark.parametrize("off", [timedelta(days=40), -timedelta(days=40)])
async def test_clock_errs_by_no_more_than_the_store_took_to_say(off: timedelta) -> None:
    store = Distant(off, trip_s=0.2)
    clock = StoreClock(store.here)
    await clock.ask(store)
    assert abs(clock.now() - store.there.now()) <= timedelta(seconds=0.2)


@pytest.mark.parametrize("off_ms", [0, 150, -150, 201, -201])
async def test_clock_that_may_well_be_right_is_left_alone(off_ms: int) -> None:
    """A millisecond is what either has rounded off; processes of one host have the host's time."""
    store = Distant(timedelta(milliseconds=off_ms), trip_s=0.2)
    clock = StoreClock(store.here)
    await clock.ask(store)
    assert clock.now() == store.here.now()


async def test_clock_that_is_set_meanwhile_is_put_right_soon() -> None:
    """Also where the store was away for a while: it is asked again."""
    store = Distant(timedelta())
    clock = StoreClock(store.here)
    await clock.ask(store)
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(clock.keep_asking, store, 0.001)
            store.here.advance(3600)
            store.is_away = True
            await store.until_asked(2)
            assert clock.now() == START + timedelta(hours=1)
            store.is_away = False
            await store.until_asked(2)
            assert clock.now() == START
            group.cancel_scope.cancel()


async def test_process_that_cannot_ask_the_store_is_told_so() -> None:
    store = Distant(timedelta())
    store.is_away = True
    with pytest.raises(Unavailable):
        await StoreClock(store.here).ask(store)
