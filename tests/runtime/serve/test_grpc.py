"""All operations over a real gRPC port, and what each call may say beside its request.

Source: A2A 1.0.1 section 10; 3.1 (operations), 3.2.6 (service parameters), 3.6 (versions), 4.6
(extensions), 7.4 and 13.1 (whose tasks), 8.3.2 (tenant).
"""

from __future__ import annotations

from dataclasses import replace

import grpc
import pytest
from anyio.lowlevel import checkpoint
from grpc import aio

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.engine.agent import Agent
from interloom.runtime.model import AgentExtension
from interloom.runtime.serve.auth import BearerTokens, Principal, Token
from interloom.runtime.testing.agents import Slow, asker, echo
from interloom.runtime.testing.pair import PATIENT
from interloom.runtime.wire.errors import DOMAIN, OUR_DOMAIN
from tests.runtime.serve.over_grpc import VERSION, Caller, calling, said

TRACE = "0af7651916cd43dd8448eb211c80319c"
URI = "urn:example:extension"


def artifact(task: pb.Task) -> str:
    """The text of a task's one artifact."""
    return task.artifacts[0].parts[0].text


# ---- The operations ------------------------------------------------------------------------------


async def test_message_is_answered_with_its_task() -> None:
    """A2A 3.1.1."""
    async with calling() as caller:
        answer: pb.SendMessageResponse = await caller.call("SendMessage", said("hello"))

        assert answer.task.status.state == pb.TASK_STATE_COMPLETED
        assert artifact(answer.task) == "hello"
        assert answer.task.status.HasField("timestamp")


async def test_task_is_the_same_on_both_bindings() -> None:
    """A2A 5.1: the same data, whatever the binding."""
    async with calling() as caller:
        task = (await caller.call("SendMessage", said("hello"))).task

        over_json = await caller.world.client("echo").get(task.id)
        over_grpc: pb.Task = await caller.call("GetTask", pb.GetTaskRequest(id=task.id))

        assert over_grpc == task
        assert (over_json.id, over_json.context_id) == (task.id, task.context_id)
        assert over_json.artifacts[0].parts[0].text == "hello"


async def test_stream_begins_with_the_task_and_ends_with_it() -> None:
    """A2A 3.1.2, 10.7."""
    async with calling() as caller:
        events: list[pb.StreamResponse] = await caller.call("SendStreamingMessage", said("hello"))

        kinds = [each.WhichOneof("payload") for each in events]
        assert kinds == ["task", "status_update", "artifact_update", "status_update"]
        assert events[-1].status_update.status.state == pb.TASK_STATE_COMPLETED


async def test_question_ends_the_stream_and_an_answer_goes_on_with_the_task() -> None:
    """A2A 3.4.3, 3.1.2: the next word is the caller's."""
    async with calling(asker()) as caller:
        events = await caller.call("SendStreamingMessage", said("begin"))
        task_id = events[0].task.id
        assert events[-1].status_update.status.state == pb.TASK_STATE_INPUT_REQUIRED

        answer = said("blue", message={"message_id": "m2", "task_id": task_id})
        done: pb.SendMessageResponse = await caller.call("SendMessage", answer)

        assert artifact(done.task) == "blue"


async def test_subscriber_sees_the_task_and_then_what_happens_to_it() -> None:
    """A2A 3.1.6: the Task first; the stream closes at a terminal state."""
    slow = Slow()
    async with calling(slow.agent) as caller:
        request = said("go", configuration={"return_immediately": True})
        task = (await caller.call("SendMessage", request)).task
        await slow.working.wait()

        watched = pb.SubscribeToTaskRequest(id=task.id)
        stream = aiter(caller.start("SubscribeToTask", watched))
        first = await anext(stream)
        assert (first.task.id, first.task.status.state) == (task.id, pb.TASK_STATE_WORKING)
        slow.finish.set()
        rest = [each async for each in stream]

        assert rest[-1].status_update.status.state == pb.TASK_STATE_COMPLETED


async def test_subscriber_that_leaves_ends_only_its_own_stream() -> None:
    """A2A 3.5.2: streams are independent, and the task goes on."""
    slow = Slow()
    async with calling(slow.agent) as caller:
        begun = aiter(caller.start("SendStreamingMessage", said("go")))
        task_id = (await anext(begun)).task.id
        await slow.working.wait()
        leaving = caller.start("SubscribeToTask", pb.SubscribeToTaskRequest(id=task_id))
        await leaving.read()

        leaving.cancel()
        slow.finish.set()
        rest = [each async for each in begun]

        assert rest[-1].status_update.status.state == pb.TASK_STATE_COMPLETED


async def test_tasks_are_listed_page_by_page() -> None:
    """A2A 3.1.4."""
    async with calling() as caller:
        for number in range(3):
            await caller.call("SendMessage", said(message={"message_id": f"m{number}"}))

        first: pb.ListTasksResponse = await caller.call(
            "ListTasks", pb.ListTasksRequest(page_size=2)
        )
        token = first.next_page_token
        rest = await caller.call("ListTasks", pb.ListTasksRequest(page_size=2, page_token=token))

        assert (len(first.tasks), first.total_size, len(rest.tasks)) == (2, 3, 1)
        assert rest.next_page_token == ""
        assert not first.tasks[0].artifacts


