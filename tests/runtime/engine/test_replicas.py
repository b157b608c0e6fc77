"""Two processes on one file: any of them serves any task, and each run has one worker.

Source: DESIGN section 4 (ours). Each replica has connections and locks of its own, as a process
has; that they share an event loop here lets a test say what happens in which order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import pytest
from anyio.lowlevel import checkpoint

from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import TaskNotCancelable, UnsupportedOperation
from interloom.runtime.ledger.rows import PutStep, RunState
from interloom.runtime.model import SubscribeToTaskRequest, Task, TaskState
from interloom.runtime.testing import asker, echo
from interloom.runtime.testing.agents import result
from interloom.runtime.testing.clock import FakeClock
from interloom.runtime.values import Json
from interloom.runtime.wire.card import About
from interloom.runtime.wire.streams import Numbering
from tests.runtime.engine.house import COLD_S, WARM_S, House, drink, request, said
from tests.runtime.engine.places import FilePlace, Place, ServerPlace
from tests.runtime.engine.tapped import TappedLedger

LIMIT_S: Final = 30.0
LEASE_S: Final = 0.6


class Replica(House):
    """One of several on a file.

    Attributes:
        file: Its own connections to it.
    """

    def __init__(
        self, place: Place, agents: tuple[Agent, ...], warm_s: float, lease_s: float
    ) -> None:
        file = place.opened(lease_s=lease_s)
        super().__init__(TappedLedger(file), agents, warm_s, FakeClock())
        self.file = file
        self.scope = anyio.CancelScope()

    async def serve(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        with self.scope:
            await self.engine.serve(task_status=task_status)

    async def die(self) -> None:
        """Be gone without a word: the kernel closes what was open, and nothing is written."""
        self.ledger.fail(1_000_000)
        self.scope.cancel()
        await self.file.aclose()

    def stored(self, step: str) -> bool:
        """Whether this replica stored a step of that key."""
        return any(isinstance(each, PutStep) and each.key == step for each in self.ledger.written)

    async def until(self, task: Task, state: TaskState) -> Task:
        """Wait until this replica shows a task in a state."""
        while (seen := await self.get(task)).status.state is not state:
            await checkpoint()
        return seen


@asynccontextmanager
async def replicas(
    place: Place,
    *agents: Agent,
    count: int = 2,
    warm_s: float = WARM_S,
    lease_s: float = LEASE_S,
) -> AsyncGenerator[list[Replica]]:
    async with AsyncExitStack() as stack:
        made: list[Replica] = []
        for _ in range(count):
            made.append(Replica(place, agents, warm_s, lease_s))
            stack.push_async_callback(made[-1].file.aclose)
        async with anyio.create_task_group() as group:
            with anyio.fail_after(LIMIT_S):
                for replica in made:
                    await group.start(replica.serve)
                yield made
                for replica in made:
                    await replica.engine.drain(0)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return FilePlace(tmp_path / "store.db")
    return ServerPlace(request.getfixturevalue("store_url"))


class Gate:
    """An agent that stops in the middle of a step until it is let through.

    Attributes:
        begun: How often the step was begun.
        open: Lets it through.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.open = anyio.Event()
        self.reached = anyio.Event()
        self.agent = Agent(About("gate", "Waits."), self._body)

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        await task.step("first", self._first)
        await task.step("second", self._second)
        return result("through")

    async def _first(self) -> Json:
        return 1

    async def _second(self) -> Json:
        self.begun += 1
        self.reached.set()
        await self.open.wait()
        return 2


async def test_answer_at_another_replica_reaches_the_warm_run(place: Place) -> None:
    async with replicas(place, asker()) as (one, other):
        task = await one.send("begin")
        answered = await other.send("blue", task)

        assert answered.status.state is TaskState.COMPLETED
        assert said(answered) == "blue"
        assert said(await one.get(task)) == "blue"


