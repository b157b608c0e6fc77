"""What is done with a call where it stands: every row of the table, and nothing beside it.

Source: DESIGN section 4 (`ours`): never a silent repeat, unless somebody said it is safe.
"""

from __future__ import annotations

from itertools import product

import pytest

from interloom.bridges.handoff.recovery import (
    EVERY_TOOL,
    HONOURS_KEY,
    TABLE,
    Next,
    Policy,
    Promises,
    Repeat,
    Standing,
    Vouched,
    depends_on_vouching,
    next_for,
    standing_of,
)
from interloom.bridges.mcp.core.tools import read_tool
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.values import JsonObject

ASK, ALWAYS, NEVER = Repeat.ASK, Repeat.ALWAYS, Repeat.NEVER
NOTHING, READ_ONLY, IDEMPOTENT, KEYED = Vouched

# Spelled out by hand, so that a slip in the table shows: standing, then the operator's word, then
# what is done when nothing vouches, and with a read-only, an idempotent and a keyed tool.
RESEND, REOPEN, FAIL = Next.RESEND, Next.REOPEN, Next.FAIL
EXPECTED: list[tuple[Standing, Repeat, tuple[Next, ...]]] = [
    (Standing.INTERRUPTED, ASK, (Next.ASK, RESEND, RESEND, RESEND)),
    (Standing.INTERRUPTED, ALWAYS, (RESEND, RESEND, RESEND, RESEND)),
    (Standing.INTERRUPTED, NEVER, (FAIL, FAIL, FAIL, FAIL)),
    (Standing.LOST, ASK, (FAIL, RESEND, RESEND, RESEND)),
    (Standing.LOST, ALWAYS, (RESEND, RESEND, RESEND, RESEND)),
    (Standing.LOST, NEVER, (FAIL, FAIL, FAIL, FAIL)),
    (Standing.FORGOTTEN, ASK, (Next.ASK, REOPEN, REOPEN, REOPEN)),
    (Standing.FORGOTTEN, ALWAYS, (REOPEN, REOPEN, REOPEN, REOPEN)),
    (Standing.FORGOTTEN, NEVER, (FAIL, FAIL, FAIL, FAIL)),
    (Standing.REFUSED, ASK, (Next.ASK, REOPEN, REOPEN, FAIL)),
    (Standing.REFUSED, ALWAYS, (REOPEN, REOPEN, REOPEN, REOPEN)),
    (Standing.REFUSED, NEVER, (FAIL, FAIL, FAIL, FAIL)),
]
CERTAIN = {
    Standing.POSTPONED: Next.SEND,
    Standing.ASKED: Next.ANSWER,
    Standing.REMOTE: Next.POLL,
    Standing.IN_DOUBT: Next.ASK,
    Standing.OVER: Next.DONE,
}
EXPECTED.extend(
    (standing, repeat, (only,) * 4) for (standing, only), repeat in product(CERTAIN.items(), Repeat)
)


@pytest.mark.parametrize(("standing", "repeat", "by_vouched"), EXPECTED)
def test_row_says_what_is_done(
    standing: Standing, repeat: Repeat, by_vouched: tuple[Next, ...]
) -> None:
    """DESIGN 4: the three that decide, in every combination."""
    assert tuple(next_for(standing, repeat, vouched) for vouched in Vouched) == by_vouched


@pytest.mark.parametrize(("standing", "repeat", "by_vouched"), EXPECTED)
def test_whether_vouching_matters_is_known_before_it_is_asked_for(
    standing: Standing, repeat: Repeat, by_vouched: tuple[Next, ...]
) -> None:
    """ours: what vouches for another agent is on its card, which may take minutes to get."""
    assert depends_on_vouching(standing, repeat) == (len(set(by_vouched)) > 1)


@pytest.mark.parametrize("combination", [*product(Standing, Repeat, Vouched)])
def test_exactly_one_row_fits(combination: tuple[Standing, Repeat, Vouched]) -> None:
    """ours: a table that contradicts itself, or is silent, would decide by its order."""
    standing, repeat, vouched = combination

    fitting = [
        rule
        for rule in TABLE
        if rule.standing is standing and repeat in rule.repeat and vouched in rule.vouched
    ]

    assert len(fitting) == 1


