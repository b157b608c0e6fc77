"""What a waiting task asks, read from its status message; the reverse of what `decide` writes.

Source: `ours`, see `questions`: a data part `{"questions": {name: {...}}}`. The message may be a
stranger's, so what does not fit is passed over, never trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interloom.runtime.core.questions import Question
from interloom.runtime.model import Message
from interloom.runtime.values import JsonObject


def asked_in(message: Message | None) -> tuple[Question, ...]:
    """The questions; empty when there are none, or only in plain words."""
    for part in message.parts if message is not None else ():
        data = part.data
        asked = data.get("questions") if isinstance(data, Mapping) else None
        if isinstance(asked, Mapping):
            return tuple(_questions(asked))
    return ()


def _questions(asked: JsonObject) -> Iterator[Question]:
    for name, shape in asked.items():
        if not isinstance(shape, Mapping):
            continue
        schema = shape.get("schema")
        yield Question(
            name=name,
            message=_text(shape, "message"),
            schema=schema if isinstance(schema, Mapping) else {},
            mode="url" if shape.get("mode") == "url" else "form",
            url=_text(shape, "url"),
            source=_text(shape, "source"),
            is_held_live=shape.get("heldLive") is True,
        )


def _text(shape: JsonObject, key: str) -> str:
    value = shape.get(key)
    return value if isinstance(value, str) else ""
