"""A process that is told to end does so, whoever is still listening."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest
import uvicorn

from interloom.runtime.client import A2AClient, ClientOptions, Resume
from interloom.runtime.engine.agent import Agent
from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import Message, Part, Role, Task, TaskState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.serve.server import listen, server
from interloom.runtime.testing.agents import Slow, asker

GO = Message(message_id="m", role=Role.USER, parts=(Part(text="go"),))

IMPATIENT = ClientOptions(resume=Resume(tries=0))
"""What the server says last is told, instead of looking for another one."""


@asynccontextmanager
async def serving(
    agent: Agent, memory: MemoryLedger
) -> AsyncGenerator[tuple[A2AClient, uvicorn.Server]]:
    """A server and a client of it; the block ends when the server has, as it was told to."""
    listener = listen("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    port = PooledHttp()
    settings = Settings(base_url=base_url, grace_s=0.1)
    http = server(Runtime([agent], lambda: memory, settings).app(), BodyLimits(), leave_s=1)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(http.serve, [listener])
            url = f"{base_url}/a2a/{agent.about.name}"
            yield A2AClient(url, port, options=IMPATIENT), http
        await port.aclose()


async def test_stream_of_a_waiting_task_does_not_keep_the_process_alive() -> None:
    """Ours: a subscription may last for days, the end of a process may not."""
    memory = MemoryLedger()
    async with serving(asker(), memory) as (client, http):
        task = await client.send(GO)
        assert isinstance(task, Task)
        async with aclosing(client.subscribe(task.id)) as events:
            await anext(events)
            http.should_exit = True
            with pytest.raises(Unavailable, match="going down; subscribe again"):
                await anext(events)

    (run,) = await memory.runs()
    stored = await memory.task(run.task_id)
    assert stored is not None
    assert stored.record.state is TaskState.INPUT_REQUIRED


async def test_caller_who_waits_is_told_which_task_to_come_back_for() -> None:
    """Ours: a connection that just breaks leaves a caller without the task it began."""
    memory, slow = MemoryLedger(), Slow()
    refused: list[Unavailable] = []
    async with serving(slow.agent, memory) as (client, http):

        async def wait() -> None:
            with pytest.raises(Unavailable, match="going down; get the task") as caught:
                await client.send(GO)
            refused.append(caught.value)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await slow.working.wait()
            http.should_exit = True

    (run,) = await memory.runs()
    assert [each.details for each in refused] == [{"taskId": run.task_id}]
