"""Our client of version 0.3 against the official SDK's server for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import pytest
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from starlette.applications import Starlette

from interloom.runtime.client import A2AClient
from interloom.runtime.client.v03 import v03_client
from interloom.runtime.errors import TaskNotCancelable, TaskNotFound
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing.in_process import in_process
from tests.peers.official_agent import Asker, card, message

URL: Final = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def client() -> AsyncGenerator[A2AClient]:
    """Our client of such an agent; bounded in time."""
    about = card(f"{URL}/", "JSONRPC", "0.3")
    handler = DefaultRequestHandler(
        agent_executor=Asker(), task_store=InMemoryTaskStore(), agent_card=about
    )
    rpc = create_jsonrpc_routes(handler, "/", enable_v0_3_compat=True)
    app: Any = Starlette(routes=[*create_agent_card_routes(about), *rpc])
    with anyio.fail_after(30):
        async with in_process(app) as port, v03_client(URL, port) as found:
            yield found


async def test_question_is_answered_and_the_task_read_back() -> None:
    async with client() as agent:
        asked = await agent.send(message("begin"))
        assert isinstance(asked, Task)
        assert asked.status.state is TaskState.INPUT_REQUIRED

        done = await agent.send(message("blue", asked))

        assert isinstance(done, Task)
        assert done.status.state is TaskState.COMPLETED
        assert (await agent.get(asked.id)).artifacts[0].parts[0].text == "blue"


async def test_stream_ends_with_the_question() -> None:
    async with client() as agent:
        events = [each async for each in agent.stream(message("begin"))]

        assert events[0].task is not None
        last = events[-1].status_update
        assert last is not None
        assert last.status.state is TaskState.INPUT_REQUIRED


async def test_errors_are_told_apart() -> None:
    async with client() as agent:
        with pytest.raises(TaskNotFound):
            await agent.get("nobody's")
        asked = await agent.send(message("begin"))
        assert isinstance(asked, Task)
        assert (await agent.cancel(asked.id)).status.state is TaskState.CANCELED
        with pytest.raises(TaskNotCancelable):
            await agent.cancel(asked.id)
