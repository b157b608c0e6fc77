"""What an author's values become on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from pydantic import ValidationError

from interloom.runtime.core.record import Outcome, Product
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Artifact, Part
from interloom.runtime.values import Json

Result: TypeAlias = "str | Json | Part | Artifact | tuple[Artifact, ...]"
"""What an agent may return: text, JSON, a part, or artifacts of its own making."""

NAME = "result"
"""Artifact id of a result that is not an artifact already."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A result, and something to say with it: the text of the status COMPLETED.

    Results are artifacts; what is said may be lost (A2A 3.7).

    Attributes:
        result: What an agent may return.
        says: For a person.
    """

    result: Result
    says: str


def outcome(returned: Result | Finished) -> Outcome:
    """Turn what an agent returned into how its task ends.

    Raises:
        LocalError: The value is nothing A2A can carry.
    """
    if isinstance(returned, Finished):
        return Outcome(products(returned.result), returned.says)
    return Outcome(products(returned))


def answer(value: Json | Part | tuple[Part, ...]) -> tuple[Part, ...] | None:
    """Turn what an agent answers at once into parts; None is no answer.

    Raises:
        LocalError: The value is nothing A2A can carry.
    """
    return None if value is None else parts(value)


def parts(value: Json | Part | tuple[Part, ...]) -> tuple[Part, ...]:
    """Turn a value into parts: those it is, or the one it becomes.

    Raises:
        LocalError: The value is not JSON, or not such as A2A can carry.
    """
    if isinstance(value, tuple):
        if not value:
            raise LocalError("there must be at least one part")
        return cast("tuple[Part, ...]", value)
    return (part(value),)


def products(result: Result) -> tuple[Product, ...]:
    """Turn what an agent returned into its last artifacts; None is none.

    Raises:
        LocalError: The value is nothing A2A can carry.
    """
    match result:
        case str():
            return (_text(result),)
        case None:
            return ()
        case Artifact():
            return (Product.of(result),)
        case tuple() if all(isinstance(each, Artifact) for each in result):
            return tuple(map(Product.of, cast("tuple[Artifact, ...]", result)))
        case _:
            whole = part(cast("Json | Part", result))
            return (Product.of(Artifact(artifact_id=NAME, parts=(whole,))),)


def _text(text: str) -> Product:
    try:
        return Product.of_text(NAME, text)
    except TypeError:
        raise LocalError("what an agent returns must be text that UTF-8 can carry") from None


def part(value: Json | Part) -> Part:
    """Turn a value into a part: text for a string, else JSON.

    Raises:
        LocalError: The value is not JSON, or not such as A2A can carry.
    """
    try:
        match value:
            case Part():
                return value
            case str():
                return Part(text=value)
            case bool() | int() | float() | list() | Mapping():
                return Part(data=value, media_type="application/json")
            case _:
                kind = type(value).__name__
    except ValidationError as broken:
        rule = broken.errors(include_url=False, include_input=False)[0]["msg"]
        raise LocalError(f"what an agent returns {rule}") from None
    raise LocalError(f"an agent returns text, JSON or artifacts, not {kind}")
