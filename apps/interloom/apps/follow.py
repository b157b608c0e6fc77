"""One turn with an agent: send a message, follow its task until it is over or the caller's turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from interloom.apps.view import TaskDisplay
from interloom.runtime.client import A2AClient
from interloom.runtime.core.machine import SETTLED
from interloom.runtime.errors import PeerError, TransportError, UnsupportedOperation
from interloom.runtime.model import (
    Message,
    SendMessageConfiguration,
    StreamResponse,
    Task,
    TaskState,
)

MAX_SILENT_STREAMS = 3
"""Streams in a row that may end without news before the agent counts as broken (ours)."""


@dataclass(slots=True)
class Turn:
    """A message and what becomes of it.

    Attributes:
        message: What is sent.
        view: Where progress is shown.
        task_id: The task, as soon as it is known; kept when the turn is cut short.
    """

    message: Message
    view: TaskDisplay = field(default_factory=TaskDisplay)
    task_id: str = ""
    _events: int = 0

    async def begin(self, client: A2AClient) -> Task | Message:
        """Send the message and return at once; the task may have just been made.

        Raises:
            InterloomError: As for `A2AClient.send`.
        """
        configuration = SendMessageConfiguration(return_immediately=True)
        return self._answered(await client.send(self.message, configuration=configuration))

    async def finish(self, client: A2AClient) -> Task | Message:
        """Send the message and follow its task until it is settled.

        Raises:
            InterloomError: As for `A2AClient.stream`.
        """
        if not (await client.card()).capabilities.streaming:
            return self._answered(await client.send(self.message))
        answer = await self._watch(client.stream(self.message))
        silent = 0
        while answer is None:
            if not self.task_id:
                raise PeerError("the agent ended its stream without a task or a message")
            task = await client.get(self.task_id)
            self.view.task(task)
            if task.status.state in SETTLED:
                return task
            before = self._events
            answer = await self._resume(client)
            # The first event of a subscription is the task we know already.
            silent = 0 if self._events > before + 1 else silent + 1
            if silent == MAX_SILENT_STREAMS:
                raise PeerError("the agent keeps ending the stream of a task that is not over")
        return answer

    async def _resume(self, client: A2AClient) -> Message | None:
        try:
            return await self._watch(client.subscribe(self.task_id))
        except UnsupportedOperation:
            return None  # the task ended in the meantime (A2A 3.1.6)

    async def _watch(self, stream: AsyncGenerator[StreamResponse]) -> Message | None:
        """Show a stream's events until the task is settled or the stream ends, broken or not."""
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    self._events += 1
                    if event.message is not None:
                        return event.message
                    self.view.event(event)
                    if self._state(event) in SETTLED:
                        return None
        except TransportError as broken:
            # Once the task is known it can be asked for; before, the message may be lost.
            if not (self.task_id and broken.delivered):
                raise
        return None

    def _state(self, event: StreamResponse) -> TaskState | None:
        if event.task is not None:
            self.task_id = event.task.id
            return event.task.status.state
        if event.status_update is not None:
            self.task_id = event.status_update.task_id
            return event.status_update.status.state
        if event.artifact_update is not None:
            self.task_id = event.artifact_update.task_id
        return None

    def _answered(self, answer: Task | Message) -> Task | Message:
        if isinstance(answer, Task):
            self.task_id = answer.id
            self.view.task(answer)
        return answer
