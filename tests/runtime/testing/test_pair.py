"""A pair is a whole runtime, and its two ways of ending are different."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import BadConfig, TransportError, Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import PutStep
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import Message, Part, Role, SendMessageConfiguration, Task
from interloom.runtime.serve.runtime import OpenLedger, Settings
from interloom.runtime.testing.agents import echo, result
from interloom.runtime.testing.pair import pair
from interloom.runtime.wire.card import About

SENT = Message(message_id="m", role=Role.USER, parts=(Part(text="hi"),))
AT_ONCE = SendMessageConfiguration(return_immediately=True)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
def open_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> OpenLedger:
    if request.param == "memory":
        return MemoryLedger
    return lambda: SqliteLedger(tmp_path / "pair.db")


class Slow:
    """An agent that can end in good order but not at once; it counts how often it began."""

    def __init__(self) -> None:
        self.begun = 0
        self.working, self.go = anyio.Event(), anyio.Event()
        self.agent = Agent(About("slow", "Slow."), self.work)

    async def work(self, task: TaskContext) -> tuple[Product, ...]:
        """Waits to be let through."""
        self.begun += 1
        self.working.set()
        await self.go.wait()
        return result("at last")


@pytest.mark.parametrize("ending", ["restart", "crash"])
async def test_what_was_stored_is_there_afterwards(open_ledger: OpenLedger, ending: str) -> None:
    with anyio.fail_after(5):
        async with pair([echo()], open_ledger) as world:
            client = world.client("echo")
            task = await client.send(SENT)
            await getattr(world, ending)()
            assert isinstance(task, Task)
            assert await client.get(task.id) == task


async def test_restart_lets_running_agents_end(open_ledger: OpenLedger) -> None:
    """DESIGN 4: drain gives runs their grace time."""
    slow = Slow()
    with anyio.fail_after(5):
        async with pair([slow.agent], open_ledger, Settings(grace_s=4.0)) as world:
            await world.client("slow").send(SENT, configuration=AT_ONCE)
            await slow.working.wait()
            async with anyio.create_task_group() as group:
                group.start_soon(world.restart)
                await anyio.wait_all_tasks_blocked()
                slow.go.set()
            listed = await world.client("slow").list()

    assert [each.status.state.name for each in listed.tasks] == ["COMPLETED"]
    assert slow.begun == 1


async def test_crash_lets_nothing_end(open_ledger: OpenLedger) -> None:
    """A killed process: what dying code would still write is not stored."""
    slow = Slow()
    with anyio.fail_after(5):
        async with pair([slow.agent], open_ledger, Settings(grace_s=4.0)) as world:
            await world.client("slow").send(SENT, configuration=AT_ONCE)
            await slow.working.wait()
            before, slow.working = world.ledger, anyio.Event()
            await world.crash()
            await slow.working.wait()
            (run,) = await world.ledger.runs()
            with pytest.raises(Unavailable, match="the store is gone"):
                await before.commit(PutStep(run.task_id, "late", b"1"))
            slow.go.set()
            done = await world.client("slow").send(SENT)

    assert isinstance(done, Task)
    assert done.status.state.name == "COMPLETED"
    assert (slow.begun, run.attempt) == (2, 2)


async def test_caller_who_waits_during_a_crash_loses_the_connection() -> None:
    slow, failures = Slow(), list[TransportError]()
    with anyio.fail_after(5):
        async with pair([slow.agent], MemoryLedger) as world, anyio.create_task_group() as group:

            async def ask() -> None:
                try:
                    await world.client("slow").send(SENT)
                except TransportError as failure:
                    failures.append(failure)

            group.start_soon(ask)
            await slow.working.wait()
            await world.crash()
            slow.go.set()

    assert [each.delivered for each in failures] == [True]


async def test_runtime_that_is_down_refuses_connections() -> None:
    with anyio.fail_after(5):
        async with pair([echo()], MemoryLedger) as world:
            await world.stop()
            with pytest.raises(TransportError) as failure:
                await world.client("echo").list()
            await world.start()
            listed = await world.client("echo").list()

    assert failure.value.delivered is False
    assert listed.tasks == ()


async def test_runtime_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, though it is long enough to be looked at")
    with pytest.raises(BadConfig, match="cannot be opened as a store"):
        async with pair([echo()], lambda: SqliteLedger(tmp_path / "notes.txt")):
            pass


async def test_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with pair([echo()], MemoryLedger):
            raise KeyError("mine")
