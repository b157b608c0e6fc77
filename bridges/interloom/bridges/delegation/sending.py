"""Sends the message that begins another agent's task, as often as that repeats nothing.

Source: DESIGN section 4 (`ours`); `recovery.TABLE`. An agent that is away at first gets a few
tries, because the author's code is there to react. Once a message may have arrived it gets minutes:
it may have begun a task, and where it is taken once, sending it again finds that task.
"""

from __future__ import annotations

from typing import Final

import anyio

from interloom.bridges.delegation.outcome import DelegationFailed, DelegationUnanswered
from interloom.bridges.delegation.peer import Peer
from interloom.bridges.handoff.recovery import Next, Standing, Vouched
from interloom.runtime.client import A2AClient
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, TransportError, Unavailable
from interloom.runtime.model import Message, SendMessageConfiguration, Task
from interloom.runtime.telemetry.log import logger

AT_ONCE: Final = SendMessageConfiguration(return_immediately=True)
AWAY: Final = (TransportError, Unavailable)
"""What may be otherwise in a moment."""
FIRST_TRIES: Final = 4
"""Times an agent is tried that has certainly heard nothing yet."""
TRIES: Final = 60
"""Times it is tried when it may have: six minutes, for an agent that restarts."""
FIRST_PAUSE_S: Final = 0.1
DOUBLINGS: Final = 6
"""Pauses between tries double so often: to 6.4 s at most."""
CANCEL_S: Final = 5.0
"""Seconds spent on telling an agent that nobody wants its task any more."""

log = logger("delegation")


class Sending:
    """The message of one delegation.

    Args:
        peer: To whom.
        client: Reaches it.
        task: On whose behalf.
        is_repeat: It may have arrived before.
    """

    def __init__(
        self, peer: Peer, client: A2AClient, task: TaskContext, *, is_repeat: bool
    ) -> None:
        self._peer, self._client, self._task = peer, client, task
        self._is_uncertain = is_repeat
        self._vouched: Vouched | None = None

    async def prepare(self) -> Vouched:
        """Find the way; what can fail on this side fails here, before a byte of the message leaves.

        Returns:
            What vouches for sending it twice; found once.

        Raises:
            DelegationUnanswered: Nobody is there.
            DelegationFailed: There is no way.
        """
        attempt = 0
        while self._vouched is None:
            attempt += 1
            try:
                await self._client.interface()
                self._vouched = await self._peer.vouched(self._client)
            except AWAY as error:
                await self._pause_or_raise(error, attempt)
            except InterloomError as error:
                raise self._failed(error) from error
        return self._vouched

    async def send(self, message: Message) -> Task | Message:
        """Send it; what its agent answers at once.

        Whoever gives up meanwhile has it recalled, if it may have arrived.

        Raises:
            DelegationUnanswered: There is no answer.
            DelegationFailed: It is refused.
        """
        vouched = await self.prepare()
        try:
            return await self._send(message, vouched)
        except anyio.get_cancelled_exc_class():
            may_be_there = self._is_uncertain and vouched is not Vouched.NOTHING
            if may_be_there and self._task.is_given_up:
                await self._recall(message)
            raise

    async def _send(self, message: Message, vouched: Vouched) -> Task | Message:
        """Send it until there is an answer; while a request is on its way, it may have arrived."""
        attempt, client, trace = 0, self._client, self._task.trace
        while True:
            attempt += 1
            was_uncertain, self._is_uncertain = self._is_uncertain, True
            try:
                return await client.send(message, configuration=AT_ONCE, trace=trace)
            except AWAY as error:
                has_left = not isinstance(error, TransportError) or error.delivered
                self._is_uncertain = was_uncertain or has_left
                if has_left and not self._may_repeat(error, vouched):
                    raise self._unanswered(error) from error
                await self._pause_or_raise(error, attempt)
            except InterloomError as error:
                raise self._failed(error) from error

    def _may_repeat(self, error: InterloomError, vouched: Vouched) -> bool:
        """Whether a message that may have arrived may be sent again."""
        if self._peer.is_local and isinstance(error, Unavailable):
            return True  # this process is about to end, or its store is busy: so are we
        return self._peer.next(Standing.LOST, vouched) is Next.RESEND

    async def _pause_or_raise(self, error: InterloomError, attempt: int) -> None:
        if attempt >= (TRIES if self._is_uncertain else FIRST_TRIES):
            raise self._unanswered(error) from error
        log.info("delegation.not_sent", peer=self._peer.name, reason=str(error))
        await anyio.sleep(FIRST_PAUSE_S * 2 ** min(attempt - 1, DOUBLINGS))

    async def _recall(self, message: Message) -> None:
        """Cancel a task whose id was not heard yet: asking for it again begins no other."""
        with anyio.move_on_after(CANCEL_S, shield=True):
            try:
                answer = await self._client.send(message, configuration=AT_ONCE)
                if isinstance(answer, Task):
                    await self._client.cancel(answer.id)
            except InterloomError as error:
                log.info("delegation.not_cancelled", peer=self._peer.name, reason=str(error))

    def _unanswered(self, error: InterloomError) -> DelegationUnanswered:
        log.warning("delegation.unanswered", peer=self._peer.name, reason=str(error))
        name, maybe = self._peer.name, self._is_uncertain
        effect = "may have been asked" if maybe else "was not asked"
        said = f"{name}: {self._peer.said(error)}; it {effect}."
        return DelegationUnanswered(said, peer=name, took_effect=None if maybe else False)

    def _failed(self, error: InterloomError) -> DelegationFailed:
        log.warning("delegation.failed", peer=self._peer.name, reason=str(error))
        return DelegationFailed(
            f"{self._peer.name}: {self._peer.said(error)}", peer=self._peer.name
        )
