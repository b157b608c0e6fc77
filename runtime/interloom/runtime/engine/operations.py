"""The A2A operations, whatever the binding: requests and callers in, encoded answers out.

Source: A2A 1.0.1 sections 3.1 (operations), 3.2.2 (blocking), 3.2.4 (history length), 3.3.1 (a
repeated messageId), 3.4 (contexts and tasks), 13.1 (nobody sees another's task).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.delivery import MESSAGE_ENDS, SUBSCRIPTION_ENDS
from interloom.runtime.core.machine import TERMINAL
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.core.view import shorten
from interloom.runtime.engine import listing
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.caller import (
    Caller,
    NoEvents,
    Stream,
    bad,
    find,
    history_length,
    own,
)
from interloom.runtime.engine.follower import Follower
from interloom.runtime.engine.inbox import Answered, Inbox
from interloom.runtime.engine.live import Live
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.push_configs import PushConfigs, no_push
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import (
    ExtendedCardNotConfigured,
    UnsupportedOperation,
)
from interloom.runtime.ledger.rows import Write
from interloom.runtime.model import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
)
from interloom.runtime.values import Clock, Ids
from interloom.runtime.wire.methods import Capability
from interloom.runtime.wire.streams import Numbering, numbered


class Operations:
    """What a client may ask for; each answer is A2A JSON.

    Attributes:
        extended: The agents' extended cards, by name; set by who knows where they are served.
    """

    extended: Mapping[str, bytes] = MappingProxyType({})

    def __init__(
        self,
        tasks: Tasks,
        engine: Engine,
        clock: Clock,
        ids: Ids,
        agents: Collection[Agent],
        push: PushConfigs | None = None,
    ) -> None:
        """Offer the operations.

        Args:
            tasks: Where tasks are kept.
            engine: Who runs the agents.
            clock: Where the time comes from.
            ids: Where fresh ids come from.
            agents: Who is asked.
            push: Push configs, for those agents that promise them; None where nothing is posted.

        Raises:
            BadConfig: One of an agent's modes is no media type.
        """
        self._tasks, self._engine, self._clock = tasks, engine, clock
        self._pushes = dict[str, PushConfigs]()
        if push is not None:
            abouts = [agent.about for agent in agents]
            self._pushes = {
                about.name: push for about in abouts if Capability.PUSH in about.capabilities
            }
        self._inbox = Inbox(tasks, engine, clock, ids, agents, self._pushes)

    async def send_message(self, caller: Caller, request: SendMessageRequest) -> bytes:
        """SendMessage (3.1.1): a `SendMessageResponse`.

        Raises:
            TaskNotFound: The message names, or refers to, a task that is not there, or not the
                caller's.
            UnsupportedOperation: That task is over, or the agent refuses the message.
            ContentTypeNotSupported: A part is of a type the agent does not take, or it gives none
                that the caller accepts.
            BadParams: Its contextId is another, its id was used elsewhere, or the role is not the
                user's.
            Unavailable: The store takes no writes, or this process is about to end; then the task
                goes on in the next one.
        """
        settings = request.configuration
        length = None if settings is None else settings.history_length
        taken = await self._inbox.receive(caller, request)
        if isinstance(taken, Answered):
            return b'{"message":%b}' % taken.reply
        live = taken.live
        try:
            if settings is None or not settings.return_immediately:
                await self._tasks.settle(live)
            return b"".join((b'{"task":', await self._tasks.json(live, length), b"}"))
        finally:
            self._tasks.release(live)

    @asynccontextmanager
    async def stream_message(
        self, caller: Caller, request: SendMessageRequest
    ) -> AsyncGenerator[Stream]:
        """SendStreamingMessage (3.1.2); raises what `send_message` raises."""
        settings = request.configuration
        length = None if settings is None else settings.history_length
        taken = await self._inbox.receive(caller, request)
        if isinstance(taken, Answered):
            yield Stream(b'{"message":%b}' % taken.reply, NoEvents())
            return
        live, seq = taken
        try:
            yield await self._stream(caller, live, MESSAGE_ENDS, is_new=seq == 0, length=length)
        finally:
            self._tasks.release(live)

    async def get_task(self, caller: Caller, request: GetTaskRequest) -> bytes:
        """GetTask (3.1.3): a `Task`.

        Raises:
            TaskNotFound: Not there, or not the caller's.
        """
        length = history_length(request.history_length)
        stored = await find(self._tasks.ledger, caller, request.id)
        if stored.snapshot is not None:
            return shorten(stored.snapshot, length)
        async with self._tasks.held(request.id) as live:
            if live.stored.seq < stored.record.seq:  # another process was faster
                await self._tasks.refresh(live)
            return await self._tasks.json(live, length)

    async def list_tasks(self, caller: Caller, request: ListTasksRequest) -> bytes:
        """ListTasks (3.1.4): a `ListTasksResponse`.

        Raises:
            BadParams: A page size, token or length out of range.
        """
        return await listing.list_tasks(self._tasks, caller, request)

    async def cancel_task(self, caller: Caller, request: CancelTaskRequest) -> bytes:
        """CancelTask (3.1.5): the `Task`, canceled.

        Raises:
            TaskNotFound: Not there, or not the caller's.
            TaskNotCancelable: It is over already.
        """

        def canceled(record: TaskRecord) -> tuple[Decision, tuple[Write, ...]]:
            decision = decide.cancel(record, now=self._clock.now())
            return decision, self._engine.writes(record, decision.effects)

        live = await own(self._tasks, caller, request.id)
        try:
            live, decision = await self._tasks.change(live, canceled)
            self._engine.act(live, decision.effects)
            return await self._tasks.json(live)
        finally:
            self._tasks.release(live)

    @asynccontextmanager
    async def subscribe(
        self, caller: Caller, request: SubscribeToTaskRequest
    ) -> AsyncGenerator[Stream]:
        """SubscribeToTask (3.1.6): the Task as it stands, then what happens to it.

        Or, where a stream broke, what has happened since, which may be how the task ended.

        Raises:
            TaskNotFound: Not there, or not the caller's.
            UnsupportedOperation: It is over.
            BadParams: The stream is to go on after an event that is not there.
        """
        live = await own(self._tasks, caller, request.id)
        try:
            if live.stored.state in TERMINAL and not _goes_on(caller):
                raise UnsupportedOperation(
                    f"the task is {live.stored.state.name}; get it instead",
                    details={"taskId": request.id},
                )
            yield await self._stream(caller, live, SUBSCRIPTION_ENDS)
        finally:
            self._tasks.release(live)

    async def create_push_config(
        self, caller: Caller, request: TaskPushNotificationConfig
    ) -> bytes:
        """CreateTaskPushNotificationConfig (3.1.7); see `PushConfigs.create`.

        Raises:
            PushNotSupported: The agent's card does not promise push notifications.
        """
        return await self._push(caller).create(caller, request)

    async def get_push_config(
        self, caller: Caller, request: GetTaskPushNotificationConfigRequest
    ) -> bytes:
        """GetTaskPushNotificationConfig (3.1.8); see `PushConfigs.get`."""
        return await self._push(caller).get(caller, request)

    async def list_push_configs(
        self, caller: Caller, request: ListTaskPushNotificationConfigsRequest
    ) -> bytes:
        """ListTaskPushNotificationConfigs (3.1.9); see `PushConfigs.list`."""
        return await self._push(caller).list(caller, request)

    async def delete_push_config(
        self, caller: Caller, request: DeleteTaskPushNotificationConfigRequest
    ) -> bytes:
        """DeleteTaskPushNotificationConfig (3.1.10); see `PushConfigs.delete`."""
        return await self._push(caller).delete(caller, request)

    def _push(self, caller: Caller) -> PushConfigs:
        push = self._pushes.get(caller.agent)
        if push is None:
            raise no_push()
        return push

    async def extended_card(self, caller: Caller, request: GetExtendedAgentCardRequest) -> bytes:
        """GetExtendedAgentCard (3.1.11).

        Raises:
            ExtendedCardNotConfigured: The card promises one, and there is none.
        """
        found = self.extended.get(caller.agent)
        if found is None:
            raise ExtendedCardNotConfigured("this agent has no extended card")
        return found

    def leave(self) -> None:
        """Let go of all subscribers, because the process is about to end: another goes on."""
        self._tasks.leave()

    def go(self) -> None:
        """Let go of those who wait for a task, too: here it gets no further."""
        self._tasks.go()

    async def _stream(
        self,
        caller: Caller,
        live: Live,
        ends: frozenset[TaskState],
        *,
        is_new: bool = False,
        length: int | None = None,
    ) -> Stream:
        """A stream of a task: from its beginning, from where one broke, or from how it stands."""
        after, shown = caller.numbering or Numbering()
        if is_new:
            after = 0 if length is None else None  # whatever broke, it was another task's
        if after is not None:
            await self._check_known(live, after)
            follower = Follower(self._tasks, live, after=after, ends=ends, is_numbered=shown)
            return Stream(None, follower)
        seq = live.stored.seq
        task = b'{"task":%b}' % await self._tasks.json(live, length)
        follower = Follower(self._tasks, live, after=seq, ends=ends, is_numbered=shown)
        return Stream(numbered(task, seq) if shown else task, follower, seq)

    async def _check_known(self, live: Live, after: int) -> None:
        """See that a task has an event of that number.

        Raises:
            BadParams: It has none.
        """
        if after > live.stored.seq:
            await self._tasks.refresh(live)  # another process may have shown it
        if after > live.stored.seq:
            raise bad("Last-Event-ID", f"is beyond the task's last event, {live.stored.seq}")


def _goes_on(caller: Caller) -> bool:
    """Whether a stream that broke is to go on: what it missed may be the end."""
    return caller.numbering is not None and caller.numbering.after is not None
