"""An MCP server that makes a task of every call, under a journey's thumb.

    workshop = Workshop(works("cutting"), asks(size=form(…)), done("a chair"))
    async with workshop.open("carpenter") as tools: …

Each job goes through the steps given, one a poll; a step that asks stays until every request has
its answer, and once more after that, because a server's view may lag behind. Written from the text
of the Tasks extension (`io.modelcontextprotocol/tasks`), whose rules it holds its client to: the
capability on every request, `Mcp-Name` equal to the task's id, -32602 for tasks it does not know.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias, cast

import anyio
import orjson
from anyio.lowlevel import checkpoint

from interloom.bridges.handoff import SamplingModel, ToolServer, declared
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.bridges.mcp.core.frames import Profile
from interloom.runtime.serve.body import Receive, Scope, Send
from interloom.runtime.testing.in_process import in_process
from interloom.runtime.values import Json, JsonObject

Step: TypeAlias = JsonObject
"""What a poll shows of a job: the fields of a `DetailedTask` that change."""

TASKS: Final = "io.modelcontextprotocol/tasks"
CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"


def works(message: str) -> Step:
    """Working, with a status text."""
    return {"status": "working", "statusMessage": message}


def asks(**requests: JsonObject) -> Step:
    """Waiting for input."""
    return {"status": "input_required", "inputRequests": requests}


def done(text: str, *, is_error: bool = False) -> Step:
    """Completed, with a result of one text block."""
    content: Json = [{"type": "text", "text": text}]
    return {"status": "completed", "result": {"content": content, "isError": is_error}}


def failed(code: int) -> Step:
    """Failed, with a JSON-RPC error."""
    return {"status": "failed", "error": {"code": code, "message": "no, says the workshop"}}


CANCELLED: Final[Step] = {"status": "cancelled"}


@dataclass(slots=True)
class Job:
    """One task of the workshop."""

    steps: list[Step]
    answers: dict[str, Json] = field(default_factory=dict[str, Json])
    lags: bool = True

    def look(self) -> Step:
        """What a poll shows; the job moves on behind it."""
        step = self.steps[0]
        wanted = cast("JsonObject", step.get("inputRequests", {}))
        if wanted.keys() - self.answers.keys():
            return step
        if wanted and self.lags:
            self.lags = False
            return step
        if len(self.steps) > 1:
            self.steps.pop(0)
            self.lags = True
        return self.steps[0] if wanted else step


class Refused(Exception):
    """A JSON-RPC error of the workshop."""

    def __init__(self, code: int, rule: str) -> None:
        super().__init__(rule)
        self.code, self.rule = code, rule


class Workshop:
    """The server.

    Attributes:
        seen: Method of every request but lists, in order of arrival.
        updates: `inputResponses` of every `tasks/update`.
        cancelled: Set when a task was cancelled.
        polled: Set when a task was polled.
        is_open: False lets every request fail with 503.
        poll_ms: The `pollIntervalMs` it wishes for.
        ttl_ms: The `ttlMs` of its tasks.
    """

    def __init__(self, *steps: Step) -> None:
        self.seen: list[str] = []
        self.updates: list[JsonObject] = []
        self.metas: list[JsonObject] = []
        self.cancelled = anyio.Event()
        self.polled = anyio.Event()
        self.is_open = True
        self.poll_ms = 0
        self.ttl_ms: int | None = None
        self._steps = steps
        self._jobs: dict[str, Job] = {}

    async def until_polled(
        self, more: int, between: Callable[[], Awaitable[object]] = checkpoint
    ) -> None:
        """Wait until it was polled so often more; `between` is awaited before each look."""
        polls = self.seen.count("tasks/get") + more
        while self.seen.count("tasks/get") < polls:
            await between()

    @asynccontextmanager
    async def open(
        self,
        name: str = "carpenter",
        *,
        roots: tuple[Path, ...] = (),
        model: SamplingModel | None = None,
    ) -> AsyncGenerator[dict[str, ToolServer]]:
        """Serve in this process; yields the toolbox of an agent that has this server alone."""
        can = declared(roots=bool(roots), model=model is not None)
        async with in_process(self) as port:
            spec = ServerSpec(name, "http://workshop.test/mcp", timeout_s=5.0)
            client = McpClient(StreamableHttp(spec, port), profile=Profile(capabilities=can))
            yield {name: ToolServer(client, roots=roots, model=model)}

    def finish(self, step: Step) -> None:
        """Let every job come to this step next."""
        for job in self._jobs.values():
            job.steps.append(step)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        frame = orjson.loads((await receive())["body"])
        headers = {name.decode(): text.decode() for name, text in scope["headers"]}
        reply: dict[str, Json] = {"jsonrpc": "2.0", "id": frame["id"]}
        status = 200
        try:
            reply["result"] = self._answer(frame["method"], frame["params"], headers)
        except Refused as refusal:
            status, reply["error"] = 400, {"code": refusal.code, "message": refusal.rule}
        if not self.is_open:
            status = 503
        fields = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": orjson.dumps(reply)})

    def _answer(self, method: str, params: JsonObject, headers: Mapping[str, str]) -> JsonObject:
        if method == "tools/list":
            return {"tools": [{"name": "make", "inputSchema": {"type": "object"}}]}
        self.seen.append(method)
        meta = cast("JsonObject", params["_meta"])
        self.metas.append(meta)
        extensions = cast("JsonObject", meta[CAPABILITIES]).get("extensions", {})
        if TASKS not in cast("JsonObject", extensions):
            raise Refused(-32021, "the client does not know tasks")
        if method == "tools/call":
            return self._create()
        task_id = str(params["taskId"])
        if headers.get("mcp-name") != task_id:
            raise Refused(-32020, "Mcp-Name is not the task's id")
        if task_id not in self._jobs:
            raise Refused(-32602, "no such task")
        return self._about(method, task_id, params)

    def _create(self) -> JsonObject:
        task_id = f"job-{len(self._jobs) + 1}"
        self._jobs[task_id] = Job(list(self._steps))
        return {"resultType": "task", "status": "working", **self._times(task_id)}

    def _about(self, method: str, task_id: str, params: JsonObject) -> JsonObject:
        job = self._jobs[task_id]
        match method:
            case "tasks/get":
                self.polled.set()
                return {"resultType": "complete", **self._times(task_id), **job.look()}
            case "tasks/update":
                answers = cast("JsonObject", params["inputResponses"])
                self.updates.append(answers)
                job.answers.update(answers)
            case "tasks/cancel":
                job.steps[:] = [CANCELLED]
                self.cancelled.set()
            case _:
                raise Refused(-32601, "no such method")
        return {"resultType": "complete"}

    def _times(self, task_id: str) -> JsonObject:
        at = "2026-07-28T10:30:00Z"
        times: JsonObject = {"createdAt": at, "lastUpdatedAt": at, "ttlMs": self.ttl_ms}
        return {"taskId": task_id, "pollIntervalMs": self.poll_ms, **times}
