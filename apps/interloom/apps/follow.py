"""One turn with an agent: send a message, follow its task until it is over or the caller's turn."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field

from interloom.apps.view import TaskDisplay
from interloom.runtime.client import A2AClient
from interloom.runtime.model import (
    Message,
    SendMessageConfiguration,
    StreamResponse,
    Task,
)


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
        async with aclosing(client.stream(self.message)) as events:
            async for event in events:
                if event.message is not None:
                    return event.message
                self._note(event)
                self.view.event(event)
        task = await client.get(self.task_id)
        self.view.task(task)
        return task

    def _note(self, event: StreamResponse) -> None:
        """Keep the task's id: whoever is cut short can come back for it."""
        if event.task is not None:
            self.task_id = event.task.id
        elif event.status_update is not None:
            self.task_id = event.status_update.task_id
        elif event.artifact_update is not None:
            self.task_id = event.artifact_update.task_id

    def _answered(self, answer: Task | Message) -> Task | Message:
        if isinstance(answer, Task):
            self.task_id = answer.id
            self.view.task(answer)
        return answer
