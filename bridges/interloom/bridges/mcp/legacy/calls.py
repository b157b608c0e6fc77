"""Calls of an older server that may ask: followed, held open, answered, let go.

Source: MCP 2025-11-25, client/elicitation, basic/utilities/ping, basic/utilities/cancellation.
Ours: an answer finds its call by a token in `requestState`; a server that asks on a stream of
everybody's is answered only when one call alone can be meant, because a question must never reach
the wrong caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import TaskGroup

from interloom.bridges.mcp.core.frames import (
    MAX_DEPTH,
    Notification,
    Request,
    is_request_id,
    is_too_deep,
)
from interloom.bridges.mcp.legacy import translate
from interloom.bridges.mcp.legacy.held import Ended, HeldCall, Question
from interloom.bridges.mcp.legacy.link import Connection, SessionLost
from interloom.bridges.mcp.port import ClientFault, Hear, Patience
from interloom.runtime.errors import InterloomError, TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Ids, Json, JsonObject

MAX_HELD: Final = 1_000
"""Calls of one server that may be open at a time; ours."""

HELD_S: Final = 7 * 24 * 3600.0
"""Seconds a call may be held open altogether; ours, servers lose patience long before."""

TELL_S: Final = 5.0
"""Seconds that telling the server something may take."""

MAX_REPLIES: Final = 100
"""Answers to a server's own requests that may be under way; ours, what is more is not answered."""

LOG_MESSAGE: Final = "notifications/message"
NO_METHOD: Final = -32601
BAD_PARAMS: Final = -32602
NOT_NOW: Final = -32603
_PONG: Final[JsonObject] = {"result": dict[str, Json]()}
_log = logger("mcp")


