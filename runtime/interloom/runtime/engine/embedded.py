"""The engine over a ledger: runs are rows, and each process works on those it has claimed.

What it promises across a crash: a run that was active is claimed by another process, or by the next
one that starts, a parked one waits on, and a completed step of either is never run again.
"""

from __future__ import annotations

# A task of anyio's group costs 38 microseconds, one of asyncio's 9 (measured), and every
# SendMessage begins one; the engine needs asyncio anyway (DESIGN section 6).
import asyncio  # noqa: TID251
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Effect, Start, Stop, Wake
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import TaskRecord, made
from interloom.runtime.engine.agent import Abandon, Agent
from interloom.runtime.engine.asking import dump_signal
from interloom.runtime.engine.claims import Claims
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.run import FIRST, Ending, Run
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.engine.work import Work
from interloom.runtime.errors import (
    Conflict,
    IllegalMove,
    TaskNotFound,
    Unavailable,
)
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    Fenced,
    HoldRun,
    Journal,
    ParkRun,
    PutRun,
    PutSignal,
    RunRow,
    RunState,
    Write,
)
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, Ids

log = logger("engine")

WARM_S: Final = 20.0
"""Seconds a waiting coroutine is kept for a quick answer."""
MAX_AT_WORK: Final = 1000
"""Runs that are at work in this process before it claims no more; those that wait do not count."""
MAX_ATTEMPTS: Final = 5
"""Times a run is begun again after a crash without having got anywhere; then the task fails."""
LEAVE_S: Final = 5.0
"""Seconds a run that is let go of gets to leave; an agent may refuse to."""
RETRY_S: Final = 1.0
"""Seconds before a run is begun again whose rows could not be written or read."""
MAX_RETRY_S: Final = 60.0
"""Longest such pause; it doubles each time the rows still cannot be read."""


_BLANK: Final = Journal()
"""What a run that begins for the first time has behind it."""


