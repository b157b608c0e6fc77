"""Whether this process may be sent requests, for whoever routes them: balancers, orchestrators.

Live is a process whose event loop turns, which is all that an answer shows. Ready is one that the
store takes writes of, that may work on its runs, and that is not about to end. What is told is
these words and nothing else, so nobody has to say who they are.

Source: ours; the paths are those of Kubernetes, the states over gRPC those of grpc.health.v1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import anyio

from interloom.runtime.errors import InterloomError
from interloom.runtime.telemetry.log import logger

log = logger("serve")

PROBE_S: Final = 1.0
"""Seconds between two writes that show whether the store takes any."""
SLOW_S: Final = 5.0
"""Seconds after which a store that has not answered counts as away."""

OK: Final = "ok"
"""The word of a check that is passed."""


class Checks(NamedTuple):
    """Each check, with one word of what was found; `OK` when all is well.

    Attributes:
        store: Whether it takes writes: `unavailable` when it refuses, `slow` when it says nothing.
        worker: Whether this process may work on runs: `lost` when others took it for dead.
        process: What it is about to do: `starting`, `draining`.
    """

    store: str = OK
    worker: str = OK
    process: str = OK

    @property
    def are_passed(self) -> bool:
        """Whether the process is ready."""
        return set(self) == {OK}


STARTING: Final = Checks(process="starting")
"""Of a process that does not serve yet, or no more."""


class Health:
    """How one process is.

    Attributes:
        checks: What was found last.
    """

    def __init__(
        self,
        is_alive: Callable[[], Awaitable[bool]],
        *,
        probe_s: float = PROBE_S,
        slow_s: float = SLOW_S,
    ) -> None:
        """Take a process for well until something else is found.

        Args:
            is_alive: Writes to the store that this process is alive; see `Engine.is_alive`.
            probe_s: See `PROBE_S`.
            slow_s: See `SLOW_S`.
        """
        self._is_alive, self._probe_s, self._slow_s = is_alive, probe_s, slow_s
        self._changed = anyio.Event()
        self.checks = Checks()

    @property
    def is_ready(self) -> bool:
        """Whether requests may be sent here."""
        return self.checks.are_passed

    def next_change(self) -> anyio.Event:
        """Is set when something else is found than is known now."""
        return self._changed

    def drain(self) -> None:
        """Be ready no more: the process is about to end."""
        self._learn(self.checks._replace(process="draining"))

    async def watch(self) -> None:
        """Probe the store again and again."""
        async with anyio.create_task_group() as group:
            while True:
                known = anyio.Event()
                group.start_soon(self._probe, known)
                with anyio.move_on_after(self._slow_s):
                    await known.wait()
                if not known.is_set():
                    self._learn(self.checks._replace(store="slow"))
                    await known.wait()
                await anyio.sleep(self._probe_s)

    async def _probe(self, known: anyio.Event) -> None:
        store, worker = OK, self.checks.worker
        try:
            worker = OK if await self._is_alive() else "lost"
        except InterloomError:
            store = "unavailable"
        self._learn(self.checks._replace(store=store, worker=worker))
        known.set()

    def _learn(self, found: Checks) -> None:
        if found == self.checks:
            return
        if found.process == self.checks.process:  # else it is said by whoever made it so
            log.warning("serve.readiness_changed", store=found.store, worker=found.worker)
        self.checks = found
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
