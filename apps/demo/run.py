"""The demo: a tool's question outlives the process that asked it.

Three real processes and one person: a tool server built with the official MCP SDK, the runtime
with one agent, and a caller built with the official A2A SDK. Nothing is simulated, no key and no
network is needed. The exit status is 0 only if every step went as told.
"""

from __future__ import annotations

import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from demo.caller import Caller, CallFailed, Declined, Task
from demo.curtain import Unexpected, played
from demo.evidence import tool_calls, trace_ids
from demo.processes import HOST, Service, ServiceDied, free_port, nobody_listens, read, tail
from demo.transcript import Transcript

HERE = Path(__file__).resolve().parent
AGENT = "concierge"
STORY_S = 22.0
ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that takes part, and the files it leaves."""

    caller: Caller
    tools: Service
    tools_port: int
    journal: Path
    runtime: Service
    runtime_url: str

    async def card_missing(self) -> str | None:
        """What keeps the caller from reading the agent's card."""
        try:
            await self.caller.connect(self.runtime_url)
        except CallFailed as failure:
            return str(failure)
        return None


def set_up(folder: Path) -> Stage:
    """Choose ports and files; nothing is started yet."""
    tools_port, runtime_port = free_port(), free_port()
    journal = folder / "calls.jsonl"
    tools = Service(
        "tool server",
        [sys.executable, str(HERE / "tool_server.py"), f"--port={tools_port}", f"--log={journal}"],
        log=folder / "tool_server.log",
    )
    config = str(HERE / "interloom.yaml")
    runtime = Service(
        "runtime",
        [sys.executable, "-m", "interloom.apps.cli", "run", config, "--port", str(runtime_port)],
        log=folder / "runtime.log",
        environment={
            "FLIGHTS_URL": f"http://{HOST}:{tools_port}/mcp",
            "STORE": str(folder / "tasks.db"),
        },
    )
    return Stage(Caller(), tools, tools_port, journal, runtime, f"http://{HOST}:{runtime_port}")


async def tell_story(stage: Stage, tell: Transcript) -> None:
    """All of it, in order.

    Raises:
        Unexpected: A step went otherwise.
        ServiceDied: A process did.
        CallFailed: The agent could not be reached.
    """
    tell.title("A caller books a flight through an agent. The agent's process dies in between.")
    await _curtain_up(stage, tell)
    tell.gap()
    first = await _first_question(stage, tell)
    tell.gap()
    await _crash(stage, tell, first)
    tell.gap()
    second = await _second_question(stage, tell, first)
    tell.gap()
    await _wrong_answer(stage, tell, second)
    tell.gap()
    await _booked(stage, tell, second)


async def _curtain_up(stage: Stage, tell: Transcript) -> None:
    await stage.tools.start(lambda: nobody_listens(stage.tools_port))
    tell.does("tool server", f"process {stage.tools.pid} is up: MCP, one tool, `book`")
    await stage.runtime.start(stage.card_missing)
    tell.does(
        "runtime",
        f"process {stage.runtime.pid} is up: A2A, one agent, `{AGENT}`, one SQLite file",
    )


async def _first_question(stage: Stage, tell: Transcript) -> Task:
    task = await _say(stage, tell, "Lisbon")
    _expect(task.state == "INPUT_REQUIRED", "a question was due", task)
    tell.says(AGENT, task.says)
    tell.note(f"The tool asked, so the task asks: {task.state}, task {task.id}.")
    return task


async def _crash(stage: Stage, tell: Transcript, asked: Task) -> None:
    pid = stage.runtime.pid
    await stage.runtime.kill()
    tell.does("runtime", f"process {pid} was killed with SIGKILL; nobody is listening")
    await stage.runtime.start(stage.card_missing)
    tell.does("runtime", f"process {stage.runtime.pid} is up, on the same file")
    task = await stage.caller.get(asked.id)
    _expect(task.state == "INPUT_REQUIRED", "the task was to be waiting still", task)
    _expect(task.says == asked.says, f"the question was to be {asked.says!r} still", task)
    tell.note(f"The task is where it was: {task.state}, with the same question.")


