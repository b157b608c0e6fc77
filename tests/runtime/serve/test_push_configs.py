"""Push configs over both HTTP bindings: made, shown, listed, deleted, refused.

Source: A2A 3.1.7 to 3.1.10, 3.2.2 (a config that comes with a message), 3.3.2, 13.1 and 13.2.
"""

from __future__ import annotations

from typing import Final, cast

import pytest

from interloom.runtime.core.egress import Egress
from interloom.runtime.engine.outbox import Posting
from interloom.runtime.errors import BadParams, PushNotSupported, TaskNotFound
from interloom.runtime.net.guard import Guard
from interloom.runtime.values import Json, JsonObject
from tests.runtime.serve.raw import REST, RPC, Server, message, running

CREATE: Final = "CreateTaskPushNotificationConfig"
GET: Final = "GetTaskPushNotificationConfig"
LIST: Final = "ListTaskPushNotificationConfigs"
DELETE: Final = "DeleteTaskPushNotificationConfig"
WITHIN: Final = "configuration.taskPushNotificationConfig"
URL: Final = "https://8.8.8.8/hook"
"""Public, so it is admitted; no task here has an event after its config, so nothing is posted."""

POSTING: Final = Posting(Guard(Egress()), max_configs=3)

pytestmark = pytest.mark.parametrize("binding", [RPC, REST])


def body(answer: Json, binding: str) -> JsonObject:
    """What an operation gave, whatever the envelope."""
    frame = cast("JsonObject", answer)
    return cast("JsonObject", frame["result"]) if binding == RPC else frame


async def do(server: Server, binding: str, method: str, **params: Json) -> JsonObject:
    """An operation that goes well."""
    answer = await server.over(binding, method, params)
    assert answer.status == 200, answer.body
    return body(answer.frame, binding)


async def refused(
    server: Server,
    binding: str,
    method: str,
    error: type[TaskNotFound | BadParams],
    *fields: str,
    **params: Json,
) -> None:
    (await server.over(binding, method, params)).is_refusal_of(binding, error, *fields)


async def test_config_is_made_shown_listed_and_deleted(binding: str) -> None:
    async with running(push=POSTING) as server:
        task = cast("str", (await server.task())["id"])
        wanted: JsonObject = {
            "taskId": task,
            "url": URL,
            "token": "secret",
            "authentication": {"scheme": "Bearer", "credentials": "more secret"},
        }
        made = await do(server, binding, CREATE, **wanted)
        name = cast("str", made["id"])
        assert name
        assert made == {**wanted, "id": name}
        assert await do(server, binding, GET, taskId=task, id=name) == made
        assert await do(server, binding, LIST, taskId=task) == {"configs": [made]}
        for _ in range(2):
            assert await do(server, binding, DELETE, taskId=task, id=name) == {}
        assert await do(server, binding, LIST, taskId=task) == {"configs": []}
        await refused(server, binding, GET, TaskNotFound, taskId=task, id=name)


async def test_config_of_the_same_id_replaces_the_first(binding: str) -> None:
    async with running(push=POSTING) as server:
        task = cast("str", (await server.task())["id"])
        await do(server, binding, CREATE, taskId=task, id="mine", url=URL)
        await do(server, binding, CREATE, taskId=task, id="mine", url=f"{URL}/2")
        (only,) = cast(
            "list[JsonObject]", (await do(server, binding, LIST, taskId=task))["configs"]
        )
        assert only == {"taskId": task, "id": "mine", "url": f"{URL}/2"}


async def test_configs_are_listed_in_pages(binding: str) -> None:
    async with running(push=POSTING) as server:
        task = cast("str", (await server.task())["id"])
        for name in ("c", "a", "b"):
            await do(server, binding, CREATE, taskId=task, id=name, url=URL)
        first = await do(server, binding, LIST, taskId=task, pageSize=2)
        rest = await do(
            server, binding, LIST, taskId=task, pageSize=2, pageToken=first["nextPageToken"]
        )
        pages = [cast("list[JsonObject]", page["configs"]) for page in (first, rest)]
        assert [each["id"] for page in pages for each in page] == ["a", "b", "c"]
        assert "nextPageToken" not in rest


async def test_task_has_no_more_configs_than_it_may(binding: str) -> None:
    async with running(push=POSTING) as server:
        task = cast("str", (await server.task("asker"))["id"])
        for name in ("a", "b", "c"):
            answer = await server.over(
                binding, CREATE, {"taskId": task, "id": name, "url": URL}, agent="asker"
            )
            assert answer.status == 200
        fourth: JsonObject = {"taskId": task, "url": URL}
        answer = await server.over(binding, CREATE, fourth, agent="asker")
        answer.is_refusal_of(binding, BadParams, "taskId")
        again = {
            "message": message(taskId=task),
            "configuration": {"taskPushNotificationConfig": {"url": URL}},
        }
        answer = await server.over(binding, "SendMessage", again, agent="asker")
        answer.is_refusal_of(binding, BadParams, f"{WITHIN}.taskId")


