"""What a transaction writes and what a read gives back. Plain values; no store is named here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import NamedTuple, TypeAlias

from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.core.record import Event, TaskRecord
from interloom.runtime.errors import Conflict


@unique
class CallState(Enum):
    """Where one logical tool call stands (DESIGN section 4).

    INTENDED is committed before bytes leave and covers SENT: nothing we could write between the
    two would change what a restarted process may conclude. POSTPONED: the server answered that it
    wants the call again later; nothing is under way, and it is just sent again. REMOTE_TASK: it
    answered with a task of its own, which is asked after under its id, now and after a restart.
    """

    INTENDED = "intended"
    POSTPONED = "postponed"
    REMOTE_TASK = "remote_task"
    INPUT_REQUIRED = "input_required"
    IN_DOUBT = "in_doubt"
    DONE = "done"
    ERROR = "error"


class CallRow(NamedTuple):
    """One logical call to a tool.

    Attributes:
        task_id: The task that makes it.
        key: `tool/<server>.<tool>/<n>`, the same on every replay.
        state: Where it stands.
        body: The saved call, or its outcome: JSON, opaque to the ledger.
    """

    task_id: str
    key: str
    state: CallState
    body: bytes


@unique
class RunState(Enum):
    """Whether a task's agent has something to do."""

    ACTIVE = "active"
    PARKED = "parked"


class RunRow(NamedTuple):
    """An unfinished task's run.

    Attributes:
        task_id: The task.
        agent: Which agent function.
        state: Active or parked; a finished run has no row.
        attempt: How often it was begun since it last got anywhere, or waited; 0 before.
        worker: Which process works on it; empty for nobody.
        token: How often it was taken by a process: the guard of what that one writes.
    """

    task_id: str
    agent: str
    state: RunState
    attempt: int
    worker: str = ""
    token: int = 0


@dataclass(frozen=True, slots=True)
class PushRow:
    """A place the events of a task are posted to, and how far the posting has come.

    Attributes:
        task_id: Whose events.
        id: Names the config within its task.
        host: Host and port of the URL: posts are spread over hosts.
        body: The `TaskPushNotificationConfig`, A2A JSON, its secrets included; so it is not shown.
        progress: As stored; a store sets `due` to None where no event is left to be posted.
    """

    task_id: str
    id: str
    host: str
    body: bytes = field(repr=False)
    progress: Progress


@dataclass(frozen=True, slots=True)
class Journal:
    """What a run has behind it, read whole when it is begun again.

    Attributes:
        steps: Results of completed steps by key, JSON.
        signals: What was delivered to it by key, JSON.
        calls: Its tool calls by key.
        event_ids: Events it has appended already.
        run: Its row, or None where the task is over.
    """

    steps: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    signals: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    calls: Mapping[str, CallRow] = field(default_factory=dict[str, CallRow])
    event_ids: frozenset[str] = frozenset()
    run: RunRow | None = None


class StoredTask(NamedTuple):
    """A task as read back.

    Attributes:
        record: What decisions are made from.
        snapshot: The A2A Task as JSON as of `record.seq`, or None while it moves or is large.
    """

    record: TaskRecord
    snapshot: bytes | None


class Seen(NamedTuple):
    """What became of a message that was received before.

    Attributes:
        task_id: The task it went to; empty when it was answered at once.
        reply: That answer, the A2A `Message` as JSON; else None.
    """

    task_id: str
    reply: bytes | None = None


class Pruned(NamedTuple):
    """What was deleted, or could be.

    Attributes:
        tasks: Tasks that were over, with everything that belonged to them.
        replies: Messages that were answered at once, and their answers.
    """

    tasks: int = 0
    replies: int = 0


# Writes. A transaction is a tuple of these; it takes place whole or not at all.


class CreateTask(NamedTuple):
    """A new task, the message that began it, and its first events.

    Refused with `MessageSeen` when this owner has sent the message to this agent before, and with
    `Conflict` when there is a task of that id.
    """

    record: TaskRecord
    message_id: str
    events: tuple[Event, ...]