async def test_answer_at_another_replica_wakes_the_parked_run_there(place: Place) -> None:
    async with replicas(place, asker(questions=2), warm_s=COLD_S) as (one, other):
        task = await one.send("begin")
        await one.parked(task)
        await other.send("blue", task)
        await other.parked(task)
        finished = await one.send("green", task)

        assert said(finished) == "blue green"


async def test_cancel_at_another_replica_stops_the_run(place: Place) -> None:
    gate = Gate()
    async with replicas(place, gate.agent) as (one, other):
        task = await one.begin("begin")
        await gate.reached.wait()
        canceled = await other.cancel(task)
        assert canceled.status.state is TaskState.CANCELED

        while one.engine.is_running(task.id):
            await checkpoint()
        assert (await one.get(task)).status.state is TaskState.CANCELED
        with pytest.raises(TaskNotCancelable):
            await one.cancel(task)


async def test_subscribers_of_both_replicas_see_the_same_events(place: Place) -> None:
    async with replicas(place, asker(questions=3)) as (one, other):
        task = await one.send("begin")
        seen: list[list[bytes]] = []

        async def follow(replica: Replica, started: anyio.Event) -> None:
            wanted = SubscribeToTaskRequest(id=task.id)
            async with replica.operations.subscribe(replica.caller, wanted) as stream:
                started.set()
                seen.append(await drink(stream))

        async with anyio.create_task_group() as group:
            for replica in (one, other, one):
                started = anyio.Event()
                group.start_soon(follow, replica, started)
                await started.wait()
            for word, replica in (("a", other), ("b", one), ("c", other)):
                await replica.send(word, task)

        assert len(seen) == 3
        assert seen[0] == seen[1] == seen[2]
        assert b"TASK_STATE_COMPLETED" in seen[0][-1]


async def test_run_of_a_dead_process_goes_on_in_another(place: Place) -> None:
    """What it completed is not run again; nobody waits for a lease, since the kernel knows."""
    gate = Gate()
    async with replicas(place, gate.agent, lease_s=place.long_lease_s) as (one, other):
        task = await one.begin("begin")
        await gate.reached.wait()
        gate.reached = anyio.Event()
        await one.die()
        await gate.reached.wait()
        gate.open.set()
        finished = await other.until(task, TaskState.COMPLETED)

        assert said(finished) == "through"
        assert gate.begun == 2
        assert not other.stored("first")


async def test_late_words_of_a_process_that_was_taken_for_dead_are_refused(place: Place) -> None:
    """It does not know yet: its heart beats too rarely for that."""
    gate = Gate()
    async with replicas(place, gate.agent, lease_s=place.long_lease_s) as (one, other):
        task = await one.begin("begin")
        await gate.reached.wait()
        gate.reached = anyio.Event()
        place.end_leases()
        await gate.reached.wait()  # the other one has it, and begins the step again
        gate.open.set()
        finished = await other.until(task, TaskState.COMPLETED)
        while one.engine.is_running(task.id):
            await checkpoint()

        assert gate.begun == 2
        assert said(finished) == "through"
        ends = [each.id for each in await other.file.events(task.id) if each.state in TERMINAL]
        assert len(ends) == len(set(ends))
        steps = [replica for replica in (one, other) if replica.stored("second")]
        assert len(steps) == 1


async def test_process_that_was_taken_for_dead_works_again_under_another_name(place: Place) -> None:
    async with replicas(place, asker(), warm_s=COLD_S) as (one, other):
        task = await one.send("begin")
        await one.parked(task)
        await one.send("blue", await one.send("another"))
        (parked,) = await one.file.runs()
        await other.engine.drain(0)
        place.forget_workers()
        while place.workers() == []:
            await checkpoint()
        answered = await one.send("blue", task)

        assert parked.state is RunState.PARKED
        assert said(answered) == "blue"


async def test_task_begun_by_a_process_that_was_taken_for_dead_is_not_lost(place: Place) -> None:
    """It does not know yet, and gives the run to a worker that is no more."""
    gate = Gate()
    async with replicas(place, gate.agent, count=1) as (one,):
        place.forget_workers()
        task = await one.begin("begin")
        while place.workers() == []:
            await checkpoint()
        gate.open.set()

        assert said(await one.until(task, TaskState.COMPLETED)) == "through"


