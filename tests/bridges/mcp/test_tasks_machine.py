"""A task holds under every server: it works, asks, lags behind, ends (Tasks extension)."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from interloom.bridges.mcp.core.rounds import Ask, Done
from interloom.bridges.mcp.core.tasks import MAX_POLL_MS, MIN_POLL_MS, RemoteTask, Wait
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.test_tasks import FORM, NOW_MS, RESULT, YES, begun, described

KEYS = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True)
POLLS = st.none() | st.integers(0, 10**7)


class Following(RuleBasedStateMachine):
    """The model: which requests have their answers, and which wait."""

    def __init__(self) -> None:
        super().__init__()
        self.task = begun()
        self.answered: set[str] = set()
        self.waiting: list[str] = []
        self.sent: list[str] = []
        self.is_done = False

    def _receive(self, status: str, **more: Json) -> Wait | Ask | Done:
        self.task, step = self.task.receive(described(status, **more), now_ms=NOW_MS)
        return step

    @precondition(lambda self: not self.is_done)
    @rule(poll=POLLS)
    def server_works(self, poll: int | None) -> None:
        step = self._receive("working", pollIntervalMs=poll)
        self.waiting = []
        assert isinstance(step, Wait)

    @precondition(lambda self: not self.is_done)
    @rule(keys=KEYS)
    def server_asks(self, keys: list[str]) -> None:
        """Some of the keys may have had their answers: its view lags."""
        step = self._receive("input_required", inputRequests=dict.fromkeys(keys, FORM))
        self.waiting = [key for key in keys if key not in self.answered]
        if self.waiting:
            assert isinstance(step, Ask)
            assert list(step.requests) == self.waiting
        else:
            assert isinstance(step, Wait)

    @precondition(lambda self: self.waiting)
    @rule()
    def somebody_answers(self) -> None:
        responses: JsonObject = dict.fromkeys(self.waiting, YES)
        self.task, update = self.task.answer(responses)
        assert update.params["inputResponses"] == responses
        self.sent += self.waiting
        self.answered |= set(self.waiting)
        self.waiting = []

    @precondition(lambda self: not self.is_done)
    @rule()
    def server_completes(self) -> None:
        assert self._receive("completed", result=RESULT) == Done(RESULT)
        self.waiting, self.is_done = [], True

    @rule()
    def process_dies_and_another_loads_it(self) -> None:
        self.task = RemoteTask.load(json.loads(json.dumps(self.task.dump())))

    @invariant()
    def no_request_is_answered_twice(self) -> None:
        assert len(self.sent) == len(set(self.sent))

    @invariant()
    def what_waits_is_what_was_asked(self) -> None:
        pending = self.task.pending()
        assert ([] if pending is None else list(pending.requests)) == self.waiting

    @invariant()
    def polls_stay_within_bounds(self) -> None:
        assert MIN_POLL_MS <= self.task.poll_ms <= MAX_POLL_MS


TestFollowing = Following.TestCase
