"""Messages that are answered at once, without a task.

Source: A2A 1.0.1 sections 3.1.1 and 3.1.2 (a Message in place of a Task, a stream of one), 3.2.2
(returnImmediately has no effect) and 3.4.1 (its contextId); that it is stored first is decision
0018.
"""

from __future__ import annotations

import anyio
import orjson
import pytest

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import AgentRejected, BadParams, UnsupportedOperation
from interloom.runtime.model import (
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    Task,
    decode,
)
from interloom.runtime.testing.agents import result, text
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import House, Store, house, request, said

LIST = ListTasksRequest()


class Porter:
    """An agent that greets at once, refuses `no`, and works on anything else.

    Attributes:
        asked: Messages it was asked to answer at once.
    """

    def __init__(self) -> None:
        self.agent = Agent(About("porter", "Greets, or works."), self._body, self._reply)
        self.asked: list[str] = []

    async def _reply(self, message: Message) -> tuple[Part, ...] | None:
        self.asked.append(message.message_id)
        await anyio.lowlevel.checkpoint()
        match text(message):
            case "hello":
                return (Part(text="Good day."),)
            case "no":
                raise AgentRejected("Not here.")
            case _:
                return None

    async def _body(self, task: TaskContext) -> tuple[Product, ...]:
        return result(f"done: {task.text}")


async def answered(home: House, wanted: SendMessageRequest) -> Message | Task:
    answer = orjson.loads(await home.operations.send_message(home.caller, wanted))
    response = decode(SendMessageResponse, answer)
    found = response.message or response.task
    assert found is not None
    return found


async def test_message_is_answered_by_a_message_and_no_task_is_there(store: Store) -> None:
    """A2A 3.1.1."""
    async with house(store, Porter().agent) as home:
        reply = await answered(home, request("hello"))
        assert isinstance(reply, Message)
        assert (reply.role, text(reply), reply.task_id) == (Role.AGENT, "Good day.", "")
        assert reply.context_id
        assert orjson.loads(await home.operations.list_tasks(home.caller, LIST))["totalSize"] == 0


async def test_other_messages_begin_tasks(store: Store) -> None:
    async with house(store, Porter().agent) as home:
        assert said(await home.send("work")) == "done: work"


async def test_stream_of_a_reply_is_that_message_and_its_end(store: Store) -> None:
    """A2A 3.1.2: exactly one Message, then it closes."""
    async with house(store, Porter().agent) as home:
        wanted = request("hello")
        async with home.operations.stream_message(home.caller, wanted) as stream:
            assert stream.opening is not None
            event = decode(StreamResponse, orjson.loads(stream.opening))
            assert stream.follower.done
        assert event.message == await answered(home, wanted)


async def test_returning_immediately_changes_nothing_about_a_reply(store: Store) -> None:
    """A2A 3.2.2."""
    settings = SendMessageConfiguration(return_immediately=True, history_length=0)
    async with house(store, Porter().agent) as home:
        assert isinstance(await answered(home, request("hello", settings=settings)), Message)


async def test_context_of_the_caller_is_kept(store: Store) -> None:
    """A2A 3.4.1."""
    async with house(store, Porter().agent) as home:
        reply = await answered(home, request("hello", context_id="c1"))
        assert reply.context_id == "c1"


async def test_same_message_sent_fifty_times_at_once_gets_one_answer(store: Store) -> None:
    """A2A 3.3.1: the message id tells that it is the same."""
    porter, replies = Porter(), list[Message | Task]()
    async with house(store, porter.agent) as home:

        async def send() -> None:
            replies.append(await answered(home, request("hello", message_id="m1")))

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(send)
        assert len(replies) == 50
        assert all(reply == replies[0] for reply in replies)


async def test_reply_is_stored_before_it_is_given_and_outlives_the_process(store: Store) -> None:
    """Decision 0019: the agent is not asked twice once its answer is known to anybody."""
    porter = Porter()
    async with house(store, porter.agent) as home:
        first = await answered(home, request("hello", message_id="m1"))
    async with house(store, porter.agent) as home:
        assert await answered(home, request("hello", message_id="m1")) == first
    assert porter.asked == ["m1"]


async def test_message_id_of_a_reply_is_not_taken_for_another_context(store: Store) -> None:
    """A2A 3.4.1: a contextId that cannot be accepted is an error, never another one."""
    async with house(store, Porter().agent) as home:
        await answered(home, request("hello", message_id="m1", context_id="c1"))
        with pytest.raises(BadParams, match=r"message\.messageId: was used before, elsewhere"):
            await answered(home, request("hello", message_id="m1", context_id="c2"))


async def test_message_id_of_a_reply_is_not_taken_for_a_task(store: Store) -> None:
    async with house(store, Porter().agent) as home:
        slow = await home.send("work")
        await answered(home, request("hello", message_id="m1"))
        with pytest.raises(BadParams, match=r"message\.messageId: was used before, elsewhere"):
            await answered(home, request("more", slow, message_id="m1"))


async def test_message_that_began_a_task_is_not_put_to_the_porter_again(store: Store) -> None:
    porter = Porter()
    async with house(store, porter.agent) as home:
        task = await home.send("work", message_id="m1")
        assert (await home.send("work", message_id="m1")).id == task.id
        assert porter.asked == ["m1"]


async def test_agent_may_refuse_a_message_and_nothing_is_kept_of_it(store: Store) -> None:
    """A2A 3.3.2: an aspect of the operation that this agent does not support, in its words."""
    async with house(store, Porter().agent) as home:
        with pytest.raises(UnsupportedOperation, match=r"^Not here\.$"):
            await answered(home, request("no", message_id="m1"))
        assert await home.ledger.seen("ann", "porter", "m1") is None
