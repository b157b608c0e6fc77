"""An agent elsewhere is called once, whatever dies or is lost on the way.

Source: DESIGN section 4 (`ours`): a row is INTENDED before the message leaves, the task is looked
up by its stored id, and a message whose reply was lost goes out under the same id; decision 0012.
"""

from __future__ import annotations

import anyio
import pytest

from interloom.agents import Context, DelegationUnanswered, agent
from interloom.bridges.delegation.sending import FIRST_TRIES
from interloom.bridges.handoff import Repeat
from interloom.runtime.ledger.rows import CallState, RunState
from interloom.runtime.model import TaskState
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.pair import World
from tests.journeys.elsewhere import Deaf, here_and_there, silenced
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, message, question, result, send, until

ASKING = TaskState.INPUT_REQUIRED
COLD = Settings(warm_s=0.0, grace_s=1.0)


async def until_working(here: World, task_id: str) -> None:
    """Wait until the other task's id is stored."""
    while CallState.REMOTE_TASK not in await states(here, task_id):
        await anyio.wait_all_tasks_blocked()


async def until_parked(here: World, task_id: str) -> None:
    """Wait until only rows are left."""
    run = (await here.ledger.journal(task_id)).run
    while run is None or run.state is not RunState.PARKED:
        await anyio.wait_all_tasks_blocked()
        run = (await here.ledger.journal(task_id)).run


async def states(here: World, task_id: str) -> list[CallState]:
    """Where the calls of a task stand."""
    return [row.state for row in (await here.ledger.journal(task_id)).calls.values()]


async def test_question_of_an_agent_elsewhere_climbs(stage: Stage) -> None:
    """DESIGN 5: over HTTP as within a process."""
    async with here_and_there(stage) as (here, there):
        client = stage.client(here, "concierge")
        asked = await send(client, "Lisbon")
        done = await send(client, message("3", task=asked))
        (task,) = (await there.client("hotel").list()).tasks
        child = await there.client("hotel").get(task.id)

    assert question(asked).splitlines()[0] == "hotel asks: How many nights?"
    assert result(done) == "Booked: 3 nights in Lisbon"
    assert [each.message_id for each in child.history if each.role.value == "ROLE_USER"] == [
        f"{asked.id}/delegate/hotel/1",
        f"{asked.id}/delegate/hotel/1/answer/0",
    ]


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_message_whose_reply_was_lost_begins_no_second_task(stage: Stage, who: str) -> None:
    """DESIGN 4: killed between intent and reply, on either side."""
    async with here_and_there(stage) as (here, there):
        client = stage.client(here, "concierge")
        silent = silenced(there, "SendMessage")
        task = await send(client, "Lisbon", AT_ONCE)
        await silent.kept.wait()
        stood = await states(here, task.id)
        await (here if who == "caller" else there).crash()
        asked = await until(client, task, ASKING)
        done = await send(client, message("3", task=asked))
        listed = (await there.client("hotel").list()).tasks

    assert stood == [CallState.INTENDED]
    assert result(done) == "Booked: 3 nights in Lisbon"
    assert len(listed) == 1


async def test_message_that_is_never_repeated_waits_for_nobody(stage: Stage) -> None:
    """docs/delegation.md: `retry: never` decides, whatever a card that cannot be had would say."""
    async with here_and_there(stage, repeat=Repeat.NEVER) as (here, there):
        client = stage.client(here, "concierge")
        silent = silenced(there, "SendMessage")
        task = await send(client, "Lisbon", AT_ONCE)
        await silent.kept.wait()
        there.port.app = None
        await here.crash()
        done = await until(client, task, TaskState.FAILED)

    assert question(done) == "The message to hotel was interrupted and not repeated."


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_answer_whose_reply_was_lost_is_given_once(stage: Stage, who: str) -> None:
    """DESIGN 4: an answer that arrived has moved the task, so nobody sends it again."""
    async with here_and_there(stage) as (here, there):
        client = stage.client(here, "concierge")
        asked = await send(client, "Lisbon")
        silent = silenced(there, "SendMessage")
        await send(client, message("3", task=asked), AT_ONCE)
        await silent.kept.wait()
        await (here if who == "caller" else there).crash()
        done = await until(client, asked, TaskState.COMPLETED)
        (task,) = (await there.client("hotel").list()).tasks
        child = await there.client("hotel").get(task.id)

    assert result(done) == "Booked: 3 nights in Lisbon"
    assert len([each for each in child.history if each.role.value == "ROLE_USER"]) == 2
    assert silent.seen == 1


