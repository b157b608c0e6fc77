"""The fake clock and the seeded ids behave as what they stand for."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from interloom.runtime.testing import FakeClock, SeededIds
from interloom.runtime.values import Clock, Ids


def test_clock_stands_still_until_it_is_advanced() -> None:
    clock: Clock = (fake := FakeClock())
    start = clock.now()
    assert (clock.now(), clock.monotonic()) == (start, 0)
    fake.advance(90.5)
    assert clock.now() - start == timedelta(seconds=90.5)
    assert clock.monotonic() == 90.5


def test_clock_tells_whole_milliseconds_of_utc_and_loses_no_part_of_one() -> None:
    """A2A 5.6.1"""
    clock = FakeClock()
    start = clock.now()
    for _ in range(3):
        clock.advance(0.0004)
    assert clock.now() - start == timedelta(milliseconds=1)
    assert clock.now().tzinfo is UTC


def test_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)


def test_ids_are_the_same_for_a_seed_and_look_like_real_ones() -> None:
    first, again, other = SeededIds(1), SeededIds(1), SeededIds(2)
    ids: Ids = first
    given = [ids.fresh() for _ in range(100)]
    assert given == [again.fresh() for _ in range(100)]
    assert len({*given, other.fresh()}) == 101
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in given)