async def test_task_is_canceled_once() -> None:
    """A2A 3.1.5."""
    async with calling(asker()) as caller:
        task = (await caller.call("SendMessage", said())).task

        canceled: pb.Task = await caller.call("CancelTask", pb.CancelTaskRequest(id=task.id))
        again = await caller.refused("CancelTask", pb.CancelTaskRequest(id=task.id))

        assert canceled.status.state == pb.TASK_STATE_CANCELED
        assert again.code is grpc.StatusCode.FAILED_PRECONDITION
        assert again.reason == ("TASK_NOT_CANCELABLE", DOMAIN)


PUSH = {
    "CreateTaskPushNotificationConfig": pb.TaskPushNotificationConfig(
        task_id="t", url="https://example.com"
    ),
    "GetTaskPushNotificationConfig": pb.GetTaskPushNotificationConfigRequest(task_id="t", id="c"),
    "ListTaskPushNotificationConfigs": pb.ListTaskPushNotificationConfigsRequest(task_id="t"),
    "DeleteTaskPushNotificationConfig": pb.DeleteTaskPushNotificationConfigRequest(
        task_id="t", id="c"
    ),
}


@pytest.mark.parametrize("name", PUSH)
async def test_push_notifications_are_refused_where_the_card_promises_none(name: str) -> None:
    """A2A 3.3.4; 1.0.1 section 5.4: FAILED_PRECONDITION."""
    async with calling(settings=replace(PATIENT, push=None)) as caller:
        refused = await caller.refused(name, PUSH[name])

        assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.reason == ("PUSH_NOTIFICATION_NOT_SUPPORTED", DOMAIN)


async def test_push_config_is_made_shown_listed_and_deleted() -> None:
    """A2A 3.1.7 to 3.1.10, 10.4.7 to 10.4.10."""
    async with calling() as caller:
        task = (await caller.call("SendMessage", said())).task
        wanted = pb.TaskPushNotificationConfig(task_id=task.id, url="https://8.8.8.8/", token="t")  # noqa: S106 - of nobody
        made: pb.TaskPushNotificationConfig = await caller.call(
            "CreateTaskPushNotificationConfig", wanted
        )
        one = {"task_id": task.id, "id": made.id}
        get = pb.GetTaskPushNotificationConfigRequest(**one)
        asked = pb.ListTaskPushNotificationConfigsRequest(task_id=task.id)

        shown = await caller.call("GetTaskPushNotificationConfig", get)
        listed = await caller.call("ListTaskPushNotificationConfigs", asked)
        await caller.call(
            "DeleteTaskPushNotificationConfig", pb.DeleteTaskPushNotificationConfigRequest(**one)
        )
        gone = await caller.refused("GetTaskPushNotificationConfig", get)

        assert (made.url, made.token, bool(made.id)) == (wanted.url, wanted.token, True)
        assert shown == made
        assert list(listed.configs) == [made]
        assert gone.reason == ("TASK_NOT_FOUND", DOMAIN)


async def test_extended_card_is_refused_where_the_card_promises_none() -> None:
    """A2A 3.1.11, 5.4."""
    async with calling() as caller:
        refused = await caller.refused("GetExtendedAgentCard", pb.GetExtendedAgentCardRequest())

        assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.reason == ("UNSUPPORTED_OPERATION", DOMAIN)


async def test_subscribing_to_what_is_over_is_unsupported() -> None:
    """A2A 10.4.6; 1.0.1 section 5.4: FAILED_PRECONDITION."""
    async with calling() as caller:
        task = (await caller.call("SendMessage", said())).task

        refused = await caller.refused("SubscribeToTask", pb.SubscribeToTaskRequest(id=task.id))

        assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.reason == ("UNSUPPORTED_OPERATION", DOMAIN)
        assert refused.details[0]["metadata"] == {"taskId": task.id}


async def test_task_nobody_knows_is_not_found() -> None:
    """A2A 5.4, 10.6."""
    async with calling() as caller:
        refused = await caller.refused("GetTask", pb.GetTaskRequest(id="nope"))

        assert (refused.code, refused.text) == (grpc.StatusCode.NOT_FOUND, "no such task")
        assert refused.reason == ("TASK_NOT_FOUND", DOMAIN)


# ---- What goes along -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["99.0", "0.3", "2.0", "x"])
async def test_other_versions_are_refused(version: str) -> None:
    """A2A 3.6.2, 10.2; 1.0.1 section 5.4: FAILED_PRECONDITION."""
    async with calling() as caller:
        refused = await caller.refused("SendMessage", said(), metadata={"a2a-version": version})

        assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.reason == ("VERSION_NOT_SUPPORTED", DOMAIN)


async def test_no_version_is_an_old_one() -> None:
    """A2A 3.6.2: an empty value means 0.3."""
    async with calling() as caller:
        refused = await caller.refused("SendMessage", said(), metadata={})

        assert refused.reason == ("VERSION_NOT_SUPPORTED", DOMAIN)