@pytest.mark.parametrize("method", [CREATE, GET, LIST, DELETE])
async def test_task_of_another_agent_is_as_little_there_as_none(binding: str, method: str) -> None:
    """A2A 13.1: told in the same words."""
    async with running(push=POSTING) as server:
        elsewhere = cast("str", (await server.task("asker"))["id"])
        for task in (elsewhere, "nowhere"):
            params: JsonObject = {"taskId": task, "url": URL, "id": "a"}
            if method != CREATE:
                params = {"taskId": task, **({} if method == LIST else {"id": "a"})}
            await refused(server, binding, method, TaskNotFound, **params)


HOSTILE: Final[dict[str, tuple[Json, str]]] = {
    "no TLS": ("http://hooks.example/", "url"),
    "loopback": ("https://127.0.0.1/", "url"),
    "metadata": ("https://169.254.169.254/latest/meta-data", "url"),
    "mapped": ("https://[::ffff:10.0.0.1]/", "url"),
    "name of this machine": ("https://localhost:8443/", "url"),
    "decimal": ("https://2130706433/", "url"),
    "user": ("https://a:b@8.8.8.8/", "url"),
    "file": ("file:///etc/passwd", "url"),
    "relative": ("/hook", "url"),
    "long": (f"{URL}/{'a' * 2048}", "url"),
    "none": (None, "url"),
    "number": (7, "url"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_url_that_leads_inwards_is_refused_by_field(binding: str, case: str) -> None:
    """A2A 13.2: in CreateTaskPushNotificationConfig and in a message's configuration alike."""
    url, field = HOSTILE[case]
    async with running(push=POSTING) as server:
        task = cast("str", (await server.task())["id"])
        await refused(server, binding, CREATE, BadParams, field, taskId=task, url=url)
        sent = {
            "message": message(),
            "configuration": {"taskPushNotificationConfig": {"url": url}},
        }
        await refused(server, binding, "SendMessage", BadParams, f"{WITHIN}.{field}", **sent)


BROKEN: Final[dict[str, JsonObject]] = {
    "id": {"id": "a b"},
    "token": {"token": "a\r\nX: b"},
    "authentication.scheme": {"authentication": {"scheme": "Bea rer"}},
    "authentication.credentials": {"authentication": {"scheme": "Basic", "credentials": "\n"}},
}


@pytest.mark.parametrize("field", BROKEN)
async def test_field_that_no_header_can_carry_is_refused(binding: str, field: str) -> None:
    async with running(push=POSTING) as server:
        task = cast("str", (await server.task())["id"])
        wanted = {"taskId": task, "url": URL, **BROKEN[field]}
        await refused(server, binding, CREATE, BadParams, field, **wanted)
        assert await do(server, binding, LIST, taskId=task) == {"configs": []}


async def test_config_that_comes_with_a_message_is_its_tasks(binding: str) -> None:
    deaf = "http://127.0.0.1:1/hook"
    async with running(push=Posting(Guard(Egress.of(["127.0.0.1"])))) as server:
        wanted: JsonObject = {"id": "mine", "url": deaf}
        sent = {
            "message": message(),
            "configuration": {"taskPushNotificationConfig": wanted},
        }
        answer = await do(server, binding, "SendMessage", **sent)
        task = cast("JsonObject", answer["task"])["id"]
        assert await do(server, binding, GET, taskId=task, id="mine") == {**wanted, "taskId": task}


async def test_config_with_a_message_names_no_other_task(binding: str) -> None:
    """a2a.proto: its task id should be empty."""
    async with running(push=POSTING) as server:
        wanted: JsonObject = {"url": URL, "taskId": "another"}
        sent = {
            "message": message(),
            "configuration": {"taskPushNotificationConfig": wanted},
        }
        await refused(server, binding, "SendMessage", BadParams, f"{WITHIN}.taskId", **sent)


async def test_agent_that_promises_no_push_takes_no_config(binding: str) -> None:
    """A2A 3.3.4."""
    async with running() as server:
        card = (await server.rest("GET", "/.well-known/agent-card.json")).frame
        assert cast("JsonObject", card["capabilities"])["pushNotifications"] is False
        sent: JsonObject = {
            "message": message(),
            "configuration": {"taskPushNotificationConfig": {"url": URL}},
        }
        answer = await server.over(binding, "SendMessage", sent)
        answer.is_refusal_of(binding, PushNotSupported)
