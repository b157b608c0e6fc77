"""Names of tools that cannot collide (ours)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.handoff.naming import MAX_CHARS, offered_name

SHAPE = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_CHARS}}}")
ODD = st.text("ab_-.é", min_size=1, max_size=8) | st.text(min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("server", "tool", "name"),
    [
        ("flights", "book", "flights__book"),
        ("flights-eu", "book_one", "flights-eu__book_one"),
    ],
)
def test_name_is_plain_where_it_can_be(server: str, tool: str, name: str) -> None:
    assert offered_name(server, tool) == name


@pytest.mark.parametrize(
    ("server", "tool", "begins"),
    [
        ("@scope/tool.name", "book", "scope-tool-name__book__"),
        ("flights", "book__one", "flights__book-one__"),
        ("flights", "_book", "flights__book__"),
        ("é", "ü", "x__x__"),
        ("f" * 60, "book", "f" * 22 + "__book__"),
    ],
)
def test_name_that_would_not_do_has_a_digest(server: str, tool: str, begins: str) -> None:
    name = offered_name(server, tool)

    assert name.startswith(begins)
    assert re.fullmatch(r"[0-9a-f]{16}", name.removeprefix(begins))


def test_tool_cannot_be_called_like_one_with_a_digest() -> None:
    """A hostile server knows how names are made."""
    theirs = offered_name("flights.eu", "book")
    server, _, tool = theirs.partition("__")

    assert offered_name(server, tool) != theirs


@given(st.lists(st.tuples(ODD, ODD), unique=True, max_size=20))
def test_no_two_tools_have_one_name(pairs: list[tuple[str, str]]) -> None:
    names = [offered_name(server, tool) for server, tool in pairs]

    assert len(set(names)) == len(names)
    assert all(SHAPE.fullmatch(name) for name in names)
