"""No operation tells a caller anything of a task that is somebody else's, on any binding.

Source: A2A 1.0.1 section 13.1; docs/decisions/0024 and 0031 (a tenant and a caller make one owner).
An operation that is added stands in one of the two tables, or a test fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

import orjson
import pytest
from google.protobuf import json_format
from grpc import StatusCode

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.core.egress import Egress
from interloom.runtime.engine.outbox import Posting
from interloom.runtime.net.guard import Guard
from interloom.runtime.testing.pair import PATIENT
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.grpc import RPCS
from interloom.runtime.wire.methods import METHODS
from tests.runtime.serve.over_grpc import VERSION, Caller, calling
from tests.runtime.serve.raw import REST, RPC, Answer, Server, as_rest, message, running
from tests.runtime.serve.test_auth import ADA, BOB, KNOWN, as_

POSTING: Final = Posting(Guard(Egress()))
NOWHERE: Final = "0" * 32
"""An id as ours are, of a task that never was."""
NAMES_NO_TASK: Final = {"ListTasks", "GetExtendedAgentCard"}
"""Operations that name no task: their answers are the caller's own by the ledger's query."""
_CONFIG: Final[JsonObject] = {"url": "https://8.8.8.8/hook", "id": "c"}
_MESSAGE: Final[JsonObject] = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}


def params(method: str, task_id: str) -> JsonObject:
    """Parameters that name a task, and are in order but for whose it is."""
    named: Mapping[str, JsonObject] = {
        "SendMessage": {"message": {**_MESSAGE, "taskId": task_id}},
        "SendStreamingMessage": {"message": {**_MESSAGE, "taskId": task_id}},
        "GetTask": {"id": task_id},
        "CancelTask": {"id": task_id},
        "SubscribeToTask": {"id": task_id},
        "CreateTaskPushNotificationConfig": {**_CONFIG, "taskId": task_id},
        "GetTaskPushNotificationConfig": {"taskId": task_id, "id": "c"},
        "ListTaskPushNotificationConfigs": {"taskId": task_id},
        "DeleteTaskPushNotificationConfig": {"taskId": task_id, "id": "c"},
    }
    return named[method]


OPERATIONS: Final = [name for name in METHODS if name not in NAMES_NO_TASK]
STRANGERS: Final[Mapping[str, tuple[str, Mapping[str, str], str]]] = {
    "another caller": ("asker", as_(BOB), ""),
    "another tenant": ("asker", as_(ADA), "acme"),
    "another agent": ("echo", as_(ADA), ""),
}
"""Who asks: of which agent, with what, in which tenant. The task is ada's, of `asker`."""


def test_every_operation_is_in_a_table() -> None:
    assert all(params(name, "t") for name in OPERATIONS)
    assert set(METHODS) >= NAMES_NO_TASK


async def _ask(server: Server, binding: str, method: str, stranger: str, task_id: str) -> Answer:
    agent, headers, tenant = STRANGERS[stranger]
    told = params(method, task_id)
    if binding == RPC:
        frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**told, "tenant": tenant}}
        return await server.ask(orjson.dumps(frame), path=f"/a2a/{agent}", headers=headers)
    verb, path, query, body = as_rest(method, told)
    place = f"/a2a/{agent}/{tenant}{path}" if tenant else f"/a2a/{agent}{path}"
    sent = b"" if body is None else orjson.dumps(body)
    return await server.ask(sent, method=verb, path=place, query=query, headers=headers)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("method", OPERATIONS)
@pytest.mark.parametrize("binding", [RPC, REST])
async def test_anothers_task_is_one_that_was_never_there(
    binding: str, method: str, stranger: str
) -> None:
    """To the byte: neither its state nor that it exists can be read from the answer."""
    async with running(authenticator=KNOWN, push=POSTING) as server:
        frame = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage"}
        sent = orjson.dumps({**frame, "params": {"message": message()}})
        made = await server.ask(sent, path="/a2a/asker", headers=as_(ADA))
        task_id = str(cast("JsonObject", made.result["task"])["id"])

        theirs = await _ask(server, binding, method, stranger, task_id)
        nowhere = await _ask(server, binding, method, stranger, NOWHERE)

    assert theirs.details[0]["reason"] == "TASK_NOT_FOUND", theirs.body
    assert theirs.status == nowhere.status
    assert theirs.body.replace(task_id.encode(), NOWHERE.encode()) == nowhere.body


def _proof(secret: str) -> Mapping[str, str]:
    return {**VERSION, "authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("method", OPERATIONS)
async def test_anothers_task_was_never_there_over_grpc_either(method: str) -> None:
    async def said(caller: Caller, agent: str, secret: str, task_id: str) -> tuple[Any, ...]:
        told = {**params(method, task_id), "tenant": agent}
        request = json_format.ParseDict(told, RPCS[method].request())
        refusal = await caller.refused(method, request, metadata=_proof(secret))
        return refusal.code, refusal.reason, refusal.text.replace(task_id, NOWHERE)

    told = replace(PATIENT, authenticator=KNOWN, push=POSTING)
    async with calling(settings=told) as caller:
        begin = pb.Message(message_id="m", role=pb.ROLE_USER, parts=[pb.Part(text="hi")])
        request = pb.SendMessageRequest(tenant="asker", message=begin)
        made = await caller.call("SendMessage", request, metadata=_proof(ADA.secret))
        for agent, token in (("asker", BOB), ("echo", ADA)):
            theirs = await said(caller, agent, token.secret, made.task.id)
            nowhere = await said(caller, agent, token.secret, NOWHERE)
            assert theirs == nowhere
            assert (theirs[0], theirs[1][0]) == (StatusCode.NOT_FOUND, "TASK_NOT_FOUND")
