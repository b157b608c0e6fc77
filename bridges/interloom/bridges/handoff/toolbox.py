"""The tools of an agent: list them, call them, and let a question wait for days.

One logical call is one journal row. The row is stored before bytes leave and again when an
answer is here, so whatever happens in between is known afterwards for what it is.

n rounds of questions cost n + 1 `tools/call` requests, however often the process was restarted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import anyio

from interloom.bridges.handoff import doubt, pending
from interloom.bridges.handoff.doubt import Repeat, Verdict
from interloom.bridges.handoff.pending import Pending
from interloom.bridges.handoff.questions import questions, results
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.asks import Elicit
from interloom.bridges.mcp.core.errors import McpPeerError
from interloom.bridges.mcp.core.rounds import Ask, Call, Done
from interloom.bridges.mcp.core.tools import Tool, ToolResult, read_tool_result
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import LocalError, PeerError, TransportError
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json, JsonObject

log = logger("handoff")

IDEMPOTENCY_KEY: Final = "io.interloom/idempotencyKey"
"""`_meta` key that is the same for a repeated request and for no other (DESIGN section 4)."""
CONNECT_TRIES: Final = 3
"""Times a request is tried that certainly did not reach the server."""
FIRST_PAUSE_S: Final = 0.1
MAX_PAUSE_S: Final = 5.0
"""Pauses double between these, between tries and between rounds that ask nothing."""


class ToolUnanswered(PeerError):
    """A tool call has no answer; the text says why, and whether it may have taken effect."""

    code = "TOOL_UNANSWERED"


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
            McpPeerError | TransportError: It does not say.
        """
        return await self._server(server).client.list_tools()

    async def call(
        self, task: TaskContext, server: str, tool: str, arguments: JsonObject
    ) -> ToolResult:
        """Call a tool on behalf of a task; may wait for the caller's answers, for days.

        Raises:
            LocalError: The agent has no such server.
            ToolUnanswered: There is no answer, or will never be one.
            McpPeerError: The server broke the protocol or answered an error.
        """
        found = self._server(server)
        key = task.key(f"tool/{server}.{tool}")
        result = await _Conversation(found, task, key, server, tool).run(arguments)
        return read_tool_result(result, server=server)

    def _server(self, name: str) -> ToolServer:
        found = self._servers.get(name)
        if found is None:
            known = ", ".join(sorted(self._servers)) or "none"
            raise LocalError(f"this agent has no tool server {name!r}; it has: {known}")
        return found


class _Conversation:
    """One logical call from its row to its result."""

    def __init__(
        self, server: ToolServer, task: TaskContext, key: str, name: str, tool: str
    ) -> None:
        self._server, self._task, self._key = server, task, key
        self._name, self._tool = name, tool

    async def run(self, arguments: JsonObject) -> JsonObject:
        row = self._task.call(self._key)
        if row is None:
            params: dict[str, Json] = {"name": self._tool, "arguments": arguments}
            return await self._converse(Pending(Call(self._name, "tools/call", params)))
        match row.state:
            case CallState.DONE:
                return pending.read_result(row)
            case CallState.ERROR:
                raise ToolUnanswered(pending.read_reason(row))
            case CallState.INPUT_REQUIRED:
                return await self._converse(await self._ask(pending.read_pending(row)))
            case CallState.INTENDED | CallState.IN_DOUBT:
                return await self._doubt(pending.read_pending(row))

    async def _converse(self, now: Pending) -> JsonObject:
        """Send, and answer what is asked, until there is a result."""
        while True:
            try:
                with self._task.busy():  # from the intent on: parking leaves nothing in doubt
                    await self._record(now.row(self._task.task_id, self._key, CallState.INTENDED))
                    result = await self._exchange(now)
                call, step = now.call.receive(result)
                match step:
                    case Done(result=final):
                        await self._record(pending.done(self._task.task_id, self._key, final))
                        return final
                    case Ask(requests=requests) if requests:
                        now = await self._ask(Pending(call))
                    case Ask():
                        await self._pause(call.rounds)
                        now = Pending(call, {})
            except (McpPeerError, TransportError) as error:
                await self._fail(error)

    async def _exchange(self, now: Pending) -> JsonObject:
        trace = self._task.trace.carrier()
        meta: dict[str, Json] = {IDEMPOTENCY_KEY: self._request_key(now), **trace}
        send = now.send()
        await self._learn_tools()
        for attempt in range(1, CONNECT_TRIES):
            try:
                return await self._server.client.exchange(send, meta=meta)
            except TransportError as error:
                if error.delivered:
                    raise
            await self._pause(attempt)
        return await self._server.client.exchange(send, meta=meta)

    async def _learn_tools(self) -> None:
        """Have the tool list, which the call's headers are made from, before anything is sent."""
        try:
            await self._server.client.learn_tools()
        except TransportError as error:
            raise TransportError(str(error), delivered=False) from error

    def _request_key(self, now: Pending) -> str:
        return f"{self._task.task_id}/{self._key}/{now.call.rounds}"

    async def _ask(self, now: Pending) -> Pending:
        """Hand the open questions to the task and wait; the row is stored with the question."""
        waiting = now.call.pending()
        requests: Mapping[str, Elicit] = {} if waiting is None else waiting.requests
        asked = questions(requests, server=self._name, method=now.call.method)
        row = now.row(self._task.task_id, self._key, CallState.INPUT_REQUIRED)
        ask_key = f"ask/{self._key}/{now.call.rounds}"
        responses = await self._task.ask(ask_key, asked, self._task.remember_call(row))
        return Pending(now.call, results(requests, responses))

    async def _doubt(self, now: Pending) -> JsonObject:
        """Go on with a request that may have been carried out already."""
        repeat = self._server.repeat
        log.warning("call.in_doubt", task_id=self._task.task_id, key=self._key, repeat=repeat.value)
        if repeat is Repeat.ALWAYS:
            return await self._converse(now)
        if repeat is Repeat.NEVER:
            await self._give_up()
        asked = [doubt.question(self._name, self._tool)]
        row = now.row(self._task.task_id, self._key, CallState.IN_DOUBT)
        ask_key = f"doubt/{self._key}/{now.call.rounds}/{now.doubts}"
        (response,) = await self._task.ask(ask_key, asked, self._task.remember_call(row))
        verdict, text = doubt.verdict(response)
        match verdict:
            case Verdict.RETRY:
                return await self._converse(replace(now, doubts=now.doubts + 1))
            case Verdict.DONE:
                content: list[Json] = [{"type": "text", "text": text}]
                await self._record(
                    pending.done(self._task.task_id, self._key, {"content": content})
                )
                return {"content": content}
            case Verdict.FAIL:
                return await self._give_up()

    async def _give_up(self) -> JsonObject:
        reason = f"The call to {self._tool} of {self._name} was interrupted and not repeated."
        await self._record(pending.failed(self._task.task_id, self._key, reason))
        raise ToolUnanswered(reason)

    async def _fail(self, error: McpPeerError | TransportError) -> None:
        reason = str(error)
        if isinstance(error, TransportError):
            effect = "it may have taken effect" if error.delivered else "it did not take place"
            reason = f"{self._tool} of {self._name}: {error}; {effect}."
        await self._record(pending.failed(self._task.task_id, self._key, reason))
        if isinstance(error, McpPeerError):
            raise error
        raise ToolUnanswered(reason) from error

    async def _record(self, row: CallRow) -> None:
        await self._task.record_call(row)

    async def _pause(self, times: int) -> None:
        with self._task.busy():
            await anyio.sleep(min(FIRST_PAUSE_S * 2 ** (times - 1), MAX_PAUSE_S))
