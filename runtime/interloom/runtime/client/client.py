"""An A2A 1.0 client over JSON-RPC: one agent, its operations as methods.

Source: A2A 1.0.1 sections 3.1 (operations), 3.6.1 (A2A-Version), 8.3.2 (selection), 9 (JSON-RPC).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Final

import orjson

from interloom.runtime.client import choose, replies
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import InvalidAgentResponse
from interloom.runtime.model import (
    AgentCard,
    AgentInterface,
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageConfiguration,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    WireModel,
)
from interloom.runtime.net.port import DEFAULT_LIMITS, HttpPort, Limits
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.sse import Decoder
from interloom.runtime.wire.versions import SERVED

PATIENT: Final = Limits(total_s=None, idle_s=900.0, max_bytes=256 * 1024 * 1024)
"""Limits of an answer that comes when the agent is done: no end, but no silence over 15 minutes."""

MAX_EVENT_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one streamed event; an artifact chunk may be as large as a whole answer (ours)."""


async def resolve(url: str, port: HttpPort, *, limits: Limits = DEFAULT_LIMITS) -> AgentCard:
    """Fetch the card of the agent at `url`: under its well-known path, or `url` itself if a .json.

    Raises:
        LocalError: `url` is no http or https address.
        TransportError: No answer.
        AuthRequired: The card is not public.
        PeerError: No card there, or one that breaks the specification.
    """
    address = choose.card_address(url)
    headers = {"accept": "application/json", "a2a-version": SERVED}
    async with port.send("GET", address, headers=headers, limits=limits) as reply:
        body = await reply.read()
        replies.check_status(choose.host(address), reply.status, reply.headers, body)
    return replies.card(choose.host(address), body)


