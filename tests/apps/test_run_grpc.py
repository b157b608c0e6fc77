"""`interloom run` with a gRPC port, in a process of its own, from its start to SIGTERM.

Source: A2A 1.0.1 sections 8.3 and 10; `ours` for the options.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.request import urlopen

import grpc
import orjson

from interloom.protos import a2a_pb2 as pb
from tests.apps.agent_source import ECHO
from tests.apps.command_line import call
from tests.apps.fake_agent import FakeAgent, Raw

BOUND_S: Final = 60.0
LISTENING: Final = "serve.listening"


@contextmanager
def served(
    folder: Path, *options: str, server: str = "{}"
) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """`interloom run`, and the addresses it says it listens at."""
    (folder / "echo_agent_module.py").write_text(ECHO, "utf-8")
    config = 'agents: {echo: {use: "echo_agent_module:echo"}}\nstore: "memory:"\n'
    config += f"server: {server}\n"
    (folder / "interloom.yaml").write_text(config, "utf-8")
    command = [sys.executable, "-m", "interloom.apps.cli", "run", "--port", "0", *options]
    with subprocess.Popen(  # noqa: S603 - this Python, these words
        command, cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = cast("IO[str]", process.stderr)
            yield process, [_listening(lines), _listening(lines)]
        finally:
            process.kill()


def _listening(lines: IO[str]) -> str:
    for line in lines:
        logged: dict[str, str] = orjson.loads(line)
        if logged["event"] == LISTENING:
            return logged["url"]
    raise AssertionError("the process ended without listening")


def test_agent_is_served_over_grpc_where_its_card_says(tmp_path: Path) -> None:
    with served(tmp_path, "--grpc-port", "0") as (process, (over_grpc, over_http)):
        with urlopen(f"{over_http}/.well-known/agent-card.json", timeout=BOUND_S) as reply:  # noqa: S310 - http
            card = orjson.loads(reply.read())
        (place,) = (
            each for each in card["supportedInterfaces"] if each["protocolBinding"] == "GRPC"
        )

        assert (f"grpc://{place['url']}", place["tenant"]) == (over_grpc, "echo")
        assert _answer(place["url"], place["tenant"]) == "hello"

        process.send_signal(signal.SIGTERM)
        events = [orjson.loads(line) for line in cast("IO[str]", process.stderr)]
        assert [each["event"] for each in events] == [
            "task.moved",
            "serve.draining",
            "serve.stopped",
        ]
        assert process.wait(BOUND_S) == 0


def test_command_line_calls_an_agent_that_only_speaks_grpc(
    tmp_path: Path, agent: FakeAgent
) -> None:
    with served(tmp_path, "--grpc-port", "0") as (_, (over_grpc, _)):
        place = {
            "url": over_grpc.removeprefix("grpc://"),
            "protocolBinding": "GRPC",
            "protocolVersion": "1.0",
            "tenant": "echo",
        }
        card = {**agent.card, "supportedInterfaces": [place]}
        agent.card_answer = Raw(200, orjson.dumps(card))

        result = call(agent)

    assert (result.exit_code, result.stdout) == (0, "Lisbon\n"), result.stderr
    assert not agent.calls


def _answer(address: str, tenant: str) -> str:
    message = pb.Message(message_id="m1", role=pb.ROLE_USER, parts=[pb.Part(text="hello")])
    request = pb.SendMessageRequest(tenant=tenant, message=message)
    channel: Any = grpc.insecure_channel(address)
    with channel:
        send = channel.unary_unary("/lf.a2a.v1.A2AService/SendMessage")
        body = send(request.SerializeToString(), BOUND_S, (("a2a-version", "1.0"),))
    return pb.SendMessageResponse.FromString(body).task.artifacts[0].parts[0].text
