"""A call that its server finishes later, as a value you can save. No I/O.

Source: Tasks extension (`io.modelcontextprotocol/tasks`): "Task Polling", "Task Update Requests",
"Task Cancellation", "Error Handling".

A `RemoteTask` is plain data like a `Call`. Tell it what the server said of the task, in an answer
to `tasks/get` or in `notifications/tasks`, and it says what to do next:

    Wait    ask again in so many milliseconds, with `poll()`
    Ask     get these answers from somebody, then `answer(...)` says what to send
    Done    here is the result of the call

It also knows when it is to be polled next, so that nothing but a row has to wait until then.

A request key stands for one request as long as the task lives, so a request that has its answer is
never asked again, however often the server still lists it: its view of an answer may lag behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from interloom.bridges.mcp.core.asks import InputRequest, check_responses, read_input_requests
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import (
    BadResult,
    McpPeerError,
    RoundsExceeded,
    answered,
)
from interloom.bridges.mcp.core.rounds import EVERYTHING, Ask, Done
from interloom.bridges.mcp.core.task_view import Status, TaskView, read_task
from interloom.runtime.errors import LocalError
from interloom.runtime.values import JsonObject

POLL_MS: Final = 1000
"""Milliseconds between polls when the server wishes for none; ours."""

MIN_POLL_MS: Final = 100
"""Milliseconds below which no server makes us poll; ours."""

MAX_POLL_MS: Final = 3_600_000
"""Milliseconds above which no server makes us wait; ours, or nobody would see the end."""

BACK_OFF: Final = 10
"""A task is polled again after this part of its age, unless its server wishes for a longer pause.

Ours: its end is seen late by a tenth of what it took, and one that takes hours costs few polls."""

MAX_BACK_OFF_MS: Final = 60_000
"""Milliseconds of a pause at most that the server did not wish for; ours."""

LOST_MS: Final = 3_600_000
"""Milliseconds a server may not answer after its task; ours: an hour, for one that is moved."""

MAX_ANSWERS: Final = 320
"""Requests of one task before a server that keeps asking is treated as broken; ours."""

TTL_GRACE_MS: Final = 60_000
"""Milliseconds a task is followed beyond its time to live, for clocks and queues; ours."""

FORMAT: Final = 1
"""Version of what `dump` writes."""

Method: TypeAlias = Literal["tasks/get", "tasks/update", "tasks/cancel"]
NOTIFICATION: Final = "notifications/tasks"


class TaskCancelled(McpPeerError):
    """The server's task was cancelled before it had a result."""

    code = "MCP_TASK_CANCELLED"


class TaskExpired(McpPeerError):
    """The server's task outlived its time to live and never ended."""

    code = "MCP_TASK_EXPIRED"