async def test_agent_elsewhere_may_restart_while_it_works(stage: Stage) -> None:
    """DESIGN 4: its task is looked up by its id, again and again."""
    go = anyio.Event()

    @agent(name="hotel")
    async def slow(ctx: Context) -> str:
        await ctx.step("wait", go_on)
        return "a room"

    async def go_on() -> None:
        await go.wait()

    async with here_and_there(stage, callee=slow) as (here, there):
        client = stage.client(here, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await until_working(here, task.id)
        await there.crash()
        await here.crash()
        go.set()
        done = await until(client, task, TaskState.COMPLETED)
        listed = (await there.client("hotel").list()).tasks

    assert result(done) == "Booked: a room"
    assert len(listed) == 1


async def test_process_that_listens_ends_in_good_order_at_once(stage: Stage) -> None:
    """ours: listening is waiting, so the run is parked; else this waits for its minute of grace."""
    go = anyio.Event()

    @agent(name="hotel")
    async def slow(_: Context) -> str:
        await go.wait()
        return "a room"

    settings = Settings(grace_s=60.0)
    async with here_and_there(stage, callee=slow, settings=settings) as (here, _):
        client = stage.client(here, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await until_working(here, task.id)
        await here.restart()
        go.set()
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: a room"


async def test_end_of_a_silent_task_is_noticed_by_rows_alone(stage: Stage) -> None:
    """ours: nobody listens, and the row knows when to look."""
    go = anyio.Event()

    @agent(name="hotel")
    async def slow(ctx: Context) -> str:
        await ctx.step("wait", go_on)
        return "a room"

    async def go_on() -> None:
        await go.wait()

    async with here_and_there(stage, callee=slow, settings=COLD) as (here, _):
        client = stage.client(here, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await until_parked(here, task.id)
        go.set()
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: a room"


async def test_agent_that_is_not_there_was_not_asked(stage: Stage) -> None:
    """DESIGN 4: not a byte has left, so nobody is in doubt."""
    caught: list[bool | None] = []

    @agent(name="concierge")
    async def copes(ctx: Context) -> str:
        try:
            return (await ctx.delegate("hotel", ctx.text)).text
        except DelegationUnanswered as error:
            caught.append(error.took_effect)
            return str(error)

    async with here_and_there(stage, caller=copes) as (here, there):
        app, there.port.app = there.port.app, None
        done = await send(stage.client(here, "concierge"), "Lisbon")
        there.port.app = app

    assert caught == [False]
    assert result(done) == "hotel: no connection: refused or unreachable; it was not asked."


async def test_agent_that_may_have_our_message_is_tried_for_longer(stage: Stage) -> None:
    """ours: it may have begun a task, so a restart of seconds must not lose it."""
    async with here_and_there(stage) as (here, there):
        assert there.port.app is not None
        there.port.app = deaf = Deaf(there.port.app, "SendMessage", times=FIRST_TRIES + 1)
        asked = await send(stage.client(here, "concierge"), "Lisbon")
        listed = (await there.client("hotel").list()).tasks

    assert question(asked).splitlines()[0] == "hotel asks: How many nights?"
    assert len(listed) == 1
    assert deaf.times == 0


async def test_agent_that_goes_away_later_is_looked_for(stage: Stage) -> None:
    """ours: an answer that waited for days must not be lost to a restart."""
    async with here_and_there(stage) as (here, there):
        client = stage.client(here, "concierge")
        asked = await send(client, "Lisbon")
        app, there.port.app = there.port.app, None
        await send(client, message("3", task=asked), AT_ONCE)
        await anyio.wait_all_tasks_blocked()
        there.port.app = app
        done = await until(client, asked, TaskState.COMPLETED)

    assert result(done) == "Booked: 3 nights in Lisbon"


async def test_task_that_ends_while_we_ask_is_no_longer_answered(stage: Stage) -> None:
    """ours: whoever canceled it, its end is the answer."""
    async with here_and_there(stage) as (here, there):
        client = stage.client(here, "concierge")
        asked = await send(client, "Lisbon")
        (task,) = (await there.client("hotel").list()).tasks
        await there.client("hotel").cancel(task.id)
        done = await send(client, message("3", task=asked))

    assert done.status.state is TaskState.FAILED
    assert question(done) == "hotel was canceled."


@pytest.mark.parametrize("breaks", [False, True], ids=["silent", "between two tries"])
async def test_cancel_reaches_an_agent_elsewhere_whose_id_was_not_heard(
    stage: Stage, *, breaks: bool
) -> None:
    """DESIGN 5: the message is sent again, which begins nothing, and its task is canceled."""
    async with here_and_there(stage) as (here, there):
        client = stage.client(here, "concierge")
        silent = silenced(there, "SendMessage", breaks=breaks)
        task = await send(client, "Lisbon", AT_ONCE)
        await silent.kept.wait()
        await client.cancel(task.id)
        (listed,) = (await there.client("hotel").list()).tasks
        gone = await until(there.client("hotel"), listed, TaskState.CANCELED)

    assert gone.status.state is TaskState.CANCELED
