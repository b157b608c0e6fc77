"""Our client and our server joined in memory: what one writes, the other reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import anyio
import pytest
from joserfc.jwk import OKPKey

from interloom.runtime.client import A2AClient, Cards, ClientOptions, Demand, Trust
from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import TaskNotCancelable, TaskNotFound, UnsupportedOperation
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import Message, Part, Role, Task, TaskState
from interloom.runtime.testing.pair import PATIENT, pair
from interloom.runtime.wire.card import About
from interloom.runtime.wire.keys import signing_key

SEAT = Question(
    "seat", "Which seat?", {"type": "object", "properties": {"place": {"type": "string"}}}
)


async def book(task: TaskContext) -> tuple[Product, ...]:
    (response,) = await task.ask("ask/1", [SEAT])
    content = response.content or {}
    return (Product.of_text("a", f"Seat: {content.get('place')}"),)


def message(text: str, task_id: str = "") -> Message:
    parts = (Part(text=text),)
    return Message(message_id=f"m-{text}", role=Role.USER, parts=parts, task_id=task_id)


@asynccontextmanager
async def joined() -> AsyncGenerator[A2AClient]:
    with anyio.fail_after(10):
        async with pair([Agent(About("book", "Books."), book)], MemoryLedger) as world:
            yield world.client("book")


async def test_question_is_asked_answered_and_followed_to_its_end() -> None:
    """A2A 3.1.2, 3.4.3, 11.7."""
    async with joined() as client:
        asked = [event async for event in client.stream(message("a seat"))]
        first, last = asked[0].task, asked[-1].status_update
        assert first is not None
        assert last is not None
        assert last.status.state is TaskState.INPUT_REQUIRED

        answer = await client.send(message("window", first.id))

        assert isinstance(answer, Task)
        assert answer.status.state is TaskState.COMPLETED
        assert (await client.get(first.id)).artifacts[0].parts[0].text == "Seat: window"
        assert [each.id for each in (await client.list()).tasks] == [first.id]


async def test_subscriber_sees_the_rest_of_a_task() -> None:
    """A2A 3.1.6: first the task, then its events to the end."""
    async with joined() as client:
        task = await client.send(message("a seat"))
        assert isinstance(task, Task)
        async with aclosing(client.subscribe(task.id)) as events:
            first = await anext(events)
            await client.send(message("aisle", task.id))
            states = [e.status_update.status.state async for e in events if e.status_update]

        assert first.task is not None
        assert first.task.status.state is TaskState.INPUT_REQUIRED
        assert states[-1] is TaskState.COMPLETED


async def test_refusals_arrive_as_the_classes_they_left_as() -> None:
    """A2A 3.1.5, 3.1.6, 5.4."""
    async with joined() as client:
        with pytest.raises(TaskNotFound):
            await client.get("nobody's")
        task = await client.send(message("a seat"))
        assert isinstance(task, Task)
        assert (await client.cancel(task.id)).status.state is TaskState.CANCELED
        with pytest.raises(TaskNotCancelable):
            await client.cancel(task.id)
        with pytest.raises(UnsupportedOperation):
            await anext(client.subscribe(task.id))


async def test_card_is_trusted_by_the_keys_its_server_publishes() -> None:
    """A2A 8.4.3, RFC 7517: `jku` leads to the key set, which is on the list."""
    key = signing_key(OKPKey.generate_key("Ed25519").as_pem(private=True))
    settings = replace(PATIENT, signing_key=key)
    trust = Trust(Demand.REQUIRE, key_origins=frozenset({PATIENT.base_url}))
    agents = [Agent(About("book", "Books."), book)]
    with anyio.fail_after(10):
        async with pair(agents, MemoryLedger, settings) as world:
            cards = Cards(world.port, ClientOptions(trust=trust))
            client = A2AClient(world.url("book"), world.port, cards=cards)

            assert len((await client.card()).signatures) == 1
            assert isinstance(await client.send(message("a seat")), Task)
