"""Numbers of events and `Last-Event-ID` over HTTP, the same on both bindings.

Source: docs/streams.md, `ours`; WHATWG HTML, section 9.2 (`id`, `Last-Event-ID`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import orjson
import pytest

from interloom.runtime.values import JsonObject
from interloom.runtime.wire import sse
from interloom.runtime.wire.streams import URI
from tests.runtime.serve.raw import HEADERS, Answer, Server, message, running

BINDINGS = ("JSON-RPC", "HTTP+JSON")


async def subscribed(
    server: Server, binding: str, task: JsonObject, headers: Mapping[str, str]
) -> Answer:
    """A stream of SubscribeToTask to its end."""
    sent = {**HEADERS, **headers}
    if binding == "HTTP+JSON":
        path = f"/a2a/asker/tasks/{task['id']}:subscribe"
        return await server.ask(b"", path=path, headers=sent)
    params = {"id": task["id"]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": params}
    return await server.ask(orjson.dumps(call), path="/a2a/asker", headers=sent)


async def streamed(server: Server, binding: str, headers: Mapping[str, str]) -> Answer:
    """A stream of SendStreamingMessage, of a task that asks, to its end."""
    sent = {**HEADERS, **headers}
    params: JsonObject = {"message": message(messageId="m1")}
    if binding == "HTTP+JSON":
        return await server.ask(
            orjson.dumps(params), path="/a2a/asker/message:stream", headers=sent
        )
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": params}
    return await server.ask(orjson.dumps(call), path="/a2a/asker", headers=sent)


def events(answer: Answer) -> list[tuple[str, JsonObject]]:
    """Ids and StreamResponses, whatever is around them."""
    read = sse.Decoder().feed(answer.body)
    shapes = [(event.id, cast("JsonObject", orjson.loads(event.data))) for event in read]
    return [(each, cast("JsonObject", shape.get("result", shape))) for each, shape in shapes]


@pytest.mark.parametrize("binding", BINDINGS)
async def test_events_have_their_numbers_as_ids(binding: str) -> None:
    """Also for a client that never heard of the extension, which sees nothing else of it."""
    async with running() as server:
        found = events(await streamed(server, binding, {}))
    assert [each for each, _ in found] == ["1", "2", "3"]
    assert URI not in str(found)


@pytest.mark.parametrize("binding", BINDINGS)
async def test_stream_goes_on_after_the_last_event_that_arrived(binding: str) -> None:
    async with running() as server:
        whole = events(await streamed(server, binding, {}))
        assert events(await streamed(server, binding, {"last-event-id": "1"})) == whole[1:]
        task = cast("JsonObject", whole[0][1]["task"])
        await server.rest("POST", f"/tasks/{task['id']}:cancel", agent="asker")
        rest = events(await subscribed(server, binding, task, {"last-event-id": "2"}))
    assert [each for each, _ in rest] == ["3", "4"]
    assert rest[0] == whole[2]
    assert "TASK_STATE_CANCELED" in str(rest[1])


@pytest.mark.parametrize("binding", BINDINGS)
async def test_activated_extension_is_echoed_and_shows_the_numbers(binding: str) -> None:
    """A2A 4.6; for whoever does not see the ids of server-sent events."""
    async with running() as server:
        answer = await streamed(server, binding, {"a2a-extensions": URI})
    assert answer.headers["a2a-extensions"] == URI
    for each, shape in events(answer):
        (told,) = cast("list[JsonObject]", list(shape.values()))
        assert told["metadata"] == {URI: {"seq": int(each)}}


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("number", ["99", "x"])
async def test_number_that_is_no_event_is_refused_by_name(binding: str, number: str) -> None:
    async with running() as server:
        task = await server.task("asker")
        refused = await subscribed(server, binding, task, {"last-event-id": number})
    assert refused.fields == ["Last-Event-ID"]
    assert refused.status == (200 if binding == "JSON-RPC" else 400)


async def test_card_offers_the_extension_and_does_not_require_it() -> None:
    """A2A 4.6.1."""
    async with running() as server:
        card = (await server.ask(method="GET", path="/.well-known/agent-card.json")).frame
    (offered,) = cast("list[JsonObject]", cast("JsonObject", card["capabilities"])["extensions"])
    assert offered["uri"] == URI
    assert not offered.get("required", False)
