"""What a process claims on a store whose runs are had by claim alone. Ours (decision 0026)."""

from __future__ import annotations

import anyio

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.embedded import EmbeddedEngine
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import PutRun, RunState
from interloom.runtime.model import SendMessageConfiguration, TaskState
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.testing import asker
from interloom.runtime.testing.agents import result
from interloom.runtime.testing.engine_installations import MemoryInstallation
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, LIMIT_S, WARM_S, House, house, quiet, request, said


class ClaimedLedger(ForwardingLedger):
    """Has no run begun by the process that stored it."""

    @property
    def takes_at_write(self) -> bool:
        return False


class ClaimedStore(MemoryInstallation):
    """In memory, and its runs are claimed."""

    async def open(self) -> Ledger:
        return ClaimedLedger(await super().open())


def embedded(home: House) -> EmbeddedEngine:
    assert isinstance(home.engine, EmbeddedEngine)
    return home.engine


class Crowd:
    """An agent that counts how many of it are at work, and holds them until they are let go."""

    def __init__(self) -> None:
        self.at_work = self.most = 0
        self.go = anyio.Event()
        self.agent = Agent(About("crowd", "Works beside itself."), self._body)

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        await self.go.wait()
        self.at_work -= 1
        return result("done")


async def test_run_is_stored_for_whoever_claims_it_and_begun_once() -> None:
    async with house(ClaimedStore(), asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.until_parked(task)
        assert said(await home.send("blue", task)) == "blue"
        (stored,) = [write for write in home.ledger.written if isinstance(write, PutRun)]

    assert stored == PutRun(task.id, "asker", RunState.ACTIVE, 0)


async def test_process_claims_no_more_runs_than_it_can_begin_at_once() -> None:
    """The others are left to other processes, and had here as soon as there is room."""
    crowd = Crowd()
    async with house(ClaimedStore(), crowd.agent) as home:
        embedded(home).max_at_work = 3
        tasks = [await home.begin("go") for _ in range(8)]
        await quiet()
        assert crowd.at_work == 3
        assert [run.worker for run in await home.ledger.runs()].count("") == 5
        crowd.go.set()
        for task in tasks:
            assert (await home.over(task)).status.state is TaskState.COMPLETED

    assert crowd.most == 3


async def test_runtime_takes_on_as_many_runs_as_its_settings_say() -> None:
    """docs/configuration.md: `server.maxRuns`."""
    crowd, caller = Crowd(), Caller("ann", "crowd")
    at_once = SendMessageConfiguration(return_immediately=True)
    settings = Settings(push=None, max_runs=2, grace_s=0.0)
    runtime = Runtime([crowd.agent], lambda: ClaimedLedger(MemoryLedger()), settings)
    with anyio.fail_after(LIMIT_S):
        async with runtime.open() as operations:
            for _ in range(5):
                await operations.send_message(caller, request("go", settings=at_once))
            await quiet()
            assert crowd.at_work == 2


async def test_run_that_waits_for_an_answer_takes_no_room() -> None:
    crowd = Crowd()
    crowd.go.set()
    async with house(ClaimedStore(), asker(), crowd.agent, warm_s=WARM_S) as home:
        embedded(home).max_at_work = 1
        asked = await home.send("begin")
        home.caller = home.caller._replace(agent="crowd")
        assert said(await home.send("go")) == "done"
        home.caller = home.caller._replace(agent="asker")
        assert said(await home.send("blue", asked)) == "blue"
