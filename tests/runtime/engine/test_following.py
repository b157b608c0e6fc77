"""Everybody who watches a task sees the same, to its end.

Source: A2A 1.0.1 sections 3.1.2 and 3.1.6 (a stream begins with the Task and closes at the end),
3.5.2 (same events, same order), 11.7 (a message's stream closes when the task asks for input).
"""

from __future__ import annotations

import gc
from asyncio import CancelledError, Future, create_task  # noqa: TID251 - the loop from below
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
import orjson
import pytest

from interloom.runtime.core import decide
from interloom.runtime.core.delivery import SUBSCRIPTION_ENDS
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller, Stream
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.follower import Follower
from interloom.runtime.engine.live import TAIL
from interloom.runtime.engine.tasks import PAGE
from interloom.runtime.errors import TaskNotFound, Unavailable, UnsupportedOperation
from interloom.runtime.ledger.rows import CreateTask, MoveTask
from interloom.runtime.model import SubscribeToTaskRequest, Task, TaskState
from interloom.runtime.testing import Slow, asker, echo
from interloom.runtime.testing.agents import result
from interloom.runtime.values import Json
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import (
    COLD_S,
    House,
    Store,
    drink,
    house,
    request,
    said,
)

LONG = (TAIL + PAGE) // 2 + 50
"""Twice this is more than is kept in memory, and more than is read at a time."""


class Teller:
    """An agent that says `count` things, then waits to be told to say as many again."""

    def __init__(self, count: int) -> None:
        self.agent = Agent(About("teller", "Tells."), self._body)
        self.half, self.go_on = anyio.Event(), anyio.Event()
        self._count = count

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        for number in range(self._count):
            await task.status(f"first {number}")
        self.half.set()
        await self.go_on.wait()
        for number in range(self._count):
            await task.status(f"second {number}")
        return result("told")


@asynccontextmanager
async def subscribed(home: House, task: Task) -> AsyncGenerator[Stream]:
    async with home.operations.subscribe(home.caller, SubscribeToTaskRequest(id=task.id)) as stream:
        yield stream


def state(response: bytes) -> str:
    """The state a `StreamResponse` tells of."""
    shape: dict[str, dict[str, dict[str, str]]] = orjson.loads(response)
    (payload,) = shape.values()
    return payload["status"]["state"].removeprefix("TASK_STATE_")


async def test_new_message_streams_the_task_from_its_beginning_to_its_end(store: Store) -> None:
    async with (
        house(store, echo()) as home,
        home.operations.stream_message(home.caller, request("hello")) as stream,
    ):
        assert stream.opening is None
        events = await drink(stream)

    assert [list[Json](orjson.loads(each))[0] for each in events] == [
        "task",
        "statusUpdate",
        "artifactUpdate",
        "statusUpdate",
    ]
    assert (state(events[0]), state(events[-1])) == ("SUBMITTED", "COMPLETED")


async def test_all_followers_see_the_same_events_wherever_they_began(store: Store) -> None:
    """One from the first word, one that never reads until the end, one that joins in between."""
    teller = Teller(LONG)
    seen: dict[str, list[bytes]] = {}
    async with house(store, teller.agent) as home:
        task = await home.begin("begin")

        async def follow(name: str, stream: Stream) -> None:
            seen[name] = await drink(stream)

        async with (
            subscribed(home, task) as early,
            subscribed(home, task) as lazy,
            anyio.create_task_group() as group,
        ):
            group.start_soon(follow, "early", early)
            await teller.half.wait()
            async with subscribed(home, task) as late:
                teller.go_on.set()
                await follow("late", late)
            await home.over(task)
            await follow("lazy", lazy)
        events = await home.ledger.events(task.id, limit=LONG * 3)

    whole = [event.response(task.id, task.context_id) for event in events]
    assert [event.seq for event in events] == list(range(1, 2 * LONG + 5))
    assert seen["early"] == seen["lazy"] == whole[-len(seen["early"]) :]
    assert seen["late"] == whole[-len(seen["late"]) :]
    assert len(seen["early"]) > len(seen["late"]) > LONG


