"""Posts the events of tasks to whoever asked for them, from the ledger's outbox.

At least once, in order for each task and config, across restarts: a post whose outcome was not
stored is made again. One worker a process; it sleeps until a commit puts something into the outbox,
or until a failed post has its turn again.

Source: A2A 1.0.1 sections 3.5.3, 4.3.3 and 13.2; `core.outbox` decides what an answer leads to.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final, Protocol

import anyio
import orjson
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from interloom.runtime.core import notification, outbox
from interloom.runtime.core.egress import Egress
from interloom.runtime.core.outbox import Failed, Outcome, Undelivered
from interloom.runtime.core.trace import root
from interloom.runtime.errors import Conflict, LocalError, Refused, TransportError, Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import MovePush, PushRow
from interloom.runtime.model import TaskPushNotificationConfig, decode
from interloom.runtime.net.guard import Guard
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.net.port import HttpPort, Limits
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, JsonObject

log = logger("push")

TIMEOUT_S: Final = 15.0
"""Seconds a receiver gets to answer (A2A 4.3.3 recommends 10 to 30)."""
IN_FLIGHT: Final = 32
"""Posts under way at once."""
PER_HOST: Final = 4
"""Of them to one host, so that a slow one does not hold up the others."""
MAX_ANSWER: Final = 16 * 1024
"""Bytes read of an answer, so that the connection can be used again; nobody looks at them."""
GRACE_S: Final = 5.0
"""Seconds posts under way get to end when the process is about to."""
RETRY_S: Final = 1.0
"""Seconds before the store is tried again that took no writes or could not be read."""


class Signer(Protocol):
    """Lets a receiver make sure that a post is ours and has not been changed."""

    def sign(self, event_id: str, at_s: int, url: str, body: bytes) -> dict[str, str]:
        """Header fields to be added to a post.

        Args:
            event_id: As `Webhook-Id` says it.
            at_s: As `Webhook-Timestamp` says it.
            url: Where it goes.
            body: What is sent.
        """
        ...

    def public_keys(self) -> Sequence[JsonObject]:
        """The public keys that verify it, as JSON Web Keys; none where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Posting:
    """How events are posted.

    Attributes:
        guard: Says where URLs may lead.
        tls: Whom to trust; None for the authorities the machine trusts.
        signers: Each adds its signature.
        max_configs: Push configs of one task.
        max_attempts: Failed posts of one event after which its config is given up.
        timeout_s: Seconds a receiver gets to answer.
    """

    guard: Guard = field(default_factory=lambda: Guard(Egress()))
    tls: SSLContext | None = None
    signers: tuple[Signer, ...] = ()
    max_configs: int = notification.MAX_CONFIGS
    max_attempts: int = outbox.MAX_ATTEMPTS
    timeout_s: float = TIMEOUT_S


