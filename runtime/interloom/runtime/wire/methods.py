"""The method table: one row an operation, read by every binding.

Source: A2A 1.0.1 sections 3.3.4 (capabilities), 5.3 (names, paths) and the HTTP annotations of
a2a.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from interloom.runtime import model
from interloom.runtime.errors import MethodNotFound


@unique
class Capability(Enum):
    """What an agent's card must promise before an operation is offered (3.3.4)."""

    STREAMING = "streaming"
    PUSH = "pushNotifications"
    EXTENDED_CARD = "extendedAgentCard"


@dataclass(frozen=True, slots=True)
class Method:
    """One operation.

    Attributes:
        name: RPC name, which is also the JSON-RPC method.
        request: Message of its parameters.
        response: Message of its answer, or of each event of it; None for Empty.
        operation: Name of the function of `interloom.runtime.engine.operations` that does it.
        verb: HTTP method of the HTTP+JSON binding.
        path: Its path below the agent's URL; `{id}` stands for the field of that name.
        streaming: True when the answer is a stream.
        capability: What the card must promise, or None.
        other_verbs: HTTP methods that are taken, too.
    """

    name: str
    request: type[model.WireModel]
    response: type[model.WireModel] | None
    operation: str
    verb: str
    path: str
    streaming: bool = False
    capability: Capability | None = None
    other_verbs: tuple[str, ...] = ()


_PUSH: Final = Capability.PUSH
_CONFIGS: Final = "/tasks/{task_id}/pushNotificationConfigs"

METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                "SendMessage",
                model.SendMessageRequest,
                model.SendMessageResponse,
                "send_message",
                "POST",
                "/message:send",
            ),
            Method(
                "SendStreamingMessage",
                model.SendMessageRequest,
                model.StreamResponse,
                "stream_message",
                "POST",
                "/message:stream",
                streaming=True,
                capability=Capability.STREAMING,
            ),
            Method("GetTask", model.GetTaskRequest, model.Task, "get_task", "GET", "/tasks/{id}"),
            Method(
                "ListTasks",
                model.ListTasksRequest,
                model.ListTasksResponse,
                "list_tasks",
                "GET",
                "/tasks",
            ),
            Method(
                "CancelTask",
                model.CancelTaskRequest,
                model.Task,
                "cancel_task",
                "POST",
                "/tasks/{id}:cancel",
            ),
            Method(
                "SubscribeToTask",
                model.SubscribeToTaskRequest,
                model.StreamResponse,
                "subscribe",
                "GET",
                "/tasks/{id}:subscribe",
                streaming=True,
                capability=Capability.STREAMING,
                other_verbs=("POST",),  # 5.3 and 11.3.2 against a2a.proto
            ),
            Method(
                "CreateTaskPushNotificationConfig",
                model.TaskPushNotificationConfig,
                model.TaskPushNotificationConfig,
                "create_push_config",
                "POST",
                _CONFIGS,
                capability=_PUSH,
            ),
            Method(
                "GetTaskPushNotificationConfig",
                model.GetTaskPushNotificationConfigRequest,
                model.TaskPushNotificationConfig,
                "get_push_config",
                "GET",
                f"{_CONFIGS}/{{id}}",
                capability=_PUSH,
            ),
            Method(
                "ListTaskPushNotificationConfigs",
                model.ListTaskPushNotificationConfigsRequest,
                model.ListTaskPushNotificationConfigsResponse,
                "list_push_configs",
                "GET",
                _CONFIGS,
                capability=_PUSH,
            ),
            Method(
                "DeleteTaskPushNotificationConfig",
                model.DeleteTaskPushNotificationConfigRequest,
                None,
                "delete_push_config",
                "DELETE",
                f"{_CONFIGS}/{{id}}",
                capability=_PUSH,
            ),
            Method(
                "GetExtendedAgentCard",
                model.GetExtendedAgentCardRequest,
                model.AgentCard,
                "extended_card",
                "GET",
                "/extendedAgentCard",
                capability=Capability.EXTENDED_CARD,
            ),
        )
    }
)


def find(name: str) -> Method:
    """The row of a method.

    Raises:
        MethodNotFound: There is none of that name.
    """
    method = METHODS.get(name)
    if method is None:
        raise MethodNotFound("Method not found", details={"method": name[:100]})
    return method
