"""Servers that are children of ours, and what becomes of them.

Source: MCP 2026-07-28, basic/transports/stdio (lifecycle, stderr, cancellation); ours: what a child
inherits, how often it is started again, and that it does not outlive us.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import Process

from interloom.bridges.mcp import children
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.frames import Profile, Request, request
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.core.subscriptions import Change, Filter, ListChanged
from interloom.bridges.mcp.port import Patience
from interloom.bridges.mcp.stdio import CommandSpec, Stdio
from interloom.bridges.mcp.watch import Watch
from interloom.runtime.errors import BadConfig, LocalError, TransportError

CHILD = str(Path(__file__).parent / "child.py")
QUICK = Patience(silence_s=0.3, total_s=5.0)


def stamped(request_id: str, method: str = "resources/read") -> Request:
    return request(request_id, method, {}, stamp=Profile().meta("2026-07-28"), meta={})


def spec(habit: str, *, env: Mapping[str, str] | None = None, **more: str) -> CommandSpec:
    args = ("-S", CHILD, habit)
    return CommandSpec("depot", sys.executable, args, env or {}, more.get("cwd"), timeout_s=15.0)


@asynccontextmanager
async def child(habit: str, **env: str) -> AsyncGenerator[Stdio]:
    transport = Stdio(spec(habit, env=env))
    with anyio.fail_after(30):
        async with transport.open():
            yield transport


async def pid_of(transport: Stdio, request_id: str = "pid") -> int:
    pid = (await transport.request(stamped(request_id), {}))["pid"]
    assert isinstance(pid, int)
    return pid


async def gone(pid: int) -> None:
    """Wait until there is no such process; a zombie that nobody has waited for is none."""
    with anyio.fail_after(20):
        while _is_alive(pid):
            await anyio.lowlevel.checkpoint()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_requests_share_one_child_that_ends_with_the_block() -> None:
    """stdio "Shutdown" 1 and 2: closing its input is enough for a well-behaved server."""
    async with child("echo") as transport:
        pids = {await pid_of(transport) for _ in range(3)}
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(pid_of, transport, f"r{number}")

    (pid,) = pids
    assert not _is_alive(pid)


async def test_nothing_is_started_before_it_is_needed() -> None:
    """ours: a server nobody asks costs no process."""
    transport = Stdio(CommandSpec("depot", "no-such-command"))

    async with transport.open():
        pass


async def test_client_works_over_stdio_as_over_any_transport() -> None:
    """basic/transports/index: protocol semantics are identical on every transport."""
    async with child("echo") as transport:
        send = Call("depot", "resources/read", {"uri": "depot://a"}).send()
        assert (await McpClient(transport).exchange(send))["method"] == "resources/read"


async def test_child_sees_what_it_is_given_and_little_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ours: our own secrets are in our environment."""
    monkeypatch.setenv("DEPOT_TOKEN", "s3cret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    transport = Stdio(spec("echo", env={"KEY": "given"}, cwd=str(tmp_path)))
    with anyio.fail_after(30):
        async with transport.open():
            seen = await transport.request(stamped("r1"), {})

    env = seen["env"]
    assert isinstance(env, dict)
    assert env["KEY"] == "given"
    assert env["LANG"] == "C.UTF-8"
    assert env["PATH"] == os.environ["PATH"]
    assert set(env) <= {*children.INHERITED, "KEY"}
    assert seen["cwd"] == str(tmp_path)
    assert seen["args"] == [CHILD, "echo"]


async def test_babble_on_stdout_is_passed_over() -> None:
    """ours: many servers greet whoever starts them."""
    async with child("babbles") as transport:
        assert (await transport.request(stamped("r1"), {}))["method"] == "resources/read"


async def test_child_that_dies_mid_reply_ends_its_requests_and_is_started_again(
    tmp_path: Path,
) -> None:
    """stdio "Unexpected Termination": in-flight requests are lost, the server is restarted."""
    async with child("dies_once", HEARD=str(tmp_path / "mark")) as transport:
        with pytest.raises(TransportError, match="the server's process ended") as caught:
            await transport.request(stamped("r1"), {})
        assert (await transport.request(stamped("r2"), {}))["method"] == "resources/read"

    assert caught.value.delivered
    assert str(caught.value).startswith("MCP server depot: resources/read: ")


async def test_subscription_is_opened_again_with_the_child_that_is_started_again(
    tmp_path: Path,
) -> None:
    """stdio "Unexpected Termination": the server holds no subscription across reconnections."""
    changes: list[Change] = []

    async def hear(change: Change) -> None:
        changes.append(change)
        if len(changes) == 2:  # what may have been missed, and what the new child tells
            tasks.cancel_scope.cancel()

    async with child("tells", HEARD=str(tmp_path / "mark")) as transport:
        watch = Watch(McpClient(transport), Filter(tools=True), changed=hear)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.run)

    assert changes == [ListChanged(("tools/list",))] * 2


