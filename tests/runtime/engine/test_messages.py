"""What a caller may send and ask, and what comes back. Source: A2A 1.0.1, section by section."""

from __future__ import annotations

from dataclasses import replace

import anyio
import orjson
import pytest

from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.inbox import MAX_NAME
from interloom.runtime.errors import (
    BadParams,
    ContentTypeNotSupported,
    TaskNotFound,
    UnsupportedOperation,
)
from interloom.runtime.ledger.rows import Seen
from interloom.runtime.model import (
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    Task,
    TaskState,
)
from interloom.runtime.testing import Slow, asker, echo
from tests.runtime.engine.house import (
    COLD_S,
    House,
    Store,
    drink,
    house,
    request,
    said,
    words,
)

AT_ONCE = SendMessageConfiguration(return_immediately=True)


async def test_blocking_call_returns_the_finished_task(store: Store) -> None:
    """3.2.2"""
    async with house(store, echo()) as home:
        task = await home.send("hello")
        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "hello")
        assert await home.get(task) == task


async def test_call_that_does_not_wait_returns_a_working_task(store: Store) -> None:
    """3.2.2: return_immediately."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.ask_for(request("begin", settings=AT_ONCE))
        assert task.status.state is TaskState.WORKING
        slow.finish.set()
        assert said(await home.over(task)) == "done"


async def test_follow_up_sent_fifty_times_at_once_joins_the_history_once(store: Store) -> None:
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        async with anyio.create_task_group() as group:
            for _ in range(50):
                follow = request("more", task, message_id="m2", settings=AT_ONCE)
                group.start_soon(home.ask_for, follow)
        slow.finish.set()
        assert words(await home.over(task)) == ["begin", "more"]


async def test_answer_sent_again_is_not_taken_for_the_next_question(store: Store) -> None:
    """A client that retries must not answer what it never saw."""
    async with house(store, asker(questions=2), warm_s=COLD_S) as home:
        task = await home.send("begin")
        task = await home.send("red", task, message_id="m2")
        again = await home.send("red", task, message_id="m2")
        assert said(again).startswith("What is word 2?")
        assert said(await home.send("blue", task)) == "red blue"


async def test_same_message_id_of_another_owner_or_agent_is_another_message(store: Store) -> None:
    async with house(store, echo(), echo("other")) as home:
        first = await home.send("hello", message_id="m1")
        for caller in (Caller("bob", "echo"), Caller("ann", "other")):
            home.caller = caller
            task = await home.send("hello too", message_id="m1")
            assert task.id != first.id
            assert said(task) == "hello too"


async def test_message_to_a_working_task_joins_its_history(store: Store) -> None:
    """3.4.2; it is no answer, and the agent goes on."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("begin")
        await slow.working.wait()
        task = await home.ask_for(request("and be quick", task, settings=AT_ONCE))
        assert task.status.state is TaskState.WORKING
        assert words(task) == ["begin", "and be quick"]
        slow.finish.set()
        assert said(await home.over(task)) == "done"


async def test_message_to_a_task_that_is_over_is_refused(store: Store) -> None:
    """3.1.1"""
    async with house(store, echo()) as home:
        task = await home.send("hello")
        with pytest.raises(UnsupportedOperation, match="is COMPLETED") as caught:
            await home.send("again", task)
        assert caught.value.details == {"taskId": task.id}
        assert await home.get(task) == task


async def test_context_of_a_follow_up_must_be_the_tasks_own(store: Store) -> None:
    """3.4.3"""
    async with house(store, asker()) as home:
        task = await home.send("begin")
        with pytest.raises(BadParams) as caught:
            await home.ask_for(request("blue", task, context_id="another"))
        assert [each.field for each in caught.value.violations] == ["message.contextId"]
        assert (await home.get(task)).status.state is TaskState.INPUT_REQUIRED

        right = request("blue", task, context_id=task.context_id)
        assert said(await home.ask_for(right)) == "blue"


async def test_context_of_a_new_task_is_the_callers_or_a_fresh_one(store: Store) -> None:
    """3.4.1"""
    async with house(store, echo()) as home:
        chosen = await home.ask_for(request("hello", context_id="my conversation"))
        first, second = await home.send("hello"), await home.send("hello")
        assert chosen.context_id == "my conversation"
        assert len({"", "my conversation", first.context_id, second.context_id}) == 4


async def test_message_that_claims_to_be_the_agents_is_refused(store: Store) -> None:
    async with house(store, echo()) as home:
        message = Message(message_id="m1", role=Role.AGENT, parts=(Part(text="hello"),))
        with pytest.raises(BadParams, match=r"message\.role"):
            await home.ask_for(SendMessageRequest(message=message))
        assert await home.ledger.seen("ann", "echo", "m1") is None


