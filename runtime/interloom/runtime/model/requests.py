"""What is asked of an agent.

Source: A2A 3.1 and 3.2. Ranges that depend on the operation (`page_size`, `history_length`) are
the operation's to check, not the shape's.
"""

from __future__ import annotations

from interloom.runtime.model.fields import Flag, Int32, Many, Name, Text, Timestamp
from interloom.runtime.model.freeform import Struct
from interloom.runtime.model.message import Message
from interloom.runtime.model.push import TaskPushNotificationConfig
from interloom.runtime.model.task import TaskState
from interloom.runtime.model.wiremodel import WireModel


class SendMessageConfiguration(WireModel):
    """How the answer should look, and when it should come."""

    accepted_output_modes: Many[Text] = ()
    task_push_notification_config: TaskPushNotificationConfig | None = None
    history_length: Int32 | None = None
    return_immediately: Flag = False


class SendMessageRequest(WireModel):
    """SendMessage and SendStreamingMessage."""

    tenant: Text = ""
    message: Message
    configuration: SendMessageConfiguration | None = None
    metadata: Struct | None = None


class GetTaskRequest(WireModel):
    """GetTask."""

    tenant: Text = ""
    id: Name
    history_length: Int32 | None = None


class ListTasksRequest(WireModel):
    """ListTasks; UNSPECIFIED asks for every state."""

    tenant: Text = ""
    context_id: Text = ""
    status: TaskState = TaskState.UNSPECIFIED
    page_size: Int32 | None = None
    page_token: Text = ""
    history_length: Int32 | None = None
    status_timestamp_after: Timestamp | None = None
    include_artifacts: Flag | None = None


class CancelTaskRequest(WireModel):
    """CancelTask."""

    tenant: Text = ""
    id: Name
    metadata: Struct | None = None


class SubscribeToTaskRequest(WireModel):
    """SubscribeToTask."""

    tenant: Text = ""
    id: Name


class GetTaskPushNotificationConfigRequest(WireModel):
    """GetTaskPushNotificationConfig."""

    tenant: Text = ""
    task_id: Name
    id: Name


class DeleteTaskPushNotificationConfigRequest(WireModel):
    """DeleteTaskPushNotificationConfig."""

    tenant: Text = ""
    task_id: Name
    id: Name


class ListTaskPushNotificationConfigsRequest(WireModel):
    """ListTaskPushNotificationConfigs."""

    task_id: Name
    page_size: Int32 = 0
    page_token: Text = ""
    tenant: Text = ""


class GetExtendedAgentCardRequest(WireModel):
    """GetExtendedAgentCard."""

    tenant: Text = ""
