"""A tool server's task is followed by the store's time, whatever the clock of who follows it.

Source: Tasks extension, "Task Polling"; ours (docs/decisions/0034).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import anyio
import pytest

from interloom.runtime.ledger.rows import RunState
from interloom.runtime.model import TaskState
from interloom.runtime.values import SystemClock
from tests.journeys.matrix import Stage
from tests.journeys.test_remote_tasks import COLD, joiner, runs_are
from tests.journeys.words import AT_ONCE, message, result, send, until
from tests.journeys.workshop import Workshop, done, works


class Off(SystemClock):
    """The machine's clock, were it wrong by so much."""

    def __init__(self, by: timedelta) -> None:
        super().__init__()
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


@pytest.mark.parametrize("by", [timedelta(days=1), -timedelta(days=1)], ids=["ahead", "behind"])
async def test_task_is_followed_on_by_a_process_whose_clock_is_wrong(
    stage: Stage, by: timedelta
) -> None:
    """Task Polling: until its `ttlMs` is over; ours: by the store's time, for whoever follows it.

    By that of the process it would be given up and canceled, or not polled for a day.
    """
    workshop = Workshop(works("cutting"))
    workshop.ttl_ms = 3_600_000
    async with workshop.open() as tools, stage.play(joiner, tools=tools, settings=COLD) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await workshop.polled.wait()
        world.clock = Off(by)
        await world.crash()
        workshop.polled = anyio.Event()
        await workshop.polled.wait()
        workshop.finish(done("a chair"))
        task = await until(client, task, TaskState.COMPLETED)

    assert result(task) == "a chair"
    assert not workshop.cancelled.is_set()


async def test_hour_that_a_server_may_be_away_is_not_over_elsewhere_at_once(stage: Stage) -> None:
    """ours: since when it does not answer is in the row, by the store's time."""
    workshop = Workshop(works("cutting"))
    async with workshop.open() as tools, stage.play(joiner, tools=tools, settings=COLD) as world:
        client = stage.client(world, "joiner")
        task = await send(client, message("chair"), AT_ONCE)
        await workshop.polled.wait()
        workshop.is_open = False
        await workshop.until_polled(3, partial(runs_are, world, RunState.PARKED))
        world.clock = Off(timedelta(days=1))
        await world.crash()
        await workshop.until_polled(1)
        workshop.is_open = True
        workshop.finish(done("a chair"))
        task = await until(client, task, TaskState.COMPLETED)

    assert result(task) == "a chair"
