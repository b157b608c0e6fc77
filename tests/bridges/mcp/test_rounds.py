"""Multi-round-trip requests: what goes on the wire, round by round."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from interloom.bridges.mcp.core.asks import MAX_ASK_BYTES, MAX_REQUESTS, Elicit
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import (
    BadResult,
    RoundsExceeded,
    StateTooLarge,
    UndeclaredInput,
)
from interloom.bridges.mcp.core.rounds import (
    MAX_ROUNDS,
    MAX_STATE_BYTES,
    MAX_WAITS,
    Ask,
    Call,
    Done,
    Method,
    Send,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

STATE = "b3BhcXVl"
FORM: JsonObject = {
    "method": "elicitation/create",
    "params": {"message": "Who?", "requestedSchema": {"type": "object", "properties": {}}},
}
LINK: JsonObject = {
    "method": "elicitation/create",
    "params": {"mode": "url", "message": "Log in", "url": "https://depot.example/login?a=b"},
}
ASKS: JsonObject = {
    "resultType": "input_required",
    "inputRequests": {"who": FORM},
    "requestState": STATE,
}
LATER: JsonObject = {"resultType": "input_required", "requestState": STATE}
YES: JsonObject = {"action": "accept", "content": {"name": "Ada"}}


def fresh() -> Call:
    return Call("depot", "tools/call", {"name": "ship"})


def asked(**requests: Json) -> JsonObject:
    return {"resultType": "input_required", "inputRequests": requests}


@pytest.mark.parametrize("method", get_args(Method))
def test_first_request_carries_only_the_callers_params(method: Method) -> None:
    """MCP 2026-07-28 mrtr "Supported Requests"."""
    assert Call("depot", method, {"name": "ship"}).send() == Send(method, {"name": "ship"})


def test_retry_echoes_state_and_keeps_params() -> None:
    """MCP 2026-07-28 mrtr: the retry repeats the params, adds the answers, echoes the state."""
    call, step = fresh().receive(ASKS)

    assert step == Ask({"who": Elicit("Who?", "form", {"type": "object", "properties": {}})})
    assert call.pending() == step
    assert call.answer({"who": YES}).params == {
        "name": "ship",
        "inputResponses": {"who": YES},
        "requestState": STATE,
    }


def test_person_can_be_sent_to_a_url() -> None:
    """MCP 2026-07-28 elicitation "URL Mode"."""
    call, step = fresh().receive(asked(login=LINK))

    url = "https://depot.example/login?a=b"
    assert step == Ask({"login": Elicit("Log in", "url", url=url)})
    assert call.answer({"login": {"action": "accept"}}).params["inputResponses"] == {
        "login": {"action": "accept"}
    }


@pytest.mark.parametrize("kind", [{}, {"resultType": "complete"}])
def test_final_result_is_done(kind: JsonObject) -> None:
    """MCP 2026-07-28 basic/index: an absent resultType means complete."""
    call, step = fresh().receive({**kind, "content": []})

    assert step == Done({**kind, "content": []})
    assert call.pending() is None


def test_state_alone_is_echoed_without_inventing_responses() -> None:
    """MCP 2026-07-28 mrtr: inputRequests is optional; requestState alone means try again."""
    call, step = fresh().receive({"resultType": "input_required", "requestState": ""})

    assert step == Ask({})
    assert call.answer({}).params == {"name": "ship", "requestState": ""}


def test_state_not_given_again_is_not_sent_again() -> None:
    """MCP 2026-07-28 mrtr client rule 2: without a requestState none is in the retry."""
    call, _ = fresh().receive(ASKS)
    call, _ = call.receive(asked(who=FORM))

    assert call.answer({"who": YES}).params == {"name": "ship", "inputResponses": {"who": YES}}


def test_null_fields_are_read_as_absent() -> None:
    """ours: a server that writes its empty fields means no more than that."""
    call, step = fresh().receive(
        {"resultType": "input_required", "requestState": STATE, "inputRequests": None}
    )

    assert step == Ask({})
    assert call.answer({}).params == {"name": "ship", "requestState": STATE}


def test_server_that_never_stops_asking_is_cut_off() -> None:
    """ours: MAX_ROUNDS."""
    call = fresh()
    for _ in range(MAX_ROUNDS):
        call, _step = call.receive(ASKS)

    with pytest.raises(RoundsExceeded, match=r"depot: tools/call: .* after 10 rounds"):
        call.receive(ASKS)


def test_rounds_that_ask_nothing_are_counted_apart() -> None:
    """ours: a server that says "later" does not use up the questions it may ask."""
    call = fresh()
    for _ in range(MAX_WAITS):
        call, _step = call.receive(LATER)
    for _ in range(MAX_ROUNDS):
        call, _step = call.receive(ASKS)

    assert (call.rounds, call.waits) == (MAX_WAITS + MAX_ROUNDS, MAX_WAITS)
    assert call.receive({"content": []})[1] == Done({"content": []})
    with pytest.raises(RoundsExceeded, match="asks for more input after 10 rounds"):
        call.receive(ASKS)


def test_server_that_is_never_done_is_cut_off() -> None:
    """ours: MAX_WAITS."""
    call = fresh()
    for _ in range(MAX_WAITS):
        call, _step = call.receive(LATER)

    with pytest.raises(RoundsExceeded, match="not done after 720 rounds that asked nothing"):
        call.receive(LATER)


def test_state_over_the_cap_is_refused_and_not_shown() -> None:
    """ours: MAX_STATE_BYTES, counted in UTF-8."""
    state = "é" * (MAX_STATE_BYTES // 2)
    fresh().receive({"resultType": "input_required", "requestState": state})

    with pytest.raises(StateTooLarge) as caught:
        fresh().receive({"resultType": "input_required", "requestState": state + "x"})

    assert "é" not in str(caught.value)


def test_call_never_prints_its_state() -> None:
    """ours: requestState is never shown to anybody."""
    call, _ = fresh().receive(ASKS)

    assert STATE not in repr(call)


BAD_RESULTS: list[tuple[JsonObject, str]] = [
    ({"resultType": "later"}, "resultType 'later' is not one we know"),
    ({"resultType": 7}, "resultType must be a string"),
    ({"resultType": None}, "resultType must be a string"),
    ({"resultType": "input_required"}, "needs inputRequests or requestState"),
    ({"resultType": "input_required", "inputRequests": {}}, "needs inputRequests or"),
    ({"resultType": "input_required", "requestState": 7}, "requestState must be a string"),
    ({"resultType": "input_required", "inputRequests": []}, "inputRequests must be an object"),
    (asked(a="x"), r"inputRequests\['a'\]: must be an object"),
    (asked(a={}), r"inputRequests\['a'\]: method must be one of elicitation/create"),
    (asked(a={"method": "tools/call"}), "method must be one of"),
    (asked(a={"method": ["x"]}), "method must be one of"),
    (asked(a={**FORM, "params": []}), "params must be an object"),
    (asked(a={**FORM, "params": {"requestedSchema": {"type": "object"}}}), "message"),
    (asked(a={**FORM, "params": {"message": "x"}}), "requestedSchema"),
    (asked(a={**FORM, "params": {"message": "x", "requestedSchema": {}}}), "requestedSchema"),
    (
        asked(
            a={
                **FORM,
                "params": {"message": "x", "requestedSchema": {"type": "object", "properties": 1}},
            }
        ),
        "requestedSchema.properties",
    ),
    (asked(**{str(n): FORM for n in range(MAX_REQUESTS + 1)}), "more than 32 requests"),
    (
        asked(a={**FORM, "params": {"message": "x" * MAX_ASK_BYTES}}),
        f"inputRequests is over {MAX_ASK_BYTES} bytes",
    ),
    *(
        (asked(a={**LINK, "params": {"mode": "url", "message": "x", "url": url}}), "params.url")
        for url in (
            None,
            7,
            "",
            "/login",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https://[",
            "https://a b/",
            "https://a/\nb",
            "https://a/" + "x" * 8192,
        )
    ),
]


@pytest.mark.parametrize(("result", "rule"), BAD_RESULTS)
def test_result_that_breaks_a_rule_names_server_method_and_rule(
    result: JsonObject, rule: str
) -> None:
    """MCP 2026-07-28 basic/index ResultType, mrtr server rules, client/elicitation."""
    with pytest.raises(BadResult, match=rule) as caught:
        fresh().receive(result)

    assert str(caught.value).startswith("MCP server depot: tools/call: ")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("request_", "declared"),
    [
        ({"method": "sampling/createMessage", "params": {}}, Capabilities()),
        ({"method": "roots/list"}, Capabilities()),
        (LINK, Capabilities(url=False)),
        (FORM, Capabilities(form=False)),
        ({**FORM, "params": {"mode": "voice", "message": "x"}}, Capabilities()),
        ({**FORM, "params": {"mode": {}, "message": "x"}}, Capabilities()),
    ],
)
def test_input_we_did_not_declare_is_refused(request_: Json, declared: Capabilities) -> None:
    """MCP 2026-07-28 mrtr server rule 7; elicitation: modes the client does not support."""
    with pytest.raises(UndeclaredInput, match="a capability we did not declare"):
        fresh().receive(asked(a=request_), declared=declared)


@pytest.mark.parametrize(
    "responses",
    [
        {},
        {"other": YES},
        {"who": YES, "other": YES},
        {"who": "yes"},
        {"who": {"action": "maybe"}},
        {"who": {}},
        {"who": {"action": "accept", "content": "Ada"}},
    ],
)
def test_answer_that_does_not_fit_is_the_callers_mistake(responses: JsonObject) -> None:
    """MCP 2026-07-28 mrtr client rule 1; elicitation "Response Actions"."""
    call, _ = fresh().receive(ASKS)

    with pytest.raises(LocalError) as caught:
        call.answer(responses)

    assert "Ada" not in str(caught.value)


def test_moves_out_of_turn_are_refused() -> None:
    """ours: a question is answered once asked, and a started call does not start again."""
    waiting, _ = fresh().receive(ASKS)
    done, _ = waiting.receive({"content": []})

    with pytest.raises(LocalError, match="waits for no answer"):
        fresh().answer({})
    with pytest.raises(LocalError, match="waits for answers"):
        waiting.send()
    with pytest.raises(LocalError, match="waits for no answer"):
        done.answer({"who": YES})


@pytest.mark.parametrize("key", ["inputResponses", "requestState"])
def test_caller_may_not_bring_what_belongs_to_the_rounds(key: str) -> None:
    """MCP 2026-07-28 mrtr client rule 4: state is for its own call only."""
    with pytest.raises(LocalError, match=key):
        Call("depot", "tools/call", {"name": "ship", key: {}})


def test_saved_call_goes_on_where_it_was() -> None:
    """ours: the call waits in a store, and another process answers."""
    call, step = fresh().receive(ASKS)

    loaded = Call.load(json.loads(json.dumps(call.dump())))

    assert loaded == call
    assert loaded.pending() == step
    assert loaded.answer({"who": YES}) == call.answer({"who": YES})


@pytest.mark.parametrize(
    "damage",
    [
        {"v": 2},
        {"v": None},
        {"server": None},
        {"method": "tools/list"},
        {"method": 7},
        {"params": []},
        {"state": 7},
        {"rounds": "1"},
        {"waits": None},
        {"asked": "x"},
    ],
)
def test_saved_call_of_another_shape_is_refused(damage: JsonObject) -> None:
    """ours: never go on with half a call."""
    with pytest.raises(LocalError, match="saved call"):
        Call.load({**fresh().dump(), **damage})