@pytest.mark.parametrize("name", ["x" * (MAX_NAME + 1), "a\0b"])
async def test_id_that_no_store_keeps_is_refused_and_named(store: Store, name: str) -> None:
    """Ours: an id is looked up in an index, and PostgreSQL has no text with U+0000."""
    part = Part(text="hello")
    async with house(store, echo()) as home:
        for field, message in (
            ("messageId", Message(message_id=name, role=Role.USER, parts=(part,))),
            (
                "contextId",
                Message(message_id="m1", context_id=name, role=Role.USER, parts=(part,)),
            ),
        ):
            with pytest.raises(BadParams, match=rf"message\.{field}: must be at most 512"):
                await home.ask_for(SendMessageRequest(message=message))
        assert await home.ledger.seen("ann", "echo", "m1") is None


async def test_longest_id_is_kept_whatever_its_characters(store: Store) -> None:
    name = "".join(
        map(chr, range(0x20000, 0x20000 + MAX_NAME))
    )  # four bytes each, none like another
    part = Part(text="hello")
    async with house(store, echo()) as home:
        message = Message(message_id=name, context_id=name, role=Role.USER, parts=(part,))
        task = await home.ask_for(SendMessageRequest(message=message))
        assert await home.ledger.seen("ann", "echo", name) == Seen(task.id)
        listed = await home.operations.list_tasks(home.caller, ListTasksRequest(context_id=name))
        assert [found["id"] for found in orjson.loads(listed)["tasks"]] == [task.id]


async def test_name_that_no_store_keeps_is_that_of_nothing(store: Store) -> None:
    """It is no trouble of the store's, and trying again would not help."""
    async with house(store, echo()) as home:
        with pytest.raises(TaskNotFound):
            await home.operations.get_task(home.caller, GetTaskRequest(id="a\0b"))
        listed = await home.operations.list_tasks(home.caller, ListTasksRequest(context_id="a\0b"))
        assert orjson.loads(listed)["totalSize"] == 0


async def operate(home: House, operation: str, task: Task) -> Task:
    match operation:
        case "get":
            return await home.get(task)
        case "cancel":
            return await home.cancel(task)
        case _:
            return await home.send("blue", task)


@pytest.mark.parametrize("caller", [Caller("bob", "asker"), Caller("ann", "echo")])
async def test_foreign_task_is_a_task_that_is_not_there(store: Store, caller: Caller) -> None:
    """13.1, word for word the same as for a task that never was."""
    async with house(store, asker(), echo()) as home:
        task = await home.send("begin")
        nowhere = task.model_copy(update={"id": "nowhere"})
        home.caller, owner = caller, home.caller
        for operation in ("get", "cancel", "answer"):
            refusals: list[str] = []
            for each in (task, nowhere):
                with pytest.raises(TaskNotFound) as caught:
                    await operate(home, operation, each)
                assert caught.value.details == {"taskId": each.id}
                refusals.append(str(caught.value))
            assert len(set(refusals)) == 1
        home.caller = owner
        assert said(await home.send("blue", task)) == "blue"


async def spoken(home: House) -> Task:
    """A task with three messages of the caller and two questions behind it."""
    task = await home.send("begin")
    for word in ("red", "blue"):
        task = await home.send(word, task)
    return task


WHOLE = ["begin", "What is word 1?\n   answer", "red", "What is word 2?\n   answer", "blue"]


@pytest.mark.parametrize(("length", "expected"), [(None, WHOLE), (0, []), (2, WHOLE[-2:])])
async def test_history_is_as_long_as_asked_for(
    store: Store, length: int | None, expected: list[str]
) -> None:
    """3.2.4: unset is all, 0 is none, else the latest."""
    async with house(store, asker(questions=2)) as home:
        task = await spoken(home)
        assert words(await home.get(task, length)) == expected
        settings = SendMessageConfiguration(history_length=length)
        listing = ListTasksRequest(history_length=length)
        (listed,) = orjson.loads(await home.operations.list_tasks(home.caller, listing))["tasks"]
        assert len(listed.get("history", [])) == len(expected)
        new = await home.ask_for(request("begin", settings=settings))
        assert words(new) == (["begin"] if length != 0 else [])


async def test_history_longer_than_there_is_is_all_of_it(store: Store) -> None:
    async with house(store, asker(questions=2)) as home:
        assert words(await home.get(await spoken(home), 100)) == WHOLE


async def test_negative_history_length_is_refused_and_nothing_is_begun(store: Store) -> None:
    async with house(store, echo()) as home:
        settings = SendMessageConfiguration(history_length=-1)
        with pytest.raises(BadParams, match="historyLength"):
            await home.ask_for(request("hello", message_id="m1", settings=settings))
        assert await home.ledger.seen("ann", "echo", "m1") is None
        task = await home.send("hello")
        with pytest.raises(BadParams, match="historyLength"):
            await home.get(task, -1)


async def test_message_id_that_went_to_another_task_does_not_answer_this_one(
    store: Store,
) -> None:
    """Ids are the client's to keep apart; a clash changes neither task."""
    async with house(store, asker(), warm_s=COLD_S) as home:
        first, second = await home.send("begin"), await home.send("begin")
        await home.send("blue", first, message_id="m1")
        with pytest.raises(BadParams) as caught:
            await home.send("red", second, message_id="m1")
        assert [each.field for each in caught.value.violations] == ["message.messageId"]
        assert (await home.get(second)).status.state is TaskState.INPUT_REQUIRED
        assert said(await home.get(first)) == "blue"


