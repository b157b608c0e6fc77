"""The A2A data model: every message of a2a.proto as a frozen value that reads and writes JSON.

    fields.py       the scalar kinds: text, numbers, lists, bytes, times, enums
    freeform.py     metadata and data: any JSON, within bounds
    wiremodel.py    what every message can do: `to_json`, `to_dict`; what a oneof is
    decode.py       JSON in, a message or `BadParams` out
    message.py      Message, Part, Role
    task.py         Task, its status, its artifacts, and the events about them
    push.py         push notification configurations
    card.py         AgentCard and what it lists
    security.py     security schemes, and which of them are needed
    requests.py     what is asked
    responses.py    what is answered

Pure: no I/O, no clock, no randomness. Classes and fields have the proto's names; a test holds them
against the compiled descriptors. Constructing a model from Python checks what decoding checks, and
raises pydantic's ValidationError, which hides the values.
"""

from __future__ import annotations

from interloom.runtime.model.card import (
    AgentCapabilities,
    AgentCard,
    AgentCardSignature,
    AgentExtension,
    AgentInterface,
    AgentProvider,
    AgentSkill,
)
from interloom.runtime.model.decode import decode, decode_json
from interloom.runtime.model.fields import WireEnum
from interloom.runtime.model.freeform import UNSET, Unset
from interloom.runtime.model.message import Message, Part, Role
from interloom.runtime.model.push import AuthenticationInfo, TaskPushNotificationConfig
from interloom.runtime.model.requests import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
)
from interloom.runtime.model.responses import (
    ListTaskPushNotificationConfigsResponse,
    ListTasksResponse,
    SendMessageResponse,
    StreamResponse,
)
from interloom.runtime.model.security import (
    APIKeySecurityScheme,
    AuthorizationCodeOAuthFlow,
    ClientCredentialsOAuthFlow,
    DeviceCodeOAuthFlow,
    HTTPAuthSecurityScheme,
    ImplicitOAuthFlow,
    MutualTlsSecurityScheme,
    OAuth2SecurityScheme,
    OAuthFlows,
    OpenIdConnectSecurityScheme,
    PasswordOAuthFlow,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from interloom.runtime.model.task import (
    Artifact,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from interloom.runtime.model.wiremodel import WireModel

__all__ = [
    "UNSET",
    "APIKeySecurityScheme",
    "AgentCapabilities",
    "AgentCard",
    "AgentCardSignature",
    "AgentExtension",
    "AgentInterface",
    "AgentProvider",
    "AgentSkill",
    "Artifact",
    "AuthenticationInfo",
    "AuthorizationCodeOAuthFlow",
    "CancelTaskRequest",
    "ClientCredentialsOAuthFlow",
    "DeleteTaskPushNotificationConfigRequest",
    "DeviceCodeOAuthFlow",
    "GetExtendedAgentCardRequest",
    "GetTaskPushNotificationConfigRequest",
    "GetTaskRequest",
    "HTTPAuthSecurityScheme",
    "ImplicitOAuthFlow",
    "ListTaskPushNotificationConfigsRequest",
    "ListTaskPushNotificationConfigsResponse",
    "ListTasksRequest",
    "ListTasksResponse",
    "Message",
    "MutualTlsSecurityScheme",
    "OAuth2SecurityScheme",
    "OAuthFlows",
    "OpenIdConnectSecurityScheme",
    "Part",
    "PasswordOAuthFlow",
    "Role",
    "SecurityRequirement",
    "SecurityScheme",
    "SendMessageConfiguration",
    "SendMessageRequest",
    "SendMessageResponse",
    "StreamResponse",
    "StringList",
    "SubscribeToTaskRequest",
    "Task",
    "TaskArtifactUpdateEvent",
    "TaskPushNotificationConfig",
    "TaskState",
    "TaskStatus",
    "TaskStatusUpdateEvent",
    "Unset",
    "WireEnum",
    "WireModel",
    "decode",
    "decode_json",
]