class Outbox:
    """The worker of one process."""

    def __init__(
        self,
        ledger: Ledger,
        http: HttpPort,
        clock: Clock,
        posting: Posting,
        retry_s: float = RETRY_S,
    ) -> None:
        self._ledger, self._http, self._clock, self._posting = ledger, http, clock, posting
        self._retry_s = retry_s
        self._limits = Limits(
            connect_s=posting.timeout_s,
            total_s=posting.timeout_s,
            idle_s=posting.timeout_s,
            max_bytes=MAX_ANSWER,
        )
        self._under_way: dict[tuple[str, str], anyio.CancelScope] = {}
        self._ended: set[tuple[str, str]] = set()
        self._hosts: Counter[str] = Counter()
        self._nudged, self._idle = anyio.Event(), anyio.Event()
        self._draining = anyio.Event()

    def nudge(self) -> None:
        """Have the worker look into the outbox again."""
        self._nudged.set()

    def drop(self, task_id: str, push_id: str) -> None:
        """Break off a post to a config that was deleted: no further notifications (A2A 3.1.10)."""
        scope = self._under_way.get((task_id, push_id))
        if scope is not None:
            scope.cancel()

    async def serve(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Post what is there and what comes, until drained."""
        self._ledger.watch_outbox(self.nudge)
        async with anyio.create_task_group() as group:
            task_status.started()
            while not self._draining.is_set():
                self._nudged = anyio.Event()
                try:
                    wait_s = await self._begin_due(group)
                except Exception:
                    log.exception("push.unreadable")
                    wait_s = self._retry_s
                with anyio.move_on_after(wait_s):
                    await self._nudged.wait()
            await self._idle.wait()

    async def drain(self, grace_s: float = GRACE_S) -> None:
        """Begin nothing more; give what is under way `grace_s` seconds, then break it off.

        What was broken off is still in the outbox, and is posted by the next process.
        """
        self._draining.set()
        self.nudge()
        self._check_idle()
        with anyio.move_on_after(grace_s):
            await self._idle.wait()
        for scope in list(self._under_way.values()):
            scope.cancel()

    async def _begin_due(self, group: TaskGroup) -> float:
        """Begin as many posts as there may be; the seconds until the next one is due."""
        while not self._draining.is_set() and len(self._under_way) < IN_FLIGHT:
            full = [host for host, posts in self._hosts.items() if posts >= PER_HOST]
            self._ended.clear()
            # One more than can be under way, and so at least one that is not.
            rows = await self._ledger.outbox(limit=IN_FLIGHT + 1, without=full)
            # One that ended meanwhile may have been read as it was before; its end nudges us.
            passed = self._under_way.keys() | self._ended
            waiting = [row for row in rows if (row.task_id, row.id) not in passed]
            begun = [row for row in waiting if self._begin(group, row)]
            if not begun:
                return min((self._wait_s(row) for row in waiting), default=math.inf)
        return math.inf

    def _wait_s(self, row: PushRow) -> float:
        due = row.progress.due or self._clock.now()
        return max((due - self._clock.now()).total_seconds(), 0.0)

    def _begin(self, group: TaskGroup, row: PushRow) -> bool:
        has_room = len(self._under_way) < IN_FLIGHT and self._hosts[row.host] < PER_HOST
        if self._draining.is_set() or not has_room or self._wait_s(row) > 0:
            return False
        scope = self._under_way[row.task_id, row.id] = anyio.CancelScope()
        self._hosts[row.host] += 1
        group.start_soon(self._carry, row, scope)
        return True

    async def _carry(self, row: PushRow, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                await self._settle(row, await self._post(row))
        except (Unavailable, Conflict) as error:
            log.warning("push.interrupted", task_id=row.task_id, push_id=row.id, code=error.code)
            with anyio.move_on_after(self._retry_s):
                await self._draining.wait()
        finally:
            del self._under_way[row.task_id, row.id]
            self._ended.add((row.task_id, row.id))
            self._hosts[row.host] -= 1
            if not self._hosts[row.host]:
                del self._hosts[row.host]
            self._check_idle()
            self.nudge()

    def _check_idle(self) -> None:
        if self._draining.is_set() and not self._under_way:
            self._idle.set()

    async def _settle(self, row: PushRow, found: Outcome) -> None:
        """Store what came of a post."""
        now, seq = self._clock.now(), row.progress.done + 1
        progress, lost = outbox.settle(
            row.progress,
            found,
            name=f"{row.task_id}/{row.id}/{seq}",
            now=now,
            max_attempts=self._posting.max_attempts,
        )
        letter = Undelivered(row.task_id, row.id, seq, now, lost) if lost else None
        await self._ledger.commit(MovePush(row, progress, letter))
        about = {"task_id": row.task_id, "push_id": row.id, "seq": seq, "host": row.host}
        if lost:
            stopped = bool(progress.stopped)
            log.error("push.gave_up", **about, reason=lost, stopped=stopped)
        elif isinstance(found, Failed):
            wait_s = self._wait_s(PushRow(row.task_id, row.id, row.host, b"", progress))
            log.warning(
                "push.failed",
                **about,
                reason=found.reason,
                attempts=progress.attempts,
                retry_s=round(wait_s, 3),
            )
        else:
            log.debug("push.delivered", **about)

    async def _post(self, row: PushRow) -> Outcome:
        """Post the event a config has not had yet; whatever goes wrong is an outcome."""
        try:
            return await self._exchange(row)
        except Unavailable:
            raise
        except TransportError as error:
            return Failed(str(error))
        except Refused as refusal:
            return Failed(f"its URL {refusal}")
        except Exception:
            log.exception("push.broke", task_id=row.task_id, push_id=row.id)
            return Failed("the request could not be made")

    async def _exchange(self, row: PushRow) -> Outcome:
        seq = row.progress.done + 1
        stored = await self._ledger.task(row.task_id)
        events = await self._ledger.events(row.task_id, after=seq - 1, limit=1)
        if stored is None or not events:
            raise LocalError("an event that is due is not there")
        record, now = stored.record, self._clock.now()
        config = decode(TaskPushNotificationConfig, orjson.loads(row.body))
        body = events[0].response(record.id, record.context_id)
        name = notification.event_id(record.id, seq)
        trace = record.trace or root(record.id)
        fields = notification.head(config, event_id=name, at=now, trace=trace)
        for signer in self._posting.signers:
            fields |= signer.sign(name, int(now.timestamp()), config.url, body)
        async with self._http.send(
            "POST", config.url, headers=fields, body=body, limits=self._limits
        ) as reply:
            found = outbox.outcome(
                reply.status, reply.headers.get("retry-after", ""), now=self._clock.now()
            )
            with suppress(TransportError):  # the status says it all
                await reply.read()
        return found


@asynccontextmanager
async def posting(ledger: Ledger, clock: Clock, how: Posting) -> AsyncGenerator[Outbox]:
    """Post what the ledger has until the block is left; then let go of it in good order."""
    http = PooledHttp(guard=how.guard, tls=how.tls)
    worker = Outbox(ledger, http, clock, how)
    try:
        async with anyio.create_task_group() as group:
            await group.start(worker.serve)
            try:
                yield worker
            finally:
                with anyio.CancelScope(shield=True):
                    await worker.drain()
    finally:
        with anyio.CancelScope(shield=True):
            await http.aclose()
