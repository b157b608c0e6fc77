"""The parts of the demo around the runtime: the tool server, the caller, the logs, the ending."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
    InputResponses,
    RequestParamsMeta,
    TextContent,
)
from mcp_types import ElicitRequestFormParams as Form

from demo.caller import Caller, CallFailed, Declined
from demo.evidence import tool_calls, trace_ids
from demo.journal import entry
from demo.processes import Service, free_port, nobody_listens, read
from demo.transcript import Transcript
from tests.apps.echo_agent import QUESTION, echo_agent

DEMO = Path(__file__).resolve().parents[2] / "apps" / "demo"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
WAIT_S = 20


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Declares that forms can be answered; the rounds themselves are driven by hand."""
    raise AssertionError(params.message)


@dataclass(frozen=True)
class Desk:
    """A tool server in a process of its own."""

    url: str
    journal: Path

    async def book(
        self, answers: InputResponses | None = None, state: str | None = None
    ) -> CallToolResult | InputRequiredResult:
        """One round, from a client that lives no longer than that."""
        client = Client(self.url, mode="2026-07-28", elicitation_callback=never)
        with anyio.fail_after(WAIT_S):
            async with client:
                return await client.session.call_tool(
                    "book",
                    {"destination": "Lisbon"},
                    input_responses=answers,
                    request_state=state,
                    # `_meta` is an open map; the SDK's type names only the reserved keys.
                    meta=cast("RequestParamsMeta", {"traceparent": TRACEPARENT}),
                    allow_input_required=True,
                )

    def calls(self) -> list[dict[str, object]]:
        """What the journal has on `tools/call`; the SDK's client lists the tools of its own."""
        lines = [json.loads(line) for line in read(self.journal).splitlines()]
        return [line for line in lines if line["method"] == "tools/call"]


@pytest.fixture(scope="module")
async def tool_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("tool_server")
    port, journal = free_port(), folder / "calls.jsonl"
    program = str(DEMO / "tool_server.py")
    command = [sys.executable, program, f"--port={port}", f"--log={journal}"]
    async with Service("tool server", command, log=folder / "tool_server.log") as service:
        await service.start(lambda: nobody_listens(port))
        yield Desk(f"http://127.0.0.1:{port}/mcp", journal)


@pytest.fixture
def desk(tool_server: Desk) -> Desk:
    """The one process, with an empty journal."""
    tool_server.journal.unlink(missing_ok=True)
    return tool_server


def question(result: CallToolResult | InputRequiredResult) -> tuple[str, Form]:
    """The key and the form of the only question."""
    assert isinstance(result, InputRequiredResult)
    assert result.input_requests is not None
    [(key, request)] = result.input_requests.items()
    assert isinstance(request, ElicitRequest)
    assert isinstance(request.params, Form)
    return key, request.params


def accept(
    result: CallToolResult | InputRequiredResult, **content: str | int
) -> tuple[InputResponses, str | None]:
    """The answer to the only question, and the state to send it with."""
    key, _ = question(result)
    assert isinstance(result, InputRequiredResult)
    return {key: ElicitResult(action="accept", content={**content})}, result.request_state


async def test_a_booking_takes_three_calls_though_each_comes_from_a_new_client(desk: Desk) -> None:
    """MCP 2026-07-28 basic/patterns/mrtr: each request is independent; n rounds, n + 1 calls."""
    first = await desk.book()
    second = await desk.book(*accept(first, seat="window"))
    booked = await desk.book(*accept(second, bags=2))

    assert question(first)[1].message == "Window or aisle on the flight to Lisbon?"
    assert question(second)[1].requested_schema["properties"]["bags"]["type"] == "integer"
    assert isinstance(booked, CallToolResult)
    assert booked.structured_content is not None
    code = booked.structured_content["confirmation"]
    assert booked.structured_content == {
        "confirmation": code,
        "destination": "Lisbon",
        "seat": "window",
        "bags": 2,
    }
    [text] = booked.content
    assert isinstance(text, TextContent)
    assert text.text == f"Lisbon, window seat, 2 bags, confirmation {code}"
    assert desk.calls() == [
        {"method": "tools/call", "tool": "book", "round": round_, "trace_id": TRACE}
        for round_ in (1, 2, 3)
    ]


async def test_the_journal_holds_no_answer_no_argument_and_no_state(desk: Desk) -> None:
    """`ours`: a log may be shown to anybody."""
    second = await desk.book(*accept(await desk.book(), seat="window"))

    assert isinstance(second, InputRequiredResult)
    assert second.request_state is not None
    for secret in ("Lisbon", "window", second.request_state):
        assert secret not in read(desk.journal)


async def test_an_answer_outside_the_schema_ends_the_call_as_a_tool_error(desk: Desk) -> None:
    """The SDK's choice: a wrong answer is an `isError` result, not a second question."""
    second = await desk.book(*accept(await desk.book(), seat="aisle"))

    refused = await desk.book(*accept(second, bags="a lot"))

    assert isinstance(refused, CallToolResult)
    assert refused.is_error
    assert refused.structured_content is None
    assert [line["round"] for line in desk.calls()] == [1, 2, None]


async def test_an_answer_that_is_missing_is_asked_for_again(desk: Desk) -> None:
    """MCP 2026-07-28 basic/patterns/mrtr, error handling: ask again rather than fail."""
    first = await desk.book()
    assert isinstance(first, InputRequiredResult)

    again = await desk.book(None, first.request_state)

    assert question(again) == question(first)
    assert [line["round"] for line in desk.calls()] == [1, 1]


