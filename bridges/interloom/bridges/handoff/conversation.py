"""One logical tool call from its row to its result, however many requests and days it takes.

One call is one journal row. The row is stored before bytes leave and again when an answer is here,
so whatever happens in between is known afterwards for what it is. What can fail on this side fails
before: a call that was never sent leaves nobody in doubt.

n rounds of questions cost n + 1 `tools/call` requests, however often the process was restarted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, NoReturn, TypeVar

import anyio

from interloom.bridges.handoff import doubt, pending
from interloom.bridges.handoff.checking import check_arguments, check_result
from interloom.bridges.handoff.doubt import Repeat, Verdict
from interloom.bridges.handoff.failures import ToolUnanswered, failure
from interloom.bridges.handoff.inputs import Inputs
from interloom.bridges.handoff.pending import Made, Pending
from interloom.bridges.handoff.remote import Following
from interloom.bridges.handoff.telling import Telling
from interloom.bridges.handoff.tool_server import ToolServer
from interloom.bridges.mcp.core.rounds import Ask, Call, Created, Done
from interloom.bridges.mcp.core.tasks import RemoteTask
from interloom.bridges.mcp.wire import Prepared, Wishes
from interloom.runtime.core.questions import Question, Response
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
_WISHES: Final = Wishes(progress=True)


class Conversation:
    """One logical call.

    Args:
        server: Whom it is with.
        task: On whose behalf.
        made: Which call it is.
    """

    def __init__(self, server: ToolServer, task: TaskContext, made: Made) -> None:
        self._server, self._task, self._made = server, task, made
        self._inputs = Inputs(server, task, made)

    async def run(self, arguments: JsonObject) -> JsonObject:
        """The result, from the journal or from the server.

        Raises:
            ToolFailed | ToolUnanswered | LocalError: There is none; stored, and raised again when
                the agent's code is run again.
            PathChanged: The row under this key is another call's.
        """
        made = self._made
        row = self._task.call(made.key)
        if row is None:
            params: dict[str, Json] = {"name": made.tool, "arguments": arguments}
            first = Pending(Call(made.server, "tools/call", params))
            await self._agree(first)
            return await self._converse(first)
        body = made.check(row)
        match row.state:
            case CallState.DONE:
                return pending.read_result(body)
            case CallState.ERROR:
                raise pending.read_failure(made, body)
            case CallState.INTENDED | CallState.IN_DOUBT:
                return await self._doubt(pending.read_pending(body))
            case CallState.POSTPONED | CallState.INPUT_REQUIRED | CallState.REMOTE_TASK:
                remote = pending.read_remote(row)
                if remote is not None:
                    return await self._follow(remote)
                return await self._go_on(pending.read_pending(body))

    async def _agree(self, now: Pending) -> None:
        """Have the tool's definition held against the one that was agreed to."""
        made, client = self._made, self._server.client

        async def ask(question: Question) -> Response:
            (response,) = await self._task.ask(f"pin/{made.key}", [question])
            return response

        try:
            tool = await self._patiently(now, lambda: client.find_tool(made.tool))
            if tool is not None:
                await self._server.pins.check(tool, server=made.server, ask=ask)
        except InterloomError as error:
            await self._fail(error)

    async def _go_on(self, now: Pending) -> JsonObject:
        """Take up a call of which nothing is under way."""
        asked = now.call.pending()
        if now.responses is None and asked is not None:
            now = await self._answer(now.call, asked)
        return await self._converse(now)

    async def _converse(self, now: Pending) -> JsonObject:
        """Send, and answer what is asked, until there is a result."""
        while True:
            with self._task.busy():  # from the intent on: parking leaves nothing in doubt
                call, step = await self._round(now)
                await self._remember(call, step)
            match step:
                case Done(result):
                    return result
                case RemoteTask():
                    return await self._follow(step)
                case Ask(requests) if requests:
                    now = await self._answer(call, step)
                case Ask():
                    await self._pause(call.waits)
                    now = Pending(call, {})

    async def _remember(self, call: Call, step: Done | RemoteTask | Ask) -> None:
        """Store what a request came to; questions are stored when they are put."""
        match step:
            case Done(result):
                await self._task.record_call(pending.done(self._made, result))
            case RemoteTask():
                row = pending.remote_row(self._made, step, CallState.REMOTE_TASK)
                await self._task.record_call(row)
            case Ask(requests) if not requests:
                postponed = Pending(call, {}).row(self._made, CallState.POSTPONED)
                await self._task.record_call(postponed)
            case Ask():
                pass

    async def _round(self, now: Pending) -> tuple[Call, Done | RemoteTask | Ask]:
        """One request, and what it came to."""
        ready = await self._prepare(now)
        await self._task.record_call(now.row(self._made, CallState.INTENDED))
        client, telling = self._server.client, Telling(self._task, self._made)
        result: JsonObject = {}
        try:
            result = await self._patiently(now, lambda: client.perform(ready, heard=telling.heard))
            call, step = now.call.receive(result, declared=client.profile.capabilities)
            match step:
                case Ask(requests):
                    self._inputs.for_a_person(requests)  # a form nobody could fill in fails here
                case Done(final):
                    self._check(final)
                case Created():
                    pass
        except InterloomError as error:
            client.leave(result.get("requestState", now.call.state))
            await self._fail(error, repeated=now.doubts > 0)
        if isinstance(step, Created):
            seen_ms = self._task.now_ms
            return call, RemoteTask.begun(call.server, call.method, step.seed, now_ms=seen_ms)
        return call, step

    def _check(self, result: JsonObject) -> None:
        """Hold a result against the tool's schema, as the call was made; asking costs too much."""
        tool = self._server.client.remembered_tool(self._made.tool)
        if tool is not None:
            check_result(tool, result, server=self._made.server)

    async def _prepare(self, now: Pending) -> Prepared:
        key = f"{self._task.task_id}/{self._made.key}/{now.call.rounds}"
        meta: dict[str, Json] = {IDEMPOTENCY_KEY: key, **self._task.trace.carrier()}
        request, client = now.send(), self._server.client
        try:
            if now.call.rounds == 0:
                tool = await self._patiently(now, lambda: client.find_tool(self._made.tool))
                if tool is not None:
                    arguments = now.call.params["arguments"]
                    check_arguments(tool, arguments, server=self._made.server)
            return await self._patiently(
                now, lambda: client.prepare(request, meta=meta, wishes=_WISHES)
            )
        except InterloomError as error:
            await self._fail(error, repeated=now.doubts > 0)

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

    async def _answer(self, call: Call, asked: Ask) -> Pending:
        """Get the answers that the server wants; the row is stored with the questions."""
        waiting = Pending(call)
        try:
            answers = await self._inputs.answer(
                asked.requests,
                round_=str(call.rounds),
                row=lambda state: waiting.row(self._made, state),
                meanwhile=CallState.POSTPONED,
            )
        except LocalError as error:
            self._server.client.leave(call.state)
            await self._fail(error)
        except anyio.get_cancelled_exc_class():
            if self._task.is_given_up:
                self._server.client.leave(call.state)
            raise
        return Pending(call, answers)

    async def _follow(self, remote: RemoteTask) -> JsonObject:
        """See a call through that its server made a task of."""
        try:
            result = await Following(self._server, self._task, self._made).follow(remote)
            self._check(result)
        except InterloomError as error:
            await self._fail(error, repeated=True)
        await self._task.record_call(pending.done(self._made, result))
        return result

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

    async def _fail(self, error: InterloomError, *, repeated: bool = False) -> NoReturn:
        """Store why there is no result, and raise it as it will be raised on every replay."""
        server, tool = self._made.server, self._made.tool
        failed = failure(error, server=server, tool=tool, repeated=repeated)
        await self._task.record_call(pending.failed(self._made, failed))
        raise failed from error

    async def _pause(self, times: int) -> None:
        await anyio.sleep(FIRST_PAUSE_S * 2 ** min(times - 1, DOUBLINGS))
