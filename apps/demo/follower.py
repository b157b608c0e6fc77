"""A client that sends one parcel and follows its task through whatever happens to the servers.

Built with the official A2A SDK. Every stream is opened behind the proxy, at whichever replica comes
next. One that breaks is opened again after the last event that arrived: `urn:interloom:stream:v1`
(docs/streams.md), which numbers the events. The messages keep their ids, so that one sent twice
counts once. When a crash left a call of the tool without an answer we are asked what to do, and
look into the depot's book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import httpx
from a2a.client import A2ACardResolver, Client, ClientCallContext, ClientConfig, ClientFactory
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import a2a_pb2 as pb

from demo.caller import CallFailed, Declined, named_failures
from demo.depot import answer
from demo.transcript import Transcript

NUMBERS = "urn:interloom:stream:v1"
SILENCE_S = 20.0
AGAIN_S = 0.1
OVER = frozenset({"COMPLETED", "FAILED", "CANCELED", "REJECTED"})


@dataclass(slots=True)
class Seen:
    """What one client saw.

    Attributes:
        parcel: What it sent.
        numbers: Those of the events, as they came.
        says: The words of the agent, as they came.
        state: Of the task, as last seen.
        artifact: The result.
        broken: Streams that broke.
        asked: Times we were asked about a call.
    """

    parcel: str
    numbers: list[int] = field(default_factory=list[int])
    says: list[str] = field(default_factory=list[str])
    state: str = ""
    artifact: str = ""
    broken: int = 0
    asked: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every event came once and in order."""
        return self.numbers == list(range(1, len(self.numbers) + 1))


class Follower:
    """One client with connections of its own."""

    def __init__(
        self, parcel: str, url: str, tell: Transcript, stamps: Callable[[], Counter[str]]
    ) -> None:
        """Prepare to send a parcel.

        Args:
            parcel: Its name.
            url: Where agents are reached.
            tell: Told of what is out of the ordinary.
            stamps: Reads the depot's book.
        """
        self.seen = Seen(parcel)
        self._url, self._tell, self._stamps = url, tell, stamps
        self._task_id = ""
        self._next: pb.Message | None = _message(parcel, parcel)

    async def run(self) -> Seen:
        """Send the parcel and follow it to its end, whoever dies meanwhile."""
        async with httpx.AsyncClient(timeout=SILENCE_S, trust_env=False) as http:
            client = await self._connected(http)
            while self.seen.state not in OVER:
                try:
                    await self._read(client)
                except (CallFailed, Declined):
                    self.seen.broken += 1
                    after = f"after event {self.seen.numbers[-1]}" if self.seen.numbers else "early"
                    self._tell.does(self.seen.parcel, f"the stream broke {after}; on it goes")
                    await anyio.sleep(AGAIN_S)
        return self.seen

    async def _connected(self, http: httpx.AsyncClient) -> Client:
        while True:
            try:
                with named_failures():
                    card = await A2ACardResolver(http, self._url).get_agent_card()
                return ClientFactory(ClientConfig(httpx_client=http)).create(card)
            except CallFailed:
                await anyio.sleep(AGAIN_S)

    async def _read(self, client: Client) -> None:
        """Read one stream until it ends or asks."""
        with named_failures():
            async with aclosing(self._stream(client)) as events:
                async for event in events:
                    self._take(event)
                    if self.seen.state == "INPUT_REQUIRED":
                        self._next = self._answer()
                        return
                    self._next = None  # it has arrived

    async def _stream(self, client: Client) -> AsyncGenerator[pb.StreamResponse]:
        """What follows the last event: on the stream of a message, or on one of the task."""
        last = str(self.seen.numbers[-1] if self.seen.numbers else 0)
        told = {"A2A-Extensions": NUMBERS, "Last-Event-ID": last}
        context = ClientCallContext(service_parameters=told)
        events: AsyncIterator[pb.StreamResponse]
        if self._next is not None:
            request = pb.SendMessageRequest(message=self._next)
            events = client.send_message(request, context=context)
        else:
            wanted = pb.SubscribeToTaskRequest(id=self._task_id)
            events = client.subscribe(wanted, context=context)
        async for event in events:
            yield event

    def _take(self, event: pb.StreamResponse) -> None:
        seen = self.seen
        match event.WhichOneof("payload"):
            case "task":
                self._task_id = event.task.id
                seen.numbers.append(_number(event.task))
                self._stands(event.task.status)
            case "status_update":
                seen.numbers.append(_number(event.status_update))
                self._stands(event.status_update.status)
            case "artifact_update":
                seen.numbers.append(_number(event.artifact_update))
                seen.artifact = get_artifact_text(event.artifact_update.artifact)
            case _:
                raise CallFailed("an event of a kind no task has")

    def _stands(self, status: pb.TaskStatus) -> None:
        self.seen.state = pb.TaskState.Name(status.state).removeprefix("TASK_STATE_")
        if self.seen.state == "WORKING" and status.HasField("message"):
            self.seen.says.append(get_message_text(status.message))

    def _answer(self) -> pb.Message:
        """What to do about a call that a crash left without an answer: see what became of it."""
        seen = self.seen
        seen.asked += 1
        stop = len(seen.says)
        if self._stamps()[f"{seen.parcel}, stop {stop}"]:
            text, why = f"done: {answer(stop)}", "the stamp is in the book"
        else:
            text, why = "retry", "there is no such stamp in the book"
        self._tell.does(seen.parcel, f"asked about the interrupted call: {text!r}, as {why}")
        return _message(f"{seen.parcel}, answer {seen.numbers[-1]}", text, self._task_id)


def _message(message_id: str, text: str, task_id: str = "") -> pb.Message:
    return pb.Message(
        message_id=message_id,
        role=pb.Role.ROLE_USER,
        parts=[pb.Part(text=text)],
        task_id=task_id,
    )


def _number(event: pb.Task | pb.TaskStatusUpdateEvent | pb.TaskArtifactUpdateEvent) -> int:
    """The number of an event, from its metadata."""
    number = event.metadata.fields[NUMBERS].struct_value.fields["seq"].number_value
    if not number:
        raise CallFailed("an event has no number")
    return int(number)