async def test_a_state_the_server_did_not_seal_is_refused_and_still_counted(desk: Desk) -> None:
    """MCP 2026-07-28 basic/patterns/mrtr: state that fails verification MUST be rejected."""
    answers, _ = accept(await desk.book(), seat="window")

    refusal = pytest.RaisesExc(MCPError, match="requestState")
    with pytest.RaisesGroup(refusal, flatten_subgroups=True):
        await desk.book(answers, "v1.made-up")

    assert tool_calls(read(desk.journal)) == (TRACE, TRACE)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"params": 1}', b"\xff"])
def test_a_request_that_is_no_call_gets_a_line_that_says_so(body: bytes) -> None:
    """`ours`: every HTTP request is counted, whatever it carries."""
    nothing = {"method": None, "tool": None, "round": None, "trace_id": None}

    assert entry(body, body, ["ask"]) == nothing


def test_a_trace_that_breaks_the_w3c_form_is_not_taken_for_one() -> None:
    """W3C Trace Context 3.2.2: version, 32 and 16 hexadecimal digits, flags."""
    body = {"method": "tools/call", "params": {"_meta": {"traceparent": f"00-{TRACE}"}}}

    assert entry(json.dumps(body).encode(), b"", [])["trace_id"] is None


async def test_a_caller_sends_the_same_trace_and_the_version_with_every_request() -> None:
    """W3C Trace Context 3.2; A2A 3.6.1 `A2A-Version`."""
    with anyio.fail_after(WAIT_S):
        async with echo_agent() as heard, aclosing(Caller()) as caller:
            assert await caller.connect(heard.url) == "echo"
            asked = await caller.send("One")
            waiting = await caller.get(asked.id)
            done = await caller.send("Two", task_id=asked.id, context_id=asked.context_id)

    assert (asked.state, asked.says) == ("INPUT_REQUIRED", QUESTION)
    assert waiting == asked
    assert (done.id, done.state, done.artifacts) == (asked.id, "COMPLETED", ("Two",))
    traces = {headers["traceparent"].split("-")[1] for headers in heard.headers}
    assert traces == {caller.trace_id}
    assert {headers["a2a-version"] for headers in heard.headers[1:]} == {"1.0"}


async def test_a_task_the_agent_does_not_know_is_declined_with_the_agents_reason() -> None:
    """A2A 3.1.3: `TaskNotFoundError`."""
    with anyio.fail_after(WAIT_S):
        async with echo_agent() as heard, aclosing(Caller()) as caller:
            await caller.connect(heard.url)
            with pytest.raises(Declined, match="not found"):
                await caller.get("no-such-task")


async def test_an_address_where_nobody_listens_is_a_failed_call() -> None:
    """`ours`: the two failures are told apart."""
    with anyio.fail_after(WAIT_S):
        async with aclosing(Caller()) as caller:
            with pytest.raises(CallFailed):
                await caller.connect(f"http://127.0.0.1:{free_port()}")


def test_a_log_proves_only_what_its_json_objects_say() -> None:
    """`ours`: text between the lines is skipped, a call without a trace is a call all the same."""
    log = (
        f'starting\n{{"trace_id": "{TRACE}", "method": "tools/call"}}\n[1]\n'
        '{"method": "tools/call", "trace_id": null}\n{"method": "tools/list"}\n'
    )

    assert tool_calls(log) == (TRACE, None)
    assert trace_ids(log) == {TRACE}


class Terminal(io.StringIO):
    """Text output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "no_color", "coloured"),
    [(Terminal(), "", True), (Terminal(), "1", False), (io.StringIO(), "", False)],
)
def test_colour_is_used_on_a_terminal_alone_and_never_against_no_color(
    out: io.StringIO, no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://no-color.org: any value that is not empty turns colour off."""
    monkeypatch.setenv("NO_COLOR", no_color)

    Transcript(out).says("caller", "Lisbon")

    assert '"Lisbon"' in out.getvalue()
    assert ("\033[" in out.getvalue()) is coloured


BROKEN = "import sys; sys.exit('no such store')"
MUTE = "import signal; signal.pause()"


def stand_in(folder: Path, program: str) -> dict[str, str]:
    """An environment in which `interloom.apps.cli` is another program."""
    package = folder / "interloom" / "apps"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(program, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder)}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("program", "interrupt", "status"), [(BROKEN, False, 1), (MUTE, True, 130)]
)
async def test_a_demo_that_cannot_go_on_ends_every_process_without_a_traceback(
    program: str, interrupt: bool, status: int, tmp_path: Path
) -> None:
    """`ours`: a short reason with the end of the log, or a signal obeyed; no orphan."""
    environment = stand_in(tmp_path, program)
    with anyio.fail_after(WAIT_S):
        async with await anyio.open_process(
            [sys.executable, str(DEMO / "run.py")], env=environment
        ) as demo:
            assert demo.stdout is not None
            assert demo.stderr is not None
            told = ""
            async for text in TextReceiveStream(demo.stdout):
                told += text
                if interrupt and "is up" in told:
                    demo.send_signal(signal.SIGTERM)
            complaint = "".join([text async for text in TextReceiveStream(demo.stderr)])
            assert await demo.wait() == status

    pid = re.search(r"process (\d+) is up", told)
    assert pid is not None
    assert not is_alive(int(pid[1]))
    assert "Traceback" not in told + complaint
    assert ("no such store" in complaint) is (program == BROKEN)
