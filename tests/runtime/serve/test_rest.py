"""HTTP+JSON says what JSON-RPC says: the same results, the same errors, the same streams.

Source: A2A 1.0.1 sections 5.1 (equivalence), 11 (the binding), 3.2.6 (service parameters).
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import orjson
import pytest

from interloom.runtime.engine.agent import Agent
from interloom.runtime.model import AgentExtension
from interloom.runtime.testing.agents import echo
from interloom.runtime.values import Json, JsonObject
from tests.runtime.serve.raw import A2A, HEADERS, OURS, Answer, Server, frames, message, running

JSON = "application/json"
A2A_JSON = "application/a2a+json"


def is_refusal(answer: Answer, status: int, reason: str, *, domain: str = OURS) -> None:
    """Check that it is exactly this error, and that it says nothing it should not."""
    info = answer.details[0]
    assert (answer.status, answer.error["code"]) == (status, status)
    assert answer.headers["content-type"] in {JSON, A2A_JSON}
    assert (info["reason"], info["domain"]) == (reason, domain)
    assert answer.error["message"]
    answer.is_discreet()


def told(task: Json) -> JsonObject:
    """A task without what is another's in each: ids and times."""
    text = orjson.dumps(task).decode()
    whole = cast("JsonObject", task)
    for secret in (whole["id"], whole["contextId"]):
        text = text.replace(str(secret), "…")
    return cast("JsonObject", orjson.loads(text))


async def test_message_gives_the_task_json_rpc_gives() -> None:
    """A2A 11.4 and 5.1."""
    async with running() as server:
        sent = message()
        over_rpc = (await server.call("SendMessage", {"message": sent})).result
        answer = await server.rest("POST", "/message:send", {"message": sent})

    assert (answer.status, answer.headers["content-type"]) == (200, A2A_JSON)
    assert answer.frame == over_rpc  # the same message id is the same task


async def test_task_is_read_listed_and_canceled_like_over_json_rpc() -> None:
    """A2A 11.3.2: path and query in place of params; equal answers."""
    async with running() as server:
        task = await server.task("asker")
        task_id = task["id"]
        pairs = [
            ("GetTask", {"id": task_id}, "GET", f"/tasks/{task_id}", ""),
            (
                "GetTask",
                {"id": task_id, "historyLength": 0},
                "GET",
                f"/tasks/{task_id}",
                "historyLength=0",
            ),
            ("ListTasks", {"pageSize": 1}, "GET", "/tasks", "pageSize=1"),
            (
                "ListTasks",
                {"status": "TASK_STATE_FAILED"},
                "GET",
                "/tasks",
                "status=TASK_STATE_FAILED",
            ),
        ]
        for method, params, verb, path, query in pairs:
            rpc = await server.call(method, cast("Json", params), agent="asker")
            rest = await server.rest(verb, path, agent="asker", query=query)
            assert (rest.status, rest.frame) == (200, rpc.result)
        canceled = await server.rest("POST", f"/tasks/{task_id}:cancel", agent="asker")
        after = await server.call("GetTask", {"id": task_id}, agent="asker")

    assert canceled.frame == after.result
    assert cast("JsonObject", canceled.frame["status"])["state"] == "TASK_STATE_CANCELED"


async def test_stream_is_the_bare_events_of_json_rpcs() -> None:
    """A2A 11.7: `data` is a StreamResponse, without an envelope."""
    async with running() as server:
        rpc = await server.call("SendStreamingMessage", {"message": message()})
        rest = await server.rest("POST", "/message:stream", {"message": message()})

    wrapped = [cast("JsonObject", each["result"]) for each in frames(rpc.body)]
    assert rest.headers["content-type"] == "text/event-stream"
    assert [list(each) for each in frames(rest.body)] == [list(each) for each in wrapped]
    assert list(frames(rest.body)[0]) == ["task"]


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_subscription_begins_with_the_task(verb: str) -> None:
    """A2A 3.1.6; 5.3 says POST, a2a.proto GET."""
    async with running() as server:
        task = await server.task("asker")
        path = f"/tasks/{task['id']}:cancel"
        async with server.streamed(verb, f"/a2a/asker/tasks/{task['id']}:subscribe") as events:
            first = await anext(events)
            await server.rest("POST", path, agent="asker")
            rest = [each async for each in events]

    assert first == {"task": task}
    assert cast("JsonObject", rest[-1]["statusUpdate"])["taskId"] == task["id"]