async def _second_question(stage: Stage, tell: Transcript, asked: Task) -> Task:
    task = await _say(stage, tell, "window", asked)
    _expect(task.state == "INPUT_REQUIRED", "a second question was due", task)
    _expect(task.says != asked.says, "the first question was answered", task)
    tell.says(AGENT, task.says)
    tell.note("The call went on where it stopped; the first question was not asked again.")
    return task


async def _wrong_answer(stage: Stage, tell: Transcript, asked: Task) -> None:
    try:
        reason = (await _say(stage, tell, "a lot", asked)).says
    except Declined as declined:
        reason = str(declined)
    task = await stage.caller.get(asked.id)
    _expect(task.state == "INPUT_REQUIRED", "a wrong answer was to leave the task waiting", task)
    _expect(reason not in {"", asked.says}, "a reason was due", task)
    _expect(len(tool_calls(read(stage.journal))) == ROUNDS, "the tool was not to hear of it", task)
    tell.says(AGENT, reason)
    tell.note(f"Refused before the tool saw it; the task still waits: {task.state}.")


async def _booked(stage: Stage, tell: Transcript, asked: Task) -> None:
    task = await _say(stage, tell, "2", asked)
    _expect(task.state == "COMPLETED", "the booking was due", task)
    booking = "\n".join(task.artifacts)
    for wish in ("Lisbon", "window", "2 bags"):
        _expect(wish in booking, f"{wish!r} was to be in the artifact {booking!r}", task)
    tell.says(AGENT, booking)
    tell.note(f"{task.state}: one artifact, from three calls of the tool and two processes.")


async def _say(stage: Stage, tell: Transcript, text: str, task: Task | None = None) -> Task:
    tell.says("caller", text)
    if task is None:
        return await stage.caller.send(text)
    answer = await stage.caller.send(text, task_id=task.id, context_id=task.context_id)
    _expect(answer.id == task.id, f"the answer was to be about task {task.id}", answer)
    return answer


def _expect(kept: bool, what: str, task: Task) -> None:
    if not kept:
        says = f", saying {task.says!r}" if task.says else ""
        raise Unexpected(f"{what}; task {task.id} is {task.state}{says}")


def weigh(stage: Stage, tell: Transcript) -> None:
    """Count in the logs what the story claimed.

    Raises:
        Unexpected: The logs say otherwise.
    """
    journal = read(stage.journal)
    calls = tool_calls(journal)
    own = frozenset({stage.caller.trace_id})
    seen = {"tool server": trace_ids(journal), "runtime": trace_ids(read(stage.runtime.log))}
    tell.gap()
    tell.line("What the logs of both servers say:")
    tell.line(f"tools/call: {len(calls)}")
    tell.line(f"trace ids: {len(own.union(*seen.values()))}")
    if len(calls) != ROUNDS + 1:
        raise Unexpected(f"{ROUNDS} questions cost {len(calls)} tools/call, not {ROUNDS + 1}")
    if None in calls:
        raise Unexpected(f"tools/call number {calls.index(None) + 1} came without a trace")
    for name, ids in seen.items():
        if not ids:
            raise Unexpected(f"the {name}'s log names no trace id")
        if ids != own:
            strange = ", ".join(sorted(ids - own))
            raise Unexpected(f"the {name}'s log names traces that are not the caller's: {strange}")


async def attempt(tell: Transcript) -> int:
    """Play the story once, end every process, then look at the logs.

    Returns:
        The exit status.
    """
    with TemporaryDirectory(prefix="interloom-demo-") as folder:
        stage = set_up(Path(folder))
        try:
            with anyio.fail_after(STORY_S):
                async with aclosing(stage.caller), stage.tools, stage.runtime:
                    await tell_story(stage, tell)
            weigh(stage, tell)
        except ServiceDied as died:
            tell.failed(str(died), tail(died.service.log))
        except TimeoutError:
            tell.failed(f"it took longer than {STORY_S:.0f} s", tail(stage.runtime.log))
        except (Unexpected, CallFailed, Declined, OSError) as failure:
            tell.failed(str(failure), tail(stage.runtime.log))
        else:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(anyio.run(played, lambda: attempt(Transcript())))
