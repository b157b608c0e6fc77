"""How long an answer may be used again, by its headers (RFC 9111)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.client.freshness import (
    MAX_FRESH_S,
    MAX_STALE_S,
    UNSAID_S,
    directives,
    judge,
)

AT = 1000.0
DATE = "Thu, 26 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "fresh_s"),
    [
        ({}, UNSAID_S),
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": "public, Max-Age=60"}, 60),
        ({"cache-control": 'max-age="60"'}, 60),
        ({"cache-control": "max-age=60, max-age=90"}, 60),
        ({"cache-control": "max-age=60", "age": "20"}, 40),
        ({"cache-control": "max-age=60", "age": "90"}, 0),
        ({"cache-control": "max-age=60", "age": "old"}, 60),
        ({"cache-control": "max-age=0"}, 0),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "max-age"}, 0),
        ({"cache-control": "max-age=99999999999999"}, MAX_FRESH_S),
        ({"cache-control": "no-cache, max-age=60"}, 0),
        ({"cache-control": 'no-cache="set-cookie", max-age=60'}, 0),
        ({"cache-control": "s-maxage=60"}, UNSAID_S),
        ({"cache-control": 'community="UCI, max-age=9"'}, UNSAID_S),
        ({"date": DATE, "expires": "Thu, 26 Nov 2026 12:01:00 GMT"}, 60),
        ({"date": DATE, "expires": "Thu, 26 Nov 2026 11:00:00 GMT"}, 0),
        ({"date": DATE, "expires": "0"}, 0),
        ({"expires": "Thu, 26 Nov 2026 12:01:00 GMT"}, 0),
        ({"date": DATE, "expires": DATE, "cache-control": "max-age=60"}, 60),
        ({"date": DATE, "last-modified": "Thu, 26 Nov 2026 11:50:00 GMT"}, 60),
        ({"date": DATE, "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT"}, MAX_FRESH_S),
        ({"date": DATE, "last-modified": "Fri, 27 Nov 2026 00:00:00 GMT"}, UNSAID_S),
        ({"date": DATE, "last-modified": "yesterday"}, UNSAID_S),
    ],
)
def test_answer_is_fresh_for_as_long_as_it_says(headers: dict[str, str], fresh_s: float) -> None:
    """RFC 9111 4.2.1, 4.2.2, 5.1, 5.2.2, 5.3; a private cache does not heed `s-maxage`."""
    assert judge(headers, at=AT).fresh_until == AT + fresh_s


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        ({"cache-control": "private"}, True),
        ({"cache-control": "no-store"}, False),
        ({"vary": "*"}, False),
        ({"vary": "accept"}, True),
    ],
)
def test_answer_that_may_not_be_kept_is_not(headers: dict[str, str], is_kept: bool) -> None:
    """RFC 9111 4.1 and 5.2.2.5."""
    assert judge(headers, at=AT).is_kept is is_kept


@pytest.mark.parametrize(
    ("control", "stale_s"),
    [
        ("max-age=60", MAX_STALE_S),
        ("max-age=60, must-revalidate", 0),
        ("no-cache", 0),
    ],
)
def test_stale_answer_stands_in_unless_it_forbids_that(control: str, stale_s: float) -> None:
    """RFC 9111 4.2.4: for a server that cannot be reached, and not for ever (ours)."""
    found = judge({"cache-control": control}, at=AT)

    assert found.stale_until - found.fresh_until == stale_s


def test_whether_it_changed_is_asked_by_tag_and_date() -> None:
    """RFC 9110 13.1.2, 13.1.3."""
    found = judge({"etag": 'W/"a"', "last-modified": DATE}, at=AT)

    assert found.conditions() == {"if-none-match": 'W/"a"', "if-modified-since": DATE}
    assert judge({}, at=AT).conditions() == {}


@given(st.text(max_size=60))
def test_any_header_is_read(text: str) -> None:
    directives(text)
    found = judge({"cache-control": text, "expires": text, "date": DATE, "age": text}, at=AT)

    assert AT <= found.fresh_until <= AT + MAX_FRESH_S
