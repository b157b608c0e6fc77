"""What people and agents say in a journey, in short words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from itertools import count
from typing import Final, cast

from interloom.runtime.client import A2AClient
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import UnsupportedOperation
from interloom.runtime.model import (
    UNSET,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    StreamResponse,
    Task,
    TaskState,
    TaskStatus,
)
from interloom.runtime.values import Json, JsonObject

AT_ONCE: Final = SendMessageConfiguration(return_immediately=True)
"""Do not wait for the task to settle."""
_numbers = count(1)


def message(
    text: str | None = None,
    *,
    data: Json = None,
    task: Task | None = None,
    metadata: JsonObject | None = None,
) -> Message:
    """A message of the caller: a text part, or a data part when there is no text."""
    part = Part(data=data) if text is None else Part(text=text)
    return Message(
        message_id=f"m{next(_numbers)}",
        role=Role.USER,
        parts=(part,),
        task_id="" if task is None else task.id,
        metadata=metadata,
    )


async def send(
    client: A2AClient,
    sent: Message | str,
    configuration: SendMessageConfiguration | None = None,
    *,
    trace: Trace | None = None,
) -> Task:
    """Send a message; the task as answered, by default when it has ended or asks."""
    said = message(sent) if isinstance(sent, str) else sent
    answer = await client.send(said, configuration=configuration, trace=trace)
    assert isinstance(answer, Task)
    return answer


async def until(client: A2AClient, task: Task, wanted: TaskState, *, questions: int = 0) -> Task:
    """Follow a task until it is in a state, with so many questions open; the task as it is then."""
    with suppress(UnsupportedOperation):  # it was over before we could watch it
        async with aclosing(client.subscribe(task.id)) as events:
            async for event in events:
                found = status(event)
                if found is None or found.state is not wanted:
                    continue
                if not questions or len(_asked(found)) == questions:
                    break
    now = await client.get(task.id)
    assert now.status.state is wanted
    return now


async def collect(events: AsyncIterator[StreamResponse]) -> list[StreamResponse]:
    """All events of a stream that ends."""
    return [event async for event in events]


def status(event: StreamResponse) -> TaskStatus | None:
    """The status an event tells of; None for an artifact."""
    if event.task is not None:
        return event.task.status
    return None if event.status_update is None else event.status_update.status


def state(event: StreamResponse) -> TaskState | None:
    """The state an event tells of; None for an artifact."""
    found = status(event)
    return None if found is None else found.state


def question(task: Task) -> str:
    """What a task asks or says, as a person reads it."""
    assert task.status.message is not None
    return task.status.message.parts[0].text or ""


def open_questions(task: Task) -> Mapping[str, JsonObject]:
    """What a task asks, as a program reads it: name to question."""
    return _asked(task.status)


def _asked(found: TaskStatus) -> Mapping[str, JsonObject]:
    assert found.message is not None
    data = next(part.data for part in found.message.parts if part.data is not UNSET)
    assert isinstance(data, dict)
    return cast("Mapping[str, JsonObject]", data["questions"])


def result(task: Task) -> str:
    """The text a finished task gives; its own words where it failed."""
    assert task.status.state is TaskState.COMPLETED, question(task)
    return "\n".join(part.text or "" for artifact in task.artifacts for part in artifact.parts)