async def test_child_that_keeps_dying_is_started_ever_more_rarely() -> None:
    """ours: back-off; a caller without the patience to wait for it is told at once."""
    async with child("dies") as transport:
        for number in range(5):
            with pytest.raises(TransportError, match="the server's process ended"):
                await transport.request(stamped(f"r{number}"), {})
        with pytest.raises(TransportError, match="keeps ending") as caught:
            await transport.request(stamped("r9"), {}, patience=QUICK)

    assert not caught.value.delivered


async def test_request_that_is_left_is_cancelled(tmp_path: Path) -> None:
    """stdio "Cancellation": MUST send notifications/cancelled."""
    heard = tmp_path / "heard"
    async with child("mute", HEARD=str(heard)) as transport:
        with pytest.raises(TransportError, match=r"silent for 0\.3 s"):
            await transport.request(stamped("r1"), {}, patience=QUICK)
        while not heard.exists() or heard.read_text("utf-8").count("\n") < 2:
            await anyio.lowlevel.checkpoint()

    frames = [json.loads(line) for line in heard.read_text("utf-8").splitlines()]
    assert [frame["method"] for frame in frames] == ["resources/read", "notifications/cancelled"]
    assert frames[1]["params"] == {"requestId": "r1"}


async def test_child_that_floods_stderr_still_answers(caplog: pytest.LogCaptureFixture) -> None:
    """stdio: stderr is no error; ours: it is read, and the log is not flooded with it."""
    with caplog.at_level(logging.DEBUG, "interloom.mcp"):
        async with child("floods") as transport:
            assert (await transport.request(stamped("r1"), {}))["method"] == "resources/read"

    said = [each for each in caplog.records if each.getMessage() == "mcp.stderr"]
    assert 0 < len(said) <= children.STDERR_LINES


async def test_stderr_is_logged_below_info_in_printable_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """stdio: the client MAY capture it; ours: it may repeat what the server was sent."""
    with caplog.at_level(logging.DEBUG, "interloom.mcp"):
        async with child("whispers") as transport:
            await transport.request(stamped("r1"), {})
            while not [each for each in caplog.records if each.getMessage() == "mcp.stderr"]:
                await anyio.lowlevel.checkpoint()

    (line,) = [each for each in caplog.records if each.getMessage() == "mcp.stderr"]
    assert line.levelno == logging.DEBUG
    assert line.__dict__["said"] == "shelf  [31mempty"


async def test_child_that_ignores_the_end_of_its_input_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """stdio "Shutdown" 3: SIGTERM, then SIGKILL."""
    monkeypatch.setattr(children, "GRACE_S", 0.2)
    async with child("stays") as transport:
        pid = await pid_of(transport)

    assert not _is_alive(pid)


async def test_what_a_child_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """ours: a process group, because launchers like npx do not pass signals on."""
    monkeypatch.setattr(children, "GRACE_S", 0.2)
    async with child("breeds") as transport:
        pid = await pid_of(transport)

    await gone(pid)


async def test_cancelled_block_still_ends_its_child() -> None:
    """ours: a shutdown in a hurry leaves nobody behind."""
    pids: list[int] = []

    async def use() -> None:
        async with child("echo") as transport:
            pids.append(await pid_of(transport))
            tasks.cancel_scope.cancel()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)

    assert not _is_alive(pids[0])


