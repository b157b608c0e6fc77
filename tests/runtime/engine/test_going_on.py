"""A stream that broke goes on without a gap and without a repetition.

Source: docs/streams.md, `ours`; A2A 1.0.1 section 3.5.2 (same events, same order, on every stream).
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.engine.caller import Stream
from interloom.runtime.errors import BadParams, TaskNotFound, UnsupportedOperation
from interloom.runtime.model import SubscribeToTaskRequest, Task
from interloom.runtime.testing import asker, echo
from interloom.runtime.testing.agents import Slow
from interloom.runtime.wire.streams import URI, Numbering
from tests.runtime.engine.house import House, Store, drink, house, request

QUESTIONS = 2
LAST = 2 + 2 * QUESTIONS + 2
"""SUBMITTED and WORKING, a question and an answer each, the artifact and COMPLETED."""


async def rest(home: House, task: Task, numbering: Numbering) -> list[bytes]:
    """What a stream gives that goes on, or begins, with a numbering."""
    caller = home.caller._replace(numbering=numbering)
    wanted = SubscribeToTaskRequest(id=task.id)
    async with home.operations.subscribe(caller, wanted) as stream:
        assert (stream.opening is None) is (numbering.after is not None)
        return await drink(stream)


async def finished(home: House) -> Task:
    task = await home.send("go")
    for word in ("red", "green"):
        task = await home.send(word, task)
    return task


async def test_stream_goes_on_after_any_event_of_a_task_that_is_over(store: Store) -> None:
    """The rest is the same bytes, whenever and wherever it is read; days later, too."""
    async with house(store, asker(questions=QUESTIONS)) as home:
        task = await finished(home)
        whole = await rest(home, task, Numbering(0))
    async with house(store, asker(questions=QUESTIONS)) as home:
        assert len(whole) == LAST
        for after in range(LAST + 1):
            assert await rest(home, task, Numbering(after)) == whole[after:]


async def test_task_that_is_over_is_not_subscribed_to_without_a_number(store: Store) -> None:
    """A2A 3.1.6 stands, whether numbers are to be shown or not."""
    async with house(store, asker(questions=QUESTIONS)) as home:
        task = await finished(home)
        with pytest.raises(UnsupportedOperation):
            await rest(home, task, Numbering(shown=True))


async def test_number_beyond_the_last_event_is_refused(store: Store) -> None:
    async with house(store, asker(questions=QUESTIONS)) as home:
        task = await finished(home)
        with pytest.raises(
            BadParams, match=f"Last-Event-ID: is beyond the task's last event, {LAST}"
        ):
            await rest(home, task, Numbering(LAST + 1))


async def test_stream_of_somebody_elses_task_does_not_go_on(store: Store) -> None:
    """A2A 13.1."""
    async with house(store, echo()) as home:
        task = await home.send("secret")
        home.caller = home.caller._replace(owner="bob")
        with pytest.raises(TaskNotFound):
            await rest(home, task, Numbering(1))


async def test_numbers_are_shown_when_asked_for(store: Store) -> None:
    """One for the Task as it stands, and one for every event after it."""
    slow = Slow()
    async with house(store, slow.agent) as home:
        task = await home.begin("go")
        await slow.working.wait()
        caller = home.caller._replace(numbering=Numbering(shown=True))
        wanted = SubscribeToTaskRequest(id=task.id)
        async with home.operations.subscribe(caller, wanted) as stream:
            slow.finish.set()
            assert stream.opening is not None
            shown = [stream.opening, *await drink(stream)]
    assert [number(event) for event in shown] == [2, 3, 4]
    assert stream.seq == 2


def number(response: bytes) -> int:
    (told,) = orjson.loads(response).values()
    seq = told["metadata"][URI]["seq"]
    assert isinstance(seq, int)
    return seq


async def test_message_that_is_sent_again_goes_on_with_its_stream(store: Store) -> None:
    """Decision 0012: the same message id is the same message."""
    async with house(store, asker(questions=QUESTIONS)) as home:
        again = request("go", message_id="m1")
        async with home.operations.stream_message(home.caller, again) as stream:
            whole = await drink(stream)
        caller = home.caller._replace(numbering=Numbering(1))
        async with home.operations.stream_message(caller, again) as stream:
            assert stream.opening is None
            assert await drink(stream) == whole[1:]


async def test_message_that_begins_a_task_begins_its_stream(store: Store) -> None:
    """Whatever broke was the stream of another task."""
    async with house(store, echo()) as home:
        caller = home.caller._replace(numbering=Numbering(40))
        async with home.operations.stream_message(caller, request("hello")) as stream:
            assert stream.opening is None
            events = await drink(stream)
    assert [next(iter(orjson.loads(event))) for event in events] == [
        "task",
        "statusUpdate",
        "artifactUpdate",
        "statusUpdate",
    ]


async def test_answer_may_be_sent_on_a_stream_that_goes_on(store: Store) -> None:
    """What happened since the question is shown, the answer's own effect included."""
    async with house(store, asker()) as home:
        task = await home.send("go")
        caller = home.caller._replace(numbering=Numbering(2))
        async with home.operations.stream_message(caller, request("blue", task)) as stream:
            assert isinstance(stream, Stream)
            states = [orjson.loads(event) for event in await drink(stream)]
    assert [next(iter(each)) for each in states] == ["statusUpdate"] * 2 + [
        "artifactUpdate",
        "statusUpdate",
    ]
