"""How deep agents may call agents. Source: `ours`, docs/delegation.md."""

from __future__ import annotations

import pytest

from interloom.bridges.delegation.depth import MAX_DEPTH, URI, TooDeep, further, metadata, path_of
from interloom.runtime.model import Message, Part, Role
from interloom.runtime.values import Json, JsonObject


def message(carried: JsonObject | None) -> Message:
    part = Part(text="x")
    return Message(message_id="m", role=Role.USER, parts=(part,), metadata=carried)


def test_path_grows_by_one_agent_a_message() -> None:
    """ours: the first agent is called by a person."""
    first = further(message(None), "butler")
    second = further(message(metadata(first)), "concierge")

    assert (first, second) == (("butler",), ("butler", "concierge"))


def test_last_agent_calls_nobody() -> None:
    """ours: the text names all of them."""
    path = tuple(f"a{n}" for n in range(MAX_DEPTH - 1))

    assert len(further(message(metadata(path[:-1])), "z")) == MAX_DEPTH - 1
    with pytest.raises(TooDeep, match=r"8 agents deep \(a0 > a1 > .* > a6 > z\); no other"):
        further(message(metadata(path)), "z")


NONSENSE: dict[str, tuple[Json, int]] = {
    "no object": ("deep", 0),
    "no path": ({}, 0),
    "no list": ({"path": "a > b"}, 0),
    "no names": ({"path": [1, None]}, 2),
    "long": ({"path": ["a"] * 1000}, MAX_DEPTH + 1),
}


@pytest.mark.parametrize(("carried", "length"), NONSENSE.values(), ids=NONSENSE)
def test_what_a_stranger_claims_is_counted_as_it_can_be(carried: Json, length: int) -> None:
    """ours: a peer gains nothing by it, and costs us nothing."""
    assert len(path_of(message({URI: carried}))) == length