class Calls:
    """The calls of one server that are under way.

    Args:
        server: Our name for the server.
        ids: Where tokens come from.
    """

    def __init__(self, server: str, ids: Ids) -> None:
        self.server = server
        self._ids = ids
        self._held: dict[str, HeldCall] = {}
        self._replies = 0

    @property
    def is_holding(self) -> bool:
        """Whether any call is under way, or waits for answers."""
        return bool(self._held)

    def begin(self, request: Request, connection: Connection, tasks: TaskGroup) -> HeldCall:
        """Send a call; it goes on in `tasks` until it ends or is let go.

        Raises:
            TransportError: Too many are open.
        """
        if len(self._held) >= MAX_HELD:
            rule = f"{MAX_HELD} calls are open, most with a question that nobody has answered"
            raise self._fault(request, rule, delivered=False)
        wants_log = translate.level_of(request) is not None
        plain, token = translate.plain(request), self._ids.fresh()
        held = HeldCall(plain, connection, token, wants_log=wants_log)
        self._held[held.token] = held
        tasks.start_soon(self._carry, held, tasks)
        return held

    async def follow(self, held: HeldCall, hear: Hear | None, patience: Patience) -> JsonObject:
        """Wait for what comes of a call: its result, or the next round of questions.

        Leaving it lets the call go, unless a question of it was handed out.

        Raises:
            SessionLost: The server never took it.
            TransportError | McpPeerError: As for `Transport.request`.
        """
        is_held = False
        try:
            result = await self._next(held, hear, patience)
            is_held = bool(held.waiting)
            return result
        finally:
            if not is_held:
                self._let_go(held)

    async def resume(
        self, request: Request, state: str, hear: Hear | None, patience: Patience
    ) -> JsonObject:
        """Answer the questions of a call that is held open, and follow it on.

        Raises:
            TransportError: The call is gone, with the process or the connection that held it.
        """
        held = self._held.get(state.removeprefix(translate.HELD))
        if held is None:
            rule = "the call was held open by a connection that is gone"
            raise self._fault(request, rule, delivered=True)
        try:
            await self._answer(held, translate.answers(request))
        except SessionLost:
            self._let_go(held)
            rule = "the session that held the call open is gone"
            raise self._fault(request, rule, delivered=True) from None
        except BaseException as error:
            if not isinstance(error, TransportError) or error.delivered:
                self._let_go(held)
            raise
        return await self.follow(held, hear, patience)

    async def _answer(self, held: HeldCall, responses: JsonObject) -> None:
        """Answer what was asked; a question whose answer was not delivered goes on waiting."""
        for key, response in responses.items():
            question = held.waiting.pop(key, None)
            if question is None:
                continue
            frame: JsonObject = {"jsonrpc": "2.0", "id": question.id, "result": response}
            try:
                await held.connection.tell(frame)
            except TransportError as error:
                if not error.delivered:
                    held.waiting[key] = question
                raise
        held.waiting.clear()

    def leave(self, state: str) -> None:
        """Let go of a call whose questions nobody will answer; its server is told."""
        held = self._held.get(state.removeprefix(translate.HELD))
        if held is not None:
            self._let_go(held)

    def forget(self) -> None:
        """End all calls; whoever comes back with an answer from now on comes too late."""
        for held in self._held.values():
            rule = "the connection that carried the call is gone"
            held.put(Ended({}, self._fault(held.request, rule, delivered=True)))
        self._held.clear()

    def asked(
        self, connection: Connection, held: HeldCall | None, frame: JsonObject, tasks: TaskGroup
    ) -> None:
        """Take a request of the server; one that cannot be answered under its id is passed over.

        Args:
            connection: Where it came.
            held: The call on whose stream it came; None when that was everybody's.
            frame: The request.
            tasks: Where the answer is sent, if it can be given at once.
        """
        match frame.get("method"):
            case _ if not is_request_id(frame.get("id")):
                _log.debug("mcp.request_dropped", server=self.server)
            case "ping":
                self._reply_soon(connection, frame, _PONG, tasks)
            case translate.ELICIT:
                refusal = self._hand_out(connection, held, frame)
                if refusal is not None:
                    self._reply_soon(connection, frame, {"error": refusal}, tasks)
            case _:
                error: JsonObject = {"code": NO_METHOD, "message": "not a capability we declared"}
                self._reply_soon(connection, frame, {"error": error}, tasks)

    def _hand_out(
        self, connection: Connection, held: HeldCall | None, frame: JsonObject
    ) -> JsonObject | None:
        """Give a question to the call it belongs to; the JSON-RPC error when that cannot be."""
        params = frame.get("params")
        if not isinstance(params, Mapping) or is_too_deep(params):
            rule = f"params must be an object, nested {MAX_DEPTH} deep at most"
            return {"code": BAD_PARAMS, "message": rule}
        if held is None:
            candidates = [each for each in self._open(connection) if not each.waiting]
            if len(candidates) != 1:
                _log.warning("mcp.question_refused", server=self.server, calls=len(candidates))
                return {"code": NOT_NOW, "message": "cannot tell which call this is about"}
            held = candidates[0]
        request_id = frame.get("id")
        question = Question(str(request_id), translate.question(params), request_id)
        if not held.admits(question):
            return {"code": NOT_NOW, "message": "too many questions wait, or one under this id"}
        held.put(question)
        return None

    def overheard(self, connection: Connection, notification: Notification) -> None:
        """Give a log message of everybody's to the call it is about, if that is certain."""
        if notification.method == LOG_MESSAGE:
            candidates = self._open(connection)
            if len(candidates) == 1 and candidates[0].wants_log:
                candidates[0].put(notification)

    def _open(self, connection: Connection) -> list[HeldCall]:
        return [
            each
            for each in self._held.values()
            if each.connection is connection and not each.is_over
        ]

    async def _next(self, held: HeldCall, hear: Hear | None, patience: Patience) -> JsonObject:
        until = anyio.current_time() + patience.total_s
        while True:
            left_s = until - anyio.current_time()
            item = None
            with anyio.move_on_after(min(patience.silence_s, left_s)):
                item = await held.take()
            match item:
                case None:
                    is_over = left_s <= patience.silence_s
                    rule = f"silent for {patience.silence_s:g} s"
                    rule = f"not done within {patience.total_s:g} s" if is_over else rule
                    raise self._error(held.request, rule, delivered=True)
                case Question():
                    return _round(held, [item, *held.more_questions()])
                case Ended():
                    if item.error is not None:
                        raise item.error
                    return item.result
                case Notification():
                    if hear is not None:
                        await hear(item)

    async def _carry(self, held: HeldCall, tasks: TaskGroup) -> None:
        """Keep a call going, whoever follows it, to its end."""

        def arrived(frame: JsonObject) -> None:
            if "id" in frame:
                self.asked(held.connection, held, frame, tasks)
            else:
                held.put(notification_of(frame))

        with held.scope:
            patience = Patience(HELD_S, HELD_S)
            try:
                result = await held.connection.ask(held.request, patience=patience, arrived=arrived)
                held.put(Ended(result))
            except (InterloomError, SessionLost) as error:
                held.put(Ended({}, error))

    def _let_go(self, held: HeldCall) -> None:
        """Forget a call; its connection tells a server that is still at work on it."""
        self._held.pop(held.token, None)
        held.scope.cancel()

    async def _reply(self, connection: Connection, frame: JsonObject, said: JsonObject) -> None:
        reply: dict[str, Json] = {"jsonrpc": "2.0", "id": frame.get("id"), **said}
        try:
            with anyio.move_on_after(TELL_S), suppress(InterloomError, SessionLost):
                await connection.tell(reply)
        finally:
            self._replies -= 1

    def _reply_soon(
        self, connection: Connection, frame: JsonObject, said: JsonObject, tasks: TaskGroup
    ) -> None:
        """Answer at once, unless the server asks faster than it takes answers."""
        if self._replies >= MAX_REPLIES:
            _log.warning("mcp.reply_dropped", server=self.server, replies=self._replies)
            return
        self._replies += 1
        tasks.start_soon(self._reply, connection, frame, said)

    def _error(self, request: Request, rule: str, *, delivered: bool) -> TransportError:
        return TransportError(self._text(request, rule), delivered=delivered)

    def _fault(self, request: Request, rule: str, *, delivered: bool) -> ClientFault:
        return ClientFault(self._text(request, rule), delivered=delivered)

    def _text(self, request: Request, rule: str) -> str:
        return f"MCP server {self.server}: {request.method}: {rule}"


def notification_of(frame: JsonObject) -> Notification:
    """A notification's frame as the value."""
    params = frame.get("params")
    method = str(frame.get("method"))
    return Notification(method, params if isinstance(params, Mapping) else {})


def _round(held: HeldCall, asked: list[Question]) -> JsonObject:
    held.waiting = {question.key: question for question in asked}
    requests = {question.key: question.request for question in asked}
    return translate.round_of(requests, translate.HELD + held.token)
