"""Files fit in a head and functions on a screen."""

from __future__ import annotations

from statistics import median, quantiles

import pytest

from tests.architecture.tree import EVERYTHING, PRODUCT, functions, text

MAX_FILE = 400
MAX_FUNCTION = 80
MAX_P95 = 45
MEDIAN_FILE = range(60, 201)


def lines(path: str) -> int:
    return len(text(path).splitlines())


@pytest.mark.parametrize("path", EVERYTHING)
def test_file_has_at_most_four_hundred_lines(path: str) -> None:
    """DESIGN section 1."""
    assert lines(path) <= MAX_FILE


@pytest.mark.parametrize("path", EVERYTHING)
def test_function_has_at_most_eighty_lines(path: str) -> None:
    """style: what does not fit on a screen is two things."""
    assert not [(name, length) for name, length in functions(path) if length > MAX_FUNCTION]


def test_nineteen_functions_of_twenty_are_short() -> None:
    """style: the exceptions stay exceptions."""
    lengths = [length for path in EVERYTHING for _, length in functions(path)]
    assert quantiles(lengths, n=20)[-1] <= MAX_P95


def test_median_file_is_neither_a_fragment_nor_a_heap() -> None:
    """style: median 100 to 180 is the aim, 60 to 200 the border."""
    assert round(median(lines(path) for path in PRODUCT)) in MEDIAN_FILE
