"""What an agent answers, where the answer is not simply a task or a card.

Source: A2A 3.1 and 3.2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from interloom.runtime.model.fields import AbsentMeans, Int32, Many, Text
from interloom.runtime.model.message import Message
from interloom.runtime.model.push import TaskPushNotificationConfig
from interloom.runtime.model.task import Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent
from interloom.runtime.model.wiremodel import OneOf, WireModel


class SendMessageResponse(OneOf):
    """A task when there is work to follow, a message when that was all."""

    ONEOF: ClassVar[Mapping[str, object]] = dict.fromkeys(("task", "message"))

    task: Task | None = None
    message: Message | None = None


class StreamResponse(OneOf):
    """One event of a stream, and the body of one push notification."""

    ONEOF: ClassVar[Mapping[str, object]] = dict.fromkeys(
        ("task", "message", "status_update", "artifact_update")
    )

    task: Task | None = None
    message: Message | None = None
    status_update: TaskStatusUpdateEvent | None = None
    artifact_update: TaskArtifactUpdateEvent | None = None


class ListTasksResponse(WireModel):
    """One page of tasks; an empty page is a page, whatever 5.7 says of REQUIRED lists."""

    tasks: Annotated[Many[Task], AbsentMeans(tuple)]
    next_page_token: Annotated[Text, AbsentMeans(str)]
    page_size: Annotated[Int32, AbsentMeans(int)]
    total_size: Annotated[Int32, AbsentMeans(int)]


class ListTaskPushNotificationConfigsResponse(WireModel):
    """One page of push configurations."""

    configs: Many[TaskPushNotificationConfig] = ()
    next_page_token: Text = ""
