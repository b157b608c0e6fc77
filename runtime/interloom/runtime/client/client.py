"""An A2A 1.0 client: one agent, its operations as methods, whatever the binding.

Source: A2A 1.0.1 sections 3.1 (operations), 3.2.6 (service parameters), 8.3.2 (selection).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import cast

from interloom.runtime.client.calls import Calls, http_bindings, sending
from interloom.runtime.client.cards import Cards
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.client.port import Open
from interloom.runtime.client.resume import resumed
from interloom.runtime.client.seen import of_message, of_subscription
from interloom.runtime.core.trace import Trace
from interloom.runtime.model import (
    AgentCard,
    AgentInterface,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageConfiguration,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import JsonObject


class A2AClient:
    """One remote agent.

    Every method raises `TransportError` when bytes did not arrive, `AuthRequired` when the agent
    wants credentials, the class of `interloom.runtime.errors` that an agent's error stands for, and
    `InvalidAgentResponse` when its answer breaks the specification. `timeout_s` bounds all of a
    call, from the card to the last byte.

    Args:
        agent: The agent's card, or the address where the card is fetched on first use.
        port: Sends the HTTP requests; stays the caller's to close.
        options: Limits, credentials, extensions, bindings.
        opens: Every binding that may be spoken, by its name on cards; those over HTTP by default.
        cards: Where the card at an address comes from, when clients share it.
    """

    def __init__(
        self,
        agent: AgentCard | str,
        port: HttpPort,
        *,
        options: ClientOptions | None = None,
        opens: Mapping[str, Open] | None = None,
        cards: Cards | None = None,
    ) -> None:
        told = options or ClientOptions()
        self._resume = told.resume
        self._cards = cards or Cards(port, told)
        self._calls = Calls(agent, self._cards, told, opens or http_bindings(port))

    async def card(self) -> AgentCard:
        """The agent's card."""
        return await self._calls.card()

    async def interface(self) -> AgentInterface:
        """The interface that is used: the first of the card's that we speak and could reach."""
        return (await self._calls.route()).interface

    async def aclose(self) -> None:
        """Close what the bindings hold open; the HTTP port stays open."""
        await self._calls.aclose()

    # ---- messages --------------------------------------------------------------------------------

    async def send(
        self,
        message: Message,
        *,
        configuration: SendMessageConfiguration | None = None,
        metadata: JsonObject | None = None,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> Task | Message:
        """Send a message; wait until the task ends or asks, unless told to return at once."""
        request = SendMessageRequest(
            message=message, configuration=configuration, metadata=metadata
        )
        answer = await self._calls.answer(
            SendMessageResponse, sending("SendMessage", request, trace, timeout_s)
        )
        # One of them is there: a oneof that holds nothing is not decoded.
        return cast("Task | Message", answer.message if answer.task is None else answer.task)

    def stream(
        self,
        message: Message,
        *,
        configuration: SendMessageConfiguration | None = None,
        metadata: JsonObject | None = None,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[StreamResponse]:
        """Send a message and follow its task: first the task (or a message), then its updates.

        The iteration ends when the task ends or asks. A stream that breaks before goes on by itself
        once the task is known; a task that is told again has moved meanwhile. Close the iteration
        (`contextlib.aclosing`) when leaving early: that ends the request, not the task.
        """
        request = SendMessageRequest(
            message=message, configuration=configuration, metadata=metadata
        )
        first = sending("SendStreamingMessage", request, trace, timeout_s)
        return resumed(self._calls, first, of_message(), self._resume)

    # ---- tasks -----------------------------------------------------------------------------------

    def subscribe(
        self, task_id: str, *, trace: Trace | None = None, timeout_s: float | None = None
    ) -> AsyncGenerator[StreamResponse]:
        """Follow a task that is not over: first the task as it is, then its updates.

        The iteration ends when the task does, and goes on when it breaks, as for `stream`; close it
        when leaving early.
        """
        request = SubscribeToTaskRequest(id=task_id)
        first = sending("SubscribeToTask", request, trace, timeout_s)
        return resumed(self._calls, first, of_subscription(), self._resume)

    async def get(
        self,
        task_id: str,
        *,
        history_length: int | None = None,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> Task:
        """The task as it is now."""
        request = GetTaskRequest(id=task_id, history_length=history_length)
        return await self._calls.answer(Task, sending("GetTask", request, trace, timeout_s))

    async def cancel(
        self,
        task_id: str,
        *,
        metadata: JsonObject | None = None,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> Task:
        """Ask the agent to stop working on a task; the answer says how it stands."""
        request = CancelTaskRequest(id=task_id, metadata=metadata)
        return await self._calls.answer(Task, sending("CancelTask", request, trace, timeout_s))

    async def list(
        self,
        request: ListTasksRequest | None = None,
        *,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> ListTasksResponse:
        """One page of the tasks we may see, latest update first."""
        wanted = request or ListTasksRequest()
        return await self._calls.answer(
            ListTasksResponse, sending("ListTasks", wanted, trace, timeout_s)
        )

    # ---- push notifications ----------------------------------------------------------------------

    async def create_push_config(
        self, config: TaskPushNotificationConfig, *, timeout_s: float | None = None
    ) -> TaskPushNotificationConfig:
        """Have the events of the task that `config` names posted to its URL."""
        name = "CreateTaskPushNotificationConfig"
        return await self._calls.answer(
            TaskPushNotificationConfig, sending(name, config, timeout_s=timeout_s)
        )

    async def get_push_config(
        self, task_id: str, config_id: str, *, timeout_s: float | None = None
    ) -> TaskPushNotificationConfig:
        """One push configuration of a task."""
        request = GetTaskPushNotificationConfigRequest(task_id=task_id, id=config_id)
        name = "GetTaskPushNotificationConfig"
        return await self._calls.answer(
            TaskPushNotificationConfig, sending(name, request, timeout_s=timeout_s)
        )

    async def list_push_configs(
        self,
        task_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout_s: float | None = None,
    ) -> ListTaskPushNotificationConfigsResponse:
        """One page of the push configurations of a task."""
        request = ListTaskPushNotificationConfigsRequest(
            task_id=task_id, page_size=page_size, page_token=page_token
        )
        kind = ListTaskPushNotificationConfigsResponse
        return await self._calls.answer(
            kind, sending("ListTaskPushNotificationConfigs", request, timeout_s=timeout_s)
        )

    async def delete_push_config(
        self, task_id: str, config_id: str, *, timeout_s: float | None = None
    ) -> None:
        """Have no more events posted; deleting what is gone already is no error (3.1.10)."""
        request = DeleteTaskPushNotificationConfigRequest(task_id=task_id, id=config_id)
        name = "DeleteTaskPushNotificationConfig"
        await self._calls.call(sending(name, request, timeout_s=timeout_s))

    # ---- the card --------------------------------------------------------------------------------

    async def extended_card(self, *, timeout_s: float | None = None) -> AgentCard:
        """What the agent says of itself to those it knows (3.1.11)."""
        request = GetExtendedAgentCardRequest()
        name = "GetExtendedAgentCard"
        card = await self._calls.answer(AgentCard, sending(name, request, timeout_s=timeout_s))
        await self._cards.check(card)
        return card
