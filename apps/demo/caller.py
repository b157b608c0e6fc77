"""The person at the other end: an A2A caller built with the official A2A SDK.

It knows the agent's address and nothing else: it reads the card, speaks the JSON-RPC binding,
and sends every request with a `traceparent` of one trace it chose itself (W3C Trace Context).
What it hands back are plain values, so that a story can be told with them.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
from a2a.client import A2ACardResolver, A2AClientError, Client, ClientConfig, ClientFactory
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import A2AError, InternalError
from google.protobuf.json_format import ParseError

TIMEOUT_S = 10.0


class CallFailed(Exception):
    """No answer, or none that is A2A."""


class Declined(Exception):
    """The agent answered with an A2A error; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as its caller sees it.

    Attributes:
        state: Name of the state without its prefix: `INPUT_REQUIRED`.
        says: Text of `status.message`, empty when there is none.
        artifacts: Text of each artifact.
    """

    id: str
    context_id: str
    state: str
    says: str
    artifacts: tuple[str, ...]


class Caller:
    """One caller, one trace.

    Attributes:
        trace_id: 32 hexadecimal digits, the same for everything this caller sends.
    """

    def __init__(self) -> None:
        self.trace_id = secrets.token_hex(16)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_S, trust_env=False, event_hooks={"request": [self._stamp]}
        )
        self._client: Client | None = None

    async def connect(self, url: str) -> str:
        """Read the card at `url` and get ready to talk to its agent.

        Returns:
            The agent's name.

        Raises:
            CallFailed: Nobody answers, or the card is not one this caller can use.
        """
        config = ClientConfig(streaming=False, httpx_client=self._http)
        with named_failures():
            card = await A2ACardResolver(self._http, url).get_agent_card()
            self._client = ClientFactory(config).create(card)
        return card.name

    async def send(
        self, text: str, *, task_id: str | None = None, context_id: str | None = None
    ) -> Task:
        """Send a message and wait until the task rests or is done (A2A 3.1.1, blocking).

        Raises:
            CallFailed: No answer, or no task in it.
            Declined: The agent refused the message.
        """
        message = pb.Message(
            message_id=str(uuid4()),
            role=pb.Role.ROLE_USER,
            parts=[pb.Part(text=text)],
            task_id=task_id,
            context_id=context_id,
        )
        request = pb.SendMessageRequest(message=message)
        with named_failures():
            replies = [reply async for reply in self._connected().send_message(request)]
        if len(replies) != 1 or not replies[0].HasField("task"):
            raise CallFailed("the agent did not answer with a task")
        return _plain(replies[0].task)

    async def get(self, task_id: str) -> Task:
        """Ask how a task stands (A2A 3.1.3).

        Raises:
            CallFailed: No answer.
            Declined: The agent knows no such task.
        """
        with named_failures():
            return _plain(await self._connected().get_task(pb.GetTaskRequest(id=task_id)))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _connected(self) -> Client:
        if self._client is None:
            raise CallFailed("not connected: no card was read")
        return self._client

    async def _stamp(self, request: httpx.Request) -> None:
        request.headers["traceparent"] = f"00-{self.trace_id}-{secrets.token_hex(8)}-01"


def _plain(task: pb.Task) -> Task:
    return Task(
        id=task.id,
        context_id=task.context_id,
        state=pb.TaskState.Name(task.status.state).removeprefix("TASK_STATE_"),
        says=get_message_text(task.status.message),
        artifacts=tuple(get_artifact_text(artifact) for artifact in task.artifacts),
    )


@contextmanager
def named_failures() -> Generator[None]:
    """Turn what the SDK raises into the two things a caller can tell apart."""
    try:
        yield
    except (A2AClientError, InternalError, ParseError, ValueError, httpx.HTTPError) as error:
        raise CallFailed(str(error) or type(error).__name__) from error
    except A2AError as error:
        raise Declined(error.message) from error
