"""Parameters that break a rule: the error and the exact field, on either HTTP binding.

Source: A2A 1.0.1 sections 3.3.2, 4.1.4 to 4.1.7, 5.1, 5.7, 9.5 and 11.6; a2a.proto for types.
"""

from __future__ import annotations

from typing import cast

import orjson
import pytest

from interloom.runtime.engine.inbox import MAX_NAME
from interloom.runtime.errors import BadParams
from interloom.runtime.values import Json, JsonObject
from tests.runtime.serve.raw import A2A, BINDINGS, RPC, has_path, message, running

DEEP: Json = orjson.loads(b'{"a":' * 100 + b"1" + b"}" * 100)
PART: JsonObject = {"text": "hi"}

WRONG_MESSAGES: dict[str, tuple[JsonObject, str]] = {
    "no message": ({}, "message"),
    "message null": ({"message": None}, "message"),
    "message a string": ({"message": "hi"}, "message"),
    "message an array": ({"message": []}, "message"),
    "messageId missing": ({"message": {"role": "ROLE_USER", "parts": [PART]}}, "message.messageId"),
    "messageId empty": ({"message": message(messageId="")}, "message.messageId"),
    "messageId a number": ({"message": message(messageId=7)}, "message.messageId"),
    "role missing": ({"message": {"messageId": "m", "parts": [PART]}}, "message.role"),
    "role unknown": ({"message": message(role="ROLE_KING")}, "message.role"),
    "role of 0.3": ({"message": message(role="user")}, "message.role"),
    "role unspecified": ({"message": message(role="ROLE_UNSPECIFIED")}, "message.role"),
    "role of the agent": ({"message": message(role="ROLE_AGENT")}, "message.role"),
    "parts missing": ({"message": {"messageId": "m", "role": "ROLE_USER"}}, "message.parts"),
    "parts empty": ({"message": message(parts=[])}, "message.parts"),
    "parts an object": ({"message": message(parts={"text": "hi"})}, "message.parts"),
    "part a string": ({"message": message(parts=["hi"])}, "message.parts[0]"),
    "part of no kind": ({"message": message(parts=[PART, {}])}, "message.parts[1]"),
    "part of two kinds": (
        {"message": message(parts=[{"text": "a", "url": "b"}])},
        "message.parts[0]",
    ),
    "part of 0.3": ({"message": message(parts=[{"kind": "text"}])}, "message.parts[0]"),
    "text a number": ({"message": message(parts=[{"text": 7}])}, "message.parts[0].text"),
    "raw no base64": ({"message": message(parts=[{"raw": "%%%"}])}, "message.parts[0].raw"),
    "data 100 levels deep": (
        {"message": message(parts=[{"data": DEEP}])},
        "message.parts[0].data",
    ),
    "metadata an array": ({"message": message(metadata=[1])}, "message.metadata"),
    "metadata 100 levels deep": ({"message": message(metadata=DEEP)}, "message.metadata"),
    "taskId a number": ({"message": message(taskId=7)}, "message.taskId"),
    "contextId an object": ({"message": message(contextId={})}, "message.contextId"),
    "extensions a string": ({"message": message(extensions="x")}, "message.extensions"),
    "configuration a string": ({"message": message(), "configuration": "x"}, "configuration"),
    "returnImmediately a string": (
        {"message": message(), "configuration": {"returnImmediately": "yes"}},
        "configuration.returnImmediately",
    ),
    "historyLength negative": (
        {"message": message(), "configuration": {"historyLength": -1}},
        "configuration.historyLength",
    ),
    "historyLength over 32 bits": (
        {"message": message(), "configuration": {"historyLength": 2**31}},
        "configuration.historyLength",
    ),
    "historyLength a fraction": (
        {"message": message(), "configuration": {"historyLength": 1.5}},
        "configuration.historyLength",
    ),
    "tenant a number": ({"message": message(), "tenant": 1}, "tenant"),
}


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("method", ["SendMessage", "SendStreamingMessage"])
@pytest.mark.parametrize(("params", "field"), WRONG_MESSAGES.values(), ids=WRONG_MESSAGES)
async def test_wrong_message_names_the_field(
    binding: str, method: str, params: JsonObject, field: str
) -> None:
    """A2A 9.5, 11.6: BadRequest with the field's path in the wire's names; no task is made."""
    async with running() as server:
        answer = await server.over(binding, method, params)
        listed = (await server.call("ListTasks", {})).result

    answer.is_refusal_of(binding, BadParams, field)
    assert str(answer.error["message"]).startswith(f"{field}: ")
    assert listed["totalSize"] == 0


