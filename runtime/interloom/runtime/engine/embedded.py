"""The engine for one host: runs are rows of the ledger, and this process runs them all.

What it promises across a crash: a run that was active is begun again when the next process
starts, a parked one waits on, and a completed step of either is never run again.
"""

from __future__ import annotations

# A task of anyio's group costs 38 microseconds, one of asyncio's 9 (measured), and every
# SendMessage begins one; the engine needs asyncio anyway (DESIGN section 6).
import asyncio  # noqa: TID251
from collections.abc import Mapping, Sequence
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Effect, Start, Stop, Wake
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext, dump_signal
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.run import Ending, Run
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import (
    AgentFailed,
    AgentRejected,
    Conflict,
    InterloomError,
    Unavailable,
)
from interloom.runtime.ledger.rows import (
    EndRun,
    Journal,
    ParkRun,
    PutRun,
    PutSignal,
    RunRow,
    RunState,
    Write,
)
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock

log = logger("engine")

WARM_S: Final = 20.0
"""Seconds a waiting coroutine is kept for a quick answer."""
MAX_ATTEMPTS: Final = 5
"""Times a run is begun again after a crash without having got anywhere; then the task fails."""
RETRY_S: Final = 1.0
"""Seconds before a run is begun again whose rows could not be written."""


_BLANK: Final = Journal()
"""What a run that begins for the first time has behind it."""