async def test_child_that_is_up_after_the_block_was_left_is_seen_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ours: nobody is left behind, whenever the block is left."""
    started: list[Process] = []
    is_started, is_left, really = anyio.Event(), anyio.Event(), children.start

    async def start(
        command: str, args: Sequence[str], *, env: Mapping[str, str], cwd: str | None
    ) -> Process:
        started.append(await really(command, args, env=env, cwd=cwd))
        is_started.set()
        await is_left.wait()
        return started[0]

    async def use() -> None:
        with pytest.raises(LocalError, match="depot: its transport is not open"):
            await transport.request(stamped("r1"), {})

    monkeypatch.setattr(children, "start", start)
    transport = Stdio(spec("echo"))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            async with transport.open():
                tasks.start_soon(use)
                await is_started.wait()
            is_left.set()

    assert started[0].returncode == 0


OWNER = """
import sys, anyio
from interloom.bridges.mcp.core.frames import Profile, request
from interloom.bridges.mcp.stdio import CommandSpec, Stdio

async def main() -> None:
    transport = Stdio(CommandSpec("depot", sys.executable, ("-S", *sys.argv[1:])))
    async with transport.open():
        asked = request("r1", "ping", {}, stamp=Profile().meta("2026-07-28"), meta={})
        print((await transport.request(asked, {}))["pid"], flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux")
async def test_child_does_not_outlive_us_when_we_are_killed() -> None:
    """ours: PR_SET_PDEATHSIG; nobody is left to close its input in order."""
    idler = "import json,sys,os,time\nf=json.loads(sys.stdin.readline())\n"
    idler += (
        "print(json.dumps({'jsonrpc':'2.0','id':f['id'],'result':{'pid':os.getpid()}}),flush=1)"
    )
    idler += "\nwhile True: time.sleep(60)"
    with anyio.fail_after(30):
        owner = await anyio.open_process([sys.executable, "-c", OWNER, "-c", idler])
        assert owner.stdout is not None
        pid = int(await owner.stdout.receive())
        assert _is_alive(pid)
        owner.send_signal(signal.SIGKILL)
        await owner.aclose()
        await gone(pid)


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (CommandSpec("depot", "no-such-command"), "the command is not there"),
        (CommandSpec("depot", __file__), "the command is not there"),
        (CommandSpec("depot", sys.executable, cwd="/no/such/folder"), "cannot be started"),
    ],
)
async def test_server_that_cannot_be_started_says_why_without_a_path(
    bad: CommandSpec, rule: str
) -> None:
    """ours: certain that nothing ran."""
    transport = Stdio(bad)
    with anyio.fail_after(30):
        async with transport.open():
            with pytest.raises(TransportError, match=rule) as caught:
                await transport.request(stamped("r1"), {})

    assert not caught.value.delivered
    assert str(caught.value).startswith("MCP server depot: resources/read: ")
    assert "/" not in str(caught.value).removeprefix("MCP server depot: resources/read: ")


@pytest.mark.parametrize(
    ("command", "more"),
    [("", {}), ("a\0b", {}), ("a", {"env": {"A=B": "c"}}), ("a", {"args": ("\0",)})],
)
def test_command_that_cannot_be_passed_on_is_refused(command: str, more: dict[str, object]) -> None:
    """ours: said when the configuration is read."""
    with pytest.raises(BadConfig, match="MCP server depot: "):
        CommandSpec("depot", command, **more)  # type: ignore[arg-type]  # one table of bad words


async def test_request_outside_the_block_is_a_local_error() -> None:
    """`Transport.open`: nobody would see the child off."""
    with pytest.raises(LocalError, match="depot: its transport is not open"):
        await Stdio(spec("echo")).request(stamped("r1"), {})


def test_secrets_of_a_command_are_not_printed() -> None:
    """ours: keys are often given as arguments or variables."""
    shown = repr(CommandSpec("depot", "run", ("--key", "s3cret"), {"KEY": "s3cret"}))

    assert "s3cret" not in shown
