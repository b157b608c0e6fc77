"""What an agent's code is given: everything durable goes through here.

Keys name what happens, not when: `status/2`, `tool/flights.book/1`. A run that is begun again
reaches the same keys, finds what is behind them in its journal, and does nothing twice.

Side by side, "the same order" would be luck. So code that forks gives each branch a path, and all
keys within it begin with that: `1.2/ask/1` is the first question of the second branch of the first
fork. Within a branch, order is what the code says.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Final, NamedTuple

import orjson

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.questions import Question, Response
from interloom.runtime.core.record import Product, TaskRecord
from interloom.runtime.core.trace import Trace, root
from interloom.runtime.engine.artifacts import Artifacts
from interloom.runtime.engine.asking import Asking
from interloom.runtime.engine.run import Ending, Run
from interloom.runtime.engine.tasks import Decide, Tasks, owned
from interloom.runtime.errors import LocalError, TaskNotFound
from interloom.runtime.ledger.rows import CallRow, PutCall, PutStep, Write
from interloom.runtime.model import Message
from interloom.runtime.values import Clock, Json


class _Branch(NamedTuple):
    """Where in the code of a task we are; another task that is begun from there is elsewhere."""

    task: TaskContext
    path: str


_BRANCH: Final[ContextVar[_Branch | None]] = ContextVar("interloom_branch", default=None)
ACCEPTED: Final = "accepted"
"""The step that holds the media types the caller takes, where it named some."""


class TaskContext:
    """One task, as its agent may see and change it.

    Attributes:
        task_id: The task.
        context_id: The conversation it belongs to.
        agent: Name of the agent.
        owner: Principal it works for.
        trace: W3C trace it belongs to; its own, made of its id, when the caller sent none.
    """

    def __init__(self, tasks: Tasks, run: Run, clock: Clock) -> None:
        record = run.live.record
        self.task_id = record.id
        self.context_id = record.context_id
        self.agent = record.agent
        self.owner = record.owner
        self._caller_trace = record.trace
        self._tasks, self._run, self._clock = tasks, run, clock
        self._counts: dict[str, int] = {}

    @cached_property
    def trace(self) -> Trace:
        """The W3C trace the task belongs to."""
        return self._caller_trace or root(self.task_id)

    @cached_property
    def message(self) -> Message:
        """The message that began the task."""
        return self._run.live.view.first_message

    @property
    def text(self) -> str:
        """The text of that message, its text parts joined by line ends."""
        live = self._run.live
        parts = (live.opening or live.view.first_message).parts
        return "\n".join([part.text for part in parts if part.text is not None])

    @property
    def accepted_output_modes(self) -> tuple[str, ...]:
        """Media types the caller takes (A2A 3.2.2); empty for any."""
        stored = self._run.steps.get(ACCEPTED)
        return tuple(self._run.live.accepted if stored is None else orjson.loads(stored))

    async def referenced(self) -> tuple[bytes, ...]:
        """The tasks that the first message refers to, as they are now: A2A `Task`s as JSON.

        They are the caller's own (A2A 3.4.3, 13.1); one that is gone is left out.
        """
        found: list[bytes] = []
        for task_id in self.message.reference_task_ids:
            with suppress(TaskNotFound):
                async with self._tasks.held(task_id) as live:
                    if owned(live.record, self.owner, self.agent):
                        found.append(await self._tasks.json(live))
        return tuple(found)

    async def as_it_stands(self) -> bytes:
        """The task as its caller may see it now: the A2A `Task` as JSON."""
        await self._settled()
        return await self._tasks.json(self._run.live)

    def key(self, name: str) -> str:
        """The next key of a kind: `name/1`, `name/2` …, in the order the branch asks for them."""
        name = self._within(name)
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return f"{name}/{count}"

    def fork(self) -> str:
        """The path of the next fork: `1`, or within a branch `1.2.1`; see `branch`."""
        branch = _BRANCH.get()
        above = f"{branch.path}." if branch is not None and branch.task is self else ""
        count = self._counts[above] = self._counts.get(above, 0) + 1
        return f"{above}{count}"

    @contextmanager
    def branch(self, path: str) -> Generator[None]:
        """Around a piece of work beside others, in an event loop task of its own.

        All keys inside begin with the path, and the run is not parked until every branch waits.

        Args:
            path: That of a fork, and the number of the branch: `1.2`.
        """
        with self._at(path), self._run.branch():
            yield

    @contextmanager
    def _at(self, path: str) -> Generator[None]:
        token = _BRANCH.set(_Branch(self, path))
        try:
            yield
        finally:
            _BRANCH.reset(token)

    def joining(self) -> AbstractContextManager[None]:
        """Around waiting for pieces of work that are each inside `branch`."""
        return self._run.joining()

    def _within(self, name: str) -> str:
        branch = _BRANCH.get()
        return name if branch is None or branch.task is not self else f"{branch.path}/{name}"

    async def step(self, key: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """Do something once and remember its result.

        Args:
            key: Names the step; unique within the task, or within its branch.
            work: Called unless the step was completed before. It may be called again when it was
                interrupted before its result was stored.

        Returns:
            The result as JSON gives it back: tuples are lists, keys are strings.

        Raises:
            LocalError: The result is not JSON.
        """
        key = self._within(key)
        done = self._run.steps.get(key)
        if done is None:
            with self._run.busy():
                done = _json(key, await work())
                await self._store(PutStep(self.task_id, key, done))
            self._run.steps[key] = done
        result: Json = orjson.loads(done)
        return result

    async def ask(
        self, key: str, asked: Sequence[Question], *more: Write, within_s: float | None = None
    ) -> tuple[Response, ...]:
        """Ask the caller and wait, for days if need be.

        When whoever waits gives up, the questions are withdrawn. Run again, they are put again.

        Args:
            key: Names the ask; unique within the task.
            asked: The questions.
            more: Rows to be stored together with the question.
            within_s: Seconds until they are withdrawn for good, from when the code first got here.

        Returns:
            One response a question, in the order asked.

        Raises:
            Overdue: No answer came within that time.
            LocalError: An earlier run asked something else under this key.
        """
        left_s = inf if within_s is None else await self._left_s(key, within_s)
        await self._settled()
        return await self._asking.ask(key, asked, *more, within_s=left_s)

    @cached_property
    def _asking(self) -> Asking:
        return Asking(self._run, self._change_with, self._clock)

    async def sleep(self, key: str, seconds: float) -> None:
        """Let a time pass, from when the code first got here; as a row, if it takes long.

        Args:
            key: Names the pause; unique within the task.
            seconds: How long, by the store's clock.
        """
        left_s = await self._left_s(key, seconds)
        if left_s > 0:
            await self.pause(key, left_s)

    async def seconds_until(self, moment: datetime) -> float:
        """Seconds from the store's clock to a moment; negative when it has passed."""
        return (moment - await self._tasks.ledger.now()).total_seconds()

    async def _left_s(self, key: str, seconds: float) -> float:
        """What is left of a time that began when the code first got here."""
        key, now_s = f"until/{key}", (await self._tasks.ledger.now()).timestamp()
        until = self._run.steps.get(key)
        if until is None:
            until = orjson.dumps(now_s + seconds)
            with self._run.busy():
                await self._store(PutStep(self.task_id, key, until))
            self._run.steps[key] = until
        return float(orjson.loads(until)) - now_s

    async def status(self, text: str) -> None:
        """Tell the caller how it goes."""
        event_id = self.key("status")
        await self._settled()
        if event_id not in self._run.event_ids:
            await self._change(
                lambda record: decide.report(record, text, event_id=event_id, now=self._clock.now())
            )

    async def report(self, text: str, *, key: str) -> None:
        """Tell the caller how a piece of work goes; it has no place in the order of the code.

        Run again, the code may tell it more often or less; nothing else is told apart by it.

        Args:
            text: For a person.
            key: Names the piece of work.

        Raises:
            IllegalMove: The task is over.
        """
        now = self._clock.now()
        event_id = f"{self._within(key)}/{now.timestamp():.3f}"
        await self._settled()
        if event_id not in self._run.event_ids:
            await self._change(
                lambda record: decide.report(record, text, event_id=event_id, now=now)
            )

    async def artifact(
        self, product: Product, *, append: bool = False, last_chunk: bool = True
    ) -> None:
        """Give the caller a result, or a chunk of one."""
        event_id = self.key(f"artifact/{product.artifact_id}")
        await self._settled()
        await self._artifacts.give(event_id, product, append=append, is_last=last_chunk)

    async def stream(self, artifact_id: str, source: Callable[[], AsyncIterable[str]]) -> str:
        """Give the caller text while it is being made; the whole is a step.

        What is done inside the source has keys of its own: a text that is whole is not made again.

        Args:
            artifact_id: Names the artifact.
            source: Begins to make it, unless that was completed before.

        Returns:
            The whole text.

        Raises:
            LocalError: It is no source of text, or another text of this name is being told.
            IllegalMove: The task is over.
        """
        key = self.key(f"stream/{artifact_id}")
        await self._settled()
        with self._at(key):
            return await self._artifacts.stream(key, artifact_id, source)

    @cached_property
    def _artifacts(self) -> Artifacts:
        return Artifacts(self._run, self._change_with)

    def call(self, key: str) -> CallRow | None:
        """A tool call as journaled, or None when it was never intended."""
        return self._run.calls.get(key)

    async def record_call(self, row: CallRow) -> None:
        """Journal where a tool call stands; on return it is stored."""
        await self._store(PutCall(row))
        self._run.calls[row.key] = row

    def remember_call(self, row: CallRow) -> Write:
        """The row to be stored together with an ask; see `ask`."""
        self._run.calls[row.key] = row
        return PutCall(row)

    async def _settled(self) -> None:
        """Wait until nothing of the task is on its way to the store."""
        self._run.live = await self._tasks.renewed(self._run.live)

    async def _change(self, decide: Callable[[TaskRecord], Decision], *more: Write) -> None:
        """Store what is decided on the task, and rows with it, as long as the run is ours."""
        await self._change_with(lambda record: (decide(record), more))

    async def _change_with(self, decide: Decide, *, is_progress: bool = True) -> None:
        """Store what is decided on the task, and the rows that the decision names."""
        run = self._run
        progress = run.progress() if is_progress else ()

        def deciding(record: TaskRecord) -> tuple[Decision, tuple[Write, ...]]:
            decision, more = decide(record)
            return decision, (*more, *progress)

        run.live, _ = await self._tasks.change(run.live, deciding, hold=run.hold)

    async def _store(self, row: Write) -> None:
        """Store a row of the journal, as long as the run is ours."""
        await self._tasks.commit_rows(self._run.hold, row, *self._run.progress())

    @property
    def is_given_up(self) -> bool:
        """True when what is being cancelled will not be taken up again.

        Whoever began it gave up, or the whole task was canceled; a run that is parked or drained
        goes on later.
        """
        return self._run.ending in {None, Ending.STOPPED}

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch, by the clock that the processes of the store share."""
        return int(self._clock.now().timestamp() * 1000)

    @property
    def warm_s(self) -> float:
        """Seconds a pause may take before only rows wait for its end."""
        return self._run.warm_s

    async def pause(self, key: str, seconds: float) -> None:
        """Wait; as a row, if it takes long.

        Then the code is begun again when the time has come, or before: it has to know by itself
        how much of the pause is left.

        Args:
            key: Names the pause; unique among those the task makes at the same time.
            seconds: How long.
        """
        with suppress(TimeoutError):
            await self._run.wait(key, within_s=seconds)

    def busy(self) -> AbstractContextManager[None]:
        """While inside, the run is not parked: something is under way that would be lost."""
        return self._run.busy()


def _json(key: str, value: Json) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise LocalError(f"step {key}: its result is not JSON: {error}") from None
