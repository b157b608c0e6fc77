"""What a message says beside its parts: the tasks it refers to, and what its sender accepts.

Source: A2A 1.0.1 sections 3.4.3 (referenceTaskIds), 13.1 (nobody sees another's task), 3.2.2 and
3.3.2 (acceptedOutputModes, and a type that is not supported).
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Outcome, Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.inbox import MAX_REFERENCES
from interloom.runtime.errors import BadParams, ContentTypeNotSupported, TaskNotFound
from interloom.runtime.model import (
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    Task,
    decode,
)
from interloom.runtime.testing import echo
from interloom.runtime.testing.agents import FORM, result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, Store, house, request, said


async def _reads(task: TaskContext) -> tuple[Product, ...]:
    found = [decode(Task, orjson.loads(each)) for each in await task.referenced()]
    return result(" and ".join(said(each) for each in found) or task.text)


READER = Agent(About("reader", "Says what it is told, or referred to."), _reads)


def referring(*task_ids: str, context_id: str = "") -> SendMessageRequest:
    message = Message(
        message_id="referring",
        context_id=context_id,
        role=Role.USER,
        parts=(Part(text="go on"),),
        reference_task_ids=task_ids,
    )
    return SendMessageRequest(message=message)


async def test_agent_reads_the_tasks_a_message_refers_to(store: Store) -> None:
    """A2A 3.4.3: agents SHOULD use them to understand what is meant."""
    async with house(store, READER) as home:
        first, second = await home.send("a"), await home.send("b")
        task = await home.ask_for(referring(first.id, second.id))
        assert said(task) == "a and b"
        assert task.history[0].reference_task_ids == (first.id, second.id)


async def test_task_of_somebody_else_cannot_be_referred_to_nor_told_from_none(
    store: Store,
) -> None:
    """A2A 13.1 and 3.3.2."""
    async with house(store, READER) as home:
        theirs = await home.send("secret")
        home.caller = home.caller._replace(owner="bob")
        for task_id in (theirs.id, "nowhere"):
            with pytest.raises(TaskNotFound, match=r"^no such task$"):
                await home.ask_for(referring(task_id))
        assert await home.ledger.seen("bob", "reader", "referring") is None


async def test_number_of_references_is_bounded(store: Store) -> None:
    """Ours: each is looked up."""
    async with house(store, READER) as home:
        with pytest.raises(BadParams, match=r"message\.referenceTaskIds: must be at most 100"):
            await home.ask_for(referring(*["t"] * (MAX_REFERENCES + 1)))


@pytest.mark.parametrize("accepted", [("image/png",), ("image/*", "audio/wav"), ("text/html",)])
async def test_caller_who_accepts_nothing_an_agent_gives_is_told_so(
    store: Store, accepted: tuple[str, ...]
) -> None:
    """A2A 3.3.2: a media type implied for an artifact that is not supported."""
    settings = SendMessageConfiguration(accepted_output_modes=accepted)
    async with house(store, echo()) as home:
        with pytest.raises(ContentTypeNotSupported, match=r"configuration\.acceptedOutputModes"):
            await home.ask_for(request("hello", settings=settings))


@pytest.mark.parametrize(
    "accepted",
    [("text/plain",), ("TEXT/*",), ("*/*",), ("image/png", "application/json"), ("text",)],
)
async def test_caller_who_accepts_something_an_agent_gives_is_served(
    store: Store, accepted: tuple[str, ...]
) -> None:
    """What is no media type, as older callers send, says nothing."""
    settings = SendMessageConfiguration(accepted_output_modes=accepted)
    async with house(store, echo()) as home:
        assert said(await home.ask_for(request("hello", settings=settings))) == "hello"


async def test_agent_knows_what_its_caller_accepts_also_after_it_was_parked(store: Store) -> None:
    """A2A 3.2.2: agents SHOULD use this to tailor their output."""
    heard: list[tuple[str, ...]] = []

    async def body(task: TaskContext) -> tuple[Product, ...]:
        heard.append(task.accepted_output_modes)
        await task.ask("ask", [Question("question", "Well?", FORM)])
        return result("done")

    settings = SendMessageConfiguration(accepted_output_modes=("text/plain", "text/html"))
    async with house(store, Agent(About("tailor", "Tailors."), body), warm_s=COLD_S) as home:
        task = await home.ask_for(request("hello", settings=settings))
        await home.until_parked(task)
        assert said(await home.send("yes", task)) == "done"
    assert heard == [("text/plain", "text/html")] * 2


async def test_agent_may_say_something_with_its_results(store: Store) -> None:
    """A2A 3.7: a status message informs; the result is an artifact."""

    async def body(task: TaskContext) -> Outcome:
        return Outcome(result(task.text), "That was easy.")

    async with house(store, Agent(About("talker", "Talks."), body)) as home:
        task = await home.send("hello")
    assert said(task) == "hello"
    assert task.status.message is not None
    assert (task.status.message.role, task.status.message.parts[0].text) == (
        Role.AGENT,
        "That was easy.",
    )
