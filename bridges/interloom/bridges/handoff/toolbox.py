"""The tools of an agent: list them, call them, and let a question wait for days.

One logical call is one journal row. The row is stored before bytes leave and again when an
answer is here, so whatever happens in between is known afterwards for what it is. What can fail on
this side fails before: a call that was never sent leaves nobody in doubt.

n rounds of questions cost n + 1 `tools/call` requests, however often the process was restarted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn, TypeVar

import anyio

from interloom.bridges.handoff import doubt, pending
from interloom.bridges.handoff.doubt import Repeat, Verdict
from interloom.bridges.handoff.failures import ToolUnanswered, failure
from interloom.bridges.handoff.pending import Made, Pending
from interloom.bridges.handoff.questions import questions, results
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.asks import Elicit, InputRequest
from interloom.bridges.mcp.core.errors import McpPeerError
from interloom.bridges.mcp.core.rounds import Call, Done
from interloom.bridges.mcp.core.tools import Tool, ToolResult, read_tool_result
from interloom.bridges.mcp.wire import Prepared
from interloom.runtime.core.questions import Question
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, LocalError, TransportError
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json, JsonObject

log = logger("handoff")

Answered = TypeVar("Answered")

IDEMPOTENCY_KEY: Final = "io.interloom/idempotencyKey"
"""`_meta` key that is the same for a repeated request and for no other (DESIGN section 4)."""
CONNECT_TRIES: Final = 3
"""Times a first request is tried that certainly did not reach the server."""
ANSWER_TRIES: Final = 60
"""The same for a request that carries a person's answer: six minutes, for a server that restarts;
a question that waited for days must not be lost to that."""
FIRST_PAUSE_S: Final = 0.1
DOUBLINGS: Final = 6
"""Pauses between tries, and between rounds that ask nothing, double so often: to 6.4 s at most."""


@dataclass(frozen=True, slots=True)
class ToolServer:
    """One server an agent may use.

    Attributes:
        client: Talks to it.
        repeat: What to do with calls whose outcome is unknown after a crash.
    """

    client: McpClient
    repeat: Repeat = Repeat.ASK


class Toolbox:
    """The tool servers of one agent, by the names its author knows them under."""

    def __init__(self, servers: Mapping[str, ToolServer]) -> None:
        self._servers = dict(servers)

    async def tools(self, server: str) -> tuple[Tool, ...]:
        """What a server offers.

        Raises:
            LocalError: The agent has no such server.
            ToolFailed | ToolUnanswered: It does not say.
        """
        client = self._server(server).client
        try:
            return await client.list_tools()
        except InterloomError as error:
            raise failure(error, server=server) from error

    async def call(
        self, task: TaskContext, server: str, tool: str, arguments: JsonObject
    ) -> ToolResult:
        """Call a tool on behalf of a task; may wait for the caller's answers, for days.

        A failure is stored, and raised again when the agent's code is run again.

        Raises:
            ToolFailed: The server broke the protocol or answered an error.
            ToolUnanswered: There is no answer, or will never be one.
            LocalError: The agent has no such server, or the call cannot be put on the wire.
            PathChanged: The agent's code made another call here when it was run before.
        """
        found = self._server(server)
        key = task.key(f"tool/{server}.{tool}")
        made = Made(task.task_id, key, server, tool, pending.digest(arguments))
        result = await _Conversation(found, task, made).run(arguments)
        try:
            return read_tool_result(result, server=server)
        except McpPeerError as error:
            raise failure(error, server=server, tool=tool) from error

    def _server(self, name: str) -> ToolServer:
        found = self._servers.get(name)
        if found is None:
            known = ", ".join(sorted(self._servers)) or "none"
            raise LocalError(f"this agent has no tool server {name!r}; it has: {known}")
        return found


class _Conversation:
    """One logical call from its row to its result."""

    def __init__(self, server: ToolServer, task: TaskContext, made: Made) -> None:
        self._server, self._task, self._made = server, task, made

    async def run(self, arguments: JsonObject) -> JsonObject:
        made = self._made
        row = self._task.call(made.key)
        if row is None:
            params: dict[str, Json] = {"name": made.tool, "arguments": arguments}
            return await self._converse(Pending(Call(made.server, "tools/call", params)))
        body = made.check(row)
        match row.state:
            case CallState.DONE:
                return pending.read_result(body)
            case CallState.ERROR:
                raise pending.read_failure(made, body)
            case CallState.POSTPONED:
                return await self._converse(pending.read_pending(body))
            case CallState.INPUT_REQUIRED:
                now = pending.read_pending(body)
                return await self._converse(await self._ask(now, self._questions(now.call)))
            case CallState.INTENDED | CallState.IN_DOUBT:
                return await self._doubt(pending.read_pending(body))

    async def _converse(self, now: Pending) -> JsonObject:
        """Send, and answer what is asked, until there is a result."""
        while True:
            with self._task.busy():  # from the intent on: parking leaves nothing in doubt
                call, step = await self._round(now)
                if isinstance(step, Done):
                    await self._task.record_call(pending.done(self._made, step.result))
                    return step.result
                if not step:
                    now = Pending(call, {})
                    await self._task.record_call(now.row(self._made, CallState.POSTPONED))
                    await self._pause(call.waits)
                    continue
            now = await self._ask(Pending(call), step)

    async def _round(self, now: Pending) -> tuple[Call, Done | list[Question]]:
        """One request, and what it came to: the result, or what is asked, which may be nothing."""
        ready = await self._prepare(now)
        await self._task.record_call(now.row(self._made, CallState.INTENDED))
        client = self._server.client
        try:
            result = await self._patiently(now, lambda: client.perform(ready))
            call, step = now.call.receive(result, declared=client.profile.capabilities)
            return call, step if isinstance(step, Done) else self._questions(call)
        except InterloomError as error:
            await self._fail(error, now)

    async def _prepare(self, now: Pending) -> Prepared:
        key = f"{self._task.task_id}/{self._made.key}/{now.call.rounds}"
        meta: dict[str, Json] = {IDEMPOTENCY_KEY: key, **self._task.trace.carrier()}
        request, client = now.send(), self._server.client
        try:
            return await self._patiently(now, lambda: client.prepare(request, meta=meta))
        except InterloomError as error:
            await self._fail(error, now)

    async def _patiently(self, now: Pending, ask: Callable[[], Awaitable[Answered]]) -> Answered:
        """Ask the server, again if it was not reached."""
        for attempt in range(1, ANSWER_TRIES if now.call.rounds else CONNECT_TRIES):
            try:
                return await ask()
            except TransportError as error:
                if error.delivered:
                    raise
            await self._pause(attempt)
        return await ask()

    def _questions(self, call: Call) -> list[Question]:
        waiting = call.pending()
        requests: Mapping[str, InputRequest] = {} if waiting is None else waiting.requests
        asked = {key: each for key, each in requests.items() if isinstance(each, Elicit)}
        return questions(asked, server=self._made.server, method=call.method)

    async def _ask(self, now: Pending, asked: list[Question]) -> Pending:
        """Hand the open questions to the task and wait; the row is stored with the question."""
        row = now.row(self._made, CallState.INPUT_REQUIRED)
        ask_key = f"ask/{self._made.key}/{now.call.rounds}"
        responses = await self._task.ask(ask_key, asked, self._task.remember_call(row))
        return Pending(now.call, results(now.call.asked or {}, responses))

    async def _doubt(self, now: Pending) -> JsonObject:
        """Go on with a request that may have been carried out already."""
        made, repeat = self._made, self._server.repeat
        again = replace(now, doubts=now.doubts + 1)
        log.warning("call.in_doubt", task_id=made.task_id, key=made.key, repeat=repeat.value)
        if repeat is Repeat.ALWAYS:
            return await self._converse(again)
        if repeat is Repeat.NEVER:
            await self._give_up()
        asked = [doubt.question(made.server, made.tool)]
        row = now.row(made, CallState.IN_DOUBT)
        ask_key = f"doubt/{made.key}/{now.call.rounds}/{now.doubts}"
        (response,) = await self._task.ask(ask_key, asked, self._task.remember_call(row))
        verdict, text = doubt.verdict(response)
        match verdict:
            case Verdict.RETRY:
                return await self._converse(again)
            case Verdict.DONE:
                content: list[Json] = [{"type": "text", "text": text}]
                await self._task.record_call(pending.done(made, {"content": content}))
                return {"content": content}
            case Verdict.FAIL:
                return await self._give_up()

    async def _give_up(self) -> NoReturn:
        server, tool = self._made.server, self._made.tool
        reason = f"The call to {tool} of {server} was interrupted and not repeated."
        given_up = ToolUnanswered(reason, server=server, tool=tool)
        await self._task.record_call(pending.failed(self._made, given_up))
        raise given_up

    async def _fail(self, error: InterloomError, now: Pending) -> NoReturn:
        """Store why there is no result, and raise it as it will be raised on every replay."""
        server, tool = self._made.server, self._made.tool
        failed = failure(error, server=server, tool=tool, repeated=now.doubts > 0)
        await self._task.record_call(pending.failed(self._made, failed))
        raise failed from error

    async def _pause(self, times: int) -> None:
        await anyio.sleep(FIRST_PAUSE_S * 2 ** min(times - 1, DOUBLINGS))