async def test_runs_of_a_process_that_ends_in_good_order_go_on_elsewhere_at_once(
    place: Place,
) -> None:
    gate = Gate()
    async with replicas(place, gate.agent, lease_s=place.long_lease_s) as (one, other):
        task = await one.begin("begin")
        await gate.reached.wait()
        gate.reached = anyio.Event()
        await one.engine.drain(0)
        await gate.reached.wait()
        gate.open.set()

        assert said(await other.until(task, TaskState.COMPLETED)) == "through"


async def test_clock_that_is_wrong_takes_nothing_from_anybody(place: Place) -> None:
    """Leases and times to wake are the store's, whatever the clock of a process says."""
    gate = Gate()
    async with replicas(place, gate.agent, asker(), warm_s=COLD_S) as (one, other):
        other.clock.advance(86_400)
        task = await one.begin("begin")
        await gate.reached.wait()
        other.caller = Caller("ann", "asker")
        asked = await other.send("begin")
        await other.parked(asked)  # after which it looks for runs that nobody works on
        assert said(await other.send("blue", asked)) == "blue"
        gate.open.set()

        assert said(await one.until(task, TaskState.COMPLETED)) == "through"
        assert gate.begun == 1


async def test_first_of_two_answers_at_two_replicas_stands(place: Place) -> None:
    async with replicas(place, asker(), warm_s=COLD_S) as (one, other):
        task = await one.send("begin")
        await one.parked(task)
        refused: list[Exception] = []

        async def answer(replica: Replica, word: str) -> None:
            try:
                await replica.send(word, task)
            except UnsupportedOperation as error:  # the task was over by then
                refused.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(answer, one, "blue")
            group.start_soon(answer, other, "green")
        ended = await one.until(task, TaskState.COMPLETED)

        assert said(ended) in {"blue", "green"}
        messages = [each for each in await one.file.events(task.id) if each.message]
        assert len(messages) + len(refused) == 3  # the beginning, and both answers


async def test_one_message_at_two_replicas_begins_one_task(place: Place) -> None:
    async with replicas(place, echo()) as (one, other):
        begun: list[Task] = []

        async def send(replica: Replica) -> None:
            begun.append(await replica.ask_for(request("hello", message_id="m-1")))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(send, one)
                group.start_soon(send, other)

        assert len({task.id for task in begun}) == 1
        await one.until(begun[0], TaskState.COMPLETED)


async def test_run_of_an_agent_that_only_one_replica_has_is_woken_there(place: Place) -> None:
    async with replicas(place, asker(), warm_s=COLD_S, count=1) as (one,):
        stranger = Replica(place, (), COLD_S, LEASE_S)
        stranger.caller = one.caller
        async with anyio.create_task_group() as group:
            await group.start(stranger.serve)
            task = await one.send("begin")
            await one.parked(task)
            await stranger.send("blue", task)
            assert said(await one.until(task, TaskState.COMPLETED)) == "blue"
            assert await one.run_state(task) is not RunState.PARKED
            await stranger.engine.drain(0)
        await stranger.file.aclose()


async def test_stream_of_one_process_goes_on_in_another_that_is_behind(place: Place) -> None:
    """docs/streams.md: numbers are the same everywhere; what one showed is no news to the other."""
    async with replicas(place, asker()) as (one, two):
        task = await one.send("go")
        wanted = SubscribeToTaskRequest(id=task.id)
        async with two.operations.subscribe(two.caller, wanted):
            await one.send("blue", task)
            events = await two.ledger.events(task.id)
            for after in (len(events), len(events) - 1):
                caller = two.caller._replace(numbering=Numbering(after))
                async with two.operations.subscribe(caller, wanted) as stream:
                    assert len(await drink(stream)) == len(events) - after