async def test_message_id_on_its_way_to_another_task_does_not_answer_this_one(
    store: Store,
) -> None:
    """As above, with both messages sent before either is stored."""
    refusals: list[BadParams] = []
    async with house(store, asker(), warm_s=COLD_S) as home:
        tasks = [await home.send("begin"), await home.send("begin")]

        async def answer(task: Task) -> None:
            try:
                await home.send("blue", task, message_id="m1")
            except BadParams as refusal:
                refusals.append(refusal)

        async with anyio.create_task_group() as group:
            for task in tasks:
                group.start_soon(answer, task)
        states = [(await home.get(task)).status.state for task in tasks]
    assert sorted(state.name for state in states) == ["COMPLETED", "INPUT_REQUIRED"]
    assert [each.field for each in refusals[0].violations] == ["message.messageId"]
    assert len(refusals) == 1


async def test_repeat_that_names_another_context_is_refused(store: Store) -> None:
    """Ours: it is no repeat, and an answer in the first one's context would be taken for one."""
    async with house(store, echo()) as home:
        first = await home.ask_for(request("hello", message_id="m1", context_id="one"))
        with pytest.raises(BadParams) as caught:
            await home.ask_for(request("hello", message_id="m1", context_id="two"))
        again = await home.ask_for(request("hello", message_id="m1", context_id="one"))
    assert [each.field for each in caught.value.violations] == ["message.messageId"]
    assert again == first


@pytest.mark.parametrize("length", [0, 1])
async def test_stream_of_a_new_task_begins_with_as_much_history_as_asked_for(
    store: Store, length: int
) -> None:
    """3.2.4: the same in every operation, a stream's first event included."""
    settings = SendMessageConfiguration(history_length=length)
    async with house(store, echo()) as home:
        wanted = request("hello", settings=settings)
        async with home.operations.stream_message(home.caller, wanted) as stream:
            assert stream.opening is not None
            task = orjson.loads(stream.opening)["task"]
            events = await drink(stream)
    assert len(task.get("history", [])) == length
    assert b"artifactUpdate" in b"".join(events)
    assert b"COMPLETED" in events[-1]


def parts(*parts: Part, task: Task | None = None) -> SendMessageRequest:
    message = request("", task).message
    return SendMessageRequest(message=message.model_copy(update={"parts": parts}))


async def test_part_of_a_type_the_agent_does_not_take_is_refused_and_named(store: Store) -> None:
    """3.1.1; nothing is begun, and a waiting task waits on."""
    image = Part(raw=b"x", media_type="image/png")
    async with house(store, asker()) as home:
        task = await home.send("begin")
        for wanted in (parts(Part(text="see"), image), parts(Part(text="see"), image, task=task)):
            with pytest.raises(ContentTypeNotSupported) as caught:
                await home.ask_for(wanted)
            assert [each.field for each in caught.value.violations] == ["message.parts[1]"]
        listed = orjson.loads(await home.operations.list_tasks(home.caller, ListTasksRequest()))
        assert listed["totalSize"] == 1
        assert said(await home.send("blue", task)) == "blue"


async def test_question_is_answered_in_text_whatever_else_the_agent_takes(store: Store) -> None:
    """Ours: the question is the runtime's, and says in which forms it is answered."""
    plain = asker()
    painter = Agent(replace(plain.about, input_modes=("image/*",)), plain.body)
    async with house(store, painter) as home:
        with pytest.raises(ContentTypeNotSupported):
            await home.send("begin")
        task = await home.ask_for(parts(Part(raw=b"x", media_type="image/png")))
        assert said(await home.send("blue", task)) == "blue"


async def test_unknown_task_is_not_found_and_its_long_name_is_cut(store: Store) -> None:
    async with house(store, echo()) as home:
        with pytest.raises(TaskNotFound) as caught:
            await home.operations.get_task(home.caller, GetTaskRequest(id="x" * 5000))
        assert len(caught.value.details["taskId"]) == 100


async def test_listing_leaves_artifacts_out_unless_asked_and_pages_through(store: Store) -> None:
    """3.1.4"""
    async with house(store, echo()) as home:
        sent = [(await home.send(f"{n}")).id for n in range(5)]
        found, token = list[str](), ""
        while True:
            wanted = ListTasksRequest(page_size=2, page_token=token)
            page = orjson.loads(await home.operations.list_tasks(home.caller, wanted))
            assert page["totalSize"] == 5
            assert not any("artifacts" in each for each in page["tasks"])
            found += [each["id"] for each in page["tasks"]]
            token = page["nextPageToken"]
            if not token:
                break
        assert sorted(found) == sorted(sent)
        everything = ListTasksRequest(include_artifacts=True)
        page = orjson.loads(await home.operations.list_tasks(home.caller, everything))
        assert all(each["artifacts"] for each in page["tasks"])
