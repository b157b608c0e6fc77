"""docs/failures.md and the tests hold each other (ours: a list that nobody holds rots)."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from interloom.runtime.testing import SCENARIOS

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "failures.md").read_text("utf-8")
_TEST = re.compile(r"`([\w/]+\.py|engines)::(\w+)`")


def failures() -> list[list[str]]:
    """The rows of the tables that end with `shown by`."""
    found: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *rows = (
            [cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()
        )
        if head[-1] == "shown by":
            found += rows
    return found


FAILURES = failures()


@cache
def found_in(file: Path) -> frozenset[str]:
    """Names of a file's tests, or of the scenarios of an engine."""
    if file.name == "engines":
        return frozenset(SCENARIOS)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    return frozenset(
        node.name for node in found if isinstance(node, kinds) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row[0][:60])
def test_each_failure_names_what_happens_and_tests_that_exist(row: list[str]) -> None:
    failure, happens, shown = row
    assert failure
    assert happens
    named = _TEST.findall(shown)
    assert named
    assert ", ".join(f"`{path}::{name}`" for path, name in named) == shown
    strays = [name for path, name in named if name not in found_in(TESTS / path)]
    assert strays == []


def test_no_failure_stands_twice() -> None:
    assert len({row[0] for row in FAILURES}) == len(FAILURES)


def test_every_test_of_a_fault_is_on_the_page() -> None:
    here = Path(__file__)
    have = {
        f"faults/{path.name}::{name}"
        for path in here.parent.glob("test_*.py")
        if path != here
        for name in found_in(path)
    }
    named = {"::".join(each) for each in _TEST.findall(PAGE)}
    assert have - named == set()
