"""Takes a caller's message: begins a task with it, or joins it to the one it names.

Some are answered at once, without a task: see `engine.agent.Reply` and decision 0019.

Source: A2A 1.0.1 sections 3.1.1 (what a message may be refused for), 3.3.1 (a repeated messageId)
and 3.4 (contexts, tasks and references to tasks).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision, Effect
from interloom.runtime.core.record import TaskRecord, made
from interloom.runtime.engine.agent import Agent, Reply
from interloom.runtime.engine.caller import Caller, bad, find, history_length, own
from interloom.runtime.engine.context import ACCEPTED
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.push_configs import WITHIN, PushConfigs, Wish, no_push
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import AgentRejected, BadParams, Conflict, UnsupportedOperation
from interloom.runtime.ledger.rows import MessageSeen, PutReply, PutStep, Seen, Write
from interloom.runtime.model import (
    Message,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskState,
)
from interloom.runtime.values import Clock, Ids
from interloom.runtime.wire.card import given_modes, modes
from interloom.runtime.wire.media import ANY, JSON, TEXT, Modes

_ANYTHING: Final = Modes((ANY,))
"""What an agent takes of which nothing is known here: its tasks may still be answered."""


MAX_NAME: Final = 512
"""Characters of an id that a client chose: an index of PostgreSQL takes 2,700 bytes."""
MAX_REFERENCES: Final = 100
"""Task ids that a message may refer to (ours): each is looked up."""


class Taken(NamedTuple):
    """A message that went to a task.

    Attributes:
        live: The task, held; it must be released.
        seq: How much of it is old: 0 where it is new.
    """

    live: Live
    seq: int


class Answered(NamedTuple):
    """A message that was answered at once, and began no task.

    Attributes:
        reply: The answer, an A2A `Message` as JSON; stored.
    """

    reply: bytes


class Inbox:
    """Where messages come in."""

    def __init__(
        self,
        tasks: Tasks,
        engine: Engine,
        clock: Clock,
        ids: Ids,
        agents: Iterable[Agent],
        pushes: Mapping[str, PushConfigs],
    ) -> None:
        """Take messages for some agents; `pushes` has those that send push notifications.

        Raises:
            BadConfig: One of an agent's modes is no media type.
        """
        self._tasks, self._engine, self._pushes = tasks, engine, pushes
        self._clock, self._ids = clock, ids
        self._begins, self._goes_on = dict[str, Modes](), dict[str, Modes]()
        self._gives, self._replies = dict[str, Modes](), dict[str, Reply]()
        for agent in agents:
            about, name = agent.about, agent.about.name
            self._begins[name] = modes(about)
            # A question is answered in text or in JSON, whatever the agent takes.
            self._goes_on[name] = modes(about, TEXT, JSON)
            self._gives[name] = given_modes(about)
            if agent.reply is not None:
                self._replies[name] = agent.reply

    async def receive(self, caller: Caller, request: SendMessageRequest) -> Taken | Answered:
        """Take a message.

        Raises:
            TaskNotFound: The message names, or refers to, a task that is not there, or not the
                caller's.
            UnsupportedOperation: That task is over, or the agent refuses the message.
            ContentTypeNotSupported: A part is of a type the agent does not take, or it gives none
                that the caller accepts.
            BadParams: Its contextId is another, its id was used elsewhere or is none that a store
                keeps, the role is not the user's, or its push config breaks a rule.
            PushNotSupported: It has one, and the agent's card does not promise that.
            Unavailable: The store takes no writes.
        """
        message, settings = request.message, request.configuration
        wish = None if settings is None else await self._check_settings(caller, message, settings)
        if message.role is not Role.USER:
            raise bad("message.role", "must be ROLE_USER")
        _check_names(message)
        if message.reference_task_ids:
            await self._check_references(caller, message.reference_task_ids)
        if message.task_id:
            return await self._follow_up(caller, message, wish)
        accepted = () if settings is None else settings.accepted_output_modes
        if accepted:
            self._gives.get(caller.agent, _ANYTHING).check_accepted(accepted)
        answered = await self._reply(caller, message) if caller.agent in self._replies else None
        return answered or await self._begin(caller, message, accepted, wish)

    async def _check_settings(
        self, caller: Caller, message: Message, settings: SendMessageConfiguration
    ) -> Wish | None:
        """Check what comes with a message; the push config in it, or None."""
        history_length(settings.history_length, "configuration.historyLength")
        config = settings.task_push_notification_config
        if config is None:
            return None
        push = self._pushes.get(caller.agent)
        if push is None:
            raise no_push()
        if config.task_id and config.task_id != message.task_id:
            raise bad(f"{WITHIN}taskId", "is not the task of the message; leave it out")
        return await push.wish(config, within=WITHIN)

    def _writes(
        self, caller: Caller, record: TaskRecord, effects: Sequence[Effect], wish: Wish | None
    ) -> tuple[Write, ...]:
        """The rows of a decision; with a wish, everything after `record` is posted."""
        rows = self._engine.writes(record, effects)
        if wish is None:
            return rows
        return (*rows, self._pushes[caller.agent].write(wish, record.id, after=record.seq))

    async def _check_references(self, caller: Caller, task_ids: Sequence[str]) -> None:
        """See that an agent is referred to nothing but the caller's own tasks (A2A 3.4.3, 13.1)."""
        if len(task_ids) > MAX_REFERENCES:
            raise bad("message.referenceTaskIds", f"must be at most {MAX_REFERENCES}")
        for task_id in task_ids:
            await find(self._tasks.ledger, caller, task_id)

    async def _reply(self, caller: Caller, message: Message) -> Answered | None:
        """The agent's answer, stored before it is given; None when a task is to begin."""
        self._begins.get(caller.agent, _ANYTHING).check(message.parts)
        owner, agent, message_id = caller.owner, caller.agent, message.message_id
        seen = await self._tasks.ledger.seen(owner, agent, message_id)
        if seen is not None:
            return _answered(seen, message)
        try:
            parts = await self._replies[agent](message)
        except AgentRejected as refusal:
            raise UnsupportedOperation(str(refusal)) from None
        if parts is None:
            return None
        reply = Message(
            message_id=self._ids.fresh(),
            context_id=message.context_id or self._ids.fresh(),
            role=Role.AGENT,
            parts=parts,
        ).to_json()
        try:
            await self._tasks.commit_rows(PutReply(owner, agent, message_id, reply))
        except MessageSeen as sent_twice:
            return _answered(sent_twice.seen, message)
        return Answered(reply)

    async def _begin(
        self, caller: Caller, message: Message, accepted: Sequence[str], wish: Wish | None
    ) -> Taken:
        self._begins.get(caller.agent, _ANYTHING).check(message.parts)
        task_id, context_id = self._ids.fresh(), message.context_id or self._ids.fresh()
        begun = TaskState.SUBMITTED, self._clock.now(), 0, (), caller.trace
        record = made(TaskRecord, (task_id, context_id, caller.owner, caller.agent, *begun))
        decision = decide.accept(record, message)
        rows = self._writes(caller, record, decision.effects, wish)
        if accepted:
            rows = (*rows, PutStep(task_id, ACCEPTED, orjson.dumps(accepted)))
        try:
            live = await self._tasks.create(decision, message, *rows)
        except MessageSeen as repeat:
            return await self._again(repeat.seen, message)
        live.accepted = accepted
        self._engine.act(live, decision.effects)
        return Taken(live, 0)

    async def _again(self, seen: Seen, message: Message) -> Taken:
        """What a message went to that had begun, or joined, a task before."""
        live = await self._tasks.hold(seen.task_id)
        if message.context_id and message.context_id != live.record.context_id:
            self._tasks.release(live)
            raise _used_elsewhere() from None
        return Taken(live, live.stored.seq)

    async def _follow_up(self, caller: Caller, message: Message, wish: Wish | None) -> Taken:
        live = await own(self._tasks, caller, message.task_id)
        try:
            live = await self._take(caller, live, message, wish)
        except BaseException:
            self._tasks.release(live)
            raise
        return Taken(live, live.stored.seq)

    async def _is_repeat(self, caller: Caller, live: Live, message: Message) -> bool:
        """Whether the task has had the message before; another task must not have had it."""
        if message.message_id in live.messages:
            return True
        seen = await self._tasks.ledger.seen(caller.owner, caller.agent, message.message_id)
        if seen is not None and seen.task_id != live.record.id:
            raise _used_elsewhere()
        return seen is not None

    async def _take(self, caller: Caller, live: Live, message: Message, wish: Wish | None) -> Live:
        if message.context_id and message.context_id != live.record.context_id:
            raise bad("message.contextId", "is not the context of the task")
        self._goes_on.get(caller.agent, _ANYTHING).check(message.parts)
        if await self._is_repeat(caller, live, message):
            return live
        if wish is not None:
            await self._pushes[caller.agent].room(wish, live.record.id)

        def joined(record: TaskRecord) -> tuple[Decision, tuple[Write, ...]]:
            decision = decide.follow_up(record, message, now=self._clock.now())
            return decision, self._writes(caller, record, decision.effects, wish)

        if message.message_id in live.messages:  # it came again while the store was asked
            return live
        live.messages.add(message.message_id)
        try:
            live, decision = await self._tasks.change(live, joined, message_id=message.message_id)
        except BaseException as error:
            live.messages.discard(message.message_id)  # it was not taken: it may be sent again
            if isinstance(error, Conflict) and await self._is_repeat(caller, live, message):
                return await self._tasks.renewed(live)  # another process was quicker
            raise
        self._engine.act(live, decision.effects)
        return live


def _check_names(message: Message) -> None:
    """See that a store can find a message and its conversation by what they are called (ours)."""
    names = (("message.messageId", message.message_id), ("message.contextId", message.context_id))
    for field, name in names:
        if len(name) > MAX_NAME or "\0" in name:
            raise bad(field, f"must be at most {MAX_NAME} characters, and none of them U+0000")


def _answered(seen: Seen, message: Message) -> Answered | None:
    """The answer a message had before; None when it went to a task."""
    if seen.reply is None:
        return None
    context_id = orjson.loads(seen.reply)["contextId"]
    if message.context_id and message.context_id != context_id:
        raise _used_elsewhere() from None
    return Answered(seen.reply)


def _used_elsewhere() -> BadParams:
    return bad("message.messageId", "was used before, elsewhere; a new message has a new id")
