"""What an author sees of an error, and that it is the same after a restart."""

from __future__ import annotations

import json

import pytest

from interloom.bridges.handoff import ToolFailed, ToolUnanswered
from interloom.bridges.handoff.failures import Failure, dump_failure, failure, load_failure
from interloom.bridges.mcp.core.errors import BadResult, answered, refused
from interloom.runtime.errors import (
    BadConfig,
    InterloomError,
    LocalError,
    PeerError,
    Refused,
    TransportError,
)

MAYBE, NOT = "the call of ship may have taken effect.", "the call of ship did not take place."


def seen(error: InterloomError, *, repeated: bool = False) -> Failure:
    return failure(error, server="depot", tool="ship", repeated=repeated)


def status(code: int, method: str = "tools/call") -> InterloomError:
    return refused("depot", method, code, challenge=None)


def told(code: int) -> InterloomError:
    return answered("depot", "tools/call", error_code=code, said="s3cret", data=None)


UNANSWERED: dict[str, tuple[InterloomError, bool, bool | None]] = {
    "no connection": (TransportError("x", delivered=False), False, False),
    "no connection for the second try": (TransportError("x", delivered=False), True, None),
    "no answer": (TransportError("x", delivered=True), False, None),
    "502": (status(502), False, None),
    "503": (status(503), False, None),
    "504": (status(504), False, None),
    "503 for the list": (status(503, "tools/list"), False, False),
    "503 for the list of the second try": (status(503, "tools/list"), True, None),
}


@pytest.mark.parametrize(("error", "repeated", "effect"), UNANSWERED.values(), ids=UNANSWERED)
def test_call_without_an_answer_says_whether_it_may_have_taken_effect(
    error: InterloomError, repeated: bool, effect: bool | None
) -> None:
    """ours: a gateway's status is as uncertain as a connection that was cut."""
    found = seen(error, repeated=repeated)

    assert isinstance(found, ToolUnanswered)
    assert found.took_effect is effect
    assert str(found) == f"{error}; {NOT if effect is False else MAYBE}"


FAILED: dict[str, tuple[InterloomError, int | None]] = {
    "an error": (told(-32602), -32602),
    "an error of its own": (told(7), 7),
    "a broken rule": (BadResult("depot", "tools/call", "x"), None),
    "not now": (status(429), None),
    "500": (status(500), None),
    "another peer's error": (PeerError("x"), None),
}


@pytest.mark.parametrize(("error", "code"), FAILED.values(), ids=FAILED)
def test_error_of_the_server_carries_its_code(error: InterloomError, code: int | None) -> None:
    """ours: an author tells errors apart without knowing our MCP client."""
    found = seen(error)

    assert isinstance(found, ToolFailed)
    assert (found.server, found.tool, found.error_code) == ("depot", "ship", code)
    assert str(found) == str(error)


@pytest.mark.parametrize("error", [LocalError("x"), BadConfig("x"), Refused("x")])
def test_error_of_this_side_is_a_local_error(error: InterloomError) -> None:
    """ours: its text is fit for a peer, and the class can be stored."""
    assert type(seen(error)) is LocalError
    assert str(seen(error)) == "x"


@pytest.mark.parametrize("error", [TransportError("x", delivered=True), status(503, "tools/list")])
def test_list_without_an_answer_has_changed_nothing(error: InterloomError) -> None:
    """ours: there is no call that could have taken effect."""
    found = failure(error, server="depot")

    assert isinstance(found, ToolUnanswered)
    assert (found.tool, found.took_effect, str(found)) == ("", False, str(error))


READING: list[InterloomError] = [
    TransportError("x", delivered=True),
    TransportError("x", delivered=False),
    status(503, "prompts/get"),
]


@pytest.mark.parametrize("error", READING)
@pytest.mark.parametrize("repeated", [False, True])
def test_reading_without_an_answer_has_changed_nothing(
    error: InterloomError, repeated: bool
) -> None:
    """ours: a prompt or a resource takes no effect, however often it is asked for."""
    found = failure(error, server="depot", tool="label", repeated=repeated, is_reading=True)

    assert isinstance(found, ToolUnanswered)
    assert (found.tool, found.took_effect, str(found)) == ("label", False, str(error))


ALL = [error for error, _, _ in UNANSWERED.values()] + [error for error, _ in FAILED.values()]


@pytest.mark.parametrize("error", [*ALL, LocalError("x")])
def test_stored_failure_is_the_same_failure(error: InterloomError) -> None:
    """ours: an `except` takes the same path on every replay."""
    live = seen(error)
    stored = json.loads(json.dumps(dump_failure(live)))

    replayed = load_failure(stored, server="depot", tool="ship")

    assert type(replayed) is type(live)
    assert str(replayed) == str(live)
    assert vars(replayed) == vars(live)
