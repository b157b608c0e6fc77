"""The manifest and the tests hold each other (ours: a list that nobody holds rots)."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.requirements.manifest import Manifest, Requirement, manifests

TESTS: Final = Path(__file__).parents[1]
_MANIFESTS: Final = [pytest.param(each, id=each.name) for each in manifests()]
_REQUIREMENTS: Final = [
    pytest.param(row, id=f"{each.name}, {row.section} ({number})")
    for each in manifests()
    for number, row in enumerate(each.requirement)
]


@cache
def functions(file: Path) -> frozenset[str]:
    """Names of the functions of a test file; of a Hypothesis machine, its `Test…` case too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                found.add(name)
            case _:
                pass
    return frozenset(found)


def docstrings() -> list[tuple[str, str]]:
    """Every docstring of every test file, with the file it is in."""
    found: list[tuple[str, str]] = []
    for file in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                text = ast.get_docstring(node)
                if text:
                    found.append((file.relative_to(TESTS).as_posix(), " ".join(text.split())))
    return found


@pytest.mark.parametrize("row", _REQUIREMENTS)
def test_requirement_names_tests_that_exist_or_says_why_there_are_none(row: Requirement) -> None:
    assert row.says.endswith(".")
    assert bool(row.tests) != bool(row.reason), "tests, or a reason"
    for test in row.tests:
        path, _, name = test.partition("::")
        assert (TESTS / path).is_file(), f"{path} is not there"
        assert name.lower().startswith("test"), f"{name} is no test"
        assert name in functions(TESTS / path), f"{path} has no {name}"


@pytest.mark.parametrize("manifest", _MANIFESTS)
def test_every_section_that_demands_something_is_in_the_manifest(manifest: Manifest) -> None:
    have = {row.section for row in manifest.requirement}
    assert manifest.demanding - have == set()


@pytest.mark.parametrize("manifest", _MANIFESTS)
def test_section_that_a_test_cites_is_in_the_manifest(manifest: Manifest) -> None:
    known = {row.section for row in manifest.requirement} | manifest.quiet
    strays = {
        f"{where}: {manifest.name} {section}"
        for where, text in docstrings()
        for section in manifest.citation.findall(text)
        if section not in known
    }
    assert strays == set()


@pytest.mark.parametrize("manifest", _MANIFESTS)
def test_requirement_is_listed_once(manifest: Manifest) -> None:
    said = [(row.section, row.says) for row in manifest.requirement]
    assert len(said) == len(set(said))
