"""A call holds under every server: it asks, completes, sends state only, changes its state."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from interloom.bridges.mcp.core.errors import RoundsExceeded
from interloom.bridges.mcp.core.rounds import MAX_ROUNDS, Ask, Call, Done, Send
from interloom.runtime.values import Json, JsonObject

PARAMS: JsonObject = {"name": "ship", "arguments": {"to": "Lisbon", "deep": [{"a": None}]}}
PARAMS_BYTES = json.dumps(PARAMS)
FORM: JsonObject = {
    "method": "elicitation/create",
    "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}},
}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEYS = st.lists(TEXT, max_size=3, unique=True)
ACTIONS = st.sampled_from(["accept", "decline", "cancel"])


class Conversation(RuleBasedStateMachine):
    """The model: what the server said last, and how often it asked."""

    def __init__(self) -> None:
        super().__init__()
        self.call = Call("depot", "tools/call", PARAMS)
        self.state: str | None = None
        self.keys: list[str] | None = None
        self.rounds = 0
        self.waits = 0
        self.is_done = False

    @precondition(lambda self: not self.is_done)
    @rule(keys=KEYS, state=st.none() | TEXT)
    def server_wants_more(self, keys: list[str], state: str | None) -> None:
        if not keys and state is None:
            return
        result: dict[str, Json] = {"resultType": "input_required"}
        if keys:
            result["inputRequests"] = dict.fromkeys(keys, FORM)
        if state is not None:
            result["requestState"] = state
        if keys and self.rounds - self.waits == MAX_ROUNDS:
            with pytest.raises(RoundsExceeded):
                self.call.receive(result)
            return
        self.call, step = self.call.receive(result)
        self.state, self.keys, self.rounds = state, keys, self.rounds + 1
        self.waits += not keys
        assert isinstance(step, Ask)
        assert list(step.requests) == keys

    @precondition(lambda self: not self.is_done)
    @rule(with_type=st.booleans())
    def server_completes(self, with_type: bool) -> None:
        result: JsonObject = {"content": [], **({"resultType": "complete"} if with_type else {})}
        self.call, step = self.call.receive(result)
        self.state, self.keys, self.is_done = None, None, True
        assert step == Done(result)

    @precondition(lambda self: self.keys is not None)
    @rule(data=st.data())
    def somebody_answers(self, data: st.DataObject) -> None:
        keys = self.keys or []
        responses: JsonObject = {key: {"action": data.draw(ACTIONS)} for key in keys}
        sent = self.call.answer(responses)

        params = dict(sent.params)
        assert params.pop("inputResponses", None) == (responses or None)
        assert params.pop("requestState", None) == self.state
        assert ("requestState" in sent.params) == (self.state is not None)
        assert json.dumps(params) == PARAMS_BYTES

    @precondition(lambda self: self.rounds == 0 and not self.is_done)
    @rule()
    def client_starts(self) -> None:
        assert self.call.send() == Send("tools/call", PARAMS)

    @rule()
    def process_dies_and_another_loads_it(self) -> None:
        saved = json.dumps(self.call.dump())
        loaded = Call.load(json.loads(saved))

        assert loaded == self.call
        assert json.dumps(loaded.dump()) == saved
        self.call = loaded

    @invariant()
    def params_never_change(self) -> None:
        assert json.dumps(self.call.params) == PARAMS_BYTES

    @invariant()
    def rounds_are_counted_and_bounded(self) -> None:
        assert (self.call.rounds, self.call.waits) == (self.rounds, self.waits)
        assert self.rounds - self.waits <= MAX_ROUNDS

    @invariant()
    def state_is_the_servers_last_one(self) -> None:
        assert self.call.state == self.state


TestConversation = Conversation.TestCase
