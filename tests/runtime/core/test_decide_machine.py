"""A task holds together under every order of what callers and agents can do to it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Literal, TypeAlias, cast

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision, Start, Stop, Wake
from interloom.runtime.core.machine import INTERRUPTED, TERMINAL
from interloom.runtime.core.questions import MARKER, dump, load, text_of, unanswered
from interloom.runtime.core.record import Event, Product
from interloom.runtime.errors import IllegalMove, TaskNotCancelable, UnsupportedOperation
from interloom.runtime.model import (
    Part,
    Role,
    Task,
    TaskState,
    decode_json,
)
from interloom.runtime.values import Json, JsonObject
from tests.runtime.core.samples import (
    KINDS,
    NOW,
    Kind,
    data,
    names,
    new_record,
    new_view,
    product,
    said,
    wire,
)

NAMES = st.sampled_from(["q", "q-2", "answers", "", "Ü 1"])
TEXTS = st.sampled_from(
    ["yes", "no", "3", "aisle", "what?", "/decline", "/cancel", "cancel", "{}", '{"q": 1}', "é"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
Ending: TypeAlias = Literal["finish", "fail", "reject", "cancel"]
ENDINGS: tuple[Ending, ...] = ("finish", "fail", "reject", "cancel")


class Story(RuleBasedStateMachine):
    """The model: who was asked what, and who has been woken."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.record = new_record()
        self.view = new_view()
        self.events: list[Event] = []
        self.kinds: dict[str, Kind] = {}
        self.asks: dict[str, int] = {}
        self.woken: Counter[str] = Counter()
        self.taken: list[str] = []
        self.count = 0

    def fresh(self, word: str) -> str:
        self.count += 1
        return f"{word}/{self.count}"

    def happens(self, decision: Decision) -> None:
        self.now += timedelta(milliseconds=7)
        for event in decision.events:
            self.view.apply(event)
        self.events += decision.events
        self.record = decision.record
        for effect in decision.effects:
            if isinstance(effect, Wake):
                self.woken[effect.key] += 1
                assert len(effect.responses) == self.asks[effect.key]

    @property
    def open_names(self) -> list[str]:
        return names(unanswered(self.record.asks))

    @property
    def is_over(self) -> bool:
        return self.record.state in TERMINAL

    # What can happen

    @initialize()
    def accepted(self) -> None:
        decision = decide.accept(self.record, said("book", message_id="m0"))
        assert decision.effects == (Start(),)
        self.taken.append("m0")
        self.happens(decision)

    @precondition(lambda self: not self.is_over)
    @rule(wanted=st.lists(st.tuples(NAMES, st.sampled_from(KINDS)), min_size=1, max_size=3))
    def agent_asks(self, wanted: list[tuple[str, Kind]]) -> None:
        before, key = self.open_names, self.fresh("ask")
        self.asks[key] = len(wanted)
        self.happens(
            decide.ask(self.record, key, [kind.named(name) for name, kind in wanted], now=self.now)
        )
        assert self.open_names[: len(before)] == before
        for given_name, (name, kind) in zip(self.open_names[len(before) :], wanted, strict=True):
            assert given_name.startswith(name)
            self.kinds[given_name] = kind

    @precondition(lambda self: self.record.asks)
    @rule(data=st.data())
    def agent_asks_again_under_the_same_key(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.record.asks)).key
        again = decide.ask(self.record, key, [KINDS[0].question], now=self.now)
        assert again == Decision(self.record, ())

    @precondition(lambda self: self.record.asks)
    @rule(draw=st.data())
    def agent_gives_up_on_an_answer(self, draw: st.DataObject) -> None:
        ask = draw.draw(st.sampled_from(self.record.asks))
        left = [name for name in self.open_names if name not in names(ask.questions)]
        event_id = self.fresh("withdrawn")
        self.happens(decide.withdraw(self.record, ask.key, event_id=event_id, now=self.now))
        del self.asks[ask.key]
        assert self.open_names == left
        again = decide.withdraw(self.record, ask.key, event_id="again", now=self.now)
        assert again == Decision(self.record, ())

    @precondition(lambda self: self.record.asks)
    @rule(draw=st.data(), wrapped=st.booleans())
    def caller_answers_some_questions(self, draw: st.DataObject, wrapped: bool) -> None:
        chosen = draw.draw(st.lists(st.sampled_from(self.open_names), min_size=1, unique=True))
        left = [name for name in self.open_names if name not in chosen]
        answers = {name: self._good(draw, self.kinds[name]) for name in chosen}
        value: Json = {"answers": answers} if wrapped or "answers" in answers else answers
        self._say(data(value))
        assert self.open_names == left

    @precondition(lambda self: any(self.kinds[name].bad for name in self.open_names))
    @rule(draw=st.data())
    def caller_answers_one_question_badly(self, draw: st.DataObject) -> None:
        spoilt = draw.draw(st.sampled_from([n for n in self.open_names if self.kinds[n].bad]))
        bad = draw.draw(st.sampled_from(self.kinds[spoilt].bad))
        answers = {name: self._good(draw, self.kinds[name]) for name in self.open_names}
        before = self.record.asks
        self._say(data({"answers": {**answers, spoilt: {"content": bad}}}))
        assert self.record.asks == before
        self._reason_is_given()

    @precondition(lambda self: self.record.asks)
    @rule()
    def caller_names_a_question_nobody_asked(self) -> None:
        before = self.record.asks
        self._say(data({"answers": {"nobody": {"action": "accept"}}}))
        assert self.record.asks == before
        self._reason_is_given()

    @precondition(lambda self: not self.is_over)
    @rule(text=TEXTS)
    def caller_says_something(self, text: str) -> None:
        self._say(Part(text=text))

    @precondition(lambda self: not self.is_over)
    @rule(value=ANYTHING)
    def caller_sends_data(self, value: Json) -> None:
        self._say(data(value))

    @precondition(lambda self: not self.is_over)
    @rule()
    def agent_reports(self) -> None:
        event_id = self.fresh("status")
        decision = decide.report(self.record, "on it", event_id=event_id, now=self.now)
        assert bool(decision.events) == (self.record.state is TaskState.WORKING)
        self.happens(decision)

    @precondition(lambda self: not self.is_over)
    @rule(append=st.booleans(), last=st.booleans(), name=st.sampled_from(["a", "b"]))
    def agent_produces(self, append: bool, last: bool, name: str) -> None:
        before, event_id = self.record.state, self.fresh(f"artifact/{name}")
        decision = decide.produce(
            self.record, product(name, event_id), event_id=event_id, append=append, last_chunk=last
        )
        self.happens(decision)
        assert self.record.state is before

    @precondition(lambda self: not self.is_over and self.count > 8)
    @rule(ending=st.sampled_from(ENDINGS))
    def task_ends(self, ending: Ending) -> None:
        twins = [product("a/1", "x")] * 2
        decision = self._end(ending, twins)
        assert decision.effects == ((Stop(),) if ending == "cancel" else ())
        self.happens(decision)
        assert self.is_over

    @precondition(lambda self: self.is_over)
    @rule()
    def nothing_more_is_accepted(self) -> None:
        with pytest.raises(UnsupportedOperation):
            decide.follow_up(self.record, said("more"), now=self.now)
        with pytest.raises(TaskNotCancelable):
            decide.cancel(self.record, now=self.now)
        for ending in ENDINGS[:-1]:
            with pytest.raises(IllegalMove):
                self._end(ending, [])
        with pytest.raises(IllegalMove):
            decide.ask(self.record, "late", [KINDS[0].question], now=self.now)
        with pytest.raises(IllegalMove):
            decide.report(self.record, "late", event_id="late", now=self.now)
        late = product("a", "x")
        with pytest.raises(IllegalMove):
            decide.produce(self.record, late, event_id="late", append=True, last_chunk=True)

    def _end(self, ending: Ending, products: list[Product]) -> Decision:
        match ending:
            case "finish":
                return decide.finish(self.record, products, now=self.now)
            case "fail":
                return decide.fail(self.record, "broken", now=self.now)
            case "reject":
                return decide.reject(self.record, "will not", now=self.now)
            case "cancel":
                return decide.cancel(self.record, now=self.now)

    def _good(self, draw: st.DataObject, kind: Kind) -> JsonObject:
        content = draw.draw(st.sampled_from(kind.good))
        return draw.draw(
            st.sampled_from(
                [
                    {"action": "accept", "content": content},
                    {"content": content},
                    {"action": "decline"},
                    {"action": "cancel"},
                ]
            )
        )

    def _say(self, part: Part) -> None:
        message_id = self.fresh("said")
        before, woken = self.record, sum(self.woken.values())
        message = said(part, message_id=message_id)
        self.happens(decide.follow_up(self.record, message, now=self.now))
        self.taken.append(message_id)
        gone = {ask.key for ask in before.asks} - {ask.key for ask in self.record.asks}
        assert sum(self.woken.values()) - woken == len(gone)

    def _reason_is_given(self) -> None:
        questions = text_of(unanswered(self.record.asks))
        text = self._shown()[0]["text"]
        assert isinstance(text, str)
        reason = text.removesuffix(f"\n{questions}")
        assert reason != text
        assert reason.endswith(".")

    def _shown(self) -> list[dict[str, Json]]:
        """The parts of the status message."""
        status = orjson.loads(self.view.json())["status"]
        return cast("list[dict[str, Json]]", status["message"]["parts"])

    # What always holds

    @invariant()
    def events_are_numbered_without_gaps(self) -> None:
        assert [event.seq for event in self.events] == list(range(1, len(self.events) + 1))
        assert self.record.seq == len(self.events)

    @invariant()
    def no_event_id_is_used_twice(self) -> None:
        assert len({event.id for event in self.events}) == len(self.events)

    @invariant()
    def only_the_last_event_may_be_terminal(self) -> None:
        assert not [event for event in self.events[:-1] if event.state in TERMINAL]

    @invariant()
    def record_stands_where_the_last_event_left_it(self) -> None:
        assert not self.events or self.record.state is self.events[-1].state

    @invariant()
    def task_waits_exactly_while_a_question_is_open(self) -> None:
        assert (self.record.state in INTERRUPTED) == bool(self.open_names)
        assert all(ask.unanswered for ask in self.record.asks)

    @invariant()
    def open_questions_have_names_of_their_own(self) -> None:
        assert len(set(self.open_names)) == len(self.open_names)

    @invariant()
    def every_open_question_is_shown_to_people_and_to_programs(self) -> None:
        if not self.record.asks:
            return
        text, shown = self._shown()
        shapes = cast("dict[str, dict[str, JsonObject]]", shown["data"])["questions"]
        assert list(shapes) == self.open_names
        assert shown["metadata"] == {MARKER: True}
        lines = str(text["text"]).splitlines()
        for question in unanswered(self.record.asks):
            assert [line for line in lines if line.endswith(question.message)]
            assert shapes[question.name]["message"] == question.message

    @invariant()
    def every_ask_is_answered_open_or_dropped_with_its_task(self) -> None:
        waiting = {ask.key for ask in self.record.asks}
        assert max(self.woken.values(), default=0) <= 1
        assert not waiting & set(self.woken)
        if not self.is_over:
            assert waiting | set(self.woken) == set(self.asks)

    @invariant()
    def open_questions_survive_storage(self) -> None:
        stored = orjson.loads(orjson.dumps(dump(self.record.asks)))
        assert load(stored) == self.record.asks

    @invariant()
    def task_read_back_is_the_task_in_memory(self) -> None:
        if self.events:
            assert new_view(self.events).json() == self.view.json()

    @invariant()
    def everything_shown_is_a2a(self) -> None:
        if not self.events:
            return
        for event in self.events[-2:]:
            assert wire(event).kind is not None
        task = decode_json(Task, self.view.json())
        assert task.status.state is self.record.state
        said_by_caller = [each for each in task.history if each.role is Role.USER]
        assert [each.message_id for each in said_by_caller] == self.taken
        assert {each.task_id for each in task.history} == {self.record.id}


Story.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestStory = Story.TestCase
