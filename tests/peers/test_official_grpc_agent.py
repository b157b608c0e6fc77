"""Our gRPC client against an agent served by the official A2A SDK.

Source: a2a-sdk 1.3; A2A 1.0.1 sections 3.1 (operations), 5.4 and 10.6 (errors).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import anyio
import pytest
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.tasks import (
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
)
from a2a.types import a2a_pb2_grpc
from google.protobuf.json_format import MessageToDict
from grpc import aio

from interloom.runtime.client import A2AClient, ClientOptions, http_bindings
from interloom.runtime.client.grpc import GrpcChannels
from interloom.runtime.errors import TaskNotCancelable, TaskNotFound
from interloom.runtime.model import (
    AgentCard,
    Task,
    TaskPushNotificationConfig,
    TaskState,
    decode,
)
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.wire.card import Binding
from tests.peers.official_agent import Asker, card, message

BOUND_S: Final = 30.0
HOST: Final = "127.0.0.1"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def client() -> AsyncGenerator[A2AClient]:
    """Our client of such an agent, over gRPC alone; bounded in time."""
    server = aio.server()
    address = f"{HOST}:{server.add_insecure_port(f'{HOST}:0')}"
    about = card(address, "GRPC", "1.0", push=True)
    handler = DefaultRequestHandler(
        agent_executor=Asker(),
        task_store=InMemoryTaskStore(),
        agent_card=about,
        push_config_store=InMemoryPushNotificationConfigStore(),
    )
    services: Any = a2a_pb2_grpc  # generated, without types
    services.add_A2AServiceServicer_to_server(GrpcHandler(handler), server)
    with anyio.fail_after(BOUND_S):
        await server.start()
        http = PooledHttp()
        try:
            async with GrpcChannels() as channels:
                opens = {**http_bindings(http), Binding.GRPC.value: channels.transport}
                ours = decode(AgentCard, MessageToDict(about))
                yield A2AClient(ours, http, options=ClientOptions(), opens=opens)
        finally:
            await http.aclose()
            await server.stop(None)


async def test_question_is_answered_and_the_task_read_back() -> None:
    """3.1.1, 3.1.3, 3.1.4, 3.4.3."""
    async with client() as agent:
        asked = await agent.send(message("begin"))
        assert isinstance(asked, Task)
        assert asked.status.state is TaskState.INPUT_REQUIRED

        done = await agent.send(message("blue", asked))

        assert isinstance(done, Task)
        assert done.status.state is TaskState.COMPLETED
        assert done.artifacts[0].parts[0].text == "blue"
        assert (await agent.get(asked.id)).artifacts == done.artifacts
        assert [each.id for each in (await agent.list()).tasks] == [asked.id]


async def test_stream_is_followed_to_its_end() -> None:
    """3.1.2, 10.7."""
    async with client() as agent:
        events = [event async for event in agent.stream(message("begin"))]

        assert events[0].task is not None
        assert events[-1].status_update is not None
        assert events[-1].status_update.status.state is TaskState.INPUT_REQUIRED


async def test_subscriber_sees_the_cancel_of_another_caller() -> None:
    """3.1.5, 3.1.6."""
    async with client() as agent:
        task = await agent.send(message("begin"))
        assert isinstance(task, Task)
        async with aclosing(agent.subscribe(task.id)) as events:
            first = await anext(events)
            await agent.cancel(task.id)
            rest = [event async for event in events]

        assert first.task is not None
        assert first.task.id == task.id
        assert rest[-1].status_update is not None
        assert rest[-1].status_update.status.state is TaskState.CANCELED


async def test_errors_are_ours_by_their_reason() -> None:
    """5.4, 10.6."""
    async with client() as agent:
        with pytest.raises(TaskNotFound):
            await agent.get("nobody-knows")
        task = await agent.send(message("begin"))
        assert isinstance(task, Task)
        await agent.cancel(task.id)
        with pytest.raises(TaskNotCancelable):
            await agent.cancel(task.id)


async def test_push_configurations_are_kept_and_deleted() -> None:
    """3.1.7 to 3.1.10; the answer to a deletion is Empty."""
    async with client() as agent:
        task = await agent.send(message("begin"))
        assert isinstance(task, Task)
        wanted = TaskPushNotificationConfig(task_id=task.id, id="c", url="https://example.com/hook")

        made = await agent.create_push_config(wanted)

        assert (made.task_id, made.id, made.url) == (task.id, "c", wanted.url)
        assert await agent.get_push_config(task.id, "c") == made
        assert (await agent.list_push_configs(task.id)).configs == (made,)
        await agent.delete_push_config(task.id, "c")
        assert (await agent.list_push_configs(task.id)).configs == ()