async def test_opening_and_events_of_a_subscription_are_the_whole_task(store: Store) -> None:
    teller = Teller(3)
    async with house(store, teller.agent) as home:
        task = await home.begin("begin")
        await teller.half.wait()
        async with subscribed(home, task) as stream:
            assert stream.opening is not None
            assert state(stream.opening) == "WORKING"
            assert orjson.loads(stream.opening)["task"]["status"]["message"]["parts"] == [
                {"text": "first 2"}
            ]
            teller.go_on.set()
            events = await drink(stream)
    texts = [orjson.loads(each).get("statusUpdate", {}).get("status", {}) for each in events[:3]]
    assert [each["message"]["parts"][0]["text"] for each in texts] == [
        "second 0",
        "second 1",
        "second 2",
    ]


async def test_follower_that_read_ahead_of_an_acknowledgement_waits_for_the_next_event(
    store: Store,
) -> None:
    """What is stored may be read before this process is told; that is no reason to spin."""
    teller = Teller(TAIL + 10)
    async with house(store, teller.agent) as home:
        task = await home.begin("begin")
        await teller.half.wait()
        async with home.tasks.held(task.id) as live:
            far_behind = Follower(home.tasks, live, after=0, ends=SUBSCRIPTION_ENDS)
            gate = home.ledger.hold_back(lambda write: isinstance(write, MoveTask))
            before = live.stored.seq
            teller.go_on.set()
            await home.ledger.until(lambda write: isinstance(write, MoveTask), before - 1)
            shown = [event.seq for event in await far_behind.next(0)]
            assert shown == list(range(1, before + 1))

            gate.set()
            while not far_behind.done:
                found = await far_behind.next(10)
                assert found
                shown += [event.seq for event in found]
            assert shown == list(range(1, live.stored.seq + 1))


async def test_streams_of_a_message_end_when_the_task_asks_and_subscriptions_do_not(
    store: Store,
) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        async with home.operations.stream_message(home.caller, request("begin")) as stream:
            events = await drink(stream)
        assert state(events[-1]) == "INPUT_REQUIRED"
        task = Task.model_validate(orjson.loads(events[0])["task"])

        async with subscribed(home, task) as watching:
            assert watching.opening is not None
            assert state(watching.opening) == "INPUT_REQUIRED"
            await home.send("blue", task)
            assert [state(each) for each in await drink(watching) if b"status" in each] == [
                "WORKING",
                "COMPLETED",
            ]


async def test_stream_of_an_answer_begins_with_the_task_and_ends_with_it(store: Store) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        async with home.operations.stream_message(home.caller, request("blue", task)) as stream:
            assert stream.opening is not None
            assert state(stream.opening) == "WORKING"
            assert state((await drink(stream))[-1]) == "COMPLETED"


async def test_stream_of_an_answer_that_does_not_fit_ends_at_once(store: Store) -> None:
    """The next word is the caller's: nothing more will come (A2A 11.7)."""
    async with house(store, asker()) as home:
        task = await home.send("begin")
        wrong = request('{"answers": {"nothing": 1}}', task)
        async with home.operations.stream_message(home.caller, wrong) as stream:
            assert stream.opening is not None
            assert state(stream.opening) == "INPUT_REQUIRED"
            assert stream.follower.done


@pytest.mark.parametrize("agent", [echo("agent"), asker("agent")], ids=["over", "asking"])
async def test_stream_of_a_repeated_message_shows_a_settled_task_and_ends(
    store: Store, agent: Agent
) -> None:
    """A2A 3.3.1: the repeat begins nothing; what it began before is shown."""
    async with house(store, agent) as home:
        task = await home.send("hello", message_id="m1")
        again = request("hello", message_id="m1")
        async with home.operations.stream_message(home.caller, again) as stream:
            assert stream.opening is not None
            assert Task.model_validate(orjson.loads(stream.opening)["task"]) == task
            assert stream.follower.done


