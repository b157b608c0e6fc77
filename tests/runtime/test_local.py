"""A client of an agent in the same process: the same checks and errors as over any binding."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import anyio
import pytest

from interloom.runtime.client import A2AClient
from interloom.runtime.core.trace import Trace
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import (
    ExtensionRequired,
    LocalError,
    PeerError,
    TaskNotFound,
    Unavailable,
    UnsupportedOperation,
)
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.local import BINDING, local_client
from interloom.runtime.model import AgentExtension, Message, Part, Role, Task, TaskState
from interloom.runtime.serve.auth import Principal
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.testing.agents import Slow, asker, echo

TRACE = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def message(text: str = "hello") -> Message:
    return Message(message_id=f"m-{text}", role=Role.USER, parts=(Part(text=text),))


@asynccontextmanager
async def serving(*agents: Agent) -> AsyncGenerator[Runtime]:
    runtime = Runtime(agents, MemoryLedger)
    with anyio.fail_after(20):
        async with runtime.open():
            yield runtime


async def test_agent_answers_without_a_connection() -> None:
    async with serving(echo()) as runtime:
        client = local_client(runtime, "echo")
        task = await client.send(message(), trace=TRACE)

        assert isinstance(task, Task)
        assert task.artifacts[0].parts[0].text == "hello"
        assert (await client.interface()).protocol_binding == BINDING
        assert [each.id for each in (await client.list()).tasks] == [task.id]


async def test_stream_is_followed_to_its_end() -> None:
    """A2A 3.1.2, 3.1.6."""
    async with serving(asker()) as runtime:
        client = local_client(runtime, "asker")
        events = [each async for each in client.stream(message())]
        first, last = events[0].task, events[-1].status_update

        assert first is not None
        assert last is not None
        assert last.status.state is TaskState.INPUT_REQUIRED
        assert (await client.cancel(first.id)).status.state is TaskState.CANCELED
        with pytest.raises(UnsupportedOperation):
            await anext(client.subscribe(first.id))


async def test_leaving_a_stream_lets_go_of_the_task() -> None:
    slow = Slow()
    async with serving(slow.agent) as runtime:
        client = local_client(runtime, "slow")
        async with aclosing(client.stream(message())) as events:
            first = (await anext(events)).task
        slow.finish.set()
        assert first is not None

        assert (await client.send(message())) is not None


async def test_what_the_card_does_not_promise_is_refused() -> None:
    """A2A 3.3.4, as over any binding."""
    plain = echo()
    silent = replace(plain, about=replace(plain.about, capabilities=frozenset()))
    async with serving(silent) as runtime:
        with pytest.raises(UnsupportedOperation, match="SendStreamingMessage is not offered"):
            await anext(local_client(runtime, "echo").stream(message()))


async def test_extension_that_the_card_demands_is_demanded() -> None:
    """A2A 3.3.4."""
    plain = echo()
    demands = (AgentExtension(uri="urn:x", required=True),)
    picky = replace(plain, about=replace(plain.about, extensions=demands))
    async with serving(picky) as runtime:
        with pytest.raises(ExtensionRequired):
            await local_client(runtime, "echo").send(message())


async def test_callers_see_their_own_tasks_alone() -> None:
    """A2A 13.1."""
    async with serving(echo()) as runtime:
        ann = local_client(runtime, "echo", principal=Principal("ann"))
        bob = local_client(runtime, "echo", principal=Principal("bob"))
        task = await ann.send(message())

        assert isinstance(task, Task)
        with pytest.raises(TaskNotFound):
            await bob.get(task.id)


class Broken(Runtime):
    """A runtime with a defect."""

    @property
    def operations(self) -> Operations:
        raise RuntimeError("secret")


async def test_defect_of_ours_shows_none_of_its_words() -> None:
    """Ours: as over any binding."""
    with pytest.raises(PeerError, match=r"^echo: Internal error$"):
        await local_client(Broken([echo()], MemoryLedger), "echo").get("t-1")


async def test_runtime_that_is_not_open_is_unavailable() -> None:
    client: A2AClient = local_client(Runtime([echo()], MemoryLedger), "echo")

    with pytest.raises(Unavailable, match="not serving"):
        await client.get("t-1")


def test_agent_that_is_not_served_has_no_client() -> None:
    with pytest.raises(LocalError, match="no agent 'x' is served here"):
        local_client(Runtime([echo()], MemoryLedger), "x")
