"""Tasks that ask keep their place, whatever their callers do and however often all is dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from interloom.runtime.errors import TaskNotCancelable, UnsupportedOperation
from interloom.runtime.model import Task, TaskState
from interloom.runtime.testing import asker
from interloom.runtime.testing.engine_installations import MemoryInstallation
from tests.runtime.engine.house import COLD_S, WARM_S, House, house, request, said

Result = TypeVar("Result")

QUESTIONS: Final = 3
WORDS: Final = st.sampled_from(["red", "green", "blue"])
ASKING, OVER, CANCELED = TaskState.INPUT_REQUIRED, TaskState.COMPLETED, TaskState.CANCELED


@dataclass
class Known:
    """What a caller knows of a task.

    Attributes:
        task: As it was begun.
        state: Where it must be now.
        answers: Those taken, in order.
        last: The last message of it that was taken: its id and its text.
        refused: Why the last answer was not taken, put before the question.
    """

    task: Task
    last: tuple[str, str]
    state: TaskState = ASKING
    answers: list[str] = field(default_factory=list[str])
    refused: str = ""

    def answered(self, word: str) -> None:
        self.answers.append(word)
        self.refused = ""
        self.state = OVER if len(self.answers) == QUESTIONS else ASKING

    @property
    def says(self) -> str:
        match self.state:
            case TaskState.COMPLETED:
                return " ".join(self.answers)
            case TaskState.CANCELED:
                return ""
            case _:
                return f"{self.refused}What is word {len(self.answers) + 1}?\n   answer"


class Callers(RuleBasedStateMachine):
    """The model: what each task was asked and told."""

    tasks: Bundle[Known] = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self._opening = start_blocking_portal("asyncio")
        self._portal = self._opening.__enter__()
        self._store = MemoryInstallation()
        self._messages = 0
        self.known: list[Known] = []
        self._enter(WARM_S)

    def _enter(self, warm_s: float) -> None:
        opening = house(self._store, asker(questions=QUESTIONS), warm_s=warm_s)
        self._house: AbstractContextManager[House]
        self._house = self._portal.wrap_async_context_manager(opening)
        self.home = self._house.__enter__()

    def teardown(self) -> None:
        self._house.__exit__(None, None, None)
        self._opening.__exit__(None, None, None)

    def _do(self, work: Callable[[], Awaitable[Result]]) -> Result:
        async def bounded() -> Result:
            with anyio.fail_after(5):
                return await work()

        return self._portal.call(bounded)

    def _send(self, text: str, task: Task | None, message_id: str) -> Task:
        wanted = request(text, task, message_id=message_id)
        return self._do(partial(self.home.ask_for, wanted))

    def _fresh(self) -> str:
        self._messages += 1
        return f"message-{self._messages}"

    @rule(target=tasks)
    def somebody_begins(self) -> Known:
        message_id = self._fresh()
        known = Known(self._send("begin", None, message_id), (message_id, "begin"))
        self.known.append(known)
        return known

    @rule(known=tasks, word=WORDS)
    def somebody_answers(self, known: Known, word: str) -> None:
        message_id = self._fresh()
        if known.state is not ASKING:
            with pytest.raises(UnsupportedOperation):
                self._send(word, known.task, message_id)
            return
        known.answered(word)
        known.last = message_id, word
        assert said(self._send(word, known.task, message_id)) == known.says

    @rule(known=tasks)
    def somebody_answers_nonsense(self, known: Known) -> None:
        if known.state is ASKING:
            task = self._send('{"answers": {"nothing": 1}}', known.task, self._fresh())
            known.refused = "answers.nothing: no such question is open; open: question.\n"
            assert said(task) == known.says

    @rule(known=tasks)
    def client_sends_its_last_message_again(self, known: Known) -> None:
        message_id, text = known.last
        task = self._send(text, None if text == "begin" else known.task, message_id)
        assert (task.id, task.status.state, said(task)) == (
            known.task.id,
            known.state,
            known.says,
        )

    @rule(known=tasks)
    def somebody_cancels(self, known: Known) -> None:
        if known.state is ASKING:
            task = self._do(partial(self.home.cancel, known.task))
            known.state = CANCELED
            assert task.status.state is CANCELED
        else:
            with pytest.raises(TaskNotCancelable):
                self._do(partial(self.home.cancel, known.task))

    @rule(warm_s=st.sampled_from([COLD_S, WARM_S]))
    def everything_is_dropped_and_begun_again(self, warm_s: float) -> None:
        self._house.__exit__(None, None, None)
        self._enter(warm_s)

    @invariant()
    def every_task_is_where_it_should_be(self) -> None:
        for known in self.known:
            task = self._do(partial(self.home.get, known.task))
            assert (task.status.state, said(task)) == (known.state, known.says)

    @invariant()
    def every_unfinished_task_has_a_run_and_no_other(self) -> None:
        rows = self._do(self.home.ledger.runs)
        unfinished = [known.task.id for known in self.known if known.state is ASKING]
        assert [row.task_id for row in rows] == unfinished


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