class EmbeddedEngine:
    """Runs every agent of this process as one task of the event loop each."""

    def __init__(
        self,
        tasks: Tasks,
        agents: Mapping[str, Agent],
        clock: Clock,
        *,
        warm_s: float = WARM_S,
    ) -> None:
        self._tasks, self._agents, self._clock = tasks, agents, clock
        self._warm_s = warm_s
        self._runs: dict[str, Run] = {}
        self._group: asyncio.TaskGroup | None = None
        self._drained = anyio.Event()
        self._idle: anyio.Event | None = None

    # What a decision asks for

    def writes(self, record: TaskRecord, effects: Sequence[Effect]) -> tuple[Write, ...]:
        """The rows that make the effects outlive this process."""
        return tuple(self._write(record, effect) for effect in effects)

    def _write(self, record: TaskRecord, effect: Effect) -> Write:
        match effect:
            case Start():
                return PutRun(RunRow(record.id, record.agent, RunState.ACTIVE, 1))
            case Wake(key=key, responses=responses):
                return PutSignal(record.id, key, dump_signal(responses))
            case Stop():
                return EndRun(record.id)

    def act(self, live: Live, effects: Sequence[Effect]) -> None:
        """Carry out effects that are stored now; while draining, leave them to the next start."""
        for effect in effects:
            run = self._runs.get(live.record.id)
            match effect:
                case Start():
                    self._begin(live, _BLANK)
                case Wake(key=key, responses=responses):
                    if run is None:
                        self._spawn(live.record.id)
                    else:
                        run.deliver(key, dump_signal(responses))
                case Stop():
                    if run is not None:
                        run.end(Ending.STOPPED)

    async def inspect(self, task_id: str) -> RunRow | None:
        """An unfinished task's run, or None."""
        return next(
            (row for row in await self._tasks.ledger.runs() if row.task_id == task_id), None
        )

    # Life of the engine

    async def serve(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Pick up what was active and work until drained."""
        async with asyncio.TaskGroup() as self._group:
            for row in await self._tasks.ledger.runs():
                if row.state is RunState.ACTIVE:
                    await self._recover(row)
            task_status.started()
            await self._drained.wait()
        self._group = None

    async def drain(self, grace_s: float) -> None:
        """Begin nothing more; give runs `grace_s` seconds, then drop them: their rows stay."""
        group, self._group = self._group, None
        if group is None:
            return
        for run in list(self._runs.values()):
            run.park_if_waiting()
        if self._runs:
            self._idle = anyio.Event()
            with anyio.move_on_after(grace_s):
                await self._idle.wait()
        for run in list(self._runs.values()):
            run.end(Ending.DRAINED)
        self._drained.set()

    async def _recover(self, row: RunRow) -> None:
        if row.agent not in self._agents:
            log.warning("run.deferred", task_id=row.task_id, agent=row.agent)
            return
        if row.attempt >= MAX_ATTEMPTS:
            log.error("run.gave_up", task_id=row.task_id, attempts=row.attempt)
            async with self._tasks.held(row.task_id) as live:
                reason = f"The agent was begun {row.attempt} times and never got any further."
                await self._close(live, decide.fail(live.record, reason, now=self._clock.now()))
            return
        stored = await self._tasks.ledger.task(row.task_id)
        waited = stored is not None and bool(stored.record.asks)  # a crash while waiting is no try
        again = row._replace(attempt=1 if waited else row.attempt + 1)
        await self._tasks.commit_rows(PutRun(again))
        log.info("run.recovered", task_id=row.task_id, attempt=again.attempt)
        self._spawn(row.task_id)

    # One run

    def _spawn(self, task_id: str) -> None:
        if self._group is not None:
            self._group.create_task(self._resume(task_id))

    async def _resume(self, task_id: str) -> None:
        if task_id in self._runs:
            return
        live = await self._tasks.hold(task_id)
        try:
            journal = await self._tasks.ledger.journal(task_id)
            if task_id not in self._runs and live.record.state not in TERMINAL:
                self._begin(live, journal)
        finally:
            self._tasks.release(live)

    def _begin(self, live: Live, journal: Journal) -> None:
        if self._group is None:
            return
        run = Run(live, journal, warm_s=self._warm_s)
        self._runs[live.record.id] = run
        live.users += 1
        self._group.create_task(self._drive(run))

    async def _drive(self, run: Run) -> None:
        live = run.live
        again = False
        try:
            with run.scope:
                await self._work(run)
            again = await self._put_down(run)
        except (Unavailable, Conflict) as error:
            log.warning("run.interrupted", task_id=live.record.id, code=error.code)
            again = run.ending is not Ending.STOPPED
            await anyio.sleep(RETRY_S)
        finally:
            del self._runs[live.record.id]
            self._tasks.release(live)
            if self._idle is not None and not self._runs:
                self._idle.set()
        if again:
            self._spawn(live.record.id)

    async def _work(self, run: Run) -> None:
        live, agent = run.live, self._agents[run.live.record.agent]
        context = TaskContext(self._tasks, run, self._clock)
        try:
            artifacts = await agent.body(context)
            if live.record.state in TERMINAL:
                return
            ended = decide.finish(live.record, artifacts, now=self._clock.now())
        except Exception as error:  # noqa: BLE001 - an author's code may raise and return anything
            await self._broke(live, error)
            return
        await self._close(live, ended)

    async def _broke(self, live: Live, error: Exception) -> None:
        cause = _single(error)
        if isinstance(cause, Unavailable | Conflict):
            raise cause  # the run is begun again; this is not the agent's failure
        if live.record.state in TERMINAL:
            return
        now = self._clock.now()
        if isinstance(cause, AgentRejected):
            await self._close(live, decide.reject(live.record, str(cause), now=now))
            return
        reason = str(cause)
        if not isinstance(cause, InterloomError):
            reason = "The agent failed unexpectedly."
            log.error("agent.raised", task_id=live.record.id, exc_info=cause)
        elif not isinstance(cause, AgentFailed):
            log.warning("agent.failed", task_id=live.record.id, code=cause.code, reason=reason)
        await self._close(live, decide.fail(live.record, reason, now=now))

    async def _close(self, live: Live, decision: decide.Decision) -> None:
        await self._tasks.commit(live, decision, EndRun(live.record.id))

    async def _put_down(self, run: Run) -> bool:
        """Park a run that waits; True when it must be begun again at once."""
        if run.ending is not Ending.PARKED:
            return False
        run.woken = False
        task_id = run.live.record.id
        await self._tasks.commit_rows(ParkRun(task_id, run.waits_for))
        log.debug("run.parked", task_id=task_id)
        return run.woken or any(key in run.signals for key in run.waits_for)


def _single(error: BaseException) -> BaseException:
    """The one error inside nested groups of one; task groups wrap what their tasks raise."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # only groups have it
    return _single(inner[0]) if len(inner) == 1 else error
