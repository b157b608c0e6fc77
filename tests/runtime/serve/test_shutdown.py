"""A process that is told to end does so, whoever is still listening."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from interloom.runtime.client import A2AClient
from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import Message, Part, Role, Task, TaskState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.serve.server import listen, server
from interloom.runtime.testing.agents import asker


async def test_stream_of_a_waiting_task_does_not_keep_the_process_alive() -> None:
    """Ours: a subscription may last for days, the end of a process may not."""
    listener = listen("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    memory, port = MemoryLedger(), PooledHttp()
    runtime = Runtime([asker()], lambda: memory, Settings(base_url=base_url))
    http = server(runtime.app(), BodyLimits(), leave_s=1)
    ended = anyio.Event()

    async def serve() -> None:
        await http.serve([listener])
        ended.set()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            client = A2AClient(f"{base_url}/a2a/asker", port)
            sent = Message(message_id="m", role=Role.USER, parts=(Part(text="go"),))
            task = await client.send(sent)
            assert isinstance(task, Task)
            async with aclosing(client.subscribe(task.id)) as events:
                await anext(events)
                http.should_exit = True
                with pytest.raises(Unavailable, match="going down; subscribe again"):
                    await anext(events)
            await ended.wait()
        await port.aclose()

    (run,) = await memory.runs()
    stored = await memory.task(run.task_id)
    assert stored is not None
    assert stored.record.state is TaskState.INPUT_REQUIRED
