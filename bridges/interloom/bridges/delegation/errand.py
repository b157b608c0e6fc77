"""One delegation from its row to its result, however long it takes and whatever dies meanwhile.

The row is stored before the message leaves, and again as soon as the other agent's task has an id;
from then on the task is looked up by it. In between, the message is sent again under the same id
where it is known to be taken once (decision 0012), and else decided by the table of tool calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import anyio

from interloom.bridges.delegation import depth, rows
from interloom.bridges.delegation.child import Child
from interloom.bridges.delegation.climbing import Climbed
from interloom.bridges.delegation.following import (
    AT_ONCE,
    AWAY,
    DOUBLINGS,
    FIRST_PAUSE_S,
    Following,
    cancel,
)
from interloom.bridges.delegation.outcome import (
    Delegated,
    DelegationFailed,
    DelegationUnanswered,
    Failure,
    failure,
    result,
)
from interloom.bridges.delegation.peer import Peer
from interloom.bridges.handoff import doubt, recovery
from interloom.bridges.handoff.doubt import Verdict
from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.recovery import Next, Standing
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, LocalError, TransportError, Unavailable
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.model import Message, Part, Role, Task
from interloom.runtime.telemetry.log import logger

SEND_TRIES: Final = 4
"""Times a message is sent, where that repeats nothing."""
CANCEL_S: Final = 5.0
"""Seconds spent on telling an agent that nobody wants its task any more."""

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
        self._following = Following(self._client, task, made)

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
            return await self._begin(message, 0)
        body, standing = self._made.check(row), recovery.found(row.state)
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

    async def _begin(self, message: Message, doubts: int) -> Delegated:
        """Send the message, and see its task through."""
        with self._task.busy():  # from the intent on: parking leaves nothing in doubt
            try:
                await self._client.interface()  # what can fail on this side fails before
            except InterloomError as error:
                await self._fail(self._unsent(error, doubts))
            await self._task.record_call(rows.sent(self._made, doubts))
            answer = await self._sent(message, doubts)
            if isinstance(answer, Message):
                return await self._done(Delegated.of(answer))
            child = Child(answer.id, answer.context_id)
            if answer.status.state not in TERMINAL:
                await self._task.record_call(rows.working(self._made, child))
        return await self._see_through(child, task=answer)

    async def _sent(self, message: Message, doubts: int) -> Task | Message:
        """Send the message, again where that repeats nothing."""
        attempt = 0
        while True:
            try:
                return await self._send(message)
            except AWAY as error:
                attempt += 1
                if not await self._may_try_again(error, attempt):
                    await self._fail(self._unsent(error, doubts + attempt - 1))
                log.info("delegation.not_sent", peer=self._peer.name, reason=str(error))
            except InterloomError as error:
                await self._fail(failure(error, peer=self._peer.name))
            await anyio.sleep(FIRST_PAUSE_S * 2 ** min(attempt - 1, DOUBLINGS))

    async def _may_try_again(self, error: InterloomError, attempt: int) -> bool:
        """Whether a message that got no answer may be sent once more."""
        if self._peer.is_local and isinstance(error, Unavailable):
            return True  # this process is about to end, or its store is busy: so are we
        if attempt >= SEND_TRIES:
            return False
        if isinstance(error, TransportError) and not error.delivered:
            return True
        return await self._peer.next(Standing.LOST, self._client) is Next.RESEND

    async def _send(self, message: Message) -> Task | Message:
        try:
            return await self._client.send(message, configuration=AT_ONCE, trace=self._task.trace)
        except anyio.get_cancelled_exc_class():
            if self._task.is_given_up:
                await self._recall(message)
            raise

    async def _recall(self, message: Message) -> None:
        """Cancel a task whose id was not heard yet, if asking for it begins no other."""
        with anyio.move_on_after(CANCEL_S, shield=True):
            try:
                if await self._peer.next(Standing.LOST, self._client) is not Next.RESEND:
                    return
                answer = await self._client.send(message, configuration=AT_ONCE)
                if isinstance(answer, Task):
                    await self._client.cancel(answer.id)
            except InterloomError as error:
                log.info("delegation.not_cancelled", peer=self._peer.name, reason=str(error))

    async def _go_on(self, message: Message, doubts: int, standing: Standing) -> Delegated:
        """Take up a delegation whose message may have arrived."""
        try:
            following = await self._peer.next(standing, self._client)
        except InterloomError as error:
            await self._fail(self._unsent(error, doubts + 1))
        peer, key = self._peer.name, self._made.key
        log.warning(
            "delegation.in_doubt", task_id=self._task.task_id, key=key, next=following.value
        )
        match following:
            case Next.RESEND:
                return await self._begin(message, doubts + 1)
            case Next.ASK:
                return await self._decide(message, doubts)
            case _:
                said = f"The message to {peer} was interrupted and not repeated."
                return await self._fail(DelegationUnanswered(said, peer=peer))

    async def _decide(self, message: Message, doubts: int) -> Delegated:
        """Have the caller say what is to become of a message that may have arrived."""
        made, peer = self._made, self._peer.name
        row = self._task.remember_call(rows.sent(made, doubts, CallState.IN_DOUBT))
        asked = [doubt.question(peer, peer)]
        (response,) = await self._task.ask(f"doubt/{made.key}/{doubts}", asked, row)
        verdict, said = doubt.decided(response)
        match verdict:
            case Verdict.RETRY:
                return await self._begin(message, doubts + 1)
            case Verdict.DONE:
                return await self._done(Delegated.vouched(said))
            case Verdict.FAIL:
                reason = f"The message to {peer} was interrupted and not repeated."
                return await self._fail(DelegationUnanswered(reason, peer=peer))

    async def _see_through(
        self, child: Child, asked: Climbed | None = None, *, task: Task | None = None
    ) -> Delegated:
        """Follow the other agent's task to its end."""
        try:
            over = await self._following.follow(child, asked, task)
            found = result(over, peer=self._peer.name)
        except (DelegationFailed, DelegationUnanswered, LocalError) as error:
            if getattr(error, "state", None) is None:
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

    def _unsent(self, error: InterloomError, doubts: int) -> Failure:
        """What an author sees of a message that got no answer."""
        if not isinstance(error, AWAY):
            return failure(error, peer=self._peer.name)
        maybe = doubts > 0 or not isinstance(error, TransportError) or error.delivered
        effect = "may have been asked" if maybe else "was not asked"
        peer, took_effect = self._peer.name, None if maybe else False
        said = f"{peer}: {error}; it {effect}."
        return DelegationUnanswered(said, peer=peer, took_effect=took_effect)
