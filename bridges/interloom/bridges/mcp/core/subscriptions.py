"""What a server tells about its changes, and which subscription it tells it to. No I/O.

Source: MCP 2026-07-28, basic/patterns/subscriptions; Tasks extension, "Task Status Notifications".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from interloom.bridges.mcp.core.errors import BadFrame
from interloom.bridges.mcp.core.frames import PREFIX, Notification
from interloom.runtime.values import Json, JsonObject

METHOD: Final = "subscriptions/listen"
ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
SUBSCRIPTION_ID: Final = PREFIX + "subscriptionId"
"""`_meta` key that says which `subscriptions/listen` a notification is for."""

MAX_WATCHED: Final = 1000
"""Resources or tasks in one filter; ours."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes are wanted, or promised.

    Attributes:
        tools: The list of tools.
        prompts: The list of prompts.
        resources: The list of resources.
        uris: Single resources.
        task_ids: Single tasks (Tasks extension).
    """

    tools: bool = False
    prompts: bool = False
    resources: bool = False
    uris: frozenset[str] = frozenset()
    task_ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """False when it lets nothing through."""
        return self != Filter()

    def with_list(self, method: str) -> Filter:
        """It, and the changes of a list."""
        name = OF_LIST[method]
        return replace(
            self,
            tools=self.tools or name == "tools",
            prompts=self.prompts or name == "prompts",
            resources=self.resources or name == "resources",
        )

    def to_json(self) -> JsonObject:
        """`SubscriptionFilter`, without what is not wanted."""
        wanted: dict[str, Json] = {key: True for key, name in _FLAGS if getattr(self, name)}
        wanted |= {key: sorted(getattr(self, name)) for key, name in _SETS if getattr(self, name)}
        return wanted

    def missing(self, promised: Filter) -> tuple[str, ...]:
        """What is wanted here and not promised there, in the protocol's words."""
        flags = [key for key, name in _FLAGS if getattr(self, name) > getattr(promised, name)]
        sets = [key for key, name in _SETS if getattr(self, name) - getattr(promised, name)]
        return (*flags, *sets)


OF_LIST: Final = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
}
"""The lists, and the flag of a filter that their changes are wanted by."""

_FLAGS: Final = (
    ("toolsListChanged", "tools"),
    ("promptsListChanged", "prompts"),
    ("resourcesListChanged", "resources"),
)
_SETS: Final = (("resourceSubscriptions", "uris"), ("taskIds", "task_ids"))


@dataclass(frozen=True, slots=True)
class ListChanged:
    """A list is another one now.

    Attributes:
        methods: The methods whose results changed with it.
    """

    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceChanged:
    """A resource, or something below it, holds something else now."""

    uri: str


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """A task moved.

    Attributes:
        task_id: Which.
        view: All of it, as `tasks/get` would have answered; read by `RemoteTask.receive`.
    """

    task_id: str
    view: JsonObject


Change: TypeAlias = ListChanged | ResourceChanged | TaskChanged
"""What a subscription tells of."""

_LISTS: Final = {
    "notifications/tools/list_changed": ListChanged(("tools/list",)),
    "notifications/prompts/list_changed": ListChanged(("prompts/list",)),
    "notifications/resources/list_changed": ListChanged(
        ("resources/list", "resources/templates/list")
    ),
}


class Subscription:
    """One `subscriptions/listen` from its request to its end.

    Args:
        request_id: Id of the request, which every notification of it carries.
        wanted: What was asked for.
        server: Our name for the server.
    """

    def __init__(self, request_id: str, wanted: Filter, *, server: str) -> None:
        self._id, self._wanted, self._server = request_id, wanted, server
        self.promised: Filter | None = None
        """What the server said it will tell; None before it said so."""

    def is_ours(self, said: Notification) -> bool:
        """True when a notification is for this subscription ("Receiving Notifications").

        One without an id is, where the stream it came on is this subscription's alone; on a shared
        channel the transport has sorted it already.
        """
        meta = said.params.get("_meta")
        told = meta.get(SUBSCRIPTION_ID) if isinstance(meta, dict) else None
        return told is None or told == self._id

    def read(self, said: Notification) -> Change | None:
        """The change in a notification; None for the acknowledgment and for what is not wanted.

        Raises:
            BadFrame: The server tells of a change before it acknowledged the subscription.
        """
        if not self.is_ours(said):
            return None
        if said.method == ACKNOWLEDGED:
            self.promised = read_filter(said.params.get("notifications"))
            return None
        change = _read_change(said)
        if change is None or not self._wants(change):
            return None
        if self.promised is None:
            raise BadFrame(self._server, METHOD, "the first message must be the acknowledgment")
        return change

    def _wants(self, change: Change) -> bool:
        match change:
            case ResourceChanged(uri):
                return any(uri.startswith(watched) for watched in self._wanted.uris)
            case TaskChanged(task_id):
                return task_id in self._wanted.task_ids
            case ListChanged(methods):
                return any(getattr(self._wanted, OF_LIST[method]) for method in methods)


def read_filter(value: Json) -> Filter:
    """A `SubscriptionFilter` as acknowledged; what is no filter promises nothing."""
    if not isinstance(value, dict):
        return Filter()
    return Filter(
        tools=value.get("toolsListChanged") is True,
        prompts=value.get("promptsListChanged") is True,
        resources=value.get("resourcesListChanged") is True,
        uris=_texts(value.get("resourceSubscriptions")),
        task_ids=_texts(value.get("taskIds")),
    )


def _texts(value: Json) -> frozenset[str]:
    items: Iterable[Json] = value[:MAX_WATCHED] if isinstance(value, list) else ()
    return frozenset(item for item in items if isinstance(item, str))


def _read_change(said: Notification) -> Change | None:
    uri, task_id = said.params.get("uri"), said.params.get("taskId")
    if said.method == "notifications/resources/updated" and isinstance(uri, str):
        return ResourceChanged(uri)
    if said.method == "notifications/tasks" and isinstance(task_id, str):
        return TaskChanged(task_id, said.params)
    return _LISTS.get(said.method)
