"""Conditions of a request: who has what it asks for gets 304.

Source: RFC 9110 sections 5.6.7, 8.8.3, 13.1.2 and 13.1.3.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from interloom.runtime.wire.conditional import entity_tag, http_date, is_known

TAG = b'"abc"'
MADE = datetime(1994, 11, 6, 8, 49, 37, 999_000, UTC)

KNOWN = {
    "the tag": {b"if-none-match": b'"abc"'},
    "the tag, weak": {b"if-none-match": b'W/"abc"'},
    "the tag among others": {b"if-none-match": b'"x", W/"y" , "abc","z"'},
    "the tag behind one with a comma": {b"if-none-match": b'"x,y", "abc"'},
    "anything": {b"if-none-match": b" * "},
    "the date": {b"if-modified-since": b"Sun, 06 Nov 1994 08:49:37 GMT"},
    "a later date": {b"if-modified-since": b"Mon, 07 Nov 1994 00:00:00 GMT"},
    "the tag and an old date": {
        b"if-none-match": TAG,
        b"if-modified-since": b"Sat, 05 Nov 1994 08:49:37 GMT",
    },
}
UNKNOWN: dict[str, dict[bytes, bytes]] = {
    "nothing": {},
    "another tag": {b"if-none-match": b'"abd"'},
    "the tag without quotes": {b"if-none-match": b"abc"},
    "no tag": {b"if-none-match": b""},
    "a tag that holds it": {b"if-none-match": b'"xabc"'},
    "an older date": {b"if-modified-since": b"Sun, 06 Nov 1994 08:49:36 GMT"},
    "no date": {b"if-modified-since": b"yesterday"},
    "a date that is none": {b"if-modified-since": b"Sun, 99 Nov 1994 08:49:37 GMT"},
    "a date of no zone": {b"if-modified-since": b"Sun, 06 Nov 1994 08:49:37 -0000"},
    "bytes": {b"if-modified-since": b"\xff\xfe"},
    "another tag and a late date": {
        b"if-none-match": b'"abd"',
        b"if-modified-since": b"Mon, 07 Nov 1994 00:00:00 GMT",
    },
}


@pytest.mark.parametrize("headers", KNOWN.values(), ids=KNOWN)
def test_caller_that_has_it_is_recognised(headers: dict[bytes, bytes]) -> None:
    """13.1.2: weak comparison; a date counts by the second."""
    assert is_known(headers, TAG, MADE)


@pytest.mark.parametrize("headers", UNKNOWN.values(), ids=UNKNOWN)
def test_caller_that_may_have_something_else_is_not(headers: dict[bytes, bytes]) -> None:
    """13.1.3: a date does not count beside a tag, and not when it is none."""
    assert not is_known(headers, TAG, MADE)


def test_tag_follows_the_bytes() -> None:
    """8.8.3: a strong validator."""
    assert entity_tag(b"a") == entity_tag(b"a") != entity_tag(b"b")
    assert is_known({b"if-none-match": entity_tag(b"a")}, entity_tag(b"a"), MADE)


def test_date_is_written_as_http_does() -> None:
    """5.6.7: IMF-fixdate."""
    assert http_date(MADE) == b"Sun, 06 Nov 1994 08:49:37 GMT"
