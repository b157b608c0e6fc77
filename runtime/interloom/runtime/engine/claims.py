"""This process among those that work on a ledger's runs: what it takes over, and what it loses.

Every run has one worker at a time. A process claims runs that nobody works on; what it makes of
them counts as long as they are its own, which the ledger checks with each write (`HoldRun`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final

import anyio

from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import Conflict, Unavailable
from interloom.runtime.ledger.rows import Fenced, RunRow
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Ids

log = logger("engine")

CLAIM_S: Final = 0.25
"""Seconds between two looks for runs that nobody works on."""
AT_ONCE: Final = 100
"""Runs claimed in one transaction at most; the next look follows at once."""


class Claims:
    """Claims runs for one engine, and tells it what other processes did.

    Attributes:
        worker: Names this process; another name after it was taken for dead.
    """

    def __init__(
        self,
        tasks: Tasks,
        agents: Collection[str],
        ids: Ids,
        *,
        take: Callable[[RunRow], Awaitable[None]],
        drop: Callable[[], None],
        room: Callable[[], int],
    ) -> None:
        """Prepare to work on the runs of some agents.

        Args:
            tasks: Whose ledger it is, and which of its tasks are in memory.
            agents: Whose runs can be gone on with here.
            ids: Where names come from.
            take: Goes on with a run that is claimed.
            drop: Lets go of all runs: they are others' now.
            room: How many runs more can be begun at once; none is claimed to wait for its turn.
        """
        self._tasks, self._agents, self._ids = tasks, agents, ids
        self._take, self._drop, self._room = take, drop, room
        self.worker = ids.fresh()
        self._nudged, self._lost, self._is_full = anyio.Event(), False, False
        self._claimed: deque[RunRow] = deque()  # and not yet gone on with

    async def join(self) -> None:
        """Be one of the processes that work on the ledger's runs.

        Raises:
            BadConfig: It cannot be shared with those who are there.
        """
        await self._tasks.ledger.join(self.worker, self._lose)

    async def is_alive(self) -> bool:
        """Whether this process is one of them, as far as the ledger knows, and may write there.

        Raises:
            Unavailable: The ledger takes no writes.
        """
        return not self._lost and await self._tasks.ledger.beat(self.worker)

    async def leave(self) -> None:
        """Work on runs no more; what is left of them is for others."""
        with suppress(Unavailable):
            await self._tasks.ledger.leave(self.worker)

    def nudge(self) -> None:
        """Look at once for runs that nobody works on."""
        self._nudged.set()

    def make_room(self) -> None:
        """Look at once if the last look was cut short for want of room."""
        if self._is_full:
            self._nudged.set()

    async def claim(self) -> None:
        """Take over what nobody works on, as much as there is room for."""
        more = True
        while more:
            limit = min(AT_ONCE, self._room() - len(self._claimed))
            self._is_full = limit <= 0
            more = False
            if not self._is_full:
                claimed = await self._tasks.ledger.claim(self.worker, self._agents, limit=limit)
                self._claimed.extend(claimed)
                more = len(claimed) == limit
            while self._claimed:
                await self._go_on(self._claimed.popleft())

    async def _go_on(self, row: RunRow) -> None:
        try:
            await self._take(row)
        except Fenced:
            log.warning("run.lost", task_id=row.task_id)
        except Unavailable:
            self._claimed.appendleft(row)  # it is ours, so nobody else will: at the next look
            raise

    async def keep_claiming(self) -> None:
        """Do so again and again."""
        while True:
            with anyio.move_on_after(CLAIM_S):
                await self._nudged.wait()
            self._nudged = anyio.Event()
            try:
                if self._lost:
                    await self._join_again()
                await self.claim()
            except (Unavailable, Conflict) as error:
                log.warning("claim.failed", code=error.code)

    async def watch(self) -> None:
        """Keep the tasks in memory as other processes make them."""
        async for changed in self._tasks.ledger.changes(self._tasks.held_ids, self.nudge):
            for task_id, seq in changed.items():
                await self._catch_up(task_id, seq)

    async def _catch_up(self, task_id: str, seq: int) -> None:
        """Have a task be as it is known to be; it may have no further event to tell of this one."""
        is_missed = True
        while is_missed and (live := self._tasks.find(task_id)) and live.record.seq < seq:
            try:
                await self._tasks.refresh(live)
                is_missed = False
            except Unavailable as error:
                log.warning("watch.missed", task_id=task_id, code=error.code)
                await anyio.sleep(CLAIM_S)

    def _lose(self) -> None:
        log.error("worker.lost", worker=self.worker)
        self._lost = True
        self._claimed.clear()
        self._drop()
        self.nudge()

    async def _join_again(self) -> None:
        self.worker = self._ids.fresh()
        await self.join()
        self._lost = False