class EmbeddedEngine:
    """Runs agents as one task of the event loop each.

    Attributes:
        max_at_work: Runs that may be at work here before no more are claimed.
    """

    def __init__(
        self,
        tasks: Tasks,
        agents: Mapping[str, Agent],
        clock: Clock,
        ids: Ids,
        *,
        warm_s: float = WARM_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._tasks, self._agents, self._clock = tasks, agents, clock
        self._work = Work(tasks, clock)
        self._takes_at_write = tasks.ledger.takes_at_write
        self._warm_s, self._retry_s = warm_s, retry_s
        self._runs: dict[str, Run] = {}
        self.max_at_work, self._resuming = MAX_AT_WORK, 0
        self._claims = Claims(
            tasks, agents, ids, take=self._recover, drop=self._lose_runs, room=self._room
        )
        self._group: asyncio.TaskGroup | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._drained = anyio.Event()
        self._idle: anyio.Event | None = None

    # What a decision asks for

    def writes(self, record: TaskRecord, effects: Sequence[Effect]) -> tuple[Write, ...]:
        """The rows that make the effects outlive this process; a task that is over has none."""
        rows: list[Write] = []
        for effect in effects:
            match effect:
                case Start():
                    taker = self._taker(record.agent)
                    begun = (1, taker, FIRST) if taker else (0, "", 0)
                    rows.append(made(PutRun, (record.id, record.agent, RunState.ACTIVE, *begun)))
                case Wake(key=key, responses=responses):
                    value, taker = dump_signal(responses), self._taker(record.agent)
                    rows.append(PutSignal(record.id, key, value, taker))
                case Stop():
                    pass
        return tuple(rows)

    def _taker(self, agent: str) -> str:
        """Who has a run that is begun or woken here: this process where it can, or nobody yet."""
        takes = self._takes_at_write and self._group is not None and agent in self._agents
        return self._claims.worker if takes else ""

    def act(self, live: Live, effects: Sequence[Effect]) -> None:
        """Carry out effects that are stored now; while draining, leave them to the next start."""
        for effect in effects:
            match effect:
                case Start():
                    if self._takes_at_write:
                        self._begin(live, _BLANK)
                    else:
                        self._claims.nudge()
                case Wake(key=key, responses=responses):
                    self._wake(live.record.id, key, dump_signal(responses))
                case Stop():
                    self._stop(live.record)

    def _stop(self, record: TaskRecord) -> None:
        run, agent = self._runs.get(record.id), self._agents.get(record.agent)
        if run is not None:
            run.end(Ending.STOPPED)
        elif agent is not None and agent.abandon is not None and self._group is not None:
            self._group.create_task(self._abandon(record, agent.abandon))

    async def _abandon(self, record: TaskRecord, abandon: Abandon) -> None:
        """Have an agent let go of what it holds elsewhere for a task that only rows are left of."""
        try:
            journal = await self._tasks.ledger.journal(record.id)
            await abandon(journal.calls.values(), owner=record.owner)
        except Exception:
            log.exception("run.not_abandoned", task_id=record.id)

    def _wake(self, task_id: str, key: str, value: bytes) -> None:
        run = self._runs.get(task_id)
        if run is not None:
            run.deliver(key, value)
        elif self._takes_at_write:
            self._spawn(task_id)
        else:
            self._claims.nudge()

    def is_running(self, task_id: str) -> bool:
        """Whether a task's agent is in memory here."""
        return task_id in self._runs

    async def inspect(self, task_id: str) -> RunRow | None:
        """An unfinished task's run, or None."""
        return next(
            (row for row in await self._tasks.ledger.runs() if row.task_id == task_id), None
        )

    # Life of the engine

    async def serve(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Pick up what nobody works on, and work until drained."""
        await self._claims.join()
        self._tasks.on_moved = self._moved
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._claims.claim()
                task_status.started()
                self._claiming = group.create_task(self._claims.keep_claiming())
                watching = group.create_task(self._claims.watch())
                try:
                    await self._drained.wait()
                finally:
                    self._group = None  # nothing is begun any more: the group is closing
                    self._claiming.cancel()
                    watching.cancel()
                    with anyio.CancelScope(shield=True):
                        await self._drop_runs()
        finally:
            self._group = None
            with anyio.CancelScope(shield=True):
                await self._claims.leave()

    # What others do

    def _lose_runs(self) -> None:
        for run in list(self._runs.values()):
            run.end(Ending.LOST)

    def _moved(self, live: Live) -> None:
        run = self._runs.get(live.stored.id)
        if run is None or self._group is None:
            return
        if live.stored.state in TERMINAL:
            run.end(Ending.STOPPED)
        else:
            self._group.create_task(self._deliver(run))

    async def _deliver(self, run: Run) -> None:
        """Hand a run what another process stored for it, whether it waits for that yet or not.

        Nobody tells of it again, so the store is asked until it answers.
        """
        task_id = run.live.record.id
        while self._runs.get(task_id) is run:
            try:
                journal = await self._tasks.ledger.journal(task_id)
            except Unavailable as error:
                log.warning("signal.unread", task_id=task_id, code=error.code)
                await self._pause(self._retry_s)
            else:
                for key, value in journal.signals.items():
                    run.deliver(key, value)
                return

    async def _drop_runs(self) -> None:
        """Let go of what still runs, and wait until it is gone."""
        for run in list(self._runs.values()):
            run.end(Ending.DRAINED)
        await self._until_idle(LEAVE_S)

    async def is_alive(self) -> bool:
        """Whether this process may work on the ledger's runs; see `Claims.is_alive`."""
        return await self._claims.is_alive()

    async def retire(self, grace_s: float) -> None:
        """Claim and begin nothing more; park what waits, and give the others `grace_s` seconds."""
        self._group = None
        if self._claiming is not None:
            self._claiming.cancel()
        for run in list(self._runs.values()):
            run.park_soon()
        await self._until_idle(grace_s)

    async def drain(self, grace_s: float) -> None:
        """`retire`, then drop the runs that are left: their rows stay, and are nobody's."""
        if not self._drained.is_set():
            await self.retire(grace_s)
            self._drained.set()

    async def _until_idle(self, within_s: float) -> None:
        if self._runs:
            self._idle = self._idle or anyio.Event()  # one for all who wait for the last run
            with anyio.move_on_after(within_s):
                await self._idle.wait()

    async def _recover(self, row: RunRow) -> None:
        """Go on with a run that was claimed, unless it was begun too often."""
        if row.attempt > 1:
            stored = await self._tasks.ledger.task(row.task_id)
            if stored is None or stored.record.state in TERMINAL:
                log.warning("run.orphaned", task_id=row.task_id)
                return
            hold = HoldRun(row.task_id, row.token)
            if stored.record.asks:  # a crash while waiting is no try
                await self._tasks.commit_rows(hold, AdvanceRun(row.task_id))
            elif row.attempt > MAX_ATTEMPTS:
                await self._give_up(row, hold)
                return
            log.info("run.recovered", task_id=row.task_id, attempt=row.attempt)
        # One that was never begun has nothing behind it that would have to be read.
        self._spawn(row.task_id, Journal(run=row) if row.token == FIRST else None)

    async def _give_up(self, row: RunRow, hold: HoldRun) -> None:
        attempts = row.attempt - 1
        log.error("run.gave_up", task_id=row.task_id, attempts=attempts)
        reason = f"The agent was begun {attempts} times and never got any further."
        with suppress(IllegalMove, TaskNotFound):  # somebody ended it meanwhile
            live = await self._tasks.hold(row.task_id)
            try:
                live, _ = await self._tasks.change(
                    live,
                    lambda record: (decide.fail(record, reason, now=self._clock.now()), ()),
                    hold=hold,
                )
            finally:
                self._tasks.release(live)

    # One run

    def _room(self) -> int:
        """How many runs more may be begun here."""
        room = self.max_at_work - len(self._runs) - self._resuming
        if room <= 0:
            room += sum(bool(run.waits_for) for run in self._runs.values())
        return room

    def _spawn(self, task_id: str, journal: Journal | None = None) -> None:
        if self._group is not None:
            self._resuming += 1
            self._group.create_task(self._resume(task_id, journal))

    async def _resume(self, task_id: str, journal: Journal | None) -> None:
        """Begin a run again, however often the store has to be asked for its rows."""
        pause_s = self._retry_s
        try:
            while task_id not in self._runs and self._group is not None:
                try:
                    await self._load_and_begin(task_id, journal)
                except TaskNotFound:
                    log.warning("run.orphaned", task_id=task_id)
                except Exception:
                    log.exception("run.unreadable", task_id=task_id)
                    await self._pause(pause_s)
                    pause_s = min(2 * pause_s, MAX_RETRY_S)
                    continue
                return
        finally:
            self._resuming -= 1

    async def _load_and_begin(self, task_id: str, journal: Journal | None) -> None:
        live = await self._tasks.hold(task_id)
        try:
            live = await self._tasks.renewed(live)
            if journal is None or live.opening is None:  # what the caller takes is read, or known
                journal = await self._journal_of(live)
            is_ours = journal.run is not None and journal.run.worker == self._claims.worker
            if is_ours and task_id not in self._runs and live.record.state not in TERMINAL:
                self._begin(live, journal)
        finally:
            self._tasks.release(live)

    async def _journal_of(self, live: Live) -> Journal:
        """What is stored of a run, no older than what is known here of its task."""
        while True:
            seq = live.stored.seq
            journal = await self._tasks.ledger.journal(live.stored.id)
            if live.stored.seq == seq or live.failure is not None:
                return journal

    def _begin(self, live: Live, journal: Journal) -> None:
        task_id, agent = live.record.id, live.record.agent
        if self._group is None:
            return
        if agent not in self._agents:
            log.warning("run.deferred", task_id=task_id, agent=agent)
            return
        run = Run(live, journal, warm_s=self._warm_s)
        self._runs[task_id] = run
        live.users += 1
        run.start(self._drive(run))

    async def _drive(self, run: Run) -> None:
        task_id = run.live.record.id
        again, pause_s = False, 0.0
        try:
            await run.until_ended(self._work.do(run, self._agents[run.live.record.agent]))
            if run.ending is Ending.PARKED:
                again = await self._park(run)
            elif run.ending is Ending.LOST:
                again = True  # it may have been claimed anew, by us
        except Fenced:
            log.warning("run.lost", task_id=task_id)
            again, pause_s = True, self._retry_s  # it may have been claimed anew, by us
        except (Unavailable, Conflict) as error:
            log.warning("run.interrupted", task_id=task_id, code=error.code)
            again, pause_s = run.ending is not Ending.STOPPED, self._retry_s
        except Exception:
            log.exception("run.broke", task_id=task_id)
            again, pause_s = run.ending is not Ending.STOPPED, MAX_RETRY_S
        finally:
            del self._runs[task_id]
            self._tasks.release(run.live)
            self._claims.make_room()
            if self._idle is not None and not self._runs:
                self._idle.set()
        if again:
            await self._pause(pause_s)
            self._spawn(task_id)

    async def _pause(self, seconds: float) -> None:
        """Wait, or until nothing is begun any more."""
        with anyio.move_on_after(seconds):
            await self._drained.wait()

    async def _park(self, run: Run) -> bool:
        """Let a run wait as a row; True when what it waits for has come meanwhile, to us."""
        task_id = run.live.record.id
        await self._tasks.commit_rows(run.hold, ParkRun(task_id, run.waits_for, run.wake_in_s))
        log.debug("run.parked", task_id=task_id)
        self._claims.nudge()  # it may have come by another process
        return any(key in run.signals for key in run.waits_for)
