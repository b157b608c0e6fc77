"""What an answer to a post leads to. Source: A2A 4.3.3 and 13.2, RFC 9110; the numbers are ours."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.core.outbox import (
    MAX_ATTEMPTS,
    MAX_PAUSE_S,
    Delivered,
    Failed,
    Gone,
    Outcome,
    Progress,
    Unwanted,
    outcome,
    pause_s,
    settle,
)
from interloom.runtime.testing.clock import START

LATER = [408, 409, 423, 425, 429, 500, 502, 503, 504, 599]
REFUSED = [100, 199, 300, 301, 302, 307, 308, 400, 401, 403, 404, 405, 413, 415, 422, 451, 499]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_acknowledges(status: int) -> None:
    """A2A 4.3.3: clients respond with a 2xx status code to acknowledge."""
    assert outcome(status, now=START) == Delivered()


@pytest.mark.parametrize("status", LATER)
def test_answer_that_promises_better_times_is_tried_again(status: int) -> None:
    assert outcome(status, now=START) == Failed(f"the receiver answered {status}")


@pytest.mark.parametrize("status", REFUSED)
def test_answer_that_the_same_request_would_get_again_is_final(status: int) -> None:
    """A redirect is among them: a secret goes to the place it was given for, and to no other."""
    assert outcome(status, now=START) == Unwanted(f"the receiver answered {status}")


def test_gone_asks_for_no_more_events() -> None:
    """RFC 9110 15.5.11."""
    assert outcome(410, now=START) == Gone("the receiver answered 410")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("9" * 50, 999_999_999),
        ("Tue, 28 Jul 2026 12:01:30 GMT", 90),
        ("Tuesday, 28-Jul-26 12:01:30 GMT", 90),
        ("Tue, 28 Jul 2026 12:01:30 -0000", 90),
        ("Tue, 28 Jul 2026 11:00:00 GMT", 0),
        ("-5", 0),
        ("soon", 0),
        ("\u0663", 0),
        ("", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(said: str, seconds: float) -> None:
    """RFC 9110 10.2.3; what cannot be read is as if it were not there."""
    assert outcome(503, said, now=START) == Failed("the receiver answered 503", seconds)


@given(st.text(max_size=40))
def test_nothing_a_receiver_says_breaks_the_reading_of_it(said: str) -> None:
    found = outcome(429, said, now=START)
    assert isinstance(found, Failed)
    assert found.after_s >= 0


def test_delivery_moves_on_and_forgets_the_failures() -> None:
    before = Progress(3, attempts=2, due=START)
    assert settle(before, Delivered(), name="e", now=START) == (Progress(4, due=START), "")


def test_event_that_is_refused_is_lost_and_the_next_one_has_its_turn() -> None:
    before = Progress(3, attempts=2, due=START)
    after = settle(before, Unwanted("the receiver answered 400"), name="e", now=START)
    assert after == (Progress(4, due=START), "the receiver answered 400")


def test_config_whose_receiver_is_gone_is_stopped() -> None:
    after = settle(Progress(3, due=START), Gone("gone"), name="e", now=START)
    assert after == (Progress(3, attempts=1, stopped="gone"), "gone")


def test_failures_are_retried_with_growing_pauses_and_given_up_at_last() -> None:
    """A2A 13.2: exponential back-off, and an end to it. An hour, more or less, and eight posts."""
    progress, now, lost, moments = Progress(3, due=START), START, "", [START]
    while progress.due is not None:
        now = progress.due
        progress, lost = settle(progress, Failed("no answer"), name="e", now=now)
        moments += [] if progress.due is None else [progress.due]
    pauses = [(after - before).total_seconds() for before, after in pairwise(moments)]
    assert progress == Progress(3, MAX_ATTEMPTS, None, f"no answer, {MAX_ATTEMPTS} times")
    assert lost == progress.stopped
    assert len(moments) == MAX_ATTEMPTS
    assert pauses == sorted(pauses)
    assert 40 * 60 <= sum(pauses) <= 85 * 60


@given(st.integers(1, 40), st.text(max_size=8))
def test_pause_is_between_half_and_all_of_what_it_may_be(attempts: int, name: str) -> None:
    longest = min(4.0 ** (attempts - 1), MAX_PAUSE_S)
    assert longest / 2 <= pause_s(attempts, name) <= longest


def test_pauses_of_many_are_spread() -> None:
    """What failed together does not come back together."""
    pauses = {round(pause_s(5, f"task/{n}"), 1) for n in range(100)}
    assert len(pauses) > 80


@pytest.mark.parametrize(("asked_s", "waits_s"), [(600.0, 600.0), (10 * MAX_PAUSE_S, MAX_PAUSE_S)])
def test_receiver_may_ask_for_a_longer_pause_within_reason(asked_s: float, waits_s: float) -> None:
    found: Outcome = Failed("busy", asked_s)
    after = settle(Progress(0, due=START), found, name="e", now=START).progress
    assert after.due == START + timedelta(seconds=waits_s)


def test_receiver_cannot_ask_to_be_hurried() -> None:
    after = settle(Progress(0, 4, START), Failed("busy", 0.1), name="e", now=START).progress
    assert after.due is not None
    assert after.due >= START + timedelta(seconds=128)
