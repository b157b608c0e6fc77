"""A server's log line without what it repeats of a request (ours)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.handoff.unsaid import LEAST_CHARS, without
from interloom.runtime.values import Json, JsonObject

SENT: JsonObject = {
    "name": "pay",
    "arguments": {
        "card": {"number": 4111111111111111, "holder": 'Ada "L"'},
        "notes": ["secret garden", "secret", True, None, "no"],
    },
    "inputResponses": {"pin": {"action": "accept", "content": {"code": "9876"}}},
    "requestState": "c3RhdGU=",
}
SAID: dict[str, tuple[Json, str]] = {
    "a text": ("pay: charging 4111111111111111", "pay: charging […]"),
    "a longer argument first": ("in the secret garden", "in the […]"),
    "an answer": ("code 9876 is right", "code […] is right"),
    "the state": ({"state": "c3RhdGU="}, '{"state":"[…]"}'),
    "an object": (
        {"holder": 'Ada "L"', "number": 4111111111111111, "ms": 12},
        '{"holder":"[…]","number":[…],"ms":12}',
    ),
    "names of fields": ({"card": 1}, '{"card":1}'),
    "short words": ("no", "no"),
    "two lines": ("a\nb", "a b"),
    "nothing": (None, "null"),
    "much": ("x" * 500, "x" * 199 + "…"),
}


@pytest.mark.parametrize(("said", "line"), SAID.values(), ids=SAID)
def test_line_has_nothing_of_the_request(said: Json, line: str) -> None:
    assert without(said, SENT) == line


@given(st.text('abc"\\\n', min_size=LEAST_CHARS, max_size=12), st.booleans())
def test_argument_is_in_no_line(argument: str, is_in_an_object: bool) -> None:
    """As it is or escaped; what is hidden may not come together again."""
    said: Json = {"d": argument} if is_in_an_object else f"<{argument}>"
    line = without(said, {"arguments": {"e": argument}})

    assert line == ('{"d":"[…]"}' if is_in_an_object else "<[…]>")
