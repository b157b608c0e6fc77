"""Follows a call that its server made a task of, until there is a result or nobody wants one.

Source: Tasks extension, "Task Polling", "Task Update Requests", "Task Cancellation"; DESIGN
section 5 (`ours`): the row keeps the task's id, so that whoever comes next asks after it.

Polls, updates and cancellations may be repeated, so a lost answer to one of them leaves no doubt.
"""

from __future__ import annotations

from typing import Final

import anyio

from interloom.bridges.handoff import pending
from interloom.bridges.handoff.inputs import Inputs
from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.telling import Telling
from interloom.bridges.handoff.tool_server import ToolServer
from interloom.bridges.mcp.core.errors import Busy
from interloom.bridges.mcp.core.rounds import Ask, Done
from interloom.bridges.mcp.core.tasks import RemoteTask, TaskRequest, Wait
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, TransportError
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

LOST_TRIES: Final = 600
"""Times in a row that a server may not answer after its task: an hour, for one that is moved."""
FIRST_PAUSE_S: Final = 0.1
DOUBLINGS: Final = 6
"""Pauses between such tries double so often: to 6.4 s at most."""
CANCEL_S: Final = 5.0
"""Seconds spent on telling a server that nobody wants its task any more."""

log = logger("handoff")


class Following:
    """One task of a server, on behalf of a task of ours."""

    def __init__(self, server: ToolServer, task: TaskContext, made: Made) -> None:
        self._server, self._task, self._made = server, task, made
        self._inputs = Inputs(server, task, made)
        self._telling = Telling(task, made)

    async def follow(self, remote: RemoteTask) -> JsonObject:
        """Poll until there is a result, and answer what is asked meanwhile.

        Args:
            remote: The task; its row is stored.

        Raises:
            InterloomError: There will be no result.
        """
        try:
            return await self._follow(remote)
        except anyio.get_cancelled_exc_class():
            if self._task.is_given_up:
                await cancel(self._server, remote)
            raise

    async def _follow(self, remote: RemoteTask) -> JsonObject:
        waiting = remote.pending()
        while True:
            if waiting is not None:
                remote = await self._tell(remote, waiting)
            await anyio.sleep(remote.poll_ms / 1000)
            result = await self._ask(remote.poll())
            now_ms, allowed = self._task.now_ms, self._server.client.profile.capabilities
            remote, step = remote.receive(result, now_ms=now_ms, declared=allowed)
            match step:
                case Done(final):
                    return final
                case Wait(message=message):
                    waiting = None
                    await self._telling.tell(message)
                case Ask():
                    waiting = step

    async def _tell(self, remote: RemoteTask, waiting: Ask) -> RemoteTask:
        """Get the answers that the task waits for, and send them."""

        def row(state: CallState) -> CallRow:
            return pending.remote_row(self._made, remote, state)

        answers = await self._inputs.answer(
            waiting.requests,
            round_=f"task/{len(remote.answered)}",
            row=row,
            meanwhile=CallState.REMOTE_TASK,
        )
        told, update = remote.answer(answers)
        await self._ask(update)
        await self._task.record_call(pending.remote_row(self._made, told, CallState.REMOTE_TASK))
        return told

    async def _ask(self, request: TaskRequest) -> JsonObject:
        """Ask the server, again and again while it is not reached."""
        meta = self._task.trace.carrier()
        for attempt in range(LOST_TRIES - 1):
            try:
                return await self._server.client.ask_task(request, meta=meta)
            except (TransportError, Busy) as error:
                log.info("call.task_unreached", server=self._made.server, reason=str(error))
            await anyio.sleep(FIRST_PAUSE_S * 2 ** min(attempt, DOUBLINGS))
        return await self._server.client.ask_task(request, meta=meta)


async def cancel(server: ToolServer, remote: RemoteTask) -> None:
    """Tell a server that nobody wants its task any more; once, and not for long."""
    with anyio.move_on_after(CANCEL_S, shield=True):
        try:
            await server.client.ask_task(remote.cancel())
        except InterloomError as error:
            log.info("call.task_not_cancelled", server=remote.server, reason=str(error))
