"""Takes a caller's message: begins a task with it, or joins it to the one it names.

Source: A2A 1.0.1 sections 3.1.1 (what a message may be refused for), 3.3.1 (a repeated messageId)
and 3.4 (contexts and tasks).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from interloom.runtime.core import decide
from interloom.runtime.core.record import TaskRecord, made
from interloom.runtime.engine.caller import Caller, bad, history_length, own
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import BadParams, PushNotSupported
from interloom.runtime.ledger.rows import MessageSeen
from interloom.runtime.model import Message, Role, SendMessageRequest, TaskState
from interloom.runtime.values import Clock, Ids
from interloom.runtime.wire.card import About, modes
from interloom.runtime.wire.media import ANY, JSON, TEXT, Modes

_ANYTHING: Final = Modes((ANY,))
"""What an agent takes of which nothing is known here: its tasks may still be answered."""


class Inbox:
    """Where messages come in."""

    def __init__(
        self, tasks: Tasks, engine: Engine, clock: Clock, ids: Ids, abouts: Iterable[About]
    ) -> None:
        """Take messages for some agents.

        Raises:
            BadConfig: An agent's input mode is no media type.
        """
        self._tasks, self._engine = tasks, engine
        self._clock, self._ids = clock, ids
        self._begins, self._goes_on = dict[str, Modes](), dict[str, Modes]()
        for about in abouts:
            self._begins[about.name] = modes(about)
            # A question is answered in text or in JSON, whatever the agent takes.
            self._goes_on[about.name] = modes(about, TEXT, JSON)

    async def receive(self, caller: Caller, request: SendMessageRequest) -> tuple[Live, int]:
        """Take a message.

        Returns:
            The task it went to, held, and how much of it is old: 0 where it is new.

        Raises:
            TaskNotFound: The message names a task that is not there, or not the caller's.
            UnsupportedOperation: That task is over.
            ContentTypeNotSupported: A part is of a type the agent does not take.
            BadParams: Its contextId is another, its id was used elsewhere, or the role is not the
                user's.
            Unavailable: The store takes no writes.
        """
        message, settings = request.message, request.configuration
        if settings is not None:
            history_length(settings.history_length, "configuration.historyLength")
            if settings.task_push_notification_config is not None:
                raise PushNotSupported("this agent sends no push notifications")
        if message.role is not Role.USER:
            raise bad("message.role", "must be ROLE_USER")
        if message.task_id:
            return await self._follow_up(caller, message)
        return await self._begin(caller, message)

    async def _begin(self, caller: Caller, message: Message) -> tuple[Live, int]:
        self._begins.get(caller.agent, _ANYTHING).check(message.parts)
        task_id, context_id = self._ids.fresh(), message.context_id or self._ids.fresh()
        owner, agent, caller_trace = caller
        begun = TaskState.SUBMITTED, self._clock.now(), 0, (), caller_trace
        record = made(TaskRecord, (task_id, context_id, owner, agent, *begun))
        decision = decide.accept(record, message)
        rows = self._engine.writes(record, decision.effects)
        try:
            live = await self._tasks.create(decision, message, *rows)
        except MessageSeen as seen:
            live = await self._tasks.hold(seen.task_id)
            if message.context_id and message.context_id != live.record.context_id:
                self._tasks.release(live)
                raise _used_elsewhere() from None
            return live, live.stored.seq
        self._engine.act(live, decision.effects)
        return live, 0

    async def _follow_up(self, caller: Caller, message: Message) -> tuple[Live, int]:
        live = await own(self._tasks, caller, message.task_id)
        try:
            await self._take(caller, live, message)
        except BaseException:
            self._tasks.release(live)
            raise
        return live, live.stored.seq

    async def _take(self, caller: Caller, live: Live, message: Message) -> None:
        if message.context_id and message.context_id != live.record.context_id:
            raise bad("message.contextId", "is not the context of the task")
        self._goes_on.get(caller.agent, _ANYTHING).check(message.parts)
        if message.message_id in live.messages:
            return
        seen = await self._tasks.ledger.seen(caller.owner, caller.agent, message.message_id)
        if seen is not None:
            if seen != live.record.id:
                raise _used_elsewhere()
            return
        record = live.record
        decision = decide.follow_up(record, message, now=self._clock.now())
        rows = self._engine.writes(record, decision.effects)
        live.messages.add(message.message_id)
        try:
            await self._tasks.commit(live, decision, *rows, message_id=message.message_id)
        except BaseException as error:
            live.messages.discard(message.message_id)  # it was not taken: it may be sent again
            if isinstance(error, MessageSeen) and error.task_id != record.id:
                raise _used_elsewhere() from None
            raise
        self._engine.act(live, decision.effects)


def _used_elsewhere() -> BadParams:
    return bad("message.messageId", "was used for another task; a new message has a new id")
