"""One delegation from its row to its result, however long it takes and whatever dies meanwhile.

The row is stored before the message leaves, and again as soon as the other agent's task has an id;
from then on the task is looked up by it. In between, the message is sent again under the same id
where it is known to be taken once (decision 0012), and else decided by the table of tool calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import anyio

from interloom.bridges.delegation import depth, rows
from interloom.bridges.delegation.child import Child
from interloom.bridges.delegation.climbing import Climbed
from interloom.bridges.delegation.following import Following, cancel
from interloom.bridges.delegation.outcome import (
    Delegated,
    DelegationFailed,
    DelegationUnanswered,
    Failure,
    result,
)
from interloom.bridges.delegation.peer import Peer
from interloom.bridges.delegation.sending import CANCEL_S, Sending
from interloom.bridges.handoff import doubt, recovery
from interloom.bridges.handoff.doubt import Verdict
from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.recovery import Next, Standing, Vouched
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.model import Message, Part, Role, Task
from interloom.runtime.telemetry.log import logger

log = logger("delegation")


class Errand:
    """One delegation.

    Args:
        peer: To whom.
        task: On whose behalf.
        made: Which delegation it is.
    """

    def __init__(self, peer: Peer, task: TaskContext, made: Made) -> None:
        self._peer, self._task, self._made = peer, task, made
        self._client = peer.connect(task.owner)
        self._following = Following(peer, self._client, task, made)

    async def run(self, parts: Sequence[Part]) -> Delegated:
        """The result, from the journal or from the other agent.

        Raises:
            DelegationFailed | DelegationUnanswered | LocalError: There is none; stored, and raised
                again when the agent's code is run again.
            PathChanged: The row under this key is another delegation's.
        """
        row = self._task.call(self._made.key)
        message = self._message(parts)
        if row is None:
            return await self._begin(message, 0, self._sending(is_repeat=False))
        body, standing = self._made.check(row), recovery.standing_of(row.state)
        match standing:
            case Standing.OVER:
                return rows.read_outcome(self._made, row.state, body)
            case Standing.REMOTE | Standing.ASKED:
                child, asked = rows.read_child(body)
                return await self._see_through(child, asked)
            case _:
                return await self._go_on(message, rows.read_doubts(body), standing)

    def _message(self, parts: Sequence[Part]) -> Message:
        path = depth.further(self._task.message, self._task.agent)
        return Message(
            message_id=rows.message_id(self._made),
            role=Role.USER,
            parts=tuple(parts),
            metadata=depth.metadata(path),
        )

    def _sending(self, *, is_repeat: bool) -> Sending:
        return Sending(self._peer, self._client, self._task, is_repeat=is_repeat)

    async def _begin(self, message: Message, doubts: int, sending: Sending) -> Delegated:
        """Send the message, and see its task through."""
        with self._task.busy():  # from the intent on: parking leaves nothing in doubt
            try:
                await sending.prepare()
                await self._task.record_call(rows.sent(self._made, doubts))
                answer = await sending.send(message)
            except (DelegationFailed, DelegationUnanswered) as error:
                await self._fail(error)
            if isinstance(answer, Message):
                return await self._done(Delegated.of(answer))
            child = Child(answer.id, answer.context_id)
            if answer.status.state not in TERMINAL:
                await self._task.record_call(rows.working(self._made, child))
        return await self._see_through(child, task=answer)

    async def _go_on(self, message: Message, doubts: int, standing: Standing) -> Delegated:
        """Take up a delegation whose message may have arrived."""
        sending, vouched = self._sending(is_repeat=True), Vouched.NOTHING
        if recovery.depends_on_vouching(standing, self._peer.repeat):
            try:
                vouched = await sending.prepare()
            except (DelegationFailed, DelegationUnanswered) as error:
                await self._fail(error)
        following = self._peer.next(standing, vouched)
        made = self._made
        log.warning("delegation.in_doubt", task_id=made.task_id, key=made.key, next=following.value)
        match following:
            case Next.RESEND:
                return await self._begin(message, doubts + 1, sending)
            case Next.ASK:
                return await self._decide(message, doubts)
            case _:
                return await self._give_up()

    async def _decide(self, message: Message, doubts: int) -> Delegated:
        """Have the caller say what is to become of a message that may have arrived."""
        made, peer = self._made, self._peer.name
        row = self._task.remember_call(rows.sent(made, doubts, CallState.IN_DOUBT))
        asked = [doubt.question(peer, peer)]
        (response,) = await self._task.ask(f"doubt/{made.key}/{doubts}", asked, row)
        verdict, said = doubt.decided(response)
        match verdict:
            case Verdict.RETRY:
                return await self._begin(message, doubts + 1, self._sending(is_repeat=True))
            case Verdict.DONE:
                return await self._done(Delegated.stated(said))
            case Verdict.FAIL:
                return await self._give_up()

    async def _give_up(self) -> NoReturn:
        peer = self._peer.name
        reason = f"The message to {peer} was interrupted and not repeated."
        await self._fail(DelegationUnanswered(reason, peer=peer))

    async def _see_through(
        self, child: Child, asked: Climbed | None = None, *, task: Task | None = None
    ) -> Delegated:
        """Follow the other agent's task to its end."""
        try:
            over = await self._following.follow(child, asked, task)
            found = result(over, peer=self._peer.name)
        except (DelegationFailed, DelegationUnanswered, LocalError) as error:
            has_ended = isinstance(error, DelegationFailed) and error.state is not None
            if not has_ended:
                await cancel(self._client, child.task_id, within_s=CANCEL_S)
            await self._fail(error)
        except anyio.get_cancelled_exc_class():
            if self._task.is_given_up:
                await cancel(self._client, child.task_id, within_s=CANCEL_S)
            raise
        return await self._done(found)

    async def _done(self, found: Delegated) -> Delegated:
        await self._task.record_call(rows.done(self._made, found))
        return found

    async def _fail(self, error: Failure) -> NoReturn:
        """Store why there is no result, and raise it as it will be raised on every replay."""
        await self._task.record_call(rows.failed(self._made, error))
        raise error
