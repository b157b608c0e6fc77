"""A call that its server finishes later (Tasks extension, 2026-07-28)."""

from __future__ import annotations

import json
from typing import Final

import pytest

from interloom.bridges.mcp.core.asks import Elicit
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import (
    BadResult,
    InvalidParams,
    McpError,
    RoundsExceeded,
    UndeclaredInput,
)
from interloom.bridges.mcp.core.headers import standard
from interloom.bridges.mcp.core.rounds import EVERYTHING, Ask, Call, Created, Done
from interloom.bridges.mcp.core.task_view import MAX_ID_CHARS, Status, TaskView
from interloom.bridges.mcp.core.tasks import (
    LOST_MS,
    MAX_ANSWERS,
    MAX_BACK_OFF_MS,
    MAX_POLL_MS,
    MIN_POLL_MS,
    POLL_MS,
    TTL_GRACE_MS,
    RemoteTask,
    TaskCancelled,
    TaskExpired,
    TaskRequest,
    Wait,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

FORM: Final[JsonObject] = {
    "method": "elicitation/create",
    "params": {"message": "Who?", "requestedSchema": {"type": "object", "properties": {}}},
}
YES: Final[JsonObject] = {"action": "accept", "content": {}}
RESULT: Final[JsonObject] = {"content": [{"type": "text", "text": "done"}]}
NOW_MS: Final = 1_000_000
TIMES: Final = ("due_ms", "lost_ms", "said")


def described(status: str, **more: Json) -> JsonObject:
    """A task as a server describes it."""
    return {
        "taskId": "t-1",
        "status": status,
        "createdAt": "2026-07-28T10:30:00Z",
        "lastUpdatedAt": "2026-07-28T10:30:00Z",
        "ttlMs": None,
        **more,
    }


def begun(**more: Json) -> RemoteTask:
    created: JsonObject = {"resultType": "task", **described("working", **more)}
    _, step = Call("depot", "tools/call", {"name": "ship"}).receive(created)
    assert isinstance(step, Created)
    return RemoteTask.begun("depot", "tools/call", step.seed, now_ms=NOW_MS)


def receive(task: RemoteTask, status: str, **more: Json) -> tuple[RemoteTask, Wait | Ask | Done]:
    return task.receive(described(status, **more), now_ms=NOW_MS)


def test_call_may_be_answered_with_a_task() -> None:
    """Tasks extension, "Polymorphic Results": the discriminator is `resultType`."""
    created: JsonObject = {"resultType": "task", **described("working", statusMessage="on it")}
    call, step = Call("depot", "tools/call", {"name": "ship"}).receive(created)

    assert step == Created(TaskView("t-1", Status.WORKING, "on it", None, None, {}))
    assert call.asked is None


def test_call_may_become_a_task_after_rounds_of_questions() -> None:
    """Tasks extension, "Task Creation": exchanges are resolved before the task is created."""
    call = Call("depot", "tools/call", {"name": "ship"})
    call, _ = call.receive(
        {"resultType": "input_required", "inputRequests": {"who": FORM}, "requestState": "s"}
    )
    call, step = call.receive({"resultType": "task", **described("working")})

    assert isinstance(step, Created)
    assert (call.state, call.asked) == (None, None)


@pytest.mark.parametrize(
    ("method", "declared"),
    [
        ("prompts/get", EVERYTHING),
        ("resources/read", EVERYTHING),
        ("tools/call", Capabilities(tasks=False)),
    ],
)
def test_task_where_none_is_allowed_is_invalid(method: str, declared: Capabilities) -> None:
    """Tasks extension, "Capability Negotiation": invalid elsewhere."""
    call = Call.load({**Call("depot", "tools/call", {}).dump(), "method": method})
    with pytest.raises(BadResult, match="'task' is not one we know"):
        call.receive({"resultType": "task", **described("working")}, declared=declared)


def test_task_is_polled_canceled_and_told_under_its_id() -> None:
    """Tasks extension, "Streamable HTTP: Routing Headers": `Mcp-Name` is the task's id."""
    task = begun()
    task, _ = receive(task, "input_required", inputRequests={"who": FORM})
    _, update = task.answer({"who": YES})
    sent = [task.poll(), task.cancel(), update]

    assert sent == [
        TaskRequest("tasks/get", {"taskId": "t-1"}),
        TaskRequest("tasks/cancel", {"taskId": "t-1"}),
        TaskRequest("tasks/update", {"taskId": "t-1", "inputResponses": {"who": YES}}),
    ]
    for method, params in sent:
        fields = standard(method, params, version="2026-07-28")
        assert (fields["Mcp-Method"], fields["Mcp-Name"]) == (method, "t-1")


@pytest.mark.parametrize(
    ("wished", "waited"),
    [(None, POLL_MS), (5000, 5000), (0, MIN_POLL_MS), (10**9, MAX_POLL_MS)],
)
def test_polls_come_as_the_server_wishes_within_bounds(wished: Json, waited: int) -> None:
    """Tasks extension, "Task Polling"; ours: from 0.1 s to an hour."""
    task, step = receive(begun(), "working", pollIntervalMs=wished, statusMessage="half\nway")

    assert step == Wait(waited, "half way")
    assert task.poll_ms == waited


@pytest.mark.parametrize(
    ("age_ms", "wished", "pause_ms"),
    [
        (0, 1000, 1000),
        (10_000, 1000, 1000),
        (60_000, 1000, 6000),
        (60_000, 30_000, 30_000),
        (86_400_000, 1000, MAX_BACK_OFF_MS),
        (86_400_000, 600_000, 600_000),
        (-5000, 1000, 1000),
    ],
)
def test_older_task_is_polled_less_often(age_ms: int, wished: int, pause_ms: int) -> None:
    """ours: a tenth of its age, and never sooner than its server wishes."""
    now_ms = NOW_MS + age_ms
    view = described("working", pollIntervalMs=wished)
    task, step = begun().receive(view, now_ms=now_ms)

    assert step == Wait(pause_ms, "")
    assert task.left_ms(now_ms) == pause_ms
    assert task.left_ms(now_ms + pause_ms + 1) == 0


def test_clock_that_was_set_back_makes_nobody_wait_for_it() -> None:
    """ours: the interval bounds the pause, whatever the clock says."""
    assert begun(pollIntervalMs=5000).left_ms(0) == MAX_BACK_OFF_MS


def test_server_that_does_not_answer_is_asked_again_for_an_hour() -> None:
    """ours: pauses double up to MAX_BACK_OFF_MS; an answer begins the count anew."""
    task, now_ms, pauses = begun(), NOW_MS, list[int]()
    while (missed := task.missed(now_ms=now_ms)) is not None:
        task = missed
        pauses.append(task.left_ms(now_ms))
        now_ms += pauses[-1]

    assert now_ms - NOW_MS > LOST_MS
    assert pauses[:4] == [MIN_POLL_MS, MIN_POLL_MS, 2 * MIN_POLL_MS, 4 * MIN_POLL_MS]
    assert max(pauses) == MAX_BACK_OFF_MS
    found, _ = task.receive(described("working"), now_ms=now_ms)
    assert found.lost_ms is None


def test_task_that_was_saved_without_its_times_is_polled_at_once() -> None:
    """ours: a row of an older version."""
    saved = {key: value for key, value in begun().dump().items() if key not in TIMES}
    assert RemoteTask.load(saved).left_ms(NOW_MS) == 0


def test_interval_of_the_seed_counts_until_there_is_another() -> None:
    """Tasks extension, "Task Polling": it may change over the lifetime."""
    assert begun(pollIntervalMs=7000).poll_ms == 7000


def test_completed_task_gives_the_calls_own_result() -> None:
    """Tasks extension, "Task Status": what the request would have returned, `isError` included."""
    failed: JsonObject = {**RESULT, "isError": True}
    assert receive(begun(), "completed", result=failed)[1] == Done(failed)


def test_failed_task_raises_the_error_it_carries() -> None:
    """Tasks extension, "Task Execution Errors": the JSON-RPC error, of its own class."""
    with pytest.raises(InvalidParams) as caught:
        receive(begun(), "failed", error={"code": -32602, "message": "no such tool"})

    assert (caught.value.method, caught.value.said) == ("tools/call", "no such tool")


def test_cancelled_task_has_no_result() -> None:
    """Tasks extension, "Task Status"."""
    with pytest.raises(TaskCancelled, match="tools/call: its task was cancelled"):
        receive(begun(), "cancelled")


def test_request_is_asked_once_however_often_it_is_listed() -> None:
    """Tasks extension, "Task Update Requests": its view may lag behind."""
    task, step = receive(begun(), "input_required", inputRequests={"who": FORM})
    assert step == Ask({"who": Elicit("Who?", "form", {"type": "object", "properties": {}})})

    task, _ = task.answer({"who": YES})
    task, step = receive(task, "input_required", inputRequests={"who": FORM})
    assert isinstance(step, Wait)

    task, step = receive(task, "input_required", inputRequests={"who": FORM, "seat": FORM})
    assert isinstance(step, Ask)
    assert list(step.requests) == ["seat"]


def test_several_requests_are_answered_together() -> None:
    """Tasks extension, "Task Update Requests"; ours: what is asked at once is told at once."""
    task, _ = receive(begun(), "input_required", inputRequests={"a": FORM, "b": FORM})

    with pytest.raises(LocalError, match="exactly the answers"):
        task.answer({"a": YES})
    told, update = task.answer({"a": YES, "b": YES})
    assert told.answered == ("a", "b")
    assert update.params["inputResponses"] == {"a": YES, "b": YES}


def test_server_that_never_stops_asking_is_cut_off() -> None:
    """ours: MAX_ANSWERS."""
    task = begun()
    for number in range(MAX_ANSWERS):
        task, _ = receive(task, "input_required", inputRequests={str(number): FORM})
        task, _ = task.answer({str(number): YES})

    with pytest.raises(RoundsExceeded, match="asks for more input"):
        receive(task, "input_required", inputRequests={"one more": FORM})


def test_task_may_not_ask_for_what_was_not_declared() -> None:
    """Tasks extension, "Security Considerations": a task is not a higher-trust channel."""
    asked: JsonObject = described("input_required", inputRequests={"r": {"method": "roots/list"}})
    with pytest.raises(UndeclaredInput):
        begun().receive(asked, now_ms=NOW_MS, declared=Capabilities(tasks=True))


def test_task_that_outlives_its_time_is_given_up() -> None:
    """Tasks extension, "Task Polling": the time to live is a backstop."""
    task = begun(ttlMs=1000)
    late = NOW_MS + 1000 + TTL_GRACE_MS

    assert isinstance(task.receive(described("working", ttlMs=1000), now_ms=late)[1], Wait)
    with pytest.raises(TaskExpired):
        task.receive(described("working", ttlMs=1000), now_ms=late + 1)
    longer = task.receive(described("working", ttlMs=2000), now_ms=late + 1)
    assert isinstance(longer[1], Wait), "it may change over the lifetime"
    late_end = described("completed", ttlMs=1000, result=RESULT)
    assert task.receive(late_end, now_ms=late + 1)[1] == Done(RESULT)


@pytest.mark.parametrize(
    ("view", "rule"),
    [
        ({**described("working"), "taskId": "another"}, "taskId is another task's"),
        ({**described("working"), "taskId": ""}, "taskId must be a string"),
        ({**described("working"), "taskId": "x" * (MAX_ID_CHARS + 1)}, "taskId must be a string"),
        (described("paused"), "status must be one of working, input_required"),
        ({**described("working"), "status": None}, "status must be one of"),
        (described("working", statusMessage=1), "statusMessage must be a string"),
        (described("working", ttlMs="soon"), "ttlMs must be an integer"),
        (described("working", ttlMs=-1), "ttlMs must be an integer"),
        (described("working", pollIntervalMs=True), "pollIntervalMs must be an integer"),
        (described("completed"), "status completed needs result"),
        (described("input_required", inputRequests=[]), "status input_required needs inputReq"),
        (described("failed", error="no"), "status failed needs error"),
        (described("failed", error={"message": "no"}), "error.code must be an integer"),
    ],
)
def test_malformed_task_names_the_rule(view: JsonObject, rule: str) -> None:
    """Tasks extension, schema.ts `DetailedTask`."""
    with pytest.raises(BadResult, match=rule) as caught:
        begun().receive(view, now_ms=NOW_MS)
    assert str(caught.value).startswith("MCP server depot: tasks/get: ")


def test_error_code_of_its_own_is_kept() -> None:
    """Tasks extension, "Task Execution Errors"."""
    with pytest.raises(McpError) as caught:
        receive(begun(), "failed", error={"code": 7, "message": "x", "data": {"why": 1}})
    assert (caught.value.error_code, caught.value.data) == (7, {"why": 1})


def test_saved_task_goes_on_where_it_was() -> None:
    """Tasks extension, "Task Polling": polling resumes after a crash."""
    task, step = receive(begun(ttlMs=5), "input_required", inputRequests={"a": FORM}, ttlMs=9)
    loaded = RemoteTask.load(json.loads(json.dumps(task.dump())))

    assert loaded == task
    assert loaded.pending() == step
    assert loaded.answer({"a": YES})[0].pending() is None


@pytest.mark.parametrize("damage", [{"v": 2}, {"task_id": 1}, {"answered": None}, {"asked": []}])
def test_saved_task_of_another_shape_is_refused(damage: JsonObject) -> None:
    """ours: a store from another version says so."""
    with pytest.raises(LocalError, match="a saved task of format 1 is needed"):
        RemoteTask.load({**begun().dump(), **damage})


def test_answer_out_of_turn_is_refused() -> None:
    """ours: a question is answered once asked."""
    with pytest.raises(LocalError, match="waits for no answer"):
        begun().answer({"who": YES})


def test_task_never_prints_its_id() -> None:
    """Tasks extension, "Security Considerations": an id may be a bearer token."""
    assert "t-1" not in repr(begun())
