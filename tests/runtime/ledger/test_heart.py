"""A heart beats beside the event loop, and stops when the loop does. Ours."""

from __future__ import annotations

import threading
import time

import anyio
import pytest

from interloom.runtime.ledger.heart import Heart

LEASE_S = 0.15
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


async def test_heart_of_a_loop_that_is_stuck_stands_still(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else an agent that hangs for good would keep its runs for good; it is told where it hangs."""
    chest = Chest()
    heart = Heart(chest.beat, lease_s=LEASE_S, on_loss=chest.lose)
    await chest.until_beaten()
    _hang(LEASE_S * 3)
    beats = chest.beats
    time.sleep(LEASE_S * 2)  # noqa: ASYNC251 - as above

    assert chest.beats == beats
    told = caplog.records[0]
    assert told.getMessage() == "heart.stopped"
    assert vars(told)["at"].startswith("_hang (")
    await chest.until_beaten()  # and it goes on when the loop does
    heart.stop()


def _hang(seconds: float) -> None:
    time.sleep(seconds)
