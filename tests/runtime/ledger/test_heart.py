"""A heart beats beside the event loop, and stops when the loop does. Ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import anyio
import pytest

from interloom.runtime.ledger.heart import BEATS, Heart

LEASE_S = 0.15
LONG_S = 3.0
"""A lease whose parts are told apart also on a busy machine."""
LIMIT_S = 10.0


class Chest:
    """Counts beats, and is alive as long as it is told.

    Attributes:
        alive: What a beat finds.
        beats: How often it was asked.
        lost: How often a loss was told of.
    """

    def __init__(self) -> None:
        self.alive, self.beats, self.lost = True, 0, 0
        self.told = anyio.Event()
        self.beaten = threading.Event()
        self.breaks = False

    def beat(self) -> bool:
        self.beats += 1
        self.beaten.set()
        if self.breaks:
            raise OSError("the store is away")
        return self.alive

    def lose(self) -> None:
        self.lost += 1
        self.told.set()

    async def until_beaten(self) -> None:
        self.beaten.clear()
        assert await anyio.to_thread.run_sync(self.beaten.wait, LIMIT_S)


async def test_heart_beats_until_it_is_stopped() -> None:
    chest = Chest()
    heart = Heart(chest.beat, lease_s=LEASE_S, on_loss=chest.lose)
    await chest.until_beaten()
    await chest.until_beaten()
    heart.stop()
    beats = chest.beats
    time.sleep(LEASE_S)  # noqa: ASYNC251 - the loop stands still on purpose

    assert chest.beats == beats
    assert chest.lost == 0


async def test_loss_is_told_once_and_ends_it() -> None:
    chest = Chest()
    heart = Heart(chest.beat, lease_s=LEASE_S, on_loss=chest.lose)
    chest.alive = False
    with anyio.fail_after(LIMIT_S):
        await chest.told.wait()
    heart.lose()
    heart.stop()

    assert chest.lost == 1


async def test_beat_that_fails_is_no_loss() -> None:
    chest = Chest()
    chest.breaks = True
    heart = Heart(chest.beat, lease_s=LEASE_S, on_loss=chest.lose)
    await chest.until_beaten()
    await chest.until_beaten()
    heart.stop()

    assert chest.lost == 0


async def test_heart_of_a_loop_that_is_stuck_beats_once_more_at_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else an agent that hangs for good would keep its runs for good; it is told where it hangs."""
    chest = Chest()
    heart = Heart(chest.beat, lease_s=LEASE_S, on_loss=chest.lose)
    await chest.until_beaten()
    beats = chest.beats
    _hang(LEASE_S * 5)

    assert chest.beats <= beats + 1
    told = caplog.records[-1]
    assert told.getMessage() == "heart.stopped"
    assert vars(told)["at"].startswith("_hang (")
    await chest.until_beaten()  # and it goes on when the loop does
    await chest.until_beaten()
    heart.stop()


async def test_heart_of_a_loop_that_turns_again_beats_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not at its next time: the lease may be over by then, and a busy loop lose what it has."""
    chest = Chest()
    heart = Heart(chest.beat, lease_s=LONG_S, on_loss=chest.lose)
    await chest.until_beaten()
    _hang_until(lambda: bool(caplog.records))

    with anyio.fail_after(LONG_S / BEATS / 2):
        await chest.until_beaten()
    heart.stop()

    assert chest.lost == 0


async def test_heart_of_a_loop_that_is_stuck_can_be_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody waits for a turn that is not to come."""
    chest = Chest()
    heart = Heart(chest.beat, lease_s=LEASE_S, on_loss=chest.lose)
    _hang_until(lambda: bool(caplog.records))
    beats = chest.beats
    heart.stop()

    assert chest.beats == beats


def _hang(seconds: float) -> None:
    time.sleep(seconds)


def _hang_until(is_time: Callable[[], bool]) -> None:
    """Keep the loop from turning until something is so."""
    until = time.monotonic() + LIMIT_S
    while not is_time():
        assert time.monotonic() < until
        time.sleep(0.01)
