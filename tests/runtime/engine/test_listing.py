"""ListTasks, whatever the binding: what a page shows, and how pages follow each other.

Source: A2A 1.0.1 section 3.1.4.
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.engine.listing import as_of
from interloom.runtime.errors import BadParams
from interloom.runtime.model import ListTasksRequest, ListTasksResponse, Task, TaskState, decode
from interloom.runtime.testing import asker, echo
from interloom.runtime.testing.agents import Slow
from tests.runtime.engine.house import House, Store, house


async def listed(home: House, **wanted: object) -> ListTasksResponse:
    request = decode(ListTasksRequest, orjson.loads(orjson.dumps(wanted)))
    answer = await home.operations.list_tasks(home.caller, request)
    return decode(ListTasksResponse, orjson.loads(answer))


async def test_pages_follow_each_other_newest_first_while_tasks_come_in(store: Store) -> None:
    """A cursor is a place among the tasks: what comes later is before it."""
    async with house(store, echo()) as home:
        begun: list[str] = []
        for number in range(7):
            begun.insert(0, (await home.send(f"word {number}")).id)
            home.clock.advance(number % 2 / 1000)
        first = await listed(home, pageSize=3)
        home.clock.advance(0.001)
        await home.send("late")
        second = await listed(home, pageSize=3, pageToken=first.next_page_token)
        third = await listed(home, pageSize=5, pageToken=second.next_page_token)

        found = [task.id for page in (first, second, third) for task in page.tasks]
        assert sorted(found) == sorted(begun)
        times = [task.status.timestamp for page in (first, second, third) for task in page.tasks]
        assert times == sorted(times, key=str, reverse=True)
        assert (first.total_size, second.total_size, third.next_page_token) == (7, 8, "")
        assert (first.page_size, third.page_size) == (3, 5)


async def test_task_at_work_is_listed_as_it_stands(store: Store) -> None:
    """There is no snapshot of it yet."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("go")
        await slow.working.wait()
        (shown,) = (await listed(home, status="TASK_STATE_WORKING")).tasks
        assert (shown.id, shown.status.state) == (task.id, TaskState.WORKING)
        slow.finish.set()
        await home.over(task)
        assert (await listed(home, status="TASK_STATE_WORKING")).tasks == ()


async def test_artifacts_are_shown_when_asked_for_and_history_as_long_as_asked_for(
    store: Store,
) -> None:
    """3.1.4: else the field is omitted; 3.2.4: at most so many messages, none for 0."""
    async with house(store, asker()) as home:
        await home.send("blue", await home.send("go"))
        (plain,) = (await listed(home)).tasks
        (whole,) = (await listed(home, includeArtifacts=True, historyLength=1)).tasks
        (short,) = (await listed(home, historyLength=0)).tasks
    assert (plain.artifacts, len(plain.history), len(whole.artifacts)) == ((), 3, 1)
    assert [part.text for message in whole.history for part in message.parts] == ["blue"]
    assert short.history == ()


async def test_token_is_good_for_its_own_filter_only(store: Store) -> None:
    """Ours; see decision 0015."""
    async with house(store, echo()) as home:
        for _ in range(2):
            await home.send("word")
        token = (await listed(home, pageSize=1)).next_page_token
        with pytest.raises(BadParams, match="pageToken: belongs to another query"):
            await listed(home, pageSize=1, pageToken=token, status="TASK_STATE_COMPLETED")


async def test_task_that_moves_on_meanwhile_is_listed_as_it_was_found(store: Store) -> None:
    """Else a page could show a task in a state that was not asked for."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("go")
        await slow.working.wait()
        stored = await home.ledger.task(task.id)
        assert stored is not None
        slow.finish.set()
        done = await home.over(task)
        shown = decode(Task, orjson.loads(await as_of(home.tasks, stored.record)))
    assert (shown.status.state, done.status.state) == (TaskState.WORKING, TaskState.COMPLETED)
    assert shown.artifacts == ()
