"""What the official SDK's client is made to do, over each binding, and what must come of it.

Source: A2A 1.0.1 sections 3.1 to 3.5; errors: section 5.4, as the SDK's own classes for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import anyio
import pytest
from a2a.client import A2AClientError, ClientCallContext
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import (
    A2AError,
    ContentTypeNotSupportedError,
    ExtensionSupportRequiredError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
    VersionNotSupportedError,
)

from tests.peers.conformance.sdk_peer import Peer, saying
from tests.peers.conformance.webhook import webhook
from tests.peers.fixture.card import FURTHER, REQUIRED

Check: TypeAlias = Callable[[Peer], Awaitable[None]]

WAITING: Final = "tck-input-required"
WATCHED: Final = "test-resubscribe-message-id"


async def message_begins_a_task_that_completes(peer: Peer) -> None:
    task = await peer.send(saying())
    assert task.status.state == pb.TASK_STATE_COMPLETED
    assert task.status.message.parts[0].text == "Hello from TCK"
    assert task.id
    assert task.context_id


async def message_may_be_answered_by_a_message(peer: Peer) -> None:
    request = saying(kind="tck-message-response")
    (answer,) = [each async for each in peer.calls.send_message(request)]
    assert answer.message.role == pb.ROLE_AGENT
    assert answer.message.parts[0].text == "Direct message response"
    assert not answer.message.task_id


async def message_only_stream_is_one_message(peer: Peer) -> None:
    (event,) = await peer.stream(saying(kind="tck-message-response"))
    assert event.message.parts[0].text == "Direct message response"


async def returning_immediately_leaves_the_task_at_work(peer: Peer) -> None:
    task = await peer.send(saying(kind=WATCHED, at_once=True))
    assert task.status.state in {pb.TASK_STATE_SUBMITTED, pb.TASK_STATE_WORKING}
    await peer.calls.cancel_task(pb.CancelTaskRequest(id=task.id))


async def stream_begins_with_the_task_and_ends_with_its_end(peer: Peer) -> None:
    first, *rest = await peer.stream(saying(kind="tck-stream-001"))
    assert first.HasField("task")
    assert rest[-1].status_update.status.state == pb.TASK_STATE_COMPLETED
    kinds = [each.WhichOneof("payload") for each in rest]
    assert kinds == ["status_update", "status_update", "artifact_update", "status_update"]


async def artifact_comes_in_chunks_that_add_up(peer: Peer) -> None:
    events = await peer.stream(saying(kind="tck-stream-artifact-chunked"))
    chunks = [each.artifact_update for each in events if each.HasField("artifact_update")]
    assert [(each.append, each.last_chunk) for each in chunks] == [(False, False), (True, True)]
    assert "".join(each.artifact.parts[0].text for each in chunks) == "chunk-1 chunk-2"
    task = await peer.calls.get_task(pb.GetTaskRequest(id=chunks[0].task_id))
    assert [part.text for part in task.artifacts[0].parts] == ["chunk-1 ", "chunk-2"]


async def file_comes_by_value(peer: Peer) -> None:
    (part,) = (await peer.send(saying(kind="tck-artifact-file"))).artifacts[0].parts
    assert (part.raw, part.filename, part.media_type) == (b"tck", "output.txt", "text/plain")


async def file_comes_by_address(peer: Peer) -> None:
    (part,) = (await peer.send(saying(kind="tck-artifact-file-url"))).artifacts[0].parts
    assert (part.url, part.filename) == ("https://example.com/output.txt", "output.txt")


async def data_comes_as_it_is(peer: Peer) -> None:
    (part,) = (await peer.send(saying(kind="tck-artifact-data"))).artifacts[0].parts
    assert dict(part.data.struct_value.items()) == {"key": "value", "count": 42}


async def task_is_read_with_as_much_history_as_asked_for(peer: Peer) -> None:
    task = await peer.send(saying("one"))
    whole = await peer.calls.get_task(pb.GetTaskRequest(id=task.id))
    none = await peer.calls.get_task(pb.GetTaskRequest(id=task.id, history_length=0))
    assert [part.text for part in whole.history[0].parts] == ["one"]
    assert not none.history
    assert (none.id, none.artifacts) == (whole.id, whole.artifacts)


async def question_is_answered_on_its_task_without_its_context(peer: Peer) -> None:
    asked = await peer.send(saying(kind=WAITING))
    assert asked.status.state == pb.TASK_STATE_INPUT_REQUIRED
    done = await peer.send(saying("blue", kind="answer", task=asked))
    assert done.status.state == pb.TASK_STATE_COMPLETED
    assert (done.id, done.context_id) == (asked.id, asked.context_id)
    assert done.artifacts[0].parts[0].text == "Received: blue"


async def tasks_are_listed_newest_first_and_in_pages(peer: Peer) -> None:
    context = (await peer.send(saying())).context_id
    sent = [saying(str(number)) for number in range(3)]
    for request in sent:
        request.message.context_id = context
    ids = [(await peer.send(request)).id for request in sent]
    wanted = pb.ListTasksRequest(context_id=context, page_size=2)
    first = await peer.calls.list_tasks(wanted)
    wanted.page_token = first.next_page_token
    second = await peer.calls.list_tasks(wanted)
    assert (first.total_size, first.page_size, second.next_page_token) == (4, 2, "")
    listed = [task.id for page in (first, second) for task in page.tasks]
    assert listed[:-1] == ids[::-1]
    assert not any(task.artifacts for task in first.tasks)


async def listing_is_filtered_by_state(peer: Peer) -> None:
    asked = await peer.send(saying(kind=WAITING))
    wanted = pb.ListTasksRequest(
        context_id=asked.context_id, status=pb.TASK_STATE_INPUT_REQUIRED, include_artifacts=True
    )
    assert [task.id for task in (await peer.calls.list_tasks(wanted)).tasks] == [asked.id]
    wanted.status = pb.TASK_STATE_COMPLETED
    assert not (await peer.calls.list_tasks(wanted)).tasks


async def task_is_canceled(peer: Peer) -> None:
    asked = await peer.send(saying(kind=WAITING))
    gone = await peer.calls.cancel_task(pb.CancelTaskRequest(id=asked.id))
    assert gone.status.state == pb.TASK_STATE_CANCELED


async def subscription_begins_with_the_task_and_sees_its_end(peer: Peer) -> None:
    task = await peer.send(saying(kind=WATCHED, at_once=True))
    first, *rest = await peer.subscribe(task)
    assert first.task.id == task.id
    assert rest[-1].status_update.status.state == pb.TASK_STATE_COMPLETED


async def subscribers_see_the_same(peer: Peer) -> None:
    task = await peer.send(saying(kind=WATCHED, at_once=True))
    seen: list[list[pb.StreamResponse]] = []

    async def watch() -> None:
        seen.append(await peer.subscribe(task))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(watch)
    ends = [[each for each in events if not each.HasField("task")][-2:] for events in seen]
    assert ends[0] == ends[1] == ends[2]


async def same_message_is_the_same_task(peer: Peer) -> None:
    request = saying()
    assert (await peer.send(request)).id == (await peer.send(request)).id


async def task_that_is_not_there_is_not_found(peer: Peer) -> None:
    with pytest.raises(TaskNotFoundError):
        await peer.calls.get_task(pb.GetTaskRequest(id="nowhere"))
    with pytest.raises(TaskNotFoundError):
        await peer.calls.cancel_task(pb.CancelTaskRequest(id="nowhere"))
    with pytest.raises(TaskNotFoundError):
        await peer.subscribe(pb.Task(id="nowhere"))
    with pytest.raises(TaskNotFoundError):
        await peer.send(saying(task=pb.Task(id="nowhere")))


async def task_that_is_over_is_not_canceled(peer: Peer) -> None:
    task = await peer.send(saying())
    with pytest.raises(TaskNotCancelableError):
        await peer.calls.cancel_task(pb.CancelTaskRequest(id=task.id))


async def task_that_is_over_takes_no_message_and_no_subscriber(peer: Peer) -> None:
    task = await peer.send(saying())
    with pytest.raises(UnsupportedOperationError):
        await peer.send(saying("more", kind="more", task=task))
    with pytest.raises(UnsupportedOperationError):
        await peer.subscribe(task)


async def part_of_another_type_is_refused(peer: Peer) -> None:
    request = saying()
    request.message.parts.append(pb.Part(raw=b"\0", media_type="video/mp4"))
    with pytest.raises(ContentTypeNotSupportedError):
        await peer.send(request)


async def caller_who_accepts_nothing_given_is_told_so(peer: Peer) -> None:
    with pytest.raises(ContentTypeNotSupportedError):
        await peer.send(saying(accepted=("video/mp4",)))


async def parameters_out_of_range_are_refused_by_name(peer: Peer) -> None:
    for field, wanted in (
        ("pageSize", pb.ListTasksRequest(page_size=101)),
        ("pageSize", pb.ListTasksRequest(page_size=-1)),
        ("pageToken", pb.ListTasksRequest(page_token="no token of ours")),  # noqa: S106 - a cursor
        ("historyLength", pb.ListTasksRequest(history_length=-1)),
    ):
        # Over gRPC the SDK has a class of its own for A2A's errors only, and this is none.
        with pytest.raises((InvalidParamsError, A2AClientError), match=field):
            await peer.calls.list_tasks(wanted)


async def context_of_another_task_is_refused(peer: Peer) -> None:
    request = saying("more", kind="more", task=await peer.send(saying(kind=WAITING)))
    request.message.context_id = "another"
    with pytest.raises(A2AError):
        await peer.send(request)


async def version_that_is_not_spoken_is_refused(peer: Peer) -> None:
    future = ClientCallContext(service_parameters={"A2A-Version": "99.0"})
    with pytest.raises(VersionNotSupportedError):
        await peer.calls.list_tasks(pb.ListTasksRequest(), context=future)


async def agent_that_refuses_rejects_the_task(peer: Peer) -> None:
    task = await peer.send(saying(kind="tck-reject-task"))
    assert task.status.state == pb.TASK_STATE_REJECTED


async def push_config_is_kept_until_it_is_deleted(peer: Peer) -> None:
    task = await peer.send(saying(kind=WAITING))
    config = pb.TaskPushNotificationConfig(task_id=task.id, id="mine", url="http://127.0.0.1:9/x")
    made = await peer.calls.create_task_push_notification_config(config)
    assert (made.id, made.task_id, made.url) == ("mine", task.id, config.url)
    named = pb.GetTaskPushNotificationConfigRequest(task_id=task.id, id="mine")
    assert await peer.calls.get_task_push_notification_config(named) == made
    every = pb.ListTaskPushNotificationConfigsRequest(task_id=task.id)
    assert list((await peer.calls.list_task_push_notification_configs(every)).configs) == [made]
    gone = pb.DeleteTaskPushNotificationConfigRequest(task_id=task.id, id="mine")
    for _ in range(2):
        await peer.calls.delete_task_push_notification_config(gone)
    assert not (await peer.calls.list_task_push_notification_configs(every)).configs
    with pytest.raises(TaskNotFoundError):
        await peer.calls.get_task_push_notification_config(named)


async def push_config_of_no_task_is_refused(peer: Peer) -> None:
    config = pb.TaskPushNotificationConfig(task_id="nowhere", url="http://127.0.0.1:9/x")
    with pytest.raises(TaskNotFoundError):
        await peer.calls.create_task_push_notification_config(config)


async def events_are_posted_to_whoever_asked(peer: Peer) -> None:
    with webhook() as hook:
        request = saying(kind="tck-stream-001")
        config = pb.TaskPushNotificationConfig(url=hook.url, token="a-token")  # noqa: S106 - made up
        request.configuration.task_push_notification_config.CopyFrom(config)
        task = await peer.send(request)
        states = {task.status.state}
        events = await hook.until(lambda event: event.status_update.status.state in states)
    told = {event.status_update.task_id for event in events if event.HasField("status_update")}
    assert told == {task.id}


async def caller_who_has_not_signed_in_is_refused(peer: Peer) -> None:
    with pytest.raises(A2AError):
        await peer.calls.list_tasks(pb.ListTasksRequest())


async def caller_who_has_signed_in_is_told_more(peer: Peer) -> None:
    wanted = pb.GetExtendedAgentCardRequest()
    card = await peer.calls.get_extended_agent_card(wanted, context=signed_in("ann-signs-in"))
    assert FURTHER.id in {skill.id for skill in card.skills}
    assert FURTHER.id not in {skill.id for skill in peer.card.skills}


async def task_of_somebody_else_is_not_found(peer: Peer) -> None:
    ann, bob = signed_in("ann-signs-in"), signed_in("bob-signs-in")
    (answer,) = [each async for each in peer.calls.send_message(saying(), context=ann)]
    wanted = pb.GetTaskRequest(id=answer.task.id)
    assert (await peer.calls.get_task(wanted, context=ann)).id == answer.task.id
    with pytest.raises(TaskNotFoundError):
        await peer.calls.get_task(wanted, context=bob)
    listed = await peer.calls.list_tasks(pb.ListTasksRequest(), context=bob)
    assert answer.task.id not in {task.id for task in listed.tasks}


def signed_in(token: str) -> ClientCallContext:
    """A call in somebody's name."""
    return ClientCallContext(service_parameters={"Authorization": f"Bearer {token}"})