class TaskRequest(NamedTuple):
    """Put `params` on the wire as the params of `method`."""

    method: Method
    params: JsonObject


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before the next poll.

    Attributes:
        ms: Milliseconds until then.
        message: What the server says of its work, one line; empty when it says nothing.
    """

    ms: int
    message: str


Follow: TypeAlias = Wait | Ask | Done
"""What follows from a view of the task."""


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """A task on a server, as far as we know it.

    Attributes:
        server: Our name for the server, for error messages.
        method: The method it answers.
        task_id: The server's id; whoever has it may have the task, so it is never shown.
        seen_ms: When we heard of it, milliseconds on the caller's wall clock.
        poll_ms: Milliseconds between polls, within our bounds.
        ttl_ms: Milliseconds it lives, from its creation; None for ever.
        answered: Keys of the requests that have their answers.
        asked: The requests that wait for answers, as sent; None when none wait.
        due_ms: When it is to be polled next, on the clock of `seen_ms`.
        lost_ms: Since when its server has not answered, on that clock; None while it does.
        said: What the server said of its work and the caller was told.
    """

    server: str
    method: str
    task_id: str = field(repr=False)
    seen_ms: int
    poll_ms: int = POLL_MS
    ttl_ms: int | None = None
    answered: tuple[str, ...] = ()
    asked: JsonObject | None = None
    due_ms: int = 0
    lost_ms: int | None = None
    said: str = ""

    @classmethod
    def begun(cls, server: str, method: str, seed: TaskView, *, now_ms: int) -> RemoteTask:
        """The task that answered a call; the next thing to do is `poll()`."""
        return _timed(cls(server, method, seed.task_id, now_ms), seed, now_ms)

    def poll(self) -> TaskRequest:
        """Ask how it is."""
        return TaskRequest("tasks/get", {"taskId": self.task_id})

    def cancel(self) -> TaskRequest:
        """Say that nobody wants it any more; what we know of it may then be forgotten."""
        return TaskRequest("tasks/cancel", {"taskId": self.task_id})

    def receive(
        self, result: JsonObject, *, now_ms: int, declared: Capabilities = EVERYTHING
    ) -> tuple[RemoteTask, Follow]:
        """Take the answer to a poll, or the params of a notification.

        Args:
            result: The result object, or the params; both have the same shape.
            now_ms: Milliseconds on the clock of `seen_ms`.
            declared: What we said we can do; anything else may not be asked.

        Raises:
            BadResult: It is malformed, or about another task.
            UndeclaredInput: It asks for what was not declared.
            RoundsExceeded: It asked once too often.
            McpError: The call failed with this JSON-RPC error.
            TaskCancelled | TaskExpired: There will be no result.
        """
        view = read_task(result, server=self.server, method="tasks/get")
        if view.task_id != self.task_id:
            raise self._bad("taskId is another task's")
        task = _timed(self, view, now_ms)
        match view.status:
            case Status.COMPLETED:
                return replace(task, asked=None), Done(view.payload)
            case Status.FAILED:
                raise self._failure(view.payload)
            case Status.CANCELLED:
                raise TaskCancelled(self.server, self.method, "its task was cancelled")
            case Status.INPUT_REQUIRED:
                return _take_requests(task, view, declared, now_ms)
            case Status.WORKING:
                return replace(task, asked=None), _wait(task, view, now_ms)

    def answer(self, responses: JsonObject) -> tuple[RemoteTask, TaskRequest]:
        """Send the answers that were asked for; then poll on.

        Args:
            responses: `{key: result}`, one for every request asked, as for `Call.answer`.

        Raises:
            LocalError: Nothing waits, the keys are not those asked, or an answer is malformed.
        """
        if self.asked is None:
            raise LocalError(f"the task of {self.method} waits for no answer")
        check_responses(self.asked, responses)
        params: JsonObject = {"taskId": self.task_id, "inputResponses": responses}
        told = replace(self, answered=(*self.answered, *responses), asked=None)
        return told, TaskRequest("tasks/update", params)

    def later(self, *, now_ms: int) -> RemoteTask:
        """The task, to be polled after its next pause; for whoever has told it something."""
        return replace(self, due_ms=now_ms + self._pause_ms(now_ms))

    def missed(self, *, now_ms: int) -> RemoteTask | None:
        """The task after a poll that nobody answered; None when that has gone on for too long.

        Pauses between such polls double, up to `MAX_BACK_OFF_MS`.
        """
        since_ms = now_ms if self.lost_ms is None else self.lost_ms
        lost_ms = max(now_ms - since_ms, 0)
        if lost_ms > LOST_MS:
            return None
        pause_ms = min(max(lost_ms, MIN_POLL_MS), MAX_BACK_OFF_MS)
        return replace(self, due_ms=now_ms + pause_ms, lost_ms=since_ms)

    def left_ms(self, now_ms: int) -> int:
        """Milliseconds until it is to be polled; a clock that was set back makes nobody wait."""
        return min(max(self.due_ms - now_ms, 0), max(self.poll_ms, MAX_BACK_OFF_MS))

    def _pause_ms(self, now_ms: int) -> int:
        age_ms = max(now_ms - self.seen_ms, 0)
        return max(self.poll_ms, min(age_ms // BACK_OFF, MAX_BACK_OFF_MS))

    def pending(self) -> Ask | None:
        """The question that waits, as `receive` gave it; None when none waits."""
        if self.asked is None:
            return None
        return Ask(_read_requests(self, self.asked, EVERYTHING))

    def dump(self) -> JsonObject:
        """The task as JSON; `load` gives it back."""
        return {
            "v": FORMAT,
            "server": self.server,
            "method": self.method,
            "task_id": self.task_id,
            "seen_ms": self.seen_ms,
            "poll_ms": self.poll_ms,
            "ttl_ms": self.ttl_ms,
            "answered": list(self.answered),
            "asked": self.asked,
            "due_ms": self.due_ms,
            "lost_ms": self.lost_ms,
            "said": self.said,
        }

    @classmethod
    def load(cls, saved: JsonObject) -> RemoteTask:
        """The task that `dump` wrote.

        Raises:
            LocalError: It was written by another format, or is damaged.
        """
        match saved:
            case {
                "v": 1,
                "server": str(server),
                "method": str(method),
                "task_id": str(task_id),
                "seen_ms": int(seen_ms),
                "poll_ms": int(poll_ms),
                "ttl_ms": int() | None as ttl_ms,
                "answered": [*answered],
                "asked": Mapping() | None as asked,
            }:
                keys = tuple(str(key) for key in answered)
                loaded = cls(server, method, task_id, seen_ms, poll_ms, ttl_ms, keys, asked)
                return _timed_as_saved(loaded, saved)
            case _:
                raise LocalError(f"a saved task of format {FORMAT} is needed")

    def _failure(self, error: JsonObject) -> McpPeerError:
        code, said, data = error.get("code"), error.get("message", ""), error.get("data")
        if not isinstance(code, int) or isinstance(code, bool):
            return self._bad("error.code must be an integer")
        return answered(self.server, self.method, error_code=code, said=str(said), data=data)

    def _bad(self, rule: str) -> BadResult:
        return BadResult(self.server, "tasks/get", rule)


def _timed(task: RemoteTask, view: TaskView, now_ms: int) -> RemoteTask:
    wished = POLL_MS if view.poll_ms is None else view.poll_ms
    poll_ms = min(max(wished, MIN_POLL_MS), MAX_POLL_MS)
    return replace(task, poll_ms=poll_ms, ttl_ms=view.ttl_ms, lost_ms=None).later(now_ms=now_ms)


def _timed_as_saved(task: RemoteTask, saved: JsonObject) -> RemoteTask:
    """The times of a saved task; one that was saved without them is polled at once."""
    match saved:
        case {"due_ms": int(due_ms), "lost_ms": int() | None as lost_ms, "said": str(said)}:
            return replace(task, due_ms=due_ms, lost_ms=lost_ms, said=said)
        case _:
            return task


def _take_requests(
    task: RemoteTask, view: TaskView, declared: Capabilities, now_ms: int
) -> tuple[RemoteTask, Wait | Ask]:
    fresh = {key: each for key, each in view.payload.items() if key not in task.answered}
    if not fresh:  # the server's view lags behind our answers
        return replace(task, asked=None), _wait(task, view, now_ms)
    if len(task.answered) + len(fresh) > MAX_ANSWERS:
        rule = f"its task asks for more input after {MAX_ANSWERS} requests"
        raise RoundsExceeded(task.server, task.method, rule)
    requests = _read_requests(task, fresh, declared)
    return replace(task, asked=fresh), Ask(requests)


def _wait(task: RemoteTask, view: TaskView, now_ms: int) -> Wait:
    if task.ttl_ms is not None and now_ms > task.seen_ms + task.ttl_ms + TTL_GRACE_MS:
        rule = "its task outlived its time to live without an end"
        raise TaskExpired(task.server, task.method, rule)
    return Wait(task.due_ms - now_ms, view.message)


def _read_requests(
    task: RemoteTask, asked: JsonObject, declared: Capabilities
) -> Mapping[str, InputRequest]:
    return read_input_requests(asked, declared, server=task.server, method="tasks/get")
