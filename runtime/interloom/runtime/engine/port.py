"""What every engine promises: a task's agent runs somewhere, once at a time, until it is over.

An engine's own rows are written in the transaction of the decision that calls for them, so a
task that was accepted is a task that will run. `writes` gives those rows; `act` is told after
they are stored and may be lost: whoever starts next finds the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from interloom.runtime.core.decide import Effect
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.engine.live import Live
from interloom.runtime.ledger.rows import RunRow, Write

GRACE_S: Final = 10.0
"""Seconds running agents get to end, or to wait for somebody, when the process is told to end."""


class Engine(Protocol):
    """Runs agents."""

    def writes(self, record: TaskRecord, effects: Sequence[Effect]) -> tuple[Write, ...]:
        """The rows that make the effects outlive this process."""
        ...

    def act(self, live: Live, effects: Sequence[Effect]) -> None:
        """Carry out effects that are stored now."""
        ...

    async def inspect(self, task_id: str) -> RunRow | None:
        """An unfinished task's run, or None."""
        ...

    async def serve(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Pick up what was running and work until drained."""
        ...

    async def is_alive(self) -> bool:
        """Whether this process may work on runs, as far as the ledger knows.

        Raises:
            Unavailable: The ledger takes no writes.
        """
        ...

    async def retire(self, grace_s: float) -> None:
        """Claim and begin nothing more, and give what runs `grace_s` seconds to end or to wait."""
        ...

    async def drain(self, grace_s: float) -> None:
        """`retire`, then let go of what is left: others go on with it."""
        ...