class MoveTask(NamedTuple):
    """A task's new record, and the events that brought it there, following the last one stored.

    Refused with `TaskMoved` unless the task's `seq` still is `expected_seq`, and with `Conflict`
    when it has an event of that number or id. A task that is over has no run: its row goes in the
    same write, its journal stays.

    Attributes:
        record: The task now.
        expected_seq: Where the decision was taken from.
        events: In order.
        snapshot: The A2A Task as JSON as of `record.seq`, or None while it moves or is large.
        message_id: The caller's message that was taken, or empty; a repeat is refused with
            `MessageSeen`.
    """

    record: TaskRecord
    expected_seq: int
    events: tuple[Event, ...]
    snapshot: bytes | None = None
    message_id: str = ""


class PutReply(NamedTuple):
    """A message that was answered at once, and began no task.

    Refused with `MessageSeen` when this owner has sent the message to this agent before.

    Attributes:
        owner: Who sent it.
        agent: Whom it was for.
        message_id: Its id.
        reply: The answer, the A2A `Message` as JSON.
    """

    owner: str
    agent: str
    message_id: str
    reply: bytes


class PutRun(RunRow):
    """Begin a run; replaces the row there is. A task that is over gets none.

    It names a worker only where `Ledger.takes_at_write`.
    """

    __slots__ = ()


class HoldRun(NamedTuple):
    """Refuse the whole transaction with `Fenced` unless the run is still this worker's.

    Part of everything a run writes, so that a process that was taken for dead, and comes back,
    changes nothing any more.
    """

    task_id: str
    token: int


class AdvanceRun(NamedTuple):
    """Count how often a run was begun; 1 says that it got further.

    Nothing where the task has no run any more.
    """

    task_id: str
    attempt: int = 1


class ParkRun(NamedTuple):
    """Let a run wait as a row that is nobody's.

    It stays active when something it waits for has come; then whoever claims it goes on with it.
    Only the worker that has a run parks it, and its attempts count from there.

    Attributes:
        task_id: The task.
        waits_for: Keys of the signals it waits for.
        wake_in_s: Seconds until it is woken without a signal, by the store's clock; None for never.
    """

    task_id: str
    waits_for: tuple[str, ...]
    wake_in_s: float | None = None


class ReleaseRun(NamedTuple):
    """Let go of a run that has more to do; whoever claims it goes on with it."""

    task_id: str


class PutSignal(NamedTuple):
    """Deliver a value to a run under a key, first write wins; a parked run becomes active.

    Attributes:
        task_id: The task.
        key: What the run waits under.
        value: JSON.
        worker: Who takes the run over when it was parked, where `Ledger.takes_at_write`; empty for
            nobody.
    """

    task_id: str
    key: str
    value: bytes
    worker: str = ""


class PutStep(NamedTuple):
    """A completed step's result, first write wins."""

    task_id: str
    key: str
    result: bytes


class PutCall(NamedTuple):
    """A tool call's present state; replaces the row there is."""

    call: CallRow


class PutPush(NamedTuple):
    """Post a task's events after `row.progress.done`; replaces the config of that id.

    Refused with `PushesFull` when the task has `limit` others. A `MoveTask` makes its events due
    by itself, so that no event is stored without being posted.
    """

    row: PushRow
    limit: int


class DropPush(NamedTuple):
    """Post a task's events to a place no more; nothing where there is no such config."""

    task_id: str
    push_id: str


class MovePush(NamedTuple):
    """How things stand after a post.

    Nothing where they stood otherwise than expected: the config was dropped or replaced meanwhile,
    or another process was quicker.

    Attributes:
        row: As it was read.
        progress: As it is now.
        lost: The event that was given up, or None.
    """

    row: PushRow
    progress: Progress
    lost: Undelivered | None = None


Write: TypeAlias = (
    CreateTask
    | MoveTask
    | PutReply
    | PutRun
    | HoldRun
    | AdvanceRun
    | ParkRun
    | ReleaseRun
    | PutSignal
    | PutStep
    | PutCall
    | PutPush
    | DropPush
    | MovePush
)


class MessageSeen(Conflict):
    """This owner sent the same message id to this agent before.

    Attributes:
        seen: What became of it.
    """

    code = "MESSAGE_SEEN"

    def __init__(self, seen: Seen) -> None:
        super().__init__("the message was received before")
        self.seen = seen


class TaskMoved(Conflict):
    """The task is not where the decision was taken from any more; decide again."""

    code = "TASK_MOVED"


class Fenced(Conflict):
    """The run is another process's now; what this one makes of it counts no more."""

    code = "FENCED"


class PushesFull(Conflict):
    """The task has as many push configs as it may have."""

    code = "PUSHES_FULL"
