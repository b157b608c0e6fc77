"""One logical call from its row to its result, however many requests and days it takes.

One call is one journal row. The row is stored before bytes leave and again when an answer is here,
so whatever happens in between is known afterwards for what it is. What can fail on this side fails
before: a call that was never sent leaves nobody in doubt.

n rounds of questions cost n + 1 requests, however often the process was restarted.

A prompt or a resource is called like a tool, but only read: it is asked for again where a tool's
call would be in doubt, and its server makes no promises of it and no task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final, NoReturn, TypeAlias, TypeVar

import anyio

from interloom.bridges.handoff import doubt, pending, recovery
from interloom.bridges.handoff.checking import NotAResult, check_arguments, stated_result
from interloom.bridges.handoff.doubt import Verdict
from interloom.bridges.handoff.failures import GATEWAY, ToolUnanswered, failure
from interloom.bridges.handoff.fitting import check_outcome, tool_for
from interloom.bridges.handoff.inputs import Inputs
from interloom.bridges.handoff.pending import Made, Pending
from interloom.bridges.handoff.recovery import (
    IDEMPOTENCY_KEY,
    READING,
    Next,
    Promises,
    Standing,
)
from interloom.bridges.handoff.remote import Following
from interloom.bridges.handoff.telling import Telling, wishes
from interloom.bridges.handoff.tool_server import ToolServer
from interloom.bridges.mcp.core.errors import HttpFailure, InvalidParams, McpError
from interloom.bridges.mcp.core.rounds import Ask, Call, Created, Done
from interloom.bridges.mcp.core.tasks import RemoteTask
from interloom.bridges.mcp.wire import NOTHING, Prepared
from interloom.runtime.core.questions import Question, Response
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError, LocalError, TransportError
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Json, JsonObject

log = logger("handoff")

Answered = TypeVar("Answered")

CONNECT_TRIES: Final = 3
"""Times a first request is tried that certainly did not reach the server."""
ANSWER_TRIES: Final = 60
"""The same for a request that carries a person's answer: six minutes, for a server that restarts;
a question that waited for days must not be lost to that."""
FIRST_PAUSE_S: Final = 0.1
LOST_TRIES: Final = 3
"""Times a request is repeated whose answer was lost, where a repeat does no harm."""
OPENINGS: Final = 3
"""Times a call is begun anew without asking, because its server has forgotten it."""
EXPIRED: Final = "Its earlier question has expired."
"""Why a person is asked once more by a call that was begun anew."""
DOUBLINGS: Final = 6
"""Pauses between tries, and between rounds that ask nothing, double so often: to 6.4 s at most."""
_UNCERTAIN: Final = frozenset(
    {Standing.INTERRUPTED, Standing.LOST, Standing.FORGOTTEN, Standing.REFUSED}
)

Upshot: TypeAlias = Done | RemoteTask | Ask | Next
"""What one request came to; or what follows when nobody knows what it came to."""


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
        self._policy = server.policy if made.is_tool else READING

    async def run(self, call: Call) -> JsonObject:
        """The result, from the journal or from the server.

        Args:
            call: The call before its first request.

        Raises:
            ToolFailed | ToolUnanswered | LocalError: There is none; stored, and raised again when
                the agent's code is run again.
            PathChanged: The row under this key is another call's.
        """
        made = self._made
        row = self._task.call(made.key)
        if row is None:
            return await self._converse(await self._agree(Pending(call)))
        body, standing = made.check(row), recovery.standing_of(row.state)
        if standing is Standing.OVER:
            return pending.read_outcome(made, row.state, body)
        remote = pending.read_remote(row)
        if remote is not None:
            return await self._follow(remote)
        return await self._go_on(pending.read_pending(body), standing)

    async def _agree(self, now: Pending) -> Pending:
        """Have the tool's definition held against the one that was agreed to; keep its promises."""
        made, client = self._made, self._server.client
        if not made.is_tool:
            return now

        async def ask(question: Question) -> Response:
            (response,) = await self._task.ask(f"pin/{made.key}", [question])
            return response

        try:
            arguments = now.call.params["arguments"]
            find = partial(tool_for, client, made.tool, arguments, server=made.server)
            tool = await self._patiently(now, find)
            if tool is not None:
                pins, owner = self._server.pins, self._task.owner
                await pins.check(tool, server=made.server, owner=owner, ask=ask)
        except InterloomError as error:
            await self._fail(error)
        return replace(now, promises=Promises.of(tool))

    def _next(self, standing: Standing, now: Pending) -> Next:
        """What the table says, unless it was tried enough; a doubt is logged with what is done."""
        made, policy = self._made, self._policy
        following = policy.next(standing, made.tool, now.promises)
        if standing is Standing.LOST and now.lost >= LOST_TRIES:
            following = Next.FAIL
        if following is Next.REOPEN and now.opened >= OPENINGS:
            following = Next.FAIL
        if standing in _UNCERTAIN:
            vouched = policy.vouched(made.tool, now.promises)
            log.warning(
                "call.in_doubt",
                task_id=made.task_id,
                key=made.key,
                standing=standing.value,
                vouched=vouched.value,
                next=following.value,
            )
        return following

    async def _go_on(self, now: Pending, standing: Standing) -> JsonObject:
        """Take up a call that has no outcome yet."""
        match self._next(standing, now):
            case Next.RESEND:
                return await self._converse(now.again())
            case Next.ASK:
                return await self._decide(now)
            case Next.FAIL:
                return await self._give_up()
            case Next.REOPEN:
                return await self._converse(now.reopen())
            case Next.SEND | Next.ANSWER | Next.POLL | Next.DONE:
                asked = now.call.pending()
                if now.responses is None and asked is not None:
                    now = await self._answer(now, asked)
                return await self._converse(now)

    async def _converse(self, now: Pending) -> JsonObject:
        """Send, and answer what is asked, until there is a result."""
        while True:
            with self._task.busy():  # from the intent on: parking leaves nothing in doubt
                call, step = await self._round(now)
                await self._remember(now, call, step)
            match step:
                case Done(result):
                    return result
                case RemoteTask():
                    return await self._follow(step)
                case Ask(requests) if requests:
                    now = await self._answer(now.then(call), step)
                case Ask():
                    await self._pause(call.waits)
                    now = now.then(call, {})
                case Next.ASK:
                    return await self._decide(replace(now, refused=True))
                case Next.REOPEN:
                    now = now.reopen()
                case _:
                    now = now.lose()
                    await self._pause(now.lost)

    async def _remember(self, now: Pending, call: Call, step: Upshot) -> None:
        """Store what a request came to; questions are stored when they are put."""
        match step:
            case Done(result):
                await self._task.record_call(pending.done(self._made, result))
            case RemoteTask():
                row = pending.remote_row(self._made, step, CallState.REMOTE_TASK)
                await self._task.record_call(row)
            case Ask(requests) if not requests:
                postponed = now.then(call, {}).row(self._made, CallState.POSTPONED)
                await self._task.record_call(postponed)
            case Ask() | Next():
                pass

    async def _round(self, now: Pending) -> tuple[Call, Upshot]:
        """One request, and what it came to."""
        ready = await self._prepare(now)
        await self._task.record_call(now.row(self._made, CallState.INTENDED))
        client, patience = self._server.client, self._server.patience
        telling = Telling(self._task, self._made, sent=ready.params)
        result: JsonObject = {}
        try:
            result = await self._patiently(
                now, lambda: client.perform(ready, heard=telling.heard, patience=patience)
            )
            call, step = now.call.receive(result, declared=client.profile.capabilities)
            match step:
                case Ask(requests):
                    self._inputs.for_a_person(requests)  # a form nobody could fill in fails here
                case Done(final):
                    await self._check(final)
                case Created():
                    pass
        except InterloomError as error:
            following = self._uncertain(error, now)
            if following is Next.FAIL:
                client.leave(result.get("requestState", now.call.state))
                await self._fail(error, repeated=now.doubts > 0)
            return now.call, following
        if isinstance(step, Created):
            seen_ms = self._task.now_ms
            return call, RemoteTask.begun(call.server, call.method, step.seed, now_ms=seen_ms)
        return call, step

    def _uncertain(self, error: InterloomError, now: Pending) -> Next:
        """What follows when a request that was sent has brought no result."""
        match error:
            case TransportError(delivered=True):
                standing = Standing.LOST
            case HttpFailure(status=status) if status in GATEWAY:
                standing = Standing.LOST
            case McpError() if now.doubts and now.call.state is not None:
                standing = Standing.REFUSED
            case InvalidParams() if now.call.state is not None:
                standing = Standing.FORGOTTEN
            case _:
                return Next.FAIL
        return self._next(standing, now)

    async def _check(self, result: JsonObject) -> None:
        client, made = self._server.client, self._made
        if made.is_tool:
            await check_outcome(client, made.tool, result, server=made.server)

    async def _prepare(self, now: Pending) -> Prepared:
        meta: dict[str, Json] = dict(self._task.trace.carrier())
        request, client, wished = now.send(), self._server.client, NOTHING
        if self._made.is_tool:
            meta[IDEMPOTENCY_KEY] = f"{self._task.task_id}/{self._made.key}/{now.round}"
            wished = wishes()
        try:
            if now.call.rounds == 0 and self._made.is_tool:
                tool = await self._patiently(now, lambda: client.find_tool(self._made.tool))
                if tool is not None:
                    arguments = now.call.params["arguments"]
                    check_arguments(tool, arguments, server=self._made.server)
            return await self._patiently(
                now, lambda: client.prepare(request, meta=meta, wishes=wished)
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

    async def _answer(self, waiting: Pending, asked: Ask) -> Pending:
        """Get the answers that the server wants; the row is stored with the questions."""
        before = waiting.answered_before()
        if before is not None:
            return waiting.then(waiting.call, before)
        try:
            answers = await self._inputs.answer(
                asked.requests,
                round_=waiting.round,
                reason=EXPIRED if waiting.opened else "",
                row=lambda state: waiting.row(self._made, state),
                meanwhile=CallState.POSTPONED,
            )
        except LocalError as error:
            self._server.client.leave(waiting.call.state)
            await self._fail(error)
        except anyio.get_cancelled_exc_class():
            if self._task.is_given_up:
                self._server.client.leave(waiting.call.state)
            raise
        return waiting.then(waiting.call, answers)

    async def _follow(self, remote: RemoteTask) -> JsonObject:
        """See a call through that its server made a task of."""
        try:
            result = await Following(self._server, self._task, self._made).follow(remote)
            await self._check(result)
        except InterloomError as error:
            await self._fail(error, repeated=True)
        await self._task.record_call(pending.done(self._made, result))
        return result

    async def _decide(self, now: Pending) -> JsonObject:
        """Have the caller say what is to become of a request that may have been carried out."""
        made = self._made
        while True:
            refused = now.refused
            asked = [doubt.question(made.server, made.tool, reason=now.reason, is_refused=refused)]
            row = now.row(made, CallState.IN_DOUBT)
            ask_key = f"doubt/{made.key}/{now.round}/{now.doubts}"
            (response,) = await self._task.ask(ask_key, asked, self._task.remember_call(row))
            verdict, said = doubt.decided(response)
            match verdict:
                case Verdict.RETRY:
                    return await self._converse(now.reopen() if refused else now.again())
                case Verdict.FAIL:
                    return await self._give_up()
                case Verdict.DONE:
                    try:
                        result = await self._stated(said)
                    except NotAResult as error:
                        now = now.again(str(error))
                        continue
                    await self._task.record_call(pending.done(made, result))
                    return result

    async def _stated(self, said: str) -> JsonObject:
        """The result that a person says the tool came to.

        Raises:
            NotAResult: The tool promises another kind.
        """
        made, client = self._made, self._server.client
        try:
            tool = await client.find_tool(made.tool)
        except InterloomError as error:
            log.info("call.result_unchecked", server=made.server, reason=str(error))
            tool = client.remembered_tool(made.tool)
        return stated_result(tool, said, server=made.server)

    async def _give_up(self) -> NoReturn:
        server, tool = self._made.server, self._made.tool
        reason = f"The call to {tool} of {server} was interrupted and not repeated."
        given_up = ToolUnanswered(reason, server=server, tool=tool)
        await self._task.record_call(pending.failed(self._made, given_up))
        raise given_up

    async def _fail(self, error: InterloomError, *, repeated: bool = False) -> NoReturn:
        """Store why there is no result, and raise it as it will be raised on every replay."""
        made = self._made
        failed = failure(
            error,
            server=made.server,
            tool=made.tool,
            repeated=repeated,
            is_reading=not made.is_tool,
        )
        await self._task.record_call(pending.failed(made, failed))
        raise failed from error

    async def _pause(self, times: int) -> None:
        await anyio.sleep(FIRST_PAUSE_S * 2 ** min(times - 1, DOUBLINGS))
