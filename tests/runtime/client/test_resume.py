"""A stream that breaks goes on: nothing is missed, nothing told twice, and it ends (A2A 3.1.6)."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import orjson
import pytest

from interloom.runtime.client import A2AClient, ClientOptions, Resume
from interloom.runtime.client.options import PATIENT
from interloom.runtime.errors import (
    PeerError,
    TaskNotFound,
    TransportError,
    Unavailable,
    UnsupportedOperation,
)
from interloom.runtime.model import Message, Part, Role, StreamResponse
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire import jsonrpc, sse
from interloom.runtime.wire.streams import URI
from tests.runtime.client.ports import Canned, ScriptedPort
from tests.runtime.client.test_choose import card

CARD = card(("https://h.example/rpc", "JSONRPC", "1.0"))
NUMBERED = CARD.model_copy(
    update={
        "capabilities": CARD.capabilities.model_validate(
            {"streaming": True, "extensions": [{"uri": URI}]}
        )
    }
)
SAID = Message(message_id="m-1", role=Role.USER, parts=(Part(text="Lisbon"),))
CUT = TransportError("h.example: the body broke off", delivered=True)
AWAY = TransportError("h.example: no connection", delivered=False)
QUICK = ClientOptions(resume=Resume(tries=3, first_s=0.0))
TYPE = {"content-type": "text/event-stream"}


def task(state: str, *texts: str) -> dict[str, Json]:
    artifacts: list[Json] = []
    if texts:
        artifacts = [{"artifactId": "r", "parts": [{"text": each} for each in texts]}]
    status = {"state": f"TASK_STATE_{state}"}
    found: dict[str, Json] = {"id": "t-1", "contextId": "c", "status": status}
    return {**found, "artifacts": artifacts} if artifacts else found


def whole(state: str, *texts: str) -> JsonObject:
    return {"task": task(state, *texts)}


def moved(state: str) -> JsonObject:
    status = {"state": f"TASK_STATE_{state}"}
    return {"statusUpdate": {"taskId": "t-1", "contextId": "c", "status": status}}


def chunk(text: str) -> JsonObject:
    artifact: JsonObject = {"artifactId": "r", "parts": [{"text": text}]}
    update: JsonObject = {"taskId": "t-1", "contextId": "c", "artifact": artifact, "append": True}
    return {"artifactUpdate": update}


def stream(
    *events: JsonObject, first: int | None = None, broken: Exception | None = None
) -> Canned:
    """A stream; with `first`, its events are numbered from there."""
    frames = [
        sse.encode(
            b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % orjson.dumps(event),
            id=None if first is None else str(first + number),
        )
        for number, event in enumerate(events)
    ]
    return Canned((b"".join(frames),), headers=TYPE, broken=broken)


def refused(error: Exception) -> Canned:
    return Canned((jsonrpc.error(1, error).replace(b'"id":1', b'"id":%ID%'),))


def result(data: JsonObject) -> Canned:
    return Canned((b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % orjson.dumps(data),))


def client(*answers: Canned | Exception, found: object = CARD) -> tuple[A2AClient, ScriptedPort]:
    port = ScriptedPort(answers)
    return A2AClient(CARD if found is CARD else NUMBERED, port, options=QUICK), port


async def told(events: AsyncGenerator[StreamResponse]) -> list[JsonObject]:
    with anyio.fail_after(10):
        return [each.to_dict() for each in [event async for event in events]]


def methods(port: ScriptedPort) -> list[str]:
    return [sent.frame["method"] for sent in port.sent]


async def test_broken_stream_goes_on_with_what_was_not_told() -> None:
    """A2A 3.1.6: a subscription begins with the task; what is known of it is no news."""
    agent, port = client(
        stream(whole("WORKING"), chunk("a"), broken=CUT),
        stream(whole("WORKING", "a"), moved("WORKING"), chunk("b"), moved("COMPLETED")),
    )

    events = await told(agent.stream(SAID))

    assert [*map(list, events)] == [
        ["task"],
        ["artifactUpdate"],
        ["artifactUpdate"],
        ["statusUpdate"],
    ]
    assert methods(port) == ["SendStreamingMessage", "SubscribeToTask"]
    assert port.sent[1].frame["params"] == {"id": "t-1"}
    assert port.sent[1].limits == PATIENT


async def test_task_that_moved_meanwhile_is_told_as_it_is() -> None:
    """Ours: the snapshot holds what was missed."""
    agent, _ = client(
        stream(whole("WORKING"), broken=CUT),
        stream(whole("WORKING", "a"), moved("COMPLETED")),
    )

    events = await told(agent.stream(SAID))

    assert [*map(list, events)] == [["task"], ["task"], ["statusUpdate"]]


async def test_numbers_tell_what_is_new() -> None:
    """Ours: `urn:interloom:stream:v1`; WHATWG HTML 9.2, `Last-Event-ID`."""
    agent, port = client(
        stream(whole("WORKING"), chunk("a"), chunk("a"), first=1, broken=CUT),
        stream(chunk("a"), chunk("a"), moved("COMPLETED"), first=3),
        found=NUMBERED,
    )

    events = await told(agent.stream(SAID))

    assert [*map(list, events)] == [["task"], *[["artifactUpdate"]] * 3, ["statusUpdate"]]
    assert port.sent[1].headers["last-event-id"] == "3"
    assert [sent.headers["a2a-extensions"] for sent in port.sent] == [URI, URI]


async def test_numbers_in_metadata_tell_it_where_events_have_no_ids() -> None:
    """Ours: gRPC has no ids; the caller sees the events without the numbers."""

    def numbered(event: JsonObject, seq: int) -> JsonObject:
        ((kind, inner),) = event.items()
        assert isinstance(inner, dict)
        return {kind: {**inner, "metadata": {URI: {"seq": seq}}}}

    agent, port = client(
        stream(numbered(whole("WORKING"), 1), numbered(chunk("a"), 2), broken=CUT),
        stream(numbered(chunk("a"), 2), numbered(moved("COMPLETED"), 3)),
        found=NUMBERED,
    )

    events = await told(agent.stream(SAID))

    assert events == [whole("WORKING"), chunk("a"), moved("COMPLETED")]
    assert port.sent[1].headers["last-event-id"] == "2"


async def test_extension_is_activated_where_it_is_offered_alone() -> None:
    """A2A 4.6.3."""
    agent, port = client(stream(whole("COMPLETED")))

    await told(agent.stream(SAID))

    assert "a2a-extensions" not in port.sent[0].headers


async def test_end_of_a_task_is_told_when_it_came_meanwhile() -> None:
    """A2A 3.1.6: a task that is over cannot be subscribed to."""
    agent, port = client(
        stream(whole("WORKING"), broken=CUT),
        refused(UnsupportedOperation("the task is COMPLETED")),
        result(task("COMPLETED", "a")),
    )

    events = await told(agent.stream(SAID))

    assert [*map(list, events)] == [["task"], ["task"]]
    assert methods(port) == ["SendStreamingMessage", "SubscribeToTask", "GetTask"]


async def test_server_that_is_away_is_asked_again() -> None:
    agent, port = client(
        stream(whole("WORKING"), broken=CUT),
        AWAY,
        refused(Unavailable("going down")),
        stream(whole("WORKING"), moved("COMPLETED")),
    )

    events = await told(agent.stream(SAID))

    assert [*map(list, events)] == [["task"], ["statusUpdate"]]
    assert len(port.sent) == 4


async def test_server_that_stays_away_is_given_up() -> None:
    agent, port = client(stream(whole("WORKING"), broken=CUT), AWAY, AWAY, AWAY)

    with pytest.raises(TransportError, match="no connection"):
        await told(agent.stream(SAID))
    assert len(port.sent) == 4


async def test_agent_that_keeps_hanging_up_is_given_up() -> None:
    agent, port = client(*(stream(whole("WORKING")) for _ in range(4)))

    with pytest.raises(PeerError, match="keeps ending the stream of a task that is not over"):
        await told(agent.stream(SAID))
    assert len(port.sent) == 4


async def test_news_give_a_stream_new_tries() -> None:
    rounds = [stream(whole("WORKING"), chunk("x"), broken=CUT) for _ in range(8)]
    agent, _ = client(*rounds, stream(whole("COMPLETED")))

    events = await told(agent.stream(SAID))

    assert sum("artifactUpdate" in each for each in events) == 8


async def test_other_errors_end_the_stream() -> None:
    agent, _ = client(stream(whole("WORKING"), broken=CUT), refused(TaskNotFound("gone")))

    with pytest.raises(TaskNotFound):
        await told(agent.stream(SAID))


async def test_break_before_the_task_is_known_is_the_callers() -> None:
    """Ours: nobody can say whether the message arrived."""
    agent, port = client(stream(broken=CUT))

    with pytest.raises(TransportError, match="broke off"):
        await told(agent.stream(SAID))
    assert len(port.sent) == 1


async def test_stream_without_anything_is_told() -> None:
    agent, _ = client(stream())

    with pytest.raises(PeerError, match="ended its stream without a task or a message"):
        await told(agent.stream(SAID))


async def test_message_ends_the_stream() -> None:
    """A2A 3.1.2: a message is the whole answer."""
    said: JsonObject = {"messageId": "x", "role": "ROLE_AGENT", "parts": [{"text": "Hi"}]}
    agent, port = client(stream({"message": said}))

    assert [*map(list, await told(agent.stream(SAID)))] == [["message"]]
    assert len(port.sent) == 1


async def test_stream_of_a_message_ends_where_the_task_asks() -> None:
    """A2A 3.1.2; also when the question comes on the stream that took its place."""
    agent, port = client(
        stream(whole("WORKING"), broken=CUT),
        stream(whole("WORKING"), moved("INPUT_REQUIRED"), moved("WORKING")),
    )

    events = await told(agent.stream(SAID))

    assert [*map(list, events)] == [["task"], ["statusUpdate"]]
    assert len(port.sent) == 2


async def test_task_that_was_waiting_when_its_answer_came_goes_on() -> None:
    """Ours: a stream may begin with the task as the answer found it."""
    agent, _ = client(stream(whole("INPUT_REQUIRED"), moved("WORKING"), moved("COMPLETED")))

    assert len(await told(agent.stream(SAID))) == 3


async def test_subscription_lasts_until_the_task_is_over() -> None:
    """A2A 3.1.6: a question does not end it."""
    agent, _ = client(
        stream(whole("WORKING"), moved("INPUT_REQUIRED"), broken=CUT),
        stream(whole("INPUT_REQUIRED"), moved("WORKING"), moved("COMPLETED")),
    )

    events = await told(agent.subscribe("t-1"))

    assert [*map(list, events)] == [["task"], *[["statusUpdate"]] * 3]


async def test_task_that_is_over_cannot_be_subscribed_to() -> None:
    """A2A 3.1.6."""
    agent, port = client(refused(UnsupportedOperation("over")))

    with pytest.raises(UnsupportedOperation):
        await told(agent.subscribe("t-1"))
    assert len(port.sent) == 1


async def test_time_limit_holds_for_all_streams_together() -> None:
    port = ScriptedPort([stream(whole("WORKING"), broken=CUT) for _ in range(1000)])
    slow = ClientOptions(resume=Resume(tries=1000, first_s=0.01, longest_s=0.01))
    events = A2AClient(CARD, port, options=slow).stream(SAID, timeout_s=0.1)

    with anyio.fail_after(10), pytest.raises(TransportError):
        await told(events)


def test_pauses_double_up_to_a_limit_and_leave_half_to_chance() -> None:
    longest = [0.1, 0.2, 0.4, 0.5, 0.5]

    pauses = list(Resume(tries=5, first_s=0.1, longest_s=0.5).pauses())

    assert all(top / 2 <= pause <= top for pause, top in zip(pauses, longest, strict=True))
