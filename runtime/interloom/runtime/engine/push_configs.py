"""Push configs: made, shown, listed and deleted by the owner of the task they belong to.

Source: A2A 1.0.1 sections 3.1.7 to 3.1.10, 3.3.4 (only where the card promises it), 13.1 (another's
task is no task) and 13.2 (where a URL may lead). That a config replaces the one of its id, and how
many a task may have, is `ours`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from interloom.runtime.core import notification
from interloom.runtime.core.outbox import Progress
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.engine.caller import Caller, bad, find
from interloom.runtime.errors import BadParams, PushNotSupported, Refused, TaskNotFound
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import DropPush, PushesFull, PushRow, PutPush
from interloom.runtime.model import (
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    TaskPushNotificationConfig,
)
from interloom.runtime.net.guard import Guard
from interloom.runtime.values import Clock, Ids

WITHIN: Final = "configuration.taskPushNotificationConfig."
"""What stands before the fields of a config that comes with a message."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A config that may be stored, once it is known of which task.

    Attributes:
        config: With an id; of no task yet.
        host: Where its URL leads.
    """

    config: TaskPushNotificationConfig
    host: str


class PushConfigs:
    """The four operations, and what a message may ask for along with itself."""

    def __init__(
        self,
        ledger: Ledger,
        guard: Guard,
        clock: Clock,
        ids: Ids,
        *,
        limit: int = notification.MAX_CONFIGS,
        dropped: Callable[[str, str], None],
    ) -> None:
        """Offer the operations.

        Args:
            ledger: Where configs are kept.
            guard: Says where a URL may lead.
            clock: Where the time comes from.
            ids: Where fresh ids come from.
            limit: Configs a task may have.
            dropped: Told of each task and config that is deleted or replaced.
        """
        self._ledger, self._guard, self._clock, self._ids = ledger, guard, clock, ids
        self._limit, self._dropped = limit, dropped

    async def create(self, caller: Caller, request: TaskPushNotificationConfig) -> bytes:
        """CreateTaskPushNotificationConfig (3.1.7): the config, with its id.

        Raises:
            TaskNotFound: The task is not there, or not the caller's.
            BadParams: A field breaks a rule, the URL leads where it must not, or the task has all
                the configs it may have.
        """
        record = await self._record(caller, request.task_id)
        wish = await self.wish(request)
        write = self.write(wish, record.id, after=record.seq)
        try:
            await self._ledger.commit(write)
        except PushesFull:
            raise self.full() from None
        self._dropped(record.id, wish.config.id)  # what is posted now is the old one's
        return write.row.body

    async def get(self, caller: Caller, request: GetTaskPushNotificationConfigRequest) -> bytes:
        """GetTaskPushNotificationConfig (3.1.8): the config, secrets included.

        Raises:
            TaskNotFound: Task or config is not there, or not the caller's.
        """
        record = await self._record(caller, request.task_id)
        for row in await self._ledger.pushes(record.id):
            if row.id == request.id:
                return row.body
        raise TaskNotFound("no such push notification config", details={"taskId": record.id[:100]})

    async def list(self, caller: Caller, request: ListTaskPushNotificationConfigsRequest) -> bytes:
        """ListTaskPushNotificationConfigs (3.1.9), in the order of their ids.

        Raises:
            TaskNotFound: The task is not there, or not the caller's.
            BadParams: A page size or token out of range.
        """
        record = await self._record(caller, request.task_id)
        rows = {row.id: row.body for row in await self._ledger.pushes(record.id)}
        bodies, following = notification.page(
            rows, size=request.page_size, token=request.page_token
        )
        token = b',"nextPageToken":"%b"' % following.encode() if following else b""
        return b'{"configs":[%b]%b}' % (b",".join(bodies), token)

    async def delete(
        self, caller: Caller, request: DeleteTaskPushNotificationConfigRequest
    ) -> bytes:
        """DeleteTaskPushNotificationConfig (3.1.10): an empty object, however often it is asked.

        Raises:
            TaskNotFound: The task is not there, or not the caller's.
        """
        record = await self._record(caller, request.task_id)
        await self._ledger.commit(DropPush(record.id, request.id))
        self._dropped(record.id, request.id)
        return b"{}"

    async def wish(self, config: TaskPushNotificationConfig, *, within: str = "") -> Wish:
        """Check a config, its URL included, and give it an id if it has none.

        Raises:
            BadParams: A field breaks a rule, or the URL leads where it must not.
        """
        notification.check(config, within=within)
        try:
            target = await self._guard.admit(config.url)
        except Refused as refusal:
            raise bad(f"{within}url", str(refusal)) from None
        if not config.id:
            config = config.model_copy(update={"id": self._ids.fresh()})
        return Wish(config, target.origin)

    async def room(self, wish: Wish, task_id: str) -> None:
        """Refuse a wish that a task has no room for; what comes in between, the store refuses.

        Raises:
            BadParams: The task has all the configs it may have, and this is another.
        """
        ids = [row.id for row in await self._ledger.pushes(task_id)]
        if wish.config.id not in ids and len(ids) >= self._limit:
            raise self.full(WITHIN)

    def full(self, within: str = "") -> BadParams:
        """What there is to say of a task that has all the configs it may have."""
        return bad(f"{within}taskId", f"the task has {self._limit} configs; delete one first")

    def write(self, wish: Wish, task_id: str, *, after: int) -> PutPush:
        """What stores a config: a task's events after the number `after` are posted."""
        config = wish.config.model_copy(update={"task_id": task_id})
        progress = Progress(after, due=self._clock.now())
        row = PushRow(task_id, config.id, wish.host, config.to_json(), progress)
        return PutPush(row, self._limit)

    async def _record(self, caller: Caller, task_id: str) -> TaskRecord:
        return (await find(self._ledger, caller, task_id)).record


def no_push() -> PushNotSupported:
    """What there is to say where nothing is posted."""
    return PushNotSupported("this agent sends no push notifications")
