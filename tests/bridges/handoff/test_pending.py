"""A call's row: what it keeps, and whose it is."""

from __future__ import annotations

import pytest

from interloom.bridges.handoff.pending import (
    Made,
    PathChanged,
    Pending,
    digest,
    done,
    failed,
    read_outcome,
    read_pending,
)
from interloom.bridges.handoff.recovery import Promises
from interloom.bridges.mcp.core.rounds import Call
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import CallState
from interloom.runtime.values import JsonObject

LISBON: JsonObject = {"to": "Lisbon", "bags": 2}
MADE = Made("t1", "tool/depot.ship/1", "depot", "ship", digest(LISBON))
CALL = Call("depot", "tools/call", {"name": "ship", "arguments": LISBON})
PROMISES = Promises(idempotent=True, honours_key=True)
PENDING = Pending(CALL, None, 3, "The result must be JSON.", PROMISES, 2)


@pytest.mark.parametrize("state", [CallState.INTENDED, CallState.POSTPONED, CallState.IN_DOUBT])
def test_call_without_an_outcome_is_read_back(state: CallState) -> None:
    """ours: another process goes on with it."""
    assert read_pending(MADE.check(PENDING.row(MADE, state))) == PENDING


def test_row_of_an_older_version_made_no_promises_and_lost_nothing() -> None:
    """ours: a store is brought up to date, its calls go on."""
    body = dict(MADE.check(PENDING.row(MADE, CallState.INTENDED)))
    del body["promises"], body["reason"], body["lost"]

    assert read_pending(body) == Pending(CALL, None, 3)


def test_outcome_is_the_result_or_the_failure() -> None:
    """ours: a run that is begun again takes the same path."""
    worked, broke = done(MADE, {"content": []}), failed(MADE, LocalError("no such tool"))

    assert read_outcome(MADE, worked.state, MADE.check(worked)) == {"content": []}
    with pytest.raises(LocalError, match="no such tool"):
        read_outcome(MADE, broke.state, MADE.check(broke))


def test_arguments_are_the_same_in_any_order() -> None:
    """RFC 8259: the members of an object have none."""
    turned = MADE._replace(arguments=digest({"bags": 2, "to": "Lisbon"}))

    assert turned.check(done(MADE, {"content": []}))["result"] == {"content": []}


OTHERS = {
    "another server": (MADE._replace(server="depot.east"), "another tool was called"),
    "another tool": (MADE._replace(tool="shop"), "another tool was called"),
    "other arguments": (MADE._replace(arguments=digest({})), "the arguments were others"),
}


@pytest.mark.parametrize("state", CallState)
@pytest.mark.parametrize(("made", "what"), OTHERS.values(), ids=OTHERS)
def test_row_of_another_call_is_refused_whatever_its_state(
    made: Made, what: str, state: CallState
) -> None:
    """ours: the result of one call must not become another's, nor its question or its doubt."""
    with pytest.raises(PathChanged) as caught:
        made.check(PENDING.row(MADE, state))

    assert str(caught.value) == (
        f"tool/depot.ship/1: {what} before: the agent's code took another path than the first"
        " time. What may differ from run to run belongs into a step."
    )


@pytest.mark.parametrize("bad", [{"to": {1, 2}}, {"n": 2**70}, {1: "x"}])
def test_arguments_that_are_not_json_are_the_authors_mistake(bad: JsonObject) -> None:
    """ours: said before anything is stored or sent."""
    with pytest.raises(LocalError, match="the arguments of a tool call are not JSON"):
        digest(bad)
