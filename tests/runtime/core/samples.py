"""A task, what is said to it, and questions of every kind with answers good and bad."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from interloom.runtime.core.questions import OpenAsk, Question
from interloom.runtime.core.record import Event, Product, TaskRecord
from interloom.runtime.core.view import TaskView
from interloom.runtime.model import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    TaskState,
    decode_json,
)
from interloom.runtime.values import Json, JsonObject

NOW: Final = datetime(2026, 7, 28, 9, 30, 0, 123000, UTC)


def new_record(state: TaskState = TaskState.SUBMITTED, *asks: OpenAsk, seq: int = 0) -> TaskRecord:
    return TaskRecord(
        id="t1",
        context_id="c1",
        owner="ann",
        agent="concierge",
        state=state,
        status_at=NOW,
        seq=seq,
        asks=asks,
    )


def new_view(events: Iterable[Event] = ()) -> TaskView:
    """The view of the one task these tests know."""
    return TaskView("t1", "c1", events)


def wire(event: Event) -> StreamResponse:
    """An event as a subscriber reads it."""
    return decode_json(StreamResponse, event.response("t1", "c1"))


def artifact(name: str, *texts: str) -> Artifact:
    return Artifact(artifact_id=name, parts=tuple(Part(text=text) for text in texts))


def product(name: str, *texts: str) -> Product:
    """An artifact of some texts, as an agent hands it over."""
    return Product.of(artifact(name, *texts))


def said(*parts: str | Part, message_id: str = "m1") -> Message:
    """A caller's message of texts and other parts."""
    each = (part if isinstance(part, Part) else Part(text=part) for part in parts)
    return Message(message_id=message_id, role=Role.USER, parts=tuple(each))


def data(value: Json) -> Part:
    return Part(data=value)


def form(*required: str, **properties: JsonObject) -> dict[str, Json]:
    """The schema of a form with these fields."""
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def question(schema: JsonObject, name: str = "q") -> Question:
    return Question(name, f"{name}?", schema)


def page(name: str = "page") -> Question:
    """A question that is answered elsewhere."""
    return Question(name, "Sign in", mode="url", url="https://bank.example/in", source="bank")


def asked(*questions: Question, key: str = "ask/1") -> OpenAsk:
    return OpenAsk(key, questions)


@dataclass(frozen=True)
class Kind:
    """A question together with contents that answer it and contents that do not."""

    question: Question
    good: tuple[JsonObject, ...]
    bad: tuple[JsonObject, ...] = ()

    def named(self, name: str) -> Question:
        return replace(self.question, name=name)


KINDS: Final = (
    Kind(question(form("sure", sure={"type": "boolean"})), ({"sure": True},), ({"sure": "so"}, {})),
    Kind(
        question(form("n", n={"type": "integer", "minimum": 1, "maximum": 9})),
        ({"n": 1}, {"n": 9.0}),
        ({"n": 0}, {"n": 1.5}, {"n": None}),
    ),
    Kind(
        question(form("seat", "meal", seat={"enum": ["aisle", "window"]}, meal={"type": "string"})),
        ({"seat": "aisle", "meal": ""}, {"seat": "window", "meal": "é\n", "more": [1]}),
        ({"seat": "roof", "meal": ""}, {"seat": "aisle"}),
    ),
    Kind(page(), ({},)),
)
"""One of each kind; the names are given when they are asked."""


def names(questions: Iterable[Question]) -> list[str]:
    return [each.name for each in questions]
