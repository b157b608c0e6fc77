"""ListTasks reads its request strictly, and its cursors come back exact."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.core.paging import Position, Query, position, query, token
from interloom.runtime.errors import BadParams, Violation
from interloom.runtime.model import ListTasksRequest, TaskState

SINCE = datetime(2026, 1, 2, 3, 4, 5, 6000, UTC)
MICROSECOND = timedelta(microseconds=1)
MOMENTS = st.integers(-(10**12), 10**14).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)

ALL = Query("ann", "a")

TOKENS = st.text(max_size=60) | st.binary(max_size=60).map(
    lambda raw: base64.urlsafe_b64encode(raw).decode()
)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


@given(MOMENTS, st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_token_leads_back_to_the_very_millisecond(at: datetime, task_id: str) -> None:
    """A2A 3.1.4: a boundary off by a millisecond would skip the tasks that share it."""
    last = Position(at, task_id)

    assert position(token(last, ALL), ALL) == last


def test_token_is_exact_where_floating_point_is_not() -> None:
    """ours: from 2038 on a float of seconds times a thousand may fall short of the millisecond."""
    at = datetime(2038, 2, 1, tzinfo=UTC)
    moments = [at + timedelta(milliseconds=ms) for ms in range(1000)]

    assert [position(token(Position(each, "t"), ALL), ALL).status_at for each in moments] == moments


def test_token_is_safe_in_a_url() -> None:
    """A2A 11.3: the token is a query parameter of the HTTP binding."""
    tokens = [token(Position(SINCE, "t" * length + "?>~"), ALL) for length in range(6)]

    assert all(set("+/=&? ").isdisjoint(each) for each in tokens)


@pytest.mark.parametrize(
    "foreign",
    [
        "x",
        "!",
        "é",
        "\x00",
        "====",
        "next-page",
        "eyJhIjoxfQ",
        encoded([]),
        encoded([1, "t"]),
        encoded([1]),
        encoded([1, 2, 3]),
        encoded(["1", "t", "d"]),
        encoded([1.5, "t", "d"]),
        encoded([None, "t", "d"]),
        encoded([1, "t", "d", "more"]),
        encoded({"0": 1, "1": "t"}),
        encoded([10**18, "t", "d"]),
        encoded([-(10**18), "t", "d"]),
        base64.urlsafe_b64encode(b"[1e999,1]").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        "A" * 100_000,
    ],
)
def test_foreign_token_is_refused_by_name(foreign: str) -> None:
    """A2A 3.1.4: an invalid page token is the client's mistake; it is not echoed."""
    with pytest.raises(BadParams, match=r"^pageToken: is not a token of this server$") as refused:
        query(ListTasksRequest(page_token=foreign), owner="ann", agent="a")

    assert refused.value.violations == (Violation("pageToken", "is not a token of this server"),)


@given(TOKENS)
def test_any_token_is_read_or_refused(foreign: str) -> None:
    """ours: no other error leaves the reader, and what it reads is a position."""
    with suppress(BadParams):
        assert position(token(position(foreign, ALL), ALL), ALL) == position(foreign, ALL)


@pytest.mark.parametrize(("sent", "size"), [(None, 50), (1, 1), (50, 50), (100, 100)])
def test_page_size_is_the_clients_within_bounds(sent: int | None, size: int) -> None:
    """A2A 3.1.4: 1 to 100, 50 when unset."""
    assert query(ListTasksRequest(page_size=sent), owner="ann", agent="a").size == size


@pytest.mark.parametrize("sent", [0, -1, 101, 2**31 - 1, -(2**31)])
def test_page_size_out_of_bounds_is_refused(sent: int) -> None:
    """A2A 3.1.4."""
    with pytest.raises(BadParams, match=r"^pageSize: must be 1 to 100$") as refused:
        query(ListTasksRequest(page_size=sent), owner="ann", agent="a")

    assert refused.value.violations == (Violation("pageSize", "must be 1 to 100"),)


@pytest.mark.parametrize("sent", [-1, -(2**31)])
def test_negative_history_length_is_refused(sent: int) -> None:
    """A2A 3.2.4."""
    with pytest.raises(BadParams, match=r"^historyLength: must be 0 or more$"):
        query(ListTasksRequest(history_length=sent), owner="ann", agent="a")


def test_filters_are_taken_over_and_the_owner_is_not_the_requests() -> None:
    """A2A 3.1.4, 13.1: whose tasks are listed is decided by who asks."""
    filtered = Query("ann", "a", context_id="c1", state=TaskState.INPUT_REQUIRED, since=SINCE)
    request = ListTasksRequest(
        context_id="c1",
        status=TaskState.INPUT_REQUIRED,
        status_timestamp_after=SINCE,
        page_token=token(Position(SINCE, "t9"), filtered),
        page_size=7,
        history_length=0,
    )

    assert query(request, owner="ann", agent="a") == Query(
        owner="ann",
        agent="a",
        context_id="c1",
        state=TaskState.INPUT_REQUIRED,
        since=SINCE,
        after=Position(SINCE, "t9"),
        size=7,
    )


def test_empty_request_lists_the_first_page_of_everything() -> None:
    """A2A 3.1.4: UNSPECIFIED asks for every state."""
    assert query(ListTasksRequest(), owner="ann", agent="a") == Query(owner="ann", agent="a")


@pytest.mark.parametrize(
    "other",
    [
        Query("bob", "a"),
        Query("ann", "b"),
        Query("ann", "a", context_id="c1"),
        Query("ann", "a", state=TaskState.WORKING),
        Query("ann", "a", since=SINCE),
    ],
)
def test_token_of_another_filter_is_refused(other: Query) -> None:
    """ours: it would skip tasks without a word; and no owner may go on where another stopped."""
    foreign = token(Position(SINCE, "t"), other)
    with pytest.raises(BadParams, match="pageToken: belongs to another query"):
        query(ListTasksRequest(page_token=foreign), owner="ann", agent="a")


def test_page_size_may_change_from_page_to_page() -> None:
    """A2A 3.1.4: a cursor says where to go on, not how far."""
    last = Position(SINCE, "t")
    sent = ListTasksRequest(page_token=token(last, replace(ALL, size=3)), page_size=9)
    assert query(sent, owner="ann", agent="a").after == last


@pytest.mark.parametrize(
    ("sent", "since"),
    [
        (SINCE, SINCE),
        (SINCE - MICROSECOND, SINCE),
        (SINCE - 999 * MICROSECOND, SINCE),
        (datetime(1969, 12, 31, 23, 59, 59, 999_500, UTC), datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_moment_between_milliseconds_is_rounded_up(sent: datetime, since: datetime) -> None:
    """a2a.proto: only statuses at or after the moment; tasks are dated in milliseconds."""
    asked = ListTasksRequest(status_timestamp_after=sent)
    assert query(asked, owner="ann", agent="a").since == since