WRONG_PARAMS: dict[str, tuple[str, JsonObject, str]] = {
    "GetTask without id": ("GetTask", {}, "id"),
    "GetTask id empty": ("GetTask", {"id": ""}, "id"),
    "GetTask id a number": ("GetTask", {"id": 7}, "id"),
    "GetTask id null": ("GetTask", {"id": None}, "id"),
    "GetTask length negative": ("GetTask", {"id": "t", "historyLength": -1}, "historyLength"),
    "GetTask length a word": ("GetTask", {"id": "t", "historyLength": "x"}, "historyLength"),
    "GetTask length huge": ("GetTask", {"id": "t", "historyLength": 1e300}, "historyLength"),
    "CancelTask without id": ("CancelTask", {}, "id"),
    "CancelTask metadata a string": ("CancelTask", {"id": "t", "metadata": "x"}, "metadata"),
    "SubscribeToTask without id": ("SubscribeToTask", {}, "id"),
    "ListTasks pageSize 0": ("ListTasks", {"pageSize": 0}, "pageSize"),
    "ListTasks pageSize 101": ("ListTasks", {"pageSize": 101}, "pageSize"),
    "ListTasks pageSize -1": ("ListTasks", {"pageSize": -1}, "pageSize"),
    "ListTasks pageSize over 32 bits": ("ListTasks", {"pageSize": 2**40}, "pageSize"),
    "ListTasks pageSize true": ("ListTasks", {"pageSize": True}, "pageSize"),
    "ListTasks historyLength -5": ("ListTasks", {"historyLength": -5}, "historyLength"),
    "ListTasks pageToken foreign": ("ListTasks", {"pageToken": "%%%"}, "pageToken"),
    "ListTasks pageToken of junk": ("ListTasks", {"pageToken": "WzEsMl0"}, "pageToken"),
    "ListTasks pageToken of no time": (
        "ListTasks",
        {"pageToken": "Wzk5OTk5OTk5OTk5OTk5OTk5OSwieCJd"},
        "pageToken",
    ),
    "ListTasks status unknown": ("ListTasks", {"status": "RUNNING"}, "status"),
    "ListTasks since no time": (
        "ListTasks",
        {"statusTimestampAfter": "yesterday"},
        "statusTimestampAfter",
    ),
    "ListTasks includeArtifacts 1": ("ListTasks", {"includeArtifacts": 1}, "includeArtifacts"),
}


CASES = [
    pytest.param(binding, *case, id=f"{binding} {name}")
    for binding in BINDINGS
    for name, case in WRONG_PARAMS.items()
    if binding == RPC or has_path(case[0], case[1])  # else it is another path
]


@pytest.mark.parametrize(("binding", "method", "params", "field"), CASES)
async def test_wrong_parameter_names_the_field(
    binding: str, method: str, params: JsonObject, field: str
) -> None:
    """A2A 3.1.3 to 3.1.6, 9.5 and 11.5; ranges of 3.1.4."""
    async with running() as server:
        await server.task()
        answer = await server.over(binding, method, params)

    answer.is_refusal_of(binding, BadParams, field)


async def test_several_wrong_fields_are_told_at_once() -> None:
    """A2A 9.5: one violation each."""
    async with running() as server:
        wrong: JsonObject = {"role": 7, "parts": []}
        answer = await server.call("SendMessage", {"message": wrong, "configuration": 1})

    answer.is_refusal(-32602, "INVALID_PARAMS")
    assert sorted(str(each) for each in answer.fields) == [
        "configuration",
        "message.messageId",
        "message.parts",
        "message.role",
    ]


async def test_ten_thousand_wrong_parts_give_one_short_answer() -> None:
    """Ours: the size of a refusal does not follow the size of what is refused."""
    async with running() as server:
        parts: list[Json] = [{}] * 10_000
        answer = await server.call("SendMessage", {"message": message(parts=parts)})

    answer.is_refusal(-32602, "INVALID_PARAMS")
    assert answer.fields == ["message.parts[0]"]
    assert len(answer.body) < 1000


