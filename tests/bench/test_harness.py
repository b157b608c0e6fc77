"""The benchmark harness: what it computes, what it accepts, and that it runs. Never a timing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from bench.canned_mcp import TOOL_TEXT, respond
from bench.figures import Figures, Load, Summary, figures_of, percentile, summarise
from bench.jobs import JOBS
from bench.load import BadReply, Effort, ask
from bench.process import Cores, started
from bench.request import (
    TEXT,
    answer_of,
    message_answered,
    page_of,
    send_message,
    streamed_answer_of,
)
from bench.rounds import Plan, rotated, run_job
from bench.servers import SERVERS
from bench.table import Budget, Ceiling, Comparison, Row, render

UNPINNED = Cores(server=None, generator=None)
BRIEF = Effort(in_flight=2, seconds=0.2)


@pytest.fixture
def anyio_backend() -> str:
    """The harness uses the event loop's protocol callbacks, which only asyncio has."""
    return "asyncio"


def a_round(**cpu_us: float) -> dict[str, Figures]:
    return {name: Figures(cpu, 1000.0, 1.0, 2.0) for name, cpu in cpu_us.items()}


def summary(target: str = "ours", *, cpu_us: float = 100, times_floor: float = 1) -> Summary:
    return Summary(target, Figures(cpu_us, 1000.0, 1.0, 2.0), times_floor)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([3.0, 1.0, 2.0], 0.0, 1.0),
        ([3.0, 1.0, 2.0], 1.0, 3.0),
    ],
)
def test_a_percentile_is_the_smallest_value_that_covers_the_share(
    values: list[float], share: float, expected: float
) -> None:
    """Ours: nearest rank, so that it is always a latency that occurred."""
    assert percentile(values, share) == expected


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.01), ([1.0], -0.01)])
def test_a_percentile_of_nothing_or_beyond_all_is_refused(
    values: list[float], share: float
) -> None:
    """Ours."""
    with pytest.raises(ValueError, match="no value covers a share"):
        percentile(values, share)


def test_figures_divide_cpu_and_time_by_the_requests_answered() -> None:
    """Ours."""
    load = Load(cpu_s=2.0, seconds=0.5, latencies_s=[0.25, 0.5, 0.75, 1.0])
    assert figures_of(load) == Figures(cpu_us=500_000, per_second=8, p50_ms=500, p99_ms=1000)


def test_a_load_that_answered_nothing_has_no_figures() -> None:
    """Ours: a target that fails every request must not show as infinitely cheap."""
    with pytest.raises(ValueError, match="no request was answered"):
        figures_of(Load(cpu_s=1.0, seconds=1.0, latencies_s=[]))


def test_the_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_the_medians() -> None:
    """Ours: both sides of a division come from the same round."""
    rounds = [
        a_round(floor=100, ours=150),
        a_round(floor=200, ours=240),
        a_round(floor=110, ours=220),
    ]
    floor, ours = summarise(rounds, floor="floor")
    assert (floor.target, floor.figures.cpu_us, floor.times_floor) == ("floor", 110, 1.0)
    assert (ours.target, ours.figures.cpu_us, ours.times_floor) == ("ours", 220, 1.5)


