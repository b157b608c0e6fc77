"""What a failure says to the person at the terminal (ours)."""

from __future__ import annotations

import pytest

from interloom.apps.terminal import ExitCode, Failure

TOLD: dict[str, tuple[str, str, str]] = {
    "a sentence and a hint": (
        "the call of book did not take place.",
        "interloom tasks get 1",
        "error: the call of book did not take place; interloom tasks get 1",
    ),
    "a sentence alone": ("It is down.", "", "error: It is down."),
    "no sentence": ("no such task", "list them", "error: no such task; list them"),
    "two lines": ("a: bad.\nb: bad.", "mend it", "error: a: bad.\nerror: b: bad; mend it"),
    "something left out": ("it said: no...", "ask", "error: it said: no...; ask"),
}


@pytest.mark.parametrize(("message", "hint", "told"), TOLD.values(), ids=TOLD)
def test_hint_goes_on_where_the_message_ends(message: str, hint: str, told: str) -> None:
    """ours: a full stop and a semicolon do not meet."""
    assert Failure(ExitCode.TASK_FAILED, "X", message, hint=hint).told() == told
