"""The agents that an agent may call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from interloom.bridges.delegation import rows
from interloom.bridges.delegation.errand import Errand
from interloom.bridges.delegation.following import cancel
from interloom.bridges.delegation.outcome import Delegated
from interloom.bridges.delegation.peer import Peer
from interloom.bridges.delegation.sending import CANCEL_S
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, LocalError
from interloom.runtime.ledger.rows import CallRow
from interloom.runtime.model import Part
from interloom.runtime.telemetry.log import logger

log = logger("delegation")


class Peers:
    """The agents that one agent may call, by the names its author knows them under."""

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self._peers = {peer.name: peer for peer in peers}

    async def delegate(self, task: TaskContext, name: str, parts: Sequence[Part]) -> Delegated:
        """Hand work to another agent on behalf of a task; may take days.

        A failure is stored, and raised again when the agent's code is run again.

        Raises:
            DelegationFailed: It failed, rejected, was canceled, or broke the protocol.
            DelegationUnanswered: There is no answer, or will never be one.
            LocalError: The agent may not call it, or agents have called agents too often.
            PathChanged: The agent's code asked something else here when it was run before.
        """
        peer = self._peers.get(name)
        if peer is None:
            known = ", ".join(sorted(self._peers)) or "none"
            raise LocalError(f"this agent has no peer {name!r}; it has: {known}")
        key = task.key(f"{rows.KIND}/{name}")
        return await Errand(peer, task, rows.made_of(task.task_id, key, name, parts)).run(parts)

    async def abandon(self, calls: Iterable[CallRow], *, owner: str) -> None:
        """Tell agents that nobody wants their tasks any more.

        An agent that cannot be told is logged, and takes no other along.

        Args:
            calls: The calls of a task that was canceled while none of its code was running.
            owner: Whom the task was for.
        """
        for row in calls:
            try:
                await self._abandon(row, owner)
            except InterloomError as error:
                log.info(
                    "delegation.not_abandoned", task_id=row.task_id, key=row.key, reason=str(error)
                )

    async def _abandon(self, row: CallRow, owner: str) -> None:
        found = rows.found_child(row)
        peer = None if found is None else self._peers.get(found[0])
        if found is not None and peer is not None:
            await cancel(peer.connect(owner), found[1].task_id, within_s=CANCEL_S)


NOBODY: Final = Peers()
"""For an agent that calls no other."""
