"""What an agent has of its tool servers: tools, prompts and resources; questions wait for days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

import anyio

from interloom.bridges.handoff import pending, recovery, remote
from interloom.bridges.handoff.conversation import Conversation
from interloom.bridges.handoff.failures import Failure, ToolFailed, ToolUnanswered, failure
from interloom.bridges.handoff.naming import offered_name
from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.recovery import Standing
from interloom.bridges.handoff.tool_server import ToolServer
from interloom.bridges.mcp.core.errors import McpPeerError
from interloom.bridges.mcp.core.prompts import GET, PromptResult, read_prompt_result
from interloom.bridges.mcp.core.resources import READ, Contents, read_contents
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.core.tasks import RemoteTask
from interloom.bridges.mcp.core.tools import Tool, ToolResult, read_tool_result
from interloom.bridges.mcp.pool import Crowded
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, LocalError, Unavailable
from interloom.runtime.ledger.rows import CallRow
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json, JsonObject

log = logger("handoff")
Read = TypeVar("Read")


class Offered(NamedTuple):
    """A tool among those of several servers: what `Toolbox.call` and `Context.tool` take.

    Attributes:
        server: The agent's name for its server.
        tool: As the server lists it.
    """

    server: str
    tool: Tool


class Catalogue(NamedTuple):
    """What several servers offer.

    Attributes:
        tools: By names that cannot collide, see `naming`; in the order of servers and lists.
        missing: Servers that did not say what they offer, and why.
    """

    tools: Mapping[str, Offered]
    missing: Mapping[str, Failure]


class Toolbox:
    """The tool servers of one agent, by the names its author knows them under."""

    def __init__(self, servers: Mapping[str, ToolServer]) -> None:
        self._servers = dict(servers)

    async def tools(self, server: str, *, owner: str) -> tuple[Tool, ...]:
        """What a server offers to whom a task is for, without what its pins keep back.

        Raises:
            LocalError: The agent has no such server, or it cannot be asked from here.
            ToolFailed | ToolUnanswered: It does not say, or was not asked: too many callers use it.
        """
        found = self._server(server)
        try:
            async with found.of(owner) as reached:
                listed = await reached.client.list_tools()
        except InterloomError as error:
            raise failure(error, server=server) from error
        return found.pins.shown(listed, server=server, owner=owner)

    async def catalogue(self, *, owner: str) -> Catalogue:
        """What all servers offer to whom a task is for, each tool under a name of its own.

        A server that does not say is named, and the others are there all the same.
        """
        found: dict[str, tuple[Tool, ...]] = {}
        missing: dict[str, Failure] = {}

        async def ask(server: str) -> None:
            try:
                found[server] = await self.tools(server, owner=owner)
            except (ToolFailed, ToolUnanswered, LocalError) as error:
                missing[server] = error

        async with anyio.create_task_group() as group:
            for server in self._servers:
                group.start_soon(ask, server)
        offered = {
            offered_name(server, tool.name): Offered(server, tool)
            for server in self._servers
            for tool in found.get(server, ())
        }
        return Catalogue(offered, missing)

    async def call(
        self,
        task: TaskContext,
        server: str,
        tool: str,
        arguments: JsonObject,
        *,
        timeout_s: float | None = None,
    ) -> ToolResult:
        """Call a tool on behalf of a task; may wait for the caller's answers, for days.

        A failure is stored, and raised again when the agent's code is run again.

        Args:
            task: The task.
            server: The agent's name for the server.
            tool: The tool.
            arguments: What it is given.
            timeout_s: Seconds each request of the call may take, an hour at most; None for what
                the server's configuration says.

        Raises:
            ToolFailed: The server broke the protocol or answered an error.
            ToolUnanswered: There is no answer, or will never be one.
            LocalError: The agent has no such server, or the call cannot be put on the wire.
            PathChanged: The agent's code made another call here when it was run before.
            Unavailable: Too many callers use the server; the agent's code is run again.
        """
        found = self._server(server).within(timeout_s)
        key = task.key(f"tool/{server}.{tool}")
        made = Made(task.task_id, key, server, tool, pending.digest(arguments))
        call = Call(server, "tools/call", {"name": tool, "arguments": arguments})
        read = partial(read_tool_result, server=server)
        return await self._result(found, task, made, call, read)

    async def prompt(
        self,
        task: TaskContext,
        server: str,
        name: str,
        arguments: Mapping[str, str],
        *,
        timeout_s: float | None = None,
    ) -> PromptResult:
        """Get a prompt on behalf of a task: once, then from the journal.

        Like `call`, but it is asked for again where a tool's call would be in doubt.

        Raises:
            LocalError: As for `call`, or an argument is no text.
            ToolFailed | ToolUnanswered | PathChanged | Unavailable: As for `call`.
        """
        found = self._server(server).within(timeout_s)
        key, given = task.key(f"prompt/{server}.{name}"), _texts(name, arguments)
        made = Made(task.task_id, key, server, name, pending.digest(given), GET)
        params: JsonObject = {"name": name, "arguments": given} if given else {"name": name}
        read = partial(read_prompt_result, server=server)
        return await self._result(found, task, made, Call(server, GET, params), read)

    async def resource(
        self, task: TaskContext, server: str, uri: str, *, timeout_s: float | None = None
    ) -> tuple[Contents, ...]:
        """Read a resource on behalf of a task: once, then from the journal.

        Like `prompt`; what the server lets be kept, and is kept and fresh, is not asked for.

        Raises:
            ToolFailed | ToolUnanswered | LocalError | PathChanged | Unavailable: As for `call`.
        """
        found = self._server(server).within(timeout_s)
        key = task.key(f"resource/{server}")  # a URI may be longer than a key may be
        made = Made(task.task_id, key, server, uri, pending.digest({}), READ)
        read = partial(read_contents, server=server)
        return await self._result(found, task, made, Call(server, READ, {"uri": uri}), read)

    async def _result(
        self,
        server: ToolServer,
        task: TaskContext,
        made: Made,
        call: Call,
        read: Callable[[JsonObject], Read],
    ) -> Read:
        result = await self._final(server, task, made, call)
        try:
            return read(result)
        except McpPeerError as error:
            raise failure(error, server=made.server, tool=made.tool) from error

    async def _final(
        self, server: ToolServer, task: TaskContext, made: Made, call: Call
    ) -> JsonObject:
        row = task.call(made.key)
        if row is not None and recovery.standing_of(row.state) is Standing.OVER:  # nobody is called
            return await Conversation(server, task, made).run(call)
        try:
            async with server.of(task.owner) as reached:
                return await Conversation(reached, task, made).run(call)
        except Crowded as full:  # nothing is stored: the agent is run again, and finds room or not
            raise Unavailable(str(full)) from full

    async def abandon(self, rows: Iterable[CallRow], *, owner: str) -> None:
        """Tell tool servers that nobody wants their tasks, or waits with them, any more.

        A server that cannot be told is logged, and takes no other along.

        Args:
            rows: The calls of a task that was canceled while none of its code was running.
            owner: Whom the task was for.
        """
        for row in rows:
            try:
                await self._abandon(row, owner)
            except InterloomError as error:
                log.info("call.not_abandoned", task_id=row.task_id, key=row.key, reason=str(error))

    async def _abandon(self, row: CallRow, owner: str) -> None:
        found = pending.read_unfinished(row)
        server = None if found is None else self._servers.get(found.server)
        match found:
            case RemoteTask() if server is not None:
                async with server.of(owner) as reached:
                    await remote.cancel(reached, found)
            case Call(state=state) if server is not None:
                server.leave(state)
            case _:
                pass

    def _server(self, name: str) -> ToolServer:
        found = self._servers.get(name)
        if found is None:
            known = ", ".join(sorted(self._servers)) or "none"
            raise LocalError(f"this agent has no tool server {name!r}; it has: {known}")
        return found


def _texts(prompt: str, arguments: JsonObject) -> dict[str, Json]:
    """Arguments of a prompt, all of which are text (MCP 2026-07-28 `GetPromptRequestParams`)."""
    for name, value in arguments.items():  # whatever an author's checker let through
        if not isinstance(value, str):
            raise LocalError(f"prompt {prompt}: argument {name}: must be text")
    return dict(arguments)