async def test_task_that_is_over_cannot_be_subscribed_to(store: Store) -> None:
    async with house(store, echo()) as home:
        task = await home.send("hello")
        with pytest.raises(UnsupportedOperation, match="COMPLETED; get it instead"):
            async with subscribed(home, task):
                pass


async def test_foreigner_cannot_subscribe(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        home.caller = Caller("bob", "slow")
        with pytest.raises(TaskNotFound):
            async with subscribed(home, task):
                pass


async def test_silence_is_an_empty_answer_and_not_the_end(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        async with subscribed(home, task) as stream:
            assert await stream.follower.next(0) == []
            assert not stream.follower.done
            slow.finish.set()
            assert state((await drink(stream))[-1]) == "COMPLETED"


async def test_follower_of_a_task_whose_commit_failed_is_told_to_subscribe_again(
    store: Store,
) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        async with subscribed(home, task) as stream:
            home.ledger.fail()
            slow.finish.set()
            with pytest.raises(Unavailable):
                await stream.follower.next(10)
        task = await home.over(task)
        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "done")


async def test_commit_torn_out_of_its_callers_hands_leads_nobody_astray(store: Store) -> None:
    """A plain `asyncio` cancel gets through every shield: the outcome is stored, but not known."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        async with subscribed(home, task) as stream, home.tasks.held(task.id) as live:
            report = decide.report(live.record, "torn", event_id="torn", now=home.clock.now())
            gate = home.ledger.hold_back(lambda write: isinstance(write, MoveTask))
            torn = create_task(home.tasks.commit(live, report))
            await home.ledger.until(lambda write: isinstance(write, MoveTask))
            torn.cancel()
            with suppress(CancelledError):
                await torn
            gate.set()
            with pytest.raises(Unavailable):
                await stream.follower.next(10)

        assert said(await home.get(task)) == "torn"
        slow.finish.set()
        assert said(await home.over(task)) == "done"
        events = await home.ledger.events(task.id)
        assert [event.id for event in events][2:] == ["torn", "finished/1", "finished"]


async def test_task_found_before_its_creation_is_acknowledged_is_the_same_for_all(
    store: Store,
) -> None:
    """Somebody may list tasks between the write and its acknowledgement, and stay to watch."""
    async with house(store, echo()) as home:
        gate = home.ledger.hold_back(lambda write: isinstance(write, CreateTask))
        seen: list[int] = []
        async with anyio.create_task_group() as group:
            group.start_soon(home.send, "hello")
            await home.ledger.until(lambda write: isinstance(write, CreateTask))
            (row,) = await home.ledger.runs()
            async with home.tasks.held(row.task_id) as live:
                follower = Follower(home.tasks, live, after=0, ends=SUBSCRIPTION_ENDS)
                gate.set()
                while not follower.done:
                    found = await follower.next(10)
                    assert found
                    seen += [event.seq for event in found]
        assert seen == [1, 2, 3, 4]


async def test_nothing_of_a_task_stays_in_memory_when_nobody_looks(store: Store) -> None:
    async with house(store, asker(), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.until_parked(task)
        while home.tasks.find(task.id) is not None:  # the run is at its last words
            await anyio.lowlevel.checkpoint()
        first = await home.tasks.hold(task.id)
        home.tasks.release(first)
        second = await home.tasks.hold(task.id)
        home.tasks.release(second)
        assert first is not second


def futures() -> int:
    gc.collect()
    return sum(isinstance(each, Future) for each in gc.get_objects())


async def test_follower_that_hears_nothing_for_long_leaves_nothing_behind(store: Store) -> None:
    """A stream is kept open through days of silence with a comment now and then."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        async with subscribed(home, task) as stream:
            before = futures()
            for _ in range(50):
                assert await stream.follower.next(0) == []
            assert futures() - before < 10
