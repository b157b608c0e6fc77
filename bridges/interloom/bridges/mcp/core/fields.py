"""Small readings of foreign fields that nothing depends on. No I/O."""

from __future__ import annotations

from interloom.runtime.values import Json


def as_text(value: Json) -> str:
    """A text for people; empty for whatever is none."""
    return value if isinstance(value, str) else ""


def first_text(*candidates: Json) -> str:
    """The first of them that is a text and not empty, else the empty text."""
    return next((text for text in candidates if isinstance(text, str) and text), "")
