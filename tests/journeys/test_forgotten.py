"""A server that has forgotten its question by the time the person's answer is there.

Source: MCP 2026-07-28 basic/patterns/mrtr: a `requestState` may have a short expiry; DESIGN section
5: the round is opened anew, the same question gets the stored answer, another one is asked.
"""

from __future__ import annotations

from typing import Final

import pytest

from interloom.agents import Context, agent
from interloom.bridges.handoff import Policy, Repeat
from interloom.bridges.handoff.conversation import OPENINGS
from interloom.runtime.model import TaskState
from interloom.runtime.values import JsonObject
from tests.journeys.desk import SEATS, Desk, Refusal, Seen, asks, form, says
from tests.journeys.matrix import DISASTERS, Disaster, Stage
from tests.journeys.stuck import concierge
from tests.journeys.words import message, open_questions, question, result, send

ASKING: Final = TaskState.INPUT_REQUIRED
ALWAYS: Final = Policy(Repeat.ALWAYS)
SEAT: Final = form("Window or aisle?", seat=SEATS)
EXPIRED: Final = (
    "The server does not go on with book: its question has expired or was used up, so it may or may"
    " not have taken effect. What should happen?"
)


class Forgetful:
    """A server whose states expire before their answers come.

    Args:
        times: How many states do.
        then: What it asks the next time.
    """

    def __init__(self, times: int = 1, then: JsonObject = SEAT) -> None:
        self._left, self._then = times, then
        self.desk = Desk(**{"book": self.book, "desk://seats": self.seats})

    async def book(self, seen: Seen) -> JsonObject:
        """Asks, forgets, asks again, books."""
        content = self._content(seen)
        return content if "resultType" in content else says(f"seat {content['seat']}")

    async def seats(self, seen: Seen) -> JsonObject:
        """The same, as a resource."""
        content = self._content(seen)
        if "resultType" in content:
            return content
        return {"contents": [{"uri": "desk://seats", "text": str(content["seat"])}]}

    def _content(self, seen: Seen) -> JsonObject:
        if not seen.answers:
            is_first = len(self.desk.calls) == 1
            return asks(f"state {len(self.desk.calls)}", seat=SEAT if is_first else self._then)
        if self._left:
            self._left -= 1
            raise Refusal(-32602)
        content = seen.answers["seat"]["content"]
        assert isinstance(content, dict)
        return content


@pytest.mark.parametrize("disaster", DISASTERS.values(), ids=DISASTERS)
async def test_same_question_gets_the_stored_answer(stage: Stage, disaster: Disaster) -> None:
    """DESIGN 5: the answer of a person is not lost, and nobody is asked twice."""
    forgetful = Forgetful()
    desk = forgetful.desk
    async with (
        desk.open(policy=ALWAYS) as tools,
        stage.play(concierge, tools=tools) as world,
    ):
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        await disaster(world)
        done = await send(client, message("aisle", task=task))

    assert result(done) == "Booked: seat aisle"
    assert [each.params.get("requestState") for each in desk.calls] == [
        None,
        "state 1",
        None,
        "state 3",
    ]
    keys = [str(each.meta["io.interloom/idempotencyKey"]) for each in desk.calls]
    assert len(set(keys)) == 4


async def test_another_question_is_asked(stage: Stage) -> None:
    """DESIGN 5: an answer counts for what was asked; the caller hears why it is asked again."""
    forgetful = Forgetful(then=form("Which seat?", seat={"type": "string"}))
    async with (
        forgetful.desk.open(policy=ALWAYS) as tools,
        stage.play(concierge, tools=tools) as world,
    ):
        client = stage.client(world, "concierge")
        first = await send(client, "Lisbon")
        second = await send(client, message("aisle", task=first))
        await world.crash()
        done = await send(client, message("4A", task=first))

    assert question(second).startswith(
        "flights asks: Its earlier question has expired. Which seat?"
    )
    assert result(done) == "Booked: seat 4A"


async def test_caller_decides_where_nobody_vouches(stage: Stage) -> None:
    """DESIGN 4: to call anew is to call twice; then the stored answer counts here, too."""
    forgetful = Forgetful()
    async with forgetful.desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        asked = await send(client, message("aisle", task=task))
        calls = len(forgetful.desk.calls)
        await world.crash()
        done = await send(client, message("call it again", task=task))

    assert asked.status.state is ASKING
    assert question(asked).startswith(f"flights asks: {EXPIRED}")
    assert list(open_questions(asked)) == ["book-interrupted"]
    assert calls == 2
    assert result(done) == "Booked: seat aisle"
    assert len(forgetful.desk.calls) == 4


@pytest.mark.parametrize(
    ("policy", "times", "calls"),
    [(Policy(Repeat.NEVER), 1, 2), (ALWAYS, 99, 2 * (1 + OPENINGS))],
    ids=["nothing may be repeated", "it forgets for ever"],
)
async def test_agent_sees_the_error_where_no_call_is_begun_anew(
    stage: Stage, policy: Policy, times: int, calls: int
) -> None:
    """docs/calls.md: not with `retry: never`, else three times: it may be meant for the answer."""
    forgetful = Forgetful(times=times)
    async with (
        forgetful.desk.open(policy=policy) as tools,
        stage.play(concierge, tools=tools) as world,
    ):
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        done = await send(client, message("aisle", task=task))

    assert done.status.state is TaskState.FAILED
    assert question(done).endswith("tools/call: answered error -32602 (invalid parameters)")
    assert len(forgetful.desk.calls) == calls


async def test_resource_is_read_anew_by_itself(stage: Stage) -> None:
    """Ours: to read changes nothing, so nobody need vouch for it."""

    @agent(name="reader")
    async def reader(ctx: Context) -> str:
        (found,) = await ctx.resource("flights", "desk://seats")
        return str(found.data)

    forgetful = Forgetful()
    async with forgetful.desk.open() as tools, stage.play(reader, tools=tools) as world:
        client = stage.client(world, "reader")
        task = await send(client, "Lisbon")
        await world.crash()
        done = await send(client, message("aisle", task=task))

    assert result(done) == "aisle"
    assert len(forgetful.desk.calls) == 4
