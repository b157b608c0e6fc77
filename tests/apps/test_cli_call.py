"""`interloom call`: what goes to which stream, and what a broken connection costs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from interloom.runtime.client import Resume
from tests.apps import fake_agent as fake
from tests.apps.command_line import DONE, DONE_TASK, call, run
from tests.apps.fake_agent import Events, FakeAgent, Hang, Wire


def test_artifacts_go_to_stdout_and_progress_to_stderr(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", DONE)
    agent.on("GetTask", fake.Result(DONE_TASK))

    result = call(agent, "--context", "c-9")

    assert (result.exit_code, result.stdout) == (0, "Booked LH 1166.\n")
    assert result.stderr == "working: looking for a flight\n"
    message = agent.sent("SendStreamingMessage")[0]["message"]
    assert message["parts"] == [{"text": "Lisbon"}]
    assert (message["role"], message["contextId"]) == ("ROLE_USER", "c-9")
    assert agent.headers[0]["a2a-version"] == "1.0"


def test_token_of_the_environment_goes_to_the_server_that_was_named(
    agent: FakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2A 7.3: credentials go along with every request; where there are none, nothing does."""
    agent.on("SendStreamingMessage", DONE)
    agent.on("GetTask", fake.Result(DONE_TASK))

    call(agent)
    monkeypatch.setenv("INTERLOOM_TOKEN", "a-token-of-the-test")
    call(agent)

    sent = [each.get("authorization") for each in agent.headers]
    half = len(sent) // 2
    assert sent == [None] * half + ["Bearer a-token-of-the-test"] * half


def test_json_is_the_whole_answer_on_one_line(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", DONE)
    agent.on("GetTask", fake.Result(DONE_TASK))

    result = call(agent, "-o", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["task"]["artifacts"] == DONE_TASK["artifacts"]
    assert result.stdout.count("\n") == 1


def test_message_is_an_answer_too(agent: FakeAgent) -> None:
    """A2A 3.1.2: a stream may be one message and nothing else."""
    said: Wire = {
        "messageId": "m",
        "role": "ROLE_AGENT",
        "parts": [{"text": "Hello."}, {"data": 7}],
    }
    agent.on("SendStreamingMessage", Events(({"message": said},)))

    assert call(agent).stdout == "Hello.7\n\n"
    assert json.loads(call(agent, "-o", "json").stdout) == {"message": said}


def test_text_comes_from_stdin_on_request(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", DONE)
    agent.on("GetTask", fake.Result(DONE_TASK))

    result = run("call", "a", "-", "--url", agent.url, stdin="from a pipe\n")

    assert result.exit_code == 0
    assert agent.sent("SendStreamingMessage")[0]["message"]["parts"] == [{"text": "from a pipe\n"}]


def test_no_wait_gives_the_task_id_at_once(agent: FakeAgent) -> None:
    agent.on("SendMessage", fake.Result({"task": fake.task("WORKING", "thinking")}))

    result = call(agent, "--no-wait")

    assert (result.exit_code, result.stdout) == (0, "t-1\n")
    assert agent.sent("SendMessage")[0]["configuration"] == {"returnImmediately": True}


def test_agent_that_cannot_stream_is_waited_for(agent: FakeAgent) -> None:
    """A2A 3.3.4: streaming is not to be asked of an agent whose card does not offer it."""
    agent.streaming = False
    agent.on("SendMessage", fake.Result({"task": DONE_TASK}))

    assert call(agent).stdout == "Booked LH 1166.\n"


def test_completed_task_without_artifacts_gives_its_last_words(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", Events(({"task": fake.task("COMPLETED", "All good.")},)))
    agent.on("GetTask", fake.Result(fake.task("COMPLETED", "All good.")))

    assert call(agent).stdout == "All good.\n"


def test_broken_stream_is_taken_up_again_and_nothing_is_shown_twice(agent: FakeAgent) -> None:
    half = (
        {"task": fake.task("WORKING")},
        fake.chunk("one\n", append=False),
        fake.chunk("two\n"),
    )
    so_far = fake.task("WORKING", artifacts=[fake.artifact("one\ntwo\nthree\n")])
    agent.on("SendStreamingMessage", Events(half, cut=True))
    agent.on("GetTask", fake.Result({**so_far, "status": fake.status("COMPLETED")}))
    agent.on("SubscribeToTask", Events(({"task": so_far}, fake.moved("COMPLETED"))))

    result = call(agent)

    assert (result.exit_code, result.stdout) == (0, "one\ntwo\nthree\n")
    assert agent.sent("SubscribeToTask") == [{"id": "t-1"}]


def test_replaced_artifact_is_shown_anew_and_two_are_kept_apart(agent: FakeAgent) -> None:
    agent.on(
        "SendStreamingMessage",
        Events(
            (
                {"task": fake.task("WORKING")},
                fake.chunk("draft", "r", append=False),
                fake.chunk("final", "r", append=False),
                fake.chunk("other", "s", append=False),
                fake.chunk(" end", "s"),
                fake.moved("COMPLETED"),
            )
        ),
    )
    whole = [fake.artifact("final", "r"), fake.artifact("other end", "s")]
    agent.on("GetTask", fake.Result(fake.task("COMPLETED", artifacts=whole)))

    assert call(agent).stdout == "draft\nfinal\nother end\n"


def test_agent_that_keeps_hanging_up_is_given_up(agent: FakeAgent) -> None:
    working = fake.task("WORKING")
    agent.on("SendStreamingMessage", Events(({"task": working},)))
    agent.on("GetTask", fake.Result(working))
    agent.on("SubscribeToTask", Events(({"task": working},)))

    result = call(agent)

    assert result.exit_code == 1
    assert "keeps ending the stream" in result.stderr
    assert f"interloom tasks get --agent a --url {agent.url} t-1" in result.stderr
    assert len(agent.sent("SubscribeToTask")) == Resume().tries


def test_terminal_never_sees_an_agents_escape_codes(agent: FakeAgent) -> None:
    """Ours: a terminal obeys escape codes, and an agent is not its owner."""
    evil = "\x1b]0;owned\x07\x1b[2Jtext\x9b1m\r"
    events = ({"task": fake.task("WORKING", evil)}, fake.chunk(evil, append=False))
    agent.on("SendStreamingMessage", Events((*events, fake.moved("FAILED", evil))))
    agent.on("GetTask", fake.Result(fake.task("FAILED", evil, artifacts=[fake.artifact(evil)])))

    result = call(agent)

    assert result.stdout == "]0;owned[2Jtext1m\n"
    assert not any(char in result.output for char in "\x1b\x07\x9b\r")


def test_interrupt_detaches_and_says_how_to_come_back(agent: FakeAgent) -> None:
    """Ours: Ctrl-C ends the command, not the task."""
    agent.on("SendStreamingMessage", Hang(({"task": fake.task("WORKING", "thinking")},)))
    program = "from interloom.apps.cli import main; main()"
    command = [sys.executable, "-c", program, "call", "a", "x", "--url", agent.url]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as shell:  # noqa: S603
        assert shell.stderr is not None
        assert shell.stderr.readline() == "working: thinking\n"
        shell.send_signal(signal.SIGINT)
        _, said = shell.communicate(timeout=20)

    assert shell.returncode == 130
    assert said == (
        f"error: detached; the task goes on: interloom tasks get --agent a --url {agent.url} t-1\n"
    )