REFUSED: dict[str, tuple[str, str, Json, str, JsonObject]] = {
    "no message": ("POST", "/message:send", {}, "SendMessage", {}),
    "no parts": (
        "POST",
        "/message:send",
        {"message": message(parts=[], messageId="m")},
        "SendMessage",
        {"message": message(parts=[], messageId="m")},
    ),
    "unknown task": ("GET", "/tasks/nobody", None, "GetTask", {"id": "nobody"}),
    "unknown task to cancel": (
        "POST",
        "/tasks/nobody:cancel",
        None,
        "CancelTask",
        {"id": "nobody"},
    ),
    "unknown task to follow": (
        "GET",
        "/tasks/nobody:subscribe",
        None,
        "SubscribeToTask",
        {"id": "nobody"},
    ),
    "no extended card": ("GET", "/extendedAgentCard", None, "GetExtendedAgentCard", {}),
}


@pytest.mark.parametrize(
    ("verb", "path", "body", "method", "params"), REFUSED.values(), ids=REFUSED
)
async def test_error_has_the_details_json_rpc_gives(
    verb: str, path: str, body: Json, method: str, params: JsonObject
) -> None:
    """A2A 5.4 and 11.6: one error, two spellings."""
    async with running() as server:
        rpc = await server.call(method, params)
        rest = await server.rest(verb, path, body)

    assert rest.status == rest.error["code"]
    assert 400 <= rest.status < 500
    assert rest.error["message"] == rpc.error["message"]
    assert rest.details == rpc.details
    rest.is_discreet()


async def test_finished_task_is_not_cancelable_with_status_400() -> None:
    """A2A 5.4 of v1.0.1; v1.0.0 had 409."""
    async with running() as server:
        task = await server.task()
        answer = await server.rest("POST", f"/tasks/{task['id']}:cancel")

    is_refusal(answer, 400, "TASK_NOT_CANCELABLE", domain=A2A)
    assert answer.error["status"] == "FAILED_PRECONDITION"