async def push_that_is_not_promised_is_refused(peer: Peer) -> None:
    task = await peer.send(saying())
    config = pb.TaskPushNotificationConfig(task_id=task.id, url="https://example.com/hook")
    with pytest.raises(PushNotificationNotSupportedError):
        await peer.calls.create_task_push_notification_config(config)


async def streams_that_are_not_promised_are_refused(peer: Peer) -> None:
    task = await peer.send(saying(kind=WAITING))
    with pytest.raises(UnsupportedOperationError):
        await peer.stream(saying())
    with pytest.raises(UnsupportedOperationError):
        await peer.subscribe(task)


async def extended_card_that_is_not_promised_is_refused(peer: Peer) -> None:
    with pytest.raises(UnsupportedOperationError):
        await peer.calls.get_extended_agent_card(pb.GetExtendedAgentCardRequest())


async def extension_that_is_required_must_be_activated(peer: Peer) -> None:
    with pytest.raises(ExtensionSupportRequiredError):
        await peer.send(saying())
    active = ClientCallContext(service_parameters={"A2A-Extensions": REQUIRED.uri})
    request = saying()
    answers = [each async for each in peer.calls.send_message(request, context=active)]
    assert answers[0].task.status.state == pb.TASK_STATE_COMPLETED


_FULL: Final[tuple[Check, ...]] = (
    message_begins_a_task_that_completes,
    message_may_be_answered_by_a_message,
    message_only_stream_is_one_message,
    returning_immediately_leaves_the_task_at_work,
    stream_begins_with_the_task_and_ends_with_its_end,
    artifact_comes_in_chunks_that_add_up,
    file_comes_by_value,
    file_comes_by_address,
    data_comes_as_it_is,
    task_is_read_with_as_much_history_as_asked_for,
    question_is_answered_on_its_task_without_its_context,
    tasks_are_listed_newest_first_and_in_pages,
    listing_is_filtered_by_state,
    task_is_canceled,
    subscription_begins_with_the_task_and_sees_its_end,
    subscribers_see_the_same,
    same_message_is_the_same_task,
    task_that_is_not_there_is_not_found,
    task_that_is_over_is_not_canceled,
    task_that_is_over_takes_no_message_and_no_subscriber,
    part_of_another_type_is_refused,
    caller_who_accepts_nothing_given_is_told_so,
    parameters_out_of_range_are_refused_by_name,
    context_of_another_task_is_refused,
    version_that_is_not_spoken_is_refused,
    agent_that_refuses_rejects_the_task,
    push_config_is_kept_until_it_is_deleted,
    push_config_of_no_task_is_refused,
    events_are_posted_to_whoever_asked,
)
CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "full": _FULL,
    "minimal": (
        push_that_is_not_promised_is_refused,
        streams_that_are_not_promised_are_refused,
        extended_card_that_is_not_promised_is_refused,
    ),
    "required": (extension_that_is_required_must_be_activated,),
    "extended": (
        caller_who_has_not_signed_in_is_refused,
        caller_who_has_signed_in_is_told_more,
        task_of_somebody_else_is_not_found,
    ),
}
"""By the fixture's card."""
