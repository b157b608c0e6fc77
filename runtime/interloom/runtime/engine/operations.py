"""The A2A operations, whatever the binding: requests and callers in, encoded answers out.

Source: A2A 1.0.1 sections 3.1 (operations), 3.2.2 (blocking), 3.2.4 (history length), 3.3.1 (a
repeated messageId), 3.4 (contexts and tasks), 13.1 (nobody sees another's task).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import orjson

from interloom.runtime.core import decide, paging
from interloom.runtime.core.delivery import MESSAGE_ENDS, SUBSCRIPTION_ENDS
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import TaskRecord, made
from interloom.runtime.core.trace import Trace
from interloom.runtime.core.view import shorten
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.tasks import Follower, Tasks, owned
from interloom.runtime.errors import (
    BadParams,
    ExtendedCardNotConfigured,
    PushNotSupported,
    TaskNotFound,
    UnsupportedOperation,
    Violation,
)
from interloom.runtime.ledger.rows import MessageSeen
from interloom.runtime.model import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    Message,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
)
from interloom.runtime.values import Clock, Ids
from interloom.runtime.wire.card import About, modes
from interloom.runtime.wire.media import ANY, JSON, TEXT, Modes

_ANYTHING: Final = Modes((ANY,))
"""What an agent takes of which nothing is known here: its tasks may still be answered."""


class Caller(NamedTuple):
    """Who asks, of which agent, and in which trace.

    Attributes:
        owner: Verified principal; tasks belong to it.
        agent: The agent addressed.
        trace: W3C trace context of the request, or None.
    """

    owner: str
    agent: str
    trace: Trace | None = None


class Stream(NamedTuple):
    """A stream under way.

    Attributes:
        opening: The first `StreamResponse` as JSON, or None when the events begin with the Task.
        follower: The events after it.
    """

    opening: bytes | None
    follower: Follower


class Operations:
    """What a client may ask for; each answer is A2A JSON."""

    def __init__(
        self, tasks: Tasks, engine: Engine, clock: Clock, ids: Ids, abouts: Iterable[About]
    ) -> None:
        """Offer the operations.

        Args:
            tasks: Where tasks are kept.
            engine: Who runs the agents.
            clock: Where the time comes from.
            ids: Where fresh ids come from.
            abouts: What the agents say of themselves.

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

    async def send_message(self, caller: Caller, request: SendMessageRequest) -> bytes:
        """SendMessage (3.1.1): a `SendMessageResponse`.

        Raises:
            TaskNotFound: The message names a task that is not there, or not the caller's.
            UnsupportedOperation: That task is over.
            ContentTypeNotSupported: A part is of a type the agent does not take.
            BadParams: Its contextId is another, its id was used elsewhere, or the role is not the
                user's.
            Unavailable: The store takes no writes, or this process is about to end; then the task
                goes on in the next one.
        """
        settings = request.configuration
        length = None if settings is None else settings.history_length
        live, _ = await self._receive(caller, request)
        try:
            if settings is None or not settings.return_immediately:
                await self._tasks.settle(live)
            return b'{"task":%b}' % await self._tasks.json(live, length)
        finally:
            self._tasks.release(live)

    @asynccontextmanager
    async def stream_message(
        self, caller: Caller, request: SendMessageRequest
    ) -> AsyncGenerator[Stream]:
        """SendStreamingMessage (3.1.2); raises what `send_message` raises."""
        settings = request.configuration
        length = None if settings is None else settings.history_length
        live, seq = await self._receive(caller, request)
        try:
            yield await self._stream(live, seq, MESSAGE_ENDS, length)
        finally:
            self._tasks.release(live)

    async def get_task(self, caller: Caller, request: GetTaskRequest) -> bytes:
        """GetTask (3.1.3): a `Task`.

        Raises:
            TaskNotFound: Not there, or not the caller's.
        """
        length = _length(request.history_length)
        stored = await self._tasks.ledger.task(request.id)
        if stored is None or not owned(stored.record, caller.owner, caller.agent):
            raise _no_task(request.id)
        if stored.snapshot is not None:
            return shorten(stored.snapshot, length)
        async with self._tasks.held(request.id) as live:
            return await self._tasks.json(live, length)

    async def list_tasks(self, caller: Caller, request: ListTasksRequest) -> bytes:
        """ListTasks (3.1.4): a `ListTasksResponse`.

        Raises:
            BadParams: A page size, token or length out of range.
        """
        query = paging.query(request, owner=caller.owner, agent=caller.agent)
        records, total = await self._tasks.ledger.page(query)
        page = records[: query.size]
        tasks = [orjson.Fragment(await self._listed(record, request)) for record in page]
        last = page[-1] if len(records) > query.size else None
        token = "" if last is None else paging.token(paging.Position(last.status_at, last.id))
        return orjson.dumps(
            {
                "tasks": tasks,
                "nextPageToken": token,
                "pageSize": query.size,
                "totalSize": total,
            }
        )

    async def _listed(self, record: TaskRecord, request: ListTasksRequest) -> bytes:
        stored = await self._tasks.ledger.task(record.id)
        if stored is not None and stored.snapshot is not None:
            task = stored.snapshot
        else:
            async with self._tasks.held(record.id) as live:
                task = await self._tasks.json(live)
        return shorten(task, request.history_length, artifacts=bool(request.include_artifacts))

    async def cancel_task(self, caller: Caller, request: CancelTaskRequest) -> bytes:
        """CancelTask (3.1.5): the `Task`, canceled.

        Raises:
            TaskNotFound: Not there, or not the caller's.
            TaskNotCancelable: It is over already.
        """
        live = await self._own(caller, request.id)
        try:
            decision = decide.cancel(live.record, now=self._clock.now())
            rows = self._engine.writes(live.record, decision.effects)
            await self._tasks.commit(live, decision, *rows)
            self._engine.act(live, decision.effects)
            return await self._tasks.json(live)
        finally:
            self._tasks.release(live)

    @asynccontextmanager
    async def subscribe(
        self, caller: Caller, request: SubscribeToTaskRequest
    ) -> AsyncGenerator[Stream]:
        """SubscribeToTask (3.1.6): the Task as it stands, then what happens to it.

        Raises:
            TaskNotFound: Not there, or not the caller's.
            UnsupportedOperation: It is over.
        """
        live = await self._own(caller, request.id)
        try:
            if live.stored.state in TERMINAL:
                raise UnsupportedOperation(
                    f"the task is {live.stored.state.name}; get it instead",
                    details={"taskId": request.id},
                )
            yield await self._stream(live, live.stored.seq, SUBSCRIPTION_ENDS)
        finally:
            self._tasks.release(live)

    async def create_push_config(
        self, caller: Caller, request: TaskPushNotificationConfig
    ) -> bytes:
        """CreateTaskPushNotificationConfig (3.1.7).

        Raises:
            PushNotSupported: Always; no card of ours promises it.
        """
        raise _no_push()

    async def get_push_config(
        self, caller: Caller, request: GetTaskPushNotificationConfigRequest
    ) -> bytes:
        """GetTaskPushNotificationConfig (3.1.8); raises what `create_push_config` raises."""
        raise _no_push()

    async def list_push_configs(
        self, caller: Caller, request: ListTaskPushNotificationConfigsRequest
    ) -> bytes:
        """ListTaskPushNotificationConfigs (3.1.9); raises what `create_push_config` raises."""
        raise _no_push()

    async def delete_push_config(
        self, caller: Caller, request: DeleteTaskPushNotificationConfigRequest
    ) -> bytes:
        """DeleteTaskPushNotificationConfig (3.1.10); raises what `create_push_config` raises."""
        raise _no_push()

    async def extended_card(self, caller: Caller, request: GetExtendedAgentCardRequest) -> bytes:
        """GetExtendedAgentCard (3.1.11).

        Raises:
            ExtendedCardNotConfigured: Always; no agent of ours has one.
        """
        raise ExtendedCardNotConfigured("this agent has no extended card")

    def leave(self) -> None:
        """Let go of all subscribers, because the process is about to end."""
        self._tasks.leave()

    async def _stream(
        self, live: Live, seq: int, ends: frozenset[TaskState], length: int | None = None
    ) -> Stream:
        if seq == 0 and length is None:
            return Stream(None, Follower(self._tasks, live, after=0, ends=ends))
        follower = Follower(self._tasks, live, after=live.stored.seq, ends=ends)
        return Stream(b'{"task":%b}' % await self._tasks.json(live, length), follower)

    async def _own(self, caller: Caller, task_id: str) -> Live:
        live = await self._tasks.hold(task_id)
        if not owned(live.record, caller.owner, caller.agent):
            self._tasks.release(live)
            raise _no_task(task_id)
        return live

    async def _receive(self, caller: Caller, request: SendMessageRequest) -> tuple[Live, int]:
        """Take a message; the task it went to, held, and how much of it is old (0: a new task)."""
        message, settings = request.message, request.configuration
        if settings is not None:
            _length(settings.history_length, "configuration.historyLength")
            if settings.task_push_notification_config is not None:
                raise _no_push()
        if message.role is not Role.USER:
            raise _bad("message.role", "must be ROLE_USER")
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
        live = await self._own(caller, message.task_id)
        try:
            await self._take(caller, live, message)
        except BaseException:
            self._tasks.release(live)
            raise
        return live, live.stored.seq

    async def _take(self, caller: Caller, live: Live, message: Message) -> None:
        if message.context_id and message.context_id != live.record.context_id:
            raise _bad("message.contextId", "is not the context of the task")
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


def _length(requested: int | None, field: str = "historyLength") -> int | None:
    if requested is not None and requested < 0:
        raise _bad(field, "must be 0 or more")
    return requested


def _no_push() -> PushNotSupported:
    return PushNotSupported("this agent sends no push notifications")


def _used_elsewhere() -> BadParams:
    return _bad("message.messageId", "was used for another task; a new message has a new id")


def _no_task(task_id: str) -> TaskNotFound:
    return TaskNotFound("no such task", details={"taskId": task_id[:100]})


def _bad(field: str, rule: str) -> BadParams:
    return BadParams(f"{field}: {rule}", violations=(Violation(field, rule),))
