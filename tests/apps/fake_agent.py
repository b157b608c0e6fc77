"""An A2A agent that does what a test tells it, over real HTTP on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Wire: TypeAlias = dict[str, Any]
"""JSON as a test writes it."""


@dataclass(frozen=True)
class Result:
    """A JSON-RPC result."""

    value: Wire


@dataclass(frozen=True)
class Error:
    """A JSON-RPC error."""

    code: int
    message: str
    reason: str = ""


@dataclass(frozen=True)
class Events:
    """A stream of results; `cut` breaks it off without its end."""

    values: tuple[Wire, ...]
    cut: bool = False


@dataclass(frozen=True)
class Raw:
    """Any HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Hang:
    """A stream that says `values` and then nothing until the test is over."""

    values: tuple[Wire, ...] = ()


Answer: TypeAlias = Result | Error | Events | Raw | Hang


@dataclass
class FakeAgent:
    """What the agent will answer, and what it was asked.

    Attributes:
        url: Base URL of the server; the agent's name is `a`.
        script: Answers by method, in order; the last one is given again and again.
        calls: Method and params of every request.
        headers: Headers of every request, names in lower case.
        streaming: What the card says of streaming.
    """

    url: str
    script: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    calls: list[tuple[str, Wire]] = field(default_factory=list[tuple[str, Wire]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    streaming: bool = True
    card_answer: Raw | None = None
    catalogue: bytes | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def on(self, method: str, *answers: Answer) -> None:
        self.script[method] = list(answers)

    def next(self, method: str) -> Answer:
        answers = self.script[method]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def sent(self, method: str) -> list[Wire]:
        return [params for called, params in self.calls if called == method]

    @property
    def card(self) -> Wire:
        return {
            "name": "a",
            "description": "A fake.",
            "version": "1",
            "supportedInterfaces": [
                {
                    "url": f"{self.url}/a2a/a",
                    "protocolBinding": "JSONRPC",
                    "protocolVersion": "1.0",
                }
            ],
            "capabilities": {"streaming": self.streaming},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "a", "name": "a", "description": "a", "tags": ["a"]}],
        }


def task(state: str, text: str = "", **more: object) -> Wire:
    """A task `t-1` in a state, which may say something."""
    return {"id": "t-1", "contextId": "c-1", "status": status(state, text), **more}


def status(state: str, text: str = "", data: Wire | None = None) -> Wire:
    parts: list[Wire] = [{"text": text}] if text else []
    if data is not None:
        parts.append({"data": data, "metadata": {"urn:interloom:questions:v1": True}})
    said: Wire = {"messageId": "m", "role": "ROLE_AGENT", "parts": parts}
    moved: Wire = {"state": f"TASK_STATE_{state}", "timestamp": "2026-11-22T10:00:00Z"}
    return {**moved, "message": said} if parts else moved


def moved(state: str, text: str = "", data: Wire | None = None) -> Wire:
    """A status update of `t-1`."""
    update = {"taskId": "t-1", "contextId": "c-1", "status": status(state, text, data)}
    return {"statusUpdate": update}


def artifact(text: str, name: str = "r") -> Wire:
    return {"artifactId": name, "parts": [{"text": text}]}


def chunk(text: str, name: str = "r", *, append: bool = True) -> Wire:
    """An artifact update of `t-1`."""
    update = {"taskId": "t-1", "contextId": "c-1", "artifact": artifact(text, name)}
    return {"artifactUpdate": {**update, "append": append}}


@contextmanager
def fake_agent() -> Generator[FakeAgent]:
    """Serve a fake on a free port of loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    agent = server.agent = FakeAgent(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield agent
    finally:
        agent.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Server(ThreadingHTTPServer):
    agent: FakeAgent


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def agent(self) -> FakeAgent:
        assert isinstance(self.server, _Server)
        return self.server.agent

    def do_GET(self) -> None:
        if self.path == "/.well-known/api-catalog" and self.agent.catalogue is not None:
            self._plain(Raw(200, self.agent.catalogue))
        elif self.path != "/a2a/a/.well-known/agent-card.json":
            self._plain(Raw(404))
        elif self.agent.card_answer is not None:
            self._plain(self.agent.card_answer)
        else:
            self._plain(Raw(200, json.dumps(self.agent.card).encode()))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        frame: Wire = json.loads(body)
        agent = self.agent
        agent.calls.append((frame["method"], frame["params"]))
        agent.headers.append({name.lower(): value for name, value in self.headers.items()})
        answer = agent.next(frame["method"])
        head = {"jsonrpc": "2.0", "id": frame["id"]}
        match answer:
            case Result(value):
                self._plain(Raw(200, json.dumps({**head, "result": value}).encode()))
            case Error(code, message, reason):
                info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
                error = {"code": code, "message": message, "data": [info]}
                self._plain(Raw(200, json.dumps({**head, "error": error}).encode()))
            case Raw():
                self._plain(answer)
            case Events(values, cut):
                self._stream([{**head, "result": value} for value in values])
                if cut:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")
            case Hang(values):
                self._stream([{**head, "result": value} for value in values])
                agent.over.wait(10)
                self.close_connection = True

    def _plain(self, answer: Raw) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _stream(self, frames: list[Wire]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for frame in frames:
            data = f"data: {json.dumps(frame)}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
