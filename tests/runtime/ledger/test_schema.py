"""The scripts that make the tables of each store. Source: ours; a store counts those it has had."""

from __future__ import annotations

from importlib.resources.abc import Traversable

import pytest

from interloom.runtime.ledger import postgres_schema, sqlite_file


@pytest.mark.parametrize("scripts", [sqlite_file.SCHEMA, postgres_schema.SCHEMA])
def test_scripts_are_numbered_without_gap_or_repeat(scripts: tuple[Traversable, ...]) -> None:
    """In the name, which is their order, and in the first line."""
    for number, script in enumerate(scripts, 1):
        assert script.name.startswith(f"{number:04}_")
        assert script.read_text("utf-8").startswith(
            (f"-- Schema {number}:", f"-- Schema {number} on ")
        )