def _demanding() -> Agent:
    agent = echo()
    demand = AgentExtension(uri=URI, required=True)
    return replace(agent, about=replace(agent.about, extensions=(demand,)))


async def test_extension_the_card_demands_is_activated_and_said_back() -> None:
    """A2A 3.2.6, 4.6, 10.2."""
    async with calling(_demanding()) as caller:
        refused = await caller.refused("SendMessage", said())
        activating = VERSION | {"a2a-extensions": f"urn:other, {URI}"}
        call = caller.start("SendMessage", said(), metadata=activating)
        await call

        assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.reason == ("EXTENSION_SUPPORT_REQUIRED", DOMAIN)
        assert dict(await call.initial_metadata())["a2a-extensions"] == URI


async def test_trace_of_the_metadata_is_the_tasks() -> None:
    """W3C Trace Context 3.2: the trace id is the caller's."""
    async with calling() as caller:
        traced = VERSION | {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        task = (await caller.call("SendMessage", said(), metadata=traced)).task

        stored = await caller.world.ledger.task(task.id)

        assert stored is not None
        assert stored.record.trace is not None
        assert stored.record.trace.trace_id == TRACE


async def test_tenant_names_the_agent() -> None:
    """A2A 8.3.2: a request carries the tenant of the interface; ours, the agent's name."""
    async with calling(echo(), asker()) as caller:
        default = (await caller.call("SendMessage", said(message={"message_id": "m1"}))).task
        named = (await caller.call("SendMessage", said(tenant="asker"))).task

        assert default.status.state == pb.TASK_STATE_COMPLETED
        assert named.status.state == pb.TASK_STATE_INPUT_REQUIRED


async def test_agent_nobody_serves_is_a_bad_tenant() -> None:
    """ours: a misspelt name is not answered by somebody else."""
    async with calling() as caller:
        refused = await caller.refused("SendMessage", said(tenant="echos"))

        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.fields == ["tenant"]


async def test_tenants_are_apart() -> None:
    """A2A 13.1: tasks of one tenant are not to be seen from another."""
    async with calling() as caller:
        task = (await caller.call("SendMessage", said(tenant="echo/acme"))).task

        seen = await caller.call("GetTask", pb.GetTaskRequest(id=task.id, tenant="/acme"))
        other = await caller.refused("GetTask", pb.GetTaskRequest(id=task.id, tenant="echo/umbra"))

        assert seen.id == task.id
        assert other.reason == ("TASK_NOT_FOUND", DOMAIN)


ADA, BOB = (Token(Principal(name), f"{name}-secret") for name in ("ada", "bob"))


def _as(name: str) -> dict[str, str]:
    return VERSION | {"authorization": f"Bearer {name}-secret"}


async def test_caller_proves_who_it_is_and_sees_its_own_tasks() -> None:
    """A2A 7.4, 13.1: UNAUTHENTICATED without credentials, NOT_FOUND for another's task."""
    settings = replace(PATIENT, authenticator=BearerTokens(ADA, BOB))
    async with calling(settings=settings) as caller:
        nobody = await caller.refused("SendMessage", said())
        task = (await caller.call("SendMessage", said(), metadata=_as("ada"))).task
        own = await caller.call("GetTask", pb.GetTaskRequest(id=task.id), metadata=_as("ada"))
        wanted = pb.GetTaskRequest(id=task.id)
        other = await caller.refused("GetTask", wanted, metadata=_as("bob"))

        assert nobody.code is grpc.StatusCode.UNAUTHENTICATED
        assert nobody.reason == ("UNAUTHENTICATED", OUR_DOMAIN)
        assert own.id == task.id
        assert other.code is grpc.StatusCode.NOT_FOUND


# ---- Deadlines and those who leave ---------------------------------------------------------------


async def test_deadline_ends_the_waiting_and_not_the_task() -> None:
    """gRPC: DEADLINE_EXCEEDED; A2A 3.2.2: the task goes on."""
    slow = Slow()
    async with calling(slow.agent) as caller:
        with pytest.raises(aio.AioRpcError) as late:
            await caller.call("SendMessage", said("go"), deadline_s=0.5)
        slow.finish.set()

        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await _settled(caller) == pb.TASK_STATE_COMPLETED


async def test_caller_that_leaves_does_not_end_the_task() -> None:
    """A2A 3.1.1: only CancelTask cancels."""
    slow = Slow()
    async with calling(slow.agent) as caller:
        call = caller.start("SendMessage", said("go"))
        await slow.working.wait()

        call.cancel()
        slow.finish.set()

        assert await _settled(caller) == pb.TASK_STATE_COMPLETED


async def _settled(caller: Caller) -> int:
    """The state the one task comes to rest in."""
    while True:
        page: pb.ListTasksResponse = await caller.call("ListTasks", pb.ListTasksRequest())
        if page.tasks and page.tasks[0].status.state != pb.TASK_STATE_WORKING:
            return page.tasks[0].status.state
        await checkpoint()
