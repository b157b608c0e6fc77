"""A call in doubt that nobody need be asked about: somebody has said what to do.

Source: DESIGN section 4 (`ours`); each row of the table is in tests/bridges/handoff.
"""

from __future__ import annotations

import pytest

from interloom.bridges.handoff import Policy, Repeat
from interloom.runtime.model import TaskState
from interloom.runtime.values import JsonObject
from tests.journeys.desk import Desk, HangUp, Seen
from tests.journeys.matrix import Stage
from tests.journeys.stuck import Stuck, concierge, interrupted
from tests.journeys.words import question, result, send, until


async def test_policy_always_repeats_without_asking(stage: Stage) -> None:
    """DESIGN 4: the operator said that repeating is safe."""
    stuck = Stuck(times=2)
    async with interrupted(stage, stuck, Policy(Repeat.ALWAYS)) as (world, client, task):
        await stuck.crash(world)
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: call 3"


async def test_policy_never_fails_without_asking(stage: Stage) -> None:
    """DESIGN 4: the operator said that repeating is not safe, and asking not wanted."""
    stuck = Stuck()
    async with interrupted(stage, stuck, Policy(Repeat.NEVER)) as (_, client, task):
        done = await until(client, task, TaskState.FAILED)

    assert question(done) == "The call to book of flights was interrupted and not repeated."
    assert len(stuck.desk.calls) == 1


SAFE: dict[str, tuple[JsonObject, Policy]] = {
    "trusted, read-only": ({"annotations": {"readOnlyHint": True}}, Policy(is_trusted=True)),
    "trusted, idempotent": ({"annotations": {"idempotentHint": True}}, Policy(is_trusted=True)),
    "trusted, keyed": ({"_meta": {"io.interloom/honoursKey": True}}, Policy(is_trusted=True)),
    "declared, keyed": ({}, Policy(honours_key=frozenset({"book"}))),
    "the operator's word": ({}, Policy(by_tool={"book": Repeat.ALWAYS})),
}


@pytest.mark.parametrize(("listed", "policy"), SAFE.values(), ids=SAFE)
async def test_call_that_is_safe_to_repeat_is_repeated_under_its_key(
    stage: Stage, listed: JsonObject, policy: Policy
) -> None:
    """DESIGN 4: the operator or the tool's owner said that repeating is safe."""
    stuck = Stuck()
    stuck.desk.listed["book"] = listed
    async with interrupted(stage, stuck, policy) as (_, client, task):
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: call 2"
    keys = {str(each.meta["io.interloom/idempotencyKey"]) for each in stuck.desk.calls}
    assert keys == {f"{task.id}/tool/flights.book/1/0"}
    assert stuck.desk.calls[0].id != stuck.desk.calls[1].id


async def test_word_of_a_stranger_is_no_reason_to_repeat(stage: Stage) -> None:
    """MCP server/tools: annotations are untrusted unless the server is trusted."""
    stuck = Stuck()
    stuck.desk.listed["book"] = {"annotations": {"readOnlyHint": True, "idempotentHint": True}}
    async with interrupted(stage, stuck) as (_, client, task):
        await until(client, task, TaskState.INPUT_REQUIRED)

    assert len(stuck.desk.calls) == 1


LOST: dict[str, tuple[Policy, int]] = {
    "safe": (Policy(honours_key=frozenset({"book"})), 4),
    "not known to be": (Policy(), 1),
    "never": (Policy(Repeat.NEVER, honours_key=frozenset({"book"})), 1),
}


@pytest.mark.parametrize(("policy", "times"), LOST.values(), ids=LOST)
async def test_answer_that_is_lost_on_the_way_is_asked_for_again_where_that_is_safe(
    stage: Stage, policy: Policy, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    """DESIGN 4: three times; else the agent sees that nobody knows. The log says what was done."""

    async def book(_: Seen) -> JsonObject:
        raise HangUp

    desk = Desk(book=book)
    async with desk.open(policy=policy) as tools, stage.play(concierge, tools=tools) as world:
        done = await send(stage.client(world, "concierge"), "Lisbon")

    assert question(done).endswith("the call of book may have taken effect.")
    assert len(desk.calls) == times
    assert len({str(each.meta["io.interloom/idempotencyKey"]) for each in desk.calls}) == 1
    doubts = [each.__dict__["next"] for each in caplog.records if each.msg == "call.in_doubt"]
    assert doubts == [*["resend"] * (times - 1), "fail"]


async def test_crash_takes_nothing_from_the_answers_that_may_be_lost(stage: Stage) -> None:
    """docs/calls.md: a lost answer is asked for again up to three times, whatever came before."""
    stuck = Stuck(breaks=3)
    async with interrupted(stage, stuck, Policy(Repeat.ALWAYS)) as (_, client, task):
        done = await until(client, task, TaskState.COMPLETED)

    assert result(done) == "Booked: call 5"
