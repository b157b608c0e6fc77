"""What an agent makes of a task: its code is run to its end, and the task ends as it says.

An agent may raise and return anything. What it runs into itself is the task's failure; what
the store runs into is not, and the run is begun again.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - what ends a task of asyncio's is asyncio's
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import Outcome, TaskRecord
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.causes import root_cause
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.run import Run
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import (
    AgentFailed,
    AgentRejected,
    Conflict,
    IllegalMove,
    InterloomError,
    LocalError,
    Unavailable,
)
from interloom.runtime.ledger.rows import TaskMoved
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock

log = logger("engine")


class Work:
    """Does the work of runs."""

    def __init__(self, tasks: Tasks, clock: Clock) -> None:
        self._tasks, self._clock = tasks, clock

    async def do(self, run: Run, agent: Agent) -> None:
        """Run an agent's code from its first line, and store how it ended.

        Raises:
            Unavailable: The store takes no writes; the run is to be begun again.
            Conflict: The run is another process's.
        """
        context = TaskContext(self._tasks, run, self._clock)
        try:
            result = await agent.body(context)
            live = run.live
            if live.failure is not None or live.record is not live.stored:
                live = run.live = await self._tasks.renewed(live)
            if run.ending is not None or live.record.state in TERMINAL:
                return
            products, says = result if isinstance(result, Outcome) else (result, "")
            # Here, as a result that is none is the agent's failure; and the commonest end is quick.
            ended = decide.finish(live.record, products, now=self._now(), says=says)
        except BaseException as error:  # it may raise and return anything
            if _is_ours(error):
                raise
            await self._broke(run, error)
            return
        try:
            await self._tasks.commit(live, ended, hold=run.hold)
        except TaskMoved:
            await self._end(
                run, lambda record: decide.finish(record, products, now=self._now(), says=says)
            )
        except LocalError as refusal:  # a result that no store holds is one only now
            await self._broke(run, refusal)

    def _now(self) -> datetime:
        return self._clock.now()

    async def _end(self, run: Run, ending: Callable[[TaskRecord], Decision]) -> None:
        """End a task as its agent wants it, unless somebody else has."""
        with suppress(IllegalMove):
            run.live, _ = await self._tasks.change(
                run.live, lambda record: (ending(record), ()), hold=run.hold
            )

    async def _broke(self, run: Run, error: BaseException) -> None:
        cause = root_cause(error)
        if isinstance(cause, Unavailable | Conflict):
            raise cause  # the run is begun again; this is not the agent's failure
        live = run.live = await self._tasks.renewed(run.live)
        if run.ending is not None or live.record.state in TERMINAL:
            return
        if isinstance(cause, AgentRejected):
            text = str(cause)
            await self._end(run, lambda record: decide.reject(record, text, now=self._now()))
            return
        if isinstance(cause, InterloomError):
            reason = str(cause)
            if not isinstance(cause, AgentFailed):
                log.warning("agent.failed", task_id=live.record.id, code=cause.code, reason=reason)
        else:
            reason = "The agent failed unexpectedly."  # a foreign text is not for peers
            log.error("agent.raised", task_id=live.record.id, exc_info=cause)
        await self._end(run, lambda record: decide.fail(record, reason, now=self._now()))


def _is_ours(error: BaseException) -> bool:
    """Whether it ends us, rather than being something the agent ran into."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | GeneratorExit)
