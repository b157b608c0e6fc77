"""The method table: one row an operation, read by every binding.

Source: A2A 1.0.1 section 5.3 and the HTTP annotations of a2a.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from interloom.runtime import model
from interloom.runtime.errors import (
    MethodNotFound,
    PushNotSupported,
    RequestError,
    UnsupportedOperation,
)


@dataclass(frozen=True, slots=True)
class Method:
    """One operation.

    Attributes:
        name: RPC name, which is also the JSON-RPC method.
        request: Message of its parameters.
        operation: Name of the function of `interloom.runtime.engine.operations` that does it.
        streaming: True when the answer is a stream.
    """

    name: str
    request: type[model.WireModel]
    operation: str
    streaming: bool = False


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("SendMessage", model.SendMessageRequest, "send_message"),
            Method(
                "SendStreamingMessage", model.SendMessageRequest, "stream_message", streaming=True
            ),
            Method("GetTask", model.GetTaskRequest, "get_task"),
            Method("ListTasks", model.ListTasksRequest, "list_tasks"),
            Method("CancelTask", model.CancelTaskRequest, "cancel_task"),
            Method("SubscribeToTask", model.SubscribeToTaskRequest, "subscribe", streaming=True),
        )
    }
)

NOT_OFFERED: Final[Mapping[str, type[RequestError]]] = MappingProxyType(
    {
        "CreateTaskPushNotificationConfig": PushNotSupported,
        "GetTaskPushNotificationConfig": PushNotSupported,
        "ListTaskPushNotificationConfigs": PushNotSupported,
        "DeleteTaskPushNotificationConfig": PushNotSupported,
        "GetExtendedAgentCard": UnsupportedOperation,
    }
)
"""Operations A2A has and our cards do not promise, each with the error that says so (3.3.4)."""


def find(name: str) -> Method:
    """The row of a method.

    Raises:
        PushNotSupported | UnsupportedOperation: A2A has the operation, our cards say we do not.
        MethodNotFound: There is none of that name.
    """
    method = METHODS.get(name)
    if method is not None:
        return method
    if name in NOT_OFFERED:
        raise NOT_OFFERED[name](f"{name} is not offered; the agent card says what is")
    raise MethodNotFound("Method not found", details={"method": name[:100]})