@pytest.mark.parametrize("repeat", Repeat)
@pytest.mark.parametrize("vouched", Vouched)
def test_nothing_is_sent_twice_that_nobody_vouched_for(repeat: Repeat, vouched: Vouched) -> None:
    """DESIGN 4: the operator's `always`, or something that vouches, stands behind each repeat."""
    again = {RESEND, REOPEN}
    repeated = [each for each in Standing if next_for(each, repeat, vouched) in again]

    assert not repeated or repeat is ALWAYS or vouched is not NOTHING


FOUND = {
    CallState.INTENDED: Standing.INTERRUPTED,
    CallState.POSTPONED: Standing.POSTPONED,
    CallState.REMOTE_TASK: Standing.REMOTE,
    CallState.INPUT_REQUIRED: Standing.ASKED,
    CallState.IN_DOUBT: Standing.IN_DOUBT,
    CallState.DONE: Standing.OVER,
    CallState.ERROR: Standing.OVER,
}


def test_every_state_of_a_row_has_its_standing() -> None:
    """DESIGN 4: an intent that is found was somebody else's, so it covers what was sent."""
    assert {state: standing_of(state) for state in CallState} == FOUND


def tool(annotations: JsonObject, meta: JsonObject | None = None) -> JsonObject:
    """A tool as a server lists it."""
    shape: JsonObject = {
        "name": "ship",
        "inputSchema": {"type": "object"},
        "annotations": annotations,
    }
    return shape if meta is None else {**shape, "_meta": meta}


LISTED: dict[str, tuple[JsonObject, Vouched]] = {
    "no annotations": (tool({}), NOTHING),
    "read-only": (tool({"readOnlyHint": True}), READ_ONLY),
    "idempotent": (tool({"idempotentHint": True}), IDEMPOTENT),
    "read-only and idempotent": (tool({"readOnlyHint": True, "idempotentHint": True}), READ_ONLY),
    "not destructive": (tool({"destructiveHint": False}), NOTHING),
    "honours the key": (tool({}, {HONOURS_KEY: True}), KEYED),
    "does not honour it": (tool({}, {HONOURS_KEY: False}), NOTHING),
    "a word that is not true": (tool({}, {HONOURS_KEY: "true"}), NOTHING),
    "hints of the wrong type": (tool({"readOnlyHint": "yes", "idempotentHint": 1}), NOTHING),
}


@pytest.mark.parametrize(("listed", "vouched"), LISTED.values(), ids=LISTED)
def test_word_of_a_trusted_server_counts(listed: JsonObject, vouched: Vouched) -> None:
    """MCP 2026-07-28 `ToolAnnotations`: hints, to be believed of a trusted server alone."""
    promises = Promises.of(read_tool(listed, server="depot"))

    assert Policy(is_trusted=True).vouched("ship", promises) is vouched
    assert Policy().vouched("ship", promises) is NOTHING


def test_tool_that_is_not_listed_promises_nothing() -> None:
    """ours."""
    assert Promises.of(None) == Promises()


@pytest.mark.parametrize("keyed", ["ship", EVERY_TOOL])
def test_operator_may_declare_that_the_key_is_honoured(keyed: str) -> None:
    """DESIGN 4: whoever runs the server may say so; the server need not be trusted."""
    policy = Policy(honours_key=frozenset({keyed}))

    assert policy.next(Standing.INTERRUPTED, "ship", Promises()) is Next.RESEND
    others = policy.next(Standing.INTERRUPTED, "burn", Promises())
    assert others is (Next.RESEND if keyed == EVERY_TOOL else Next.ASK)


def test_word_on_a_tool_stands_before_the_word_on_its_server() -> None:
    """docs/configuration.md: `retry`."""
    policy = Policy.of({EVERY_TOOL: "always", "ship": "never"})

    assert policy.next(Standing.INTERRUPTED, "ship", Promises()) is Next.FAIL
    assert policy.next(Standing.INTERRUPTED, "look", Promises()) is Next.RESEND


def test_word_that_is_none_is_refused() -> None:
    """ours."""
    with pytest.raises(ValueError, match="perhaps"):
        Policy.of({"ship": "perhaps"})
