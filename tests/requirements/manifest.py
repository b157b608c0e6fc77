"""Reads the requirements of a protocol."""

from __future__ import annotations

import re
import tomllib
from enum import Enum, unique
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

FOLDER: Final = Path(__file__).parent


@unique
class Party(Enum):
    """Whom a requirement binds."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"


class Requirement(BaseModel):
    """One MUST.

    Attributes:
        section: Where the protocol's text has it.
        party: Whom it binds.
        says: What it demands, in our words.
        tests: Tests that would fail without it, `folder/test_file.py::test_name` below `tests/`.
        reason: Why there is no test; empty where there are tests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    section: str
    party: Party
    says: str
    tests: tuple[str, ...] = ()
    reason: str = ""


class Manifest(BaseModel):
    """What one protocol demands.

    Attributes:
        name: The protocol and its version.
        citation: Matches a citation in a docstring; its group 1 is the section.
        demanding: Sections of its text with a MUST in them, all of them.
        quiet: All its other sections.
        requirement: Its requirements.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    citation: re.Pattern[str]
    demanding: frozenset[str]
    quiet: frozenset[str] = frozenset()
    requirement: tuple[Requirement, ...] = Field(min_length=1)


def manifests() -> list[Manifest]:
    """The manifest of every protocol."""
    files = sorted(FOLDER.glob("*.toml"))
    return [Manifest.model_validate(tomllib.loads(file.read_text("utf-8"))) for file in files]
