"""A heart beats beside the event loop, and stops when the loop does. Ours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

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


class Told(logging.Handler):
    """Hears of a log line in whatever thread, also while the event loop stands still."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "heart.stopped":
            self.heard.set()


@pytest.fixture
def told() -> Iterator[threading.Event]:
    """Set once a heart has said that its loop does not turn."""
    handler, log = Told(), logging.getLogger("interloom.ledger")
    log.addHandler(handler)
    yield handler.heard
    log.removeHandler(handler)


def beating(chest: Chest, lease_s: float = LEASE_S) -> Heart:
    return Heart(chest.beat, lease_s=lease_s, on_loss=chest.lose)


async def test_heart_beats_until_it_is_stopped() -> None:
    chest = Chest()
    heart = beating(chest)
    await chest.until_beaten()
    await chest.until_beaten()
    heart.stop()
    beats = chest.beats
    time.sleep(LEASE_S)  # noqa: ASYNC251 - the loop stands still on purpose

    assert chest.beats == beats
    assert chest.lost == 0


async def test_loss_is_told_once_and_ends_it() -> None:
    chest = Chest()
    heart = beating(chest)
    chest.alive = False
    with anyio.fail_after(LIMIT_S):
        await chest.told.wait()
    heart.lose()
    heart.stop()

    assert chest.lost == 1


async def test_beat_that_fails_is_no_loss() -> None:
    chest = Chest()
    chest.breaks = True
    heart = beating(chest)
    await chest.until_beaten()
    await chest.until_beaten()
    heart.stop()

    assert chest.lost == 0


async def test_heart_of_a_loop_that_is_stuck_beats_once_more_at_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else an agent that hangs for good would keep its runs for good; it is told where it hangs."""
    chest = Chest()
    heart = beating(chest)
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


async def test_heart_of_a_loop_that_turns_again_beats_at_once(told: threading.Event) -> None:
    """Not at its next time: the lease may be over by then, and a busy loop lose what it has."""
    chest = Chest()
    heart = beating(chest, LONG_S)
    await chest.until_beaten()
    _hang_until(told)

    with anyio.fail_after(LONG_S / BEATS / 2):
        await chest.until_beaten()
    heart.stop()

    assert chest.lost == 0


async def test_heart_of_a_loop_that_is_stuck_can_be_stopped(told: threading.Event) -> None:
    """Nobody waits for a turn that is not to come."""
    chest = Chest()
    heart = beating(chest)
    _hang_until(told)
    beats = chest.beats
    heart.stop()

    assert chest.beats == beats


def _hang(seconds: float) -> None:
    time.sleep(seconds)


def _hang_until(told: threading.Event) -> None:
    """Keep the loop from turning until that is set."""
    assert told.wait(LIMIT_S)