class A2AClient:
    """One remote agent.

    Every method raises `TransportError` when bytes did not arrive, `AuthRequired` when the agent
    wants credentials, the class of `interloom.runtime.errors` that an agent's error stands for, and
    `InvalidAgentResponse` when its answer breaks the specification.

    Args:
        agent: The agent's card, or the address where the card is fetched on first use.
        port: Sends the requests; stays the caller's to close.
        limits: For answers that come at once.
        patient: For `send`, `stream` and `subscribe`, which last as long as the agent works.
    """

    def __init__(
        self,
        agent: AgentCard | str,
        port: HttpPort,
        *,
        limits: Limits = DEFAULT_LIMITS,
        patient: Limits = PATIENT,
    ) -> None:
        self._agent = agent
        self._port = port
        self._limits = limits
        self._patient = patient
        self._last_id = 0

    async def card(self) -> AgentCard:
        """The agent's card."""
        if isinstance(self._agent, str):
            self._agent = await resolve(self._agent, self._port, limits=self._limits)
        return self._agent

    async def send(
        self,
        message: Message,
        *,
        configuration: SendMessageConfiguration | None = None,
        metadata: JsonObject | None = None,
        trace: Trace | None = None,
    ) -> Task | Message:
        """Send a message; wait until the task ends or asks, unless told to return at once."""
        request = SendMessageRequest(
            message=message, configuration=configuration, metadata=metadata
        )
        peer, data = await self._call("SendMessage", request, trace, self._patient)
        answer = replies.decoded(peer, SendMessageResponse, data)
        return _one_of(peer, answer.task, answer.message)

    def stream(
        self,
        message: Message,
        *,
        configuration: SendMessageConfiguration | None = None,
        metadata: JsonObject | None = None,
        trace: Trace | None = None,
    ) -> AsyncGenerator[StreamResponse]:
        """Send a message and follow its task: first the task (or a message), then its updates.

        The iteration ends where the agent ends it, which may be before the task does. Close it
        (`contextlib.aclosing`) when leaving early: that ends the request, not the task.
        """
        request = SendMessageRequest(
            message=message, configuration=configuration, metadata=metadata
        )
        return self._events("SendStreamingMessage", request, trace)

    def subscribe(
        self, task_id: str, *, trace: Trace | None = None
    ) -> AsyncGenerator[StreamResponse]:
        """Follow a task that is not over: first the task as it is, then its updates.

        Close it when leaving early, as for `stream`.
        """
        return self._events("SubscribeToTask", SubscribeToTaskRequest(id=task_id), trace)

    async def get(
        self, task_id: str, *, history_length: int | None = None, trace: Trace | None = None
    ) -> Task:
        """The task as it is now."""
        request = GetTaskRequest(id=task_id, history_length=history_length)
        peer, data = await self._call("GetTask", request, trace, self._limits)
        return replies.decoded(peer, Task, data)

    async def cancel(
        self, task_id: str, *, metadata: JsonObject | None = None, trace: Trace | None = None
    ) -> Task:
        """Ask the agent to stop working on a task; the answer says how it stands."""
        request = CancelTaskRequest(id=task_id, metadata=metadata)
        peer, data = await self._call("CancelTask", request, trace, self._limits)
        return replies.decoded(peer, Task, data)

    async def list(
        self, request: ListTasksRequest | None = None, *, trace: Trace | None = None
    ) -> ListTasksResponse:
        """One page of the tasks we may see, latest update first."""
        wanted = request or ListTasksRequest()
        peer, data = await self._call("ListTasks", wanted, trace, self._limits)
        return replies.decoded(peer, ListTasksResponse, data)

    async def _call(
        self, method: str, request: WireModel, trace: Trace | None, limits: Limits
    ) -> tuple[str, JsonObject]:
        """Send one request; the peer's name for messages, and the result."""
        interface = choose.interface(await self.card())
        peer = choose.host(interface.url)
        body, request_id = self._frame(method, request, interface)
        async with self._port.send(
            "POST",
            interface.url,
            headers=_headers("application/json", trace),
            body=body,
            limits=limits,
        ) as reply:
            answer = await reply.read()
            replies.check_status(peer, reply.status, reply.headers, answer)
        return peer, replies.result(peer, answer, request_id)

    async def _events(
        self, method: str, request: WireModel, trace: Trace | None
    ) -> AsyncGenerator[StreamResponse]:
        interface = choose.interface(await self.card())
        peer = choose.host(interface.url)
        body, request_id = self._frame(method, request, interface)
        async with self._port.send(
            "POST",
            interface.url,
            headers=_headers("text/event-stream", trace),
            body=body,
            limits=self._patient,
        ) as reply:
            if reply.status != replies.OK or not _is_event_stream(reply.headers):
                answer = await reply.read()
                replies.check_status(peer, reply.status, reply.headers, answer)
                replies.result(peer, answer, request_id)
                raise InvalidAgentResponse(f"{peer}: {method}: the answer is no event stream")
            decoder = Decoder(max_event_bytes=MAX_EVENT_BYTES)
            async for chunk in reply.chunks():
                for event in decoder.feed(chunk):
                    data = replies.result(peer, event.data, request_id)
                    yield replies.decoded(peer, StreamResponse, data)

    def _frame(
        self, method: str, request: WireModel, interface: AgentInterface
    ) -> tuple[bytes, int]:
        """The request's bytes and id; the tenant is the interface's, exactly (A2A 8.3.2)."""
        self._last_id += 1
        params = {key: value for key, value in request.to_dict().items() if key != "tenant"}
        if interface.tenant:
            params["tenant"] = interface.tenant
        frame = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        return orjson.dumps(frame), self._last_id


def _is_event_stream(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "text/event-stream"


def _headers(accept: str, trace: Trace | None) -> Mapping[str, str]:
    return {
        "content-type": "application/json",
        "accept": accept,
        "a2a-version": SERVED,
        **(trace.carrier() if trace is not None else {}),
    }


def _one_of(peer: str, task: Task | None, message: Message | None) -> Task | Message:
    answer = task if task is not None else message
    if answer is None:
        raise InvalidAgentResponse(f"{peer}: SendMessageResponse: neither a task nor a message")
    return answer
