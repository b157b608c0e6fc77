"""Follows a call that its server made a task of, until there is a result or nobody wants one.

Source: Tasks extension, "Task Polling", "Task Update Requests", "Task Cancellation"; DESIGN
section 5 (`ours`): the row keeps the task's id, so that whoever comes next asks after it.

Polls, updates and cancellations may be repeated, so a lost answer to one of them leaves no doubt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import anyio

from interloom.bridges.handoff import pending
from interloom.bridges.handoff.inputs import Inputs
from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.telling import Telling
from interloom.bridges.handoff.tool_server import ToolServer
from interloom.bridges.mcp.core.errors import BadResult, Busy
from interloom.bridges.mcp.core.rounds import Ask, Done
from interloom.bridges.mcp.core.tasks import Follow, RemoteTask, TaskExpired, TaskRequest, Wait
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, LocalError, TransportError
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

TOLD_TRIES: Final = 600
"""Times in a row that a server may not take the answers its task waits for: an hour."""
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
        self._stored: RemoteTask | None = None

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
        except (BadResult, LocalError, TaskExpired):  # its server may be at work on it all the same
            await cancel(self._server, remote)
            raise

    async def _follow(self, remote: RemoteTask) -> JsonObject:
        waiting, self._stored = remote.pending(), remote
        while True:
            if waiting is not None:
                remote = await self._tell(remote, waiting)
            await self._pause(remote)
            remote, step = await self._poll(remote)
            match step:
                case Done(final):
                    return final
                case Wait(message=message):
                    waiting = None
                    if message != remote.said and await self._telling.tell(message):
                        remote = replace(remote, said=message)
                case Ask():
                    waiting = step

    async def _pause(self, remote: RemoteTask) -> None:
        """Wait until the task is to be polled; when that takes long, as a row.

        Whoever is begun again then has to know when that is.
        """
        left_s = remote.left_ms(self._task.now_ms) / 1000
        if left_s > self._task.warm_s and remote != self._stored:
            await self._task.record_call(self._row(remote, CallState.REMOTE_TASK))
            self._stored = remote
        await self._task.pause(f"poll/{self._made.key}", left_s)

    async def _poll(self, remote: RemoteTask) -> tuple[RemoteTask, Follow]:
        """Ask after the task once; a server that is not reached is asked again later."""
        client, meta = self._server.client, self._task.trace.carrier()
        try:
            result = await client.ask_task(remote.poll(), meta=meta)
        except (TransportError, Busy) as error:
            log.info("call.task_unreached", server=self._made.server, reason=str(error))
            missed = remote.missed(now_ms=self._task.now_ms)
            if missed is None:
                raise
            return missed, Wait(0, "")
        now_ms, allowed = self._task.now_ms, client.profile.capabilities
        return remote.receive(result, now_ms=now_ms, declared=allowed)

    def _row(self, remote: RemoteTask, state: CallState) -> CallRow:
        return pending.remote_row(self._made, remote, state)

    async def _tell(self, remote: RemoteTask, waiting: Ask) -> RemoteTask:
        """Get the answers that the task waits for, and send them."""
        answers = await self._inputs.answer(
            waiting.requests,
            round_=f"task/{len(remote.answered)}",
            row=lambda state: self._row(remote, state),
            meanwhile=CallState.REMOTE_TASK,
        )
        told, update = remote.answer(answers)
        await self._update(update)
        told = told.later(now_ms=self._task.now_ms)
        await self._task.record_call(self._row(told, CallState.REMOTE_TASK))
        self._stored = told
        return told

    async def _update(self, update: TaskRequest) -> None:
        """Tell the server, again and again while it is not reached."""
        client, meta = self._server.client, self._task.trace.carrier()
        for attempt in range(TOLD_TRIES - 1):
            try:
                await client.ask_task(update, meta=meta)
            except (TransportError, Busy) as error:
                log.info("call.task_unreached", server=self._made.server, reason=str(error))
                await anyio.sleep(FIRST_PAUSE_S * 2 ** min(attempt, DOUBLINGS))
            else:
                return
        await client.ask_task(update, meta=meta)


async def cancel(server: ToolServer, remote: RemoteTask) -> None:
    """Tell a server that nobody wants its task any more; once, and not for long."""
    with anyio.move_on_after(CANCEL_S, shield=True):
        try:
            await server.client.ask_task(remote.cancel())
        except InterloomError as error:
            log.info("call.task_not_cancelled", server=remote.server, reason=str(error))