async def test_unknown_fields_are_passed_over() -> None:
    """A2A 5.5, ProtoJSON: newer clients may say more, at any depth JSON allows."""
    async with running() as server:
        newer = message(shoe="size", parts=[{"text": "hi", "new": DEEP}])
        answer = await server.call("SendMessage", {"message": newer, "later": DEEP})

    assert "task" in answer.result


UNKNOWN_TASKS: dict[str, JsonObject] = {
    "GetTask": {"id": "nobody"},
    "CancelTask": {"id": "nobody"},
    "SubscribeToTask": {"id": "nobody"},
    "SendMessage": {"message": message(taskId="nobody")},
    "SendStreamingMessage": {"message": message(taskId="nobody")},
}


@pytest.mark.parametrize("method", UNKNOWN_TASKS)
async def test_unknown_task_is_not_found(method: str) -> None:
    """A2A 3.3.2: TaskNotFoundError, -32001."""
    async with running() as server:
        answer = await server.call(method, UNKNOWN_TASKS[method])

    answer.is_refusal(-32001, "TASK_NOT_FOUND", domain=A2A)
    assert answer.details[0]["metadata"] == {"taskId": "nobody"}


@pytest.mark.parametrize("task_id", ["x" * 500_000, "\x00", "../../etc", "' OR 1=1 --", "é☃"])
async def test_strange_task_id_is_just_not_found(task_id: str) -> None:
    """Ours: an id is looked up, never parsed; a long one is not thrown back."""
    async with running() as server:
        answer = await server.call("GetTask", {"id": task_id})

    answer.is_refusal(-32001, "TASK_NOT_FOUND", domain=A2A)
    assert answer.details[0]["metadata"] == {"taskId": task_id[:100]}
    assert len(answer.body) < 1000


@pytest.mark.parametrize("method", ["SendMessage", "SendStreamingMessage"])
async def test_message_to_a_finished_task_is_unsupported(method: str) -> None:
    """A2A 3.1.1: UnsupportedOperationError, -32004; the task stays as it was."""
    async with running() as server:
        task = await server.task()
        answer = await server.call(method, {"message": message("more", taskId=task["id"])})
        after = (await server.call("GetTask", {"id": task["id"]})).result

    answer.is_refusal(-32004, "UNSUPPORTED_OPERATION", domain=A2A)
    assert after == task


async def test_finished_task_cannot_be_canceled() -> None:
    """A2A 3.1.5: TaskNotCancelableError, -32002."""
    async with running() as server:
        task = await server.task()
        answer = await server.call("CancelTask", {"id": task["id"]})

    answer.is_refusal(-32002, "TASK_NOT_CANCELABLE", domain=A2A)


async def test_finished_task_cannot_be_subscribed_to() -> None:
    """A2A 3.1.6: UnsupportedOperationError."""
    async with running() as server:
        task = await server.task()
        answer = await server.call("SubscribeToTask", {"id": task["id"]})

    answer.is_refusal(-32004, "UNSUPPORTED_OPERATION", domain=A2A)


async def test_message_in_another_context_is_refused() -> None:
    """A2A 3.4.3: contextId and taskId must agree."""
    async with running() as server:
        task = await server.task("asker")
        wrong = message("yes", taskId=task["id"], contextId="another")
        answer = await server.call("SendMessage", {"message": wrong}, agent="asker")
        after = await server.call("GetTask", {"id": task["id"]}, agent="asker")

    answer.is_refusal(-32602, "INVALID_PARAMS")
    assert answer.fields == ["message.contextId"]
    assert after.result == task


async def test_long_message_id_is_remembered_whole() -> None:
    """A2A 3.3.1: ids that differ only at their ends are two messages; how long is ours to bound."""
    async with running() as server:
        ids = ["m" * (MAX_NAME - 1) + end for end in "aab"]
        answers = [await server.call("SendMessage", {"message": message(messageId=i)}) for i in ids]

    tasks = [cast("JsonObject", each.result["task"])["id"] for each in answers]
    assert tasks[0] == tasks[1] != tasks[2]