async def test_wrong_verb_is_405_with_what_is_allowed() -> None:
    """RFC 9110 15.5.6."""
    async with running() as server:
        answer = await server.rest("PUT", "/message:send", {})

    is_refusal(answer, 405, "HTTP_METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_body_that_is_said_to_be_something_else_is_415(content_type: str) -> None:
    """A2A 11.1, RFC 9110 15.5.16."""
    async with running() as server:
        headers = {**HEADERS, "content-type": content_type}
        body = orjson.dumps({"message": message()})
        answer = await server.ask(body, path="/a2a/echo/message:send", headers=headers)

    is_refusal(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_body_that_is_not_said_to_be_anything_is_415() -> None:
    """Ours: a page of another origin could send it unasked."""
    headers = {key: text for key, text in HEADERS.items() if key != "content-type"}
    async with running() as server:
        body = orjson.dumps({"message": message()})
        answer = await server.ask(body, path="/a2a/echo/message:send", headers=headers)
        bare = await server.ask(path="/a2a/echo/tasks/nobody:cancel", headers=headers)

    is_refusal(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    is_refusal(bare, 404, "TASK_NOT_FOUND", domain=A2A)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", A2A_JSON),
        (A2A_JSON, A2A_JSON),
        (JSON, JSON),
        ("application/*", A2A_JSON),
        ("text/html, application/json;q=0.5, */*;q=0.1", JSON),
        ("text/event-stream, application/json", JSON),
    ],
)
async def test_answer_is_of_the_type_the_caller_takes(accept: str, content_type: str) -> None:
    """A2A 11.1, 3.6.1; RFC 9110 12.5.1."""
    async with running() as server:
        headers = {**HEADERS, "accept": accept}
        answer = await server.ask(method="GET", path="/a2a/echo/tasks", headers=headers)

    assert (answer.status, answer.headers["content-type"]) == (200, content_type)


@pytest.mark.parametrize("path", ["/a2a/echo/tasks", "/a2a/echo/tasks/x:subscribe"])
async def test_caller_who_takes_no_answer_is_406(path: str) -> None:
    """RFC 9110 15.5.7."""
    async with running() as server:
        headers = {**HEADERS, "accept": "text/html"}
        answer = await server.ask(method="GET", path=path, headers=headers)

    is_refusal(answer, 406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("version", [None, "", "0.3", "2.0", "99.0"])
async def test_other_version_is_refused(version: str | None) -> None:
    """A2A 3.6.2: an absent version means 0.3."""
    headers = {key: text for key, text in HEADERS.items() if key != "a2a-version"}
    if version is not None:
        headers["a2a-version"] = version
    async with running() as server:
        answer = await server.ask(method="GET", path="/a2a/echo/tasks", headers=headers)

    is_refusal(answer, 400, "VERSION_NOT_SUPPORTED", domain=A2A)


@pytest.mark.parametrize("path", ["/tasks", "/a2a/echo/tasks"])
async def test_version_may_stand_in_the_query(path: str) -> None:
    """A2A 3.6.1; and the root is the first agent (ours)."""
    headers = {"host": HEADERS["host"]}
    async with running() as server:
        answer = await server.ask(
            method="GET", path=path, query="A2A-Version=1.0&pageSize=2", headers=headers
        )

    assert answer.frame["pageSize"] == 2


KNOWN = AgentExtension(uri="https://x.example/known/v1")
DEMANDED = AgentExtension(uri="https://x.example/demanded/v1", required=True)


def extended() -> Agent:
    """An echo that speaks one extension and demands another."""
    plain = echo("extended")
    return replace(plain, about=replace(plain.about, extensions=(KNOWN, DEMANDED)))


async def _asked_with(server: Server, extensions: str) -> tuple[Answer, Answer]:
    headers = {**HEADERS, "a2a-extensions": extensions}
    body = b'{"jsonrpc":"2.0","id":1,"method":"ListTasks","params":{}}'
    rpc = await server.ask(body, path="/a2a/extended", headers=headers)
    rest = await server.ask(method="GET", path="/a2a/extended/tasks", headers=headers)
    return rpc, rest


async def test_extensions_of_the_card_are_activated_and_echoed() -> None:
    """A2A 3.2.6, 4.6.3: those the agent does not know are passed over."""
    async with running(extended()) as server:
        asked = f"https://x.example/other,{DEMANDED.uri}, {KNOWN.uri}"
        answers = await _asked_with(server, asked)

    for answer in answers:
        assert answer.status == 200
        assert answer.headers["a2a-extensions"] == f"{DEMANDED.uri}, {KNOWN.uri}"


async def test_extension_that_is_required_and_not_activated_is_an_error() -> None:
    """A2A 3.3.4."""
    async with running(extended()) as server:
        rpc, rest = await _asked_with(server, KNOWN.uri)

    rpc.is_refusal(-32008, "EXTENSION_SUPPORT_REQUIRED", domain=A2A)
    is_refusal(rest, 400, "EXTENSION_SUPPORT_REQUIRED", domain=A2A)
    assert rest.details == rpc.details


async def test_tenant_of_the_path_is_the_tenant_of_the_body() -> None:
    """a2a.proto: the additional bindings; a tenant's tasks are seen from it alone (ours)."""
    async with running() as server:
        made = await server.rest("POST", "/acme/message:send", {"message": message()})
        task = cast("JsonObject", made.frame["task"])
        path = f"/tasks/{task['id']}"
        inside = await server.rest("GET", f"/acme{path}")
        by_field = await server.call("GetTask", {"id": task["id"], "tenant": "acme"})
        by_query = await server.rest("GET", path, query="tenant=acme")
        outside = [await server.rest("GET", path), await server.rest("GET", f"/other{path}")]
        listed = (await server.rest("GET", "/tasks")).frame

    assert inside.frame == by_field.result == by_query.frame == task
    for answer in outside:
        is_refusal(answer, 404, "TASK_NOT_FOUND", domain=A2A)
    assert listed["totalSize"] == 0


async def test_id_with_a_slash_stays_one_id() -> None:
    """RFC 3986 2.2: a slash that is encoded is no boundary."""
    async with running() as server:
        answer = await server.rest("GET", "/tasks/a%2Fb%3Acancel")

    is_refusal(answer, 404, "TASK_NOT_FOUND", domain=A2A)
    assert answer.details[0]["metadata"] == {"taskId": "a/b:cancel"}
