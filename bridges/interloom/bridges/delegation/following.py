"""Watches another agent's task until it is over, and passes its questions on.

Source: A2A 1.0.1 sections 3.1.3, 3.1.6, 3.4.3; DESIGN sections 4 and 5 (`ours`). While the task
moves, its stream is listened to; when it has been silent for as long as a run is kept in memory, it
is looked at now and then, and in between only rows are left.

Looks and answers may be repeated, so a lost reply to one leaves no doubt: an answer that arrived
has moved the task.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

import anyio

from interloom.bridges.delegation import rows
from interloom.bridges.delegation.child import (
    MAX_ROUNDS,
    Asks,
    Child,
    Over,
    Works,
    text_of,
)
from interloom.bridges.delegation.climbing import Climbed, climbed
from interloom.bridges.delegation.outcome import DelegationFailed, DelegationUnanswered
from interloom.bridges.delegation.peer import Peer
from interloom.bridges.delegation.sending import AT_ONCE, AWAY, DOUBLINGS, FIRST_PAUSE_S, TRIES
from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.telling import Telling
from interloom.runtime.client import A2AClient
from interloom.runtime.core.machine import SETTLED
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import (
    InterloomError,
    TaskNotFound,
    UnsupportedOperation,
)
from interloom.runtime.model import (
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskStatus,
)
from interloom.runtime.telemetry.log import logger

LISTEN_S: Final = 1.0
"""Seconds after which whoever comes next looks at a task that was listened to by a process that
ended."""

log = logger("delegation")


class Following:
    """One task of another agent, on behalf of a task of ours."""

    def __init__(self, peer: Peer, client: A2AClient, task: TaskContext, made: Made) -> None:
        self._peer, self._client, self._task, self._made = peer, client, task, made
        self._telling = Telling(task, made)
        self._stored: Child | None = None
        self._heard_s = 0.0

    async def follow(
        self, child: Child, asked: Climbed | None = None, task: Task | None = None
    ) -> Task:
        """Watch until the task is over, and answer what it asks meanwhile.

        Args:
            child: The task; its row is stored.
            asked: What our caller was asked on its behalf, if it was.
            task: As it was seen just now.

        Returns:
            The task as it ended.

        Raises:
            DelegationFailed | DelegationUnanswered: It cannot be followed any further.
        """
        self._stored = child
        while True:
            if asked is None:
                child, step = await self._until_news(child, task)
                if isinstance(step, Over):
                    return step.task
                if child.rounds >= MAX_ROUNDS:
                    raise self._failed(f"asks again after {MAX_ROUNDS} answers", child)
                asked = climbed(step.status, peer=self._made.server)
            child, task = await self._pass_on(child, asked)
            asked = None

    async def _until_news(self, child: Child, task: Task | None) -> tuple[Child, Over | Asks]:
        """Watch until the task is over or asks."""
        has_heard = False
        while True:
            if task is None:
                await self._pause(child)
                task = await self._look(child)
            if task is None:
                child = self._missed(child)
                continue
            is_news = not child.is_shown(task)
            child, step = child.look(task)
            task = None
            if not isinstance(step, Works):
                return child, step
            await self._telling.tell(step.says)
            is_quiet = child.looks > 0 or (has_heard and not is_news)
            has_heard = not is_quiet and await self._has_heard(child)
            if not has_heard:
                child = child.later(now_ms=self._task.now_ms)

    async def _pass_on(self, child: Child, asked: Climbed) -> tuple[Child, Task | None]:
        """Ask our caller, and answer; the row is stored with the question."""
        made = self._made
        row = self._task.remember_call(rows.waiting(made, child, asked))
        responses = await self._task.ask(f"ask/{made.key}/{child.rounds}", asked.questions, row)
        with self._task.busy():
            task = await self._deliver(child, asked.reply(responses))
            child = child.answer()
            await self._task.record_call(rows.working(made, child))
        self._stored = child
        return child, task

    async def _deliver(self, child: Child, part: Part) -> Task | None:
        """Send an answer, unless the task has moved: it arrived before, or comes too late."""
        message = Message(
            message_id=rows.message_id(self._made, child.rounds),
            task_id=child.task_id,
            context_id=child.context_id,
            role=Role.USER,
            parts=(part,),
        )
        for attempt in range(TRIES):
            task = await self._look(child)
            if task is not None and not child.is_shown(task):
                return task
            sent = None if task is None else await self._send(child, message)
            if sent is not None:
                return sent if isinstance(sent, Task) else None
            await anyio.sleep(FIRST_PAUSE_S * 2 ** min(attempt, DOUBLINGS))
        raise self._unanswered(child, "took no answer")

    async def _send(self, child: Child, message: Message) -> Task | Message | None:
        """Send once; None when nobody knows whether it arrived."""
        try:
            return await self._client.send(message, configuration=AT_ONCE, trace=self._task.trace)
        except (*AWAY, UnsupportedOperation) as error:  # it may be over by now: a look will tell
            log.info("delegation.not_answered", peer=self._made.server, reason=str(error))
            return None
        except InterloomError as error:
            said = self._peer.said(error)
            raise self._failed(f"refuses the answer: {said}", child) from error

    async def _look(self, child: Child) -> Task | None:
        """The task as it is now; None when nobody is there to say."""
        try:
            return await self._client.get(child.task_id, history_length=0, trace=self._task.trace)
        except AWAY as error:
            log.info("delegation.not_seen", peer=self._made.server, reason=str(error))
            return None
        except TaskNotFound as error:
            raise self._failed("does not know the task any more", child) from error
        except InterloomError as error:
            raise self._failed(
                f"does not show the task: {self._peer.said(error)}", child
            ) from error

    async def _has_heard(self, child: Child) -> bool:
        """Listen to the task's stream; False when it falls silent, or there is none.

        Listening is waiting: a run that is to be parked, because its process ends, is.
        """
        try:
            if not (await self._client.card()).capabilities.streaming:
                return False
        except InterloomError as error:
            return self._was_deaf(error)
        heard = list[bool]()
        async with anyio.create_task_group() as group:

            async def listen() -> None:
                heard.append(await self._listen(child))
                group.cancel_scope.cancel()

            self._heard_s = anyio.current_time()
            group.start_soon(listen)
            while (left_s := self._heard_s + self._task.warm_s - anyio.current_time()) > 0:
                await self._task.pause(f"listen/{self._made.key}", min(left_s, LISTEN_S))
            group.cancel_scope.cancel()
        return heard == [True]

    async def _listen(self, child: Child) -> bool:
        """Take in what the stream says, until the task ends or asks; False when it breaks off."""
        try:
            events = self._client.subscribe(child.task_id, trace=self._task.trace)
            async with aclosing(events):
                async for event in events:
                    self._heard_s = anyio.current_time()
                    status = _status(event)
                    if status is None:
                        continue
                    if status.state in SETTLED:
                        return True
                    await self._telling.tell(text_of(status.message))
        except UnsupportedOperation:  # over already
            return True
        except InterloomError as error:
            return self._was_deaf(error)
        return False

    def _was_deaf(self, error: InterloomError) -> bool:
        log.info("delegation.not_heard", peer=self._made.server, reason=str(error))
        return False

    async def _pause(self, child: Child) -> None:
        """Wait until the task is to be looked at; when that takes long, as a row."""
        left_s = child.left_ms(self._task.now_ms) / 1000
        if left_s > self._task.warm_s and child != self._stored:
            await self._task.record_call(rows.working(self._made, child))
            self._stored = child
        if left_s:
            await self._task.pause(f"look/{self._made.key}", left_s)

    def _missed(self, child: Child) -> Child:
        missed = child.missed()
        if missed is None:
            raise self._unanswered(child, "is not there")
        return missed.later(now_ms=self._task.now_ms)

    def _failed(self, what: str, child: Child) -> DelegationFailed:
        peer = self._made.server
        return DelegationFailed(f"{peer} {what}", peer=peer, task_id=child.task_id)

    def _unanswered(self, child: Child, what: str) -> DelegationUnanswered:
        peer = self._made.server
        said = f"{peer} {what}; its task may go on."
        return DelegationUnanswered(said, peer=peer, task_id=child.task_id)


def _status(event: StreamResponse) -> TaskStatus | None:
    if event.task is not None:
        return event.task.status
    return None if event.status_update is None else event.status_update.status


async def cancel(client: A2AClient, task_id: str, *, within_s: float) -> None:
    """Tell an agent that nobody wants its task any more; once, and not for long."""
    with anyio.move_on_after(within_s, shield=True):
        try:
            await client.cancel(task_id)
        except InterloomError as error:
            log.info("delegation.not_cancelled", task_id=task_id, reason=str(error))