def test_each_turn_another_target_goes_first_and_none_is_left_out() -> None:
    """Ours."""
    assert [rotated("abc", turn) for turn in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


@pytest.mark.parametrize(
    ("times_floor", "verdict"),
    [
        (1.5, "aim 1.5x, gate 2x: aim met"),
        (1.51, "aim 1.5x, gate 2x: gate held"),
        (2.0, "aim 1.5x, gate 2x: gate held"),
        (2.01, "aim 1.5x, gate 2x: OVER"),
    ],
)
def test_a_verdict_names_the_budget_and_the_side_a_ratio_falls_on(
    times_floor: float, verdict: str
) -> None:
    """Ours."""
    assert Budget(aim=1.5, gate=2).verdict(summary(times_floor=times_floor)) == verdict


@pytest.mark.parametrize(
    ("cpu_us", "verdict"), [(5000, "gate 5 ms: gate held"), (5001, "gate 5 ms: OVER")]
)
def test_a_ceiling_is_held_against_the_cpu_of_a_request(cpu_us: float, verdict: str) -> None:
    """Ours: of all figures, CPU survives a busy machine best."""
    assert Ceiling(gate_ms=5).verdict(summary(cpu_us=cpu_us, times_floor=9)) == verdict


@pytest.mark.parametrize(
    ("cpu_us", "verdict"),
    [
        (130, "ours: many costs 1.30x few, gate 1.3x: gate held"),
        (131, "ours: many costs 1.31x few, gate 1.3x: OVER"),
        (70, "ours: many costs 0.70x few, gate 1.3x: gate held"),
    ],
)
def test_a_comparison_is_between_two_rows_of_one_target(cpu_us: float, verdict: str) -> None:
    """Ours: many in flight may share what few pay each."""
    rows = [
        Row("few", summary("floor", cpu_us=1), "floor"),
        Row("few", summary(cpu_us=100), ""),
        Row("many", summary(cpu_us=cpu_us), ""),
    ]
    comparison = Comparison("ours", "few", "many", gate=1.3)

    assert comparison.verdict(rows) == verdict
    assert comparison.verdict(rows[:2]) is None


def test_the_table_aligns_words_left_and_numbers_right() -> None:
    """Ours."""
    rows = [
        Row("send", Summary("floor", Figures(114.4, 8683.0, 1.84, 3.0), 1.0), "floor"),
        Row("send", Summary("a-peer", Figures(4129.0, 239.0, 59.0, 158.26), 36.088), "peer"),
    ]
    assert render(rows).splitlines() == [
        "| job  | target | CPU us/request | requests/s | p50 ms | p99 ms | x floor | budget |",
        "|------|--------|---------------:|-----------:|-------:|-------:|--------:|--------|",
        "| send | floor  |            114 |      8,683 |    1.8 |    3.0 |    1.00 | floor  |",
        "| send | a-peer |          4,129 |        239 |   59.0 |  158.3 |   36.09 | peer   |",
    ]


def test_a_filled_request_is_whole_and_carries_the_id_it_was_given() -> None:
    """A2A 1.0.1 sections 3.3.1 and 9.4.1; RFC 9110 section 8.6 for the length."""
    template = send_message(port=8080, path="/rpc")
    first, second = template.fill("a" * 32), template.fill("b" * 32)
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
    assert b"\r\nA2A-Version: 1.0\r\n" in head
    assert f"\r\nContent-Length: {len(body)}".encode() in head
    assert json.loads(body) == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "SendMessage",
        "params": {
            "message": {"messageId": "a" * 32, "role": "ROLE_USER", "parts": [{"text": TEXT}]},
            "configuration": {"returnImmediately": False},
        },
    }
    assert len(TEXT) == 800
    assert second == first.replace(b"a" * 32, b"b" * 32)


def _task(state: str, *texts: str) -> dict[str, object]:
    artifacts = [{"artifactId": text, "parts": [{"text": text}]} for text in texts]
    return {"result": {"task": {"id": "t", "status": {"state": state}, "artifacts": artifacts}}}


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ({"result": {"message": {"parts": [{"text": "hello"}]}}}, "hello"),
        (_task("TASK_STATE_COMPLETED", "hello", "more"), "hello"),
        (_task("TASK_STATE_WORKING", "hello"), None),
        (_task("TASK_STATE_FAILED", "hello"), None),
        (_task("TASK_STATE_COMPLETED"), None),
        ({"error": {"code": -32603, "message": "hello"}}, None),
        ([], None),
    ],
)
def test_only_a_message_or_a_completed_task_is_an_answer(reply: object, answer: str | None) -> None:
    """A2A 1.0.1 section 9.4.1: a result is a task or a message."""
    assert answer_of(json.dumps(reply).encode()) == answer


