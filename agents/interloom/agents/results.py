"""What an author's values become on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from interloom.runtime.errors import LocalError
from interloom.runtime.model import Artifact, Part
from interloom.runtime.values import Json

Result: TypeAlias = "str | Json | Part | Artifact | tuple[Artifact, ...]"
"""What an agent may return: text, JSON, a part, or artifacts of its own making."""

NAME = "result"
"""Artifact id of a result that is not an artifact already."""


def artifacts(result: Result) -> tuple[Artifact, ...]:
    """Turn what an agent returned into its last artifacts; None is none.

    Raises:
        LocalError: The value is nothing A2A can carry.
    """
    match result:
        case None:
            return ()
        case Artifact():
            return (result,)
        case tuple() if all(isinstance(each, Artifact) for each in result):
            return cast("tuple[Artifact, ...]", result)
        case _:
            return (Artifact(artifact_id=NAME, parts=(part(cast("Json | Part", result)),)),)


def part(value: Json | Part) -> Part:
    """Turn a value into a part: text for a string, else JSON.

    Raises:
        LocalError: The value is not JSON.
    """
    match value:
        case Part():
            return value
        case str():
            return Part(text=value)
        case bool() | int() | float() | list() | Mapping():
            return Part(data=value, media_type="application/json")
        case _:
            raise LocalError(
                f"an agent returns text, JSON or artifacts, not {type(value).__name__}"
            )