def frames(*results: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps({"result": each}).encode() for each in results)


BEGUN: list[object] = [
    {"task": {"id": "t"}},
    {"statusUpdate": {"status": {"state": "TASK_STATE_WORKING"}}},
]
SAID: object = {"artifactUpdate": {"artifact": {"parts": [{"text": "hello"}]}}}
DONE: object = {"statusUpdate": {"status": {"state": "TASK_STATE_COMPLETED"}}}


@pytest.mark.parametrize(
    ("results", "answer"),
    [
        ([*BEGUN, SAID, DONE], "hello"),
        ([*BEGUN, DONE, SAID], None),
        ([*BEGUN, SAID], None),
        ([*BEGUN, SAID, SAID, DONE], None),
        (["no event"], None),
    ],
)
def test_only_the_four_events_in_order_are_a_stream(
    results: list[object], answer: str | None
) -> None:
    """A2A 1.0.1 section 3.1.2."""
    assert streamed_answer_of(b": beat\n\n" + frames(*results)) == answer


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"result": {"tasks": ["one", "two"], "totalSize": 9}}, "2 of 9"),
        ({"error": {"code": -32603}}, None),
    ],
)
def test_a_page_says_how_many_it_holds_and_of_how_many(reply: object, says: str | None) -> None:
    """A2A 1.0.1 section 3.1.4."""
    assert page_of(json.dumps(reply).encode()) == says


def test_bytes_that_are_not_json_are_no_answer() -> None:
    """Ours."""
    assert answer_of(b"Internal Server Error") is None


@pytest.mark.parametrize("call_id", [7, "seven", 'a "quoted" id'])
def test_the_canned_server_answers_any_tool_under_the_id_it_was_asked_with(
    call_id: int | str,
) -> None:
    """MCP 2026-07-28 basic: a response carries its request's id."""
    call = {"jsonrpc": "2.0", "id": call_id, "method": "tools/call", "params": {"name": "any"}}
    head, _, body = respond(json.dumps(call).encode()).partition(b"\r\n\r\n")
    reply = json.loads(body)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert reply["id"] == call_id
    assert reply["result"]["content"] == [{"type": "text", "text": TOOL_TEXT}]


def test_the_canned_server_refuses_an_unknown_method() -> None:
    """MCP 2026-07-28 basic/transports/streamable-http: 404 with -32601."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}
    head, _, body = respond(json.dumps(call).encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert json.loads(body)["error"]["code"] == -32601


@pytest.mark.parametrize("name", list(JOBS))
def test_every_target_of_a_job_can_be_started_and_is_named_once(name: str) -> None:
    """Ours."""
    targets = JOBS[name].targets
    assert set(targets) <= set(SERVERS)
    assert len(set(targets)) == len(targets)


async def test_one_brief_round_of_a_floor_gives_a_row_with_every_figure(tmp_path: Path) -> None:
    """Ours: the whole way, from starting a process to a row."""
    job = replace(JOBS["send-memory"], ours=(), others=())
    plan = Plan(rounds=1, effort=BRIEF, cores=UNPINNED, scratch=tmp_path)
    with anyio.fail_after(30):
        rows = await run_job("send-memory", job, plan)
    (row,) = rows
    assert (row.job, row.summary.target, row.remark) == ("send-memory", "asgi-echo", "floor")
    assert row.summary.times_floor == 1.0
    figures = row.summary.figures
    assert 0 < figures.p50_ms <= figures.p99_ms
    assert figures.cpu_us > 0
    assert figures.per_second > 0


async def test_a_target_that_answers_something_else_is_an_error_and_not_work(
    tmp_path: Path,
) -> None:
    """Ours: a failure is often the cheapest answer there is."""
    async with started("asgi-echo", core=None, scratch=tmp_path) as target:
        with anyio.fail_after(30), pytest.raises(BadReply, match="asgi-echo: status 200"):
            await ask(target, BRIEF, question=message_answered("what nobody said"))
