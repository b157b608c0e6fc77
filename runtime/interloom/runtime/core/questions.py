"""What a waiting task asks: one shape for an agent's own question and for a tool's.

Source: DESIGN of this project (`ours`); the form subset is MCP 2026-07-28 client/elicitation,
"Requested Schema": a flat object of strings, numbers, booleans and enumerations.

A status message that asks carries a text part a person can read and one data part:

    {"questions": {name: {"message": str, "mode": "form" | "url", "schema": {...}, "url": str,
                          "source": str, "heldLive": true}}}

`name` is what an answer refers to; it is unique among the task's open questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, TypeAlias, cast

import orjson

from interloom.runtime.values import Json, JsonObject

MARKER: Final = "urn:interloom:questions:v1"
"""Metadata key, and extension URI, of a data part that holds questions."""

_YES_OR_NO: Final = {
    **dict.fromkeys(("yes", "y", "true", "ok", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}

Mode: TypeAlias = Literal["form", "url"]
Action: TypeAlias = Literal["accept", "decline", "cancel"]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing somebody is asked.

    Attributes:
        name: How an answer refers to it, unique among the task's open questions.
        message: The question, for a person.
        schema: JSON Schema of the answer's content, an object with flat properties; empty in
            mode `url`.
        mode: `form` is answered here; `url` is answered elsewhere and confirmed here.
        url: Where to go in mode `url`.
        source: Who asks, e.g. the tool server's name; a person must be able to tell.
        is_held_live: Whoever asks holds a connection open for the answer: unlike other questions,
            this one does not outlive a restart of the process, and says so.
    """

    name: str
    message: str
    schema: JsonObject = field(default_factory=dict[str, Json])
    mode: Mode = "form"
    url: str = ""
    source: str = ""
    is_held_live: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What became of one question.

    Attributes:
        action: `accept`, `decline` (a clear no) or `cancel` (no decision).
        content: The answer by field name; None unless a form was accepted.
    """

    action: Action
    content: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """Questions that were put together and are taken back together.

    Attributes:
        key: The key under which the run waits for the answers.
        questions: In the order asked.
        responses: Answers so far, by question name.
    """

    key: str
    questions: tuple[Question, ...]
    responses: Mapping[str, Response] = field(default_factory=dict[str, Response])

    @property
    def unanswered(self) -> tuple[Question, ...]:
        """The questions that still wait."""
        return tuple(each for each in self.questions if each.name not in self.responses)

    @property
    def in_order(self) -> tuple[Response, ...]:
        """The responses so far, in the order of their questions."""
        return tuple(self.responses[q.name] for q in self.questions if q.name in self.responses)


def unanswered(asks: Iterable[OpenAsk]) -> tuple[Question, ...]:
    """All questions of a task that still wait, oldest first."""
    return tuple(question for ask in asks for question in ask.unanswered)


def fields(question: Question) -> Mapping[str, JsonObject]:
    """The form's fields: name to property schema."""
    properties = question.schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {name: schema for name, schema in properties.items() if isinstance(schema, Mapping)}


def text_of(questions: Sequence[Question], reason: str = "") -> str:
    """The questions as a person reads them, after the reason the last answer was refused."""
    lines = [reason] if reason else []
    numbered = len(questions) > 1
    for number, question in enumerate(questions, 1):
        asker = f"{question.source} asks: " if question.source else ""
        # Indented, so that a message of several lines cannot pose as another asker.
        message = "\n   ".join(question.message.splitlines())
        lines.append(f"{f'{number}. ' if numbered else ''}{asker}{message}")
        if question.mode == "url":
            first = f"Open {question.url}, then reply" if question.url else "Reply"
            lines.append(f"   {first} that it is done.")
        for name, schema in fields(question).items():
            lines.append(f"   {_label(name, schema)}{_hint(schema)}")
    return "\n".join(lines)


def data_of(questions: Sequence[Question]) -> dict[str, Json]:
    """The questions as the data part carries them; see the module's docstring."""
    return {"questions": {question.name: _shape(question) for question in questions}}


def digest(questions: Sequence[Question]) -> str:
    """What is asked, whatever it is named, in 8 hex digits."""
    shapes = [_shape(question) for question in questions]
    return sha256(orjson.dumps(shapes, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]


def _shape(question: Question) -> dict[str, Json]:
    shape: dict[str, Json] = {"message": question.message, "mode": question.mode}
    if question.mode == "form":
        shape["schema"] = question.schema
    else:
        shape["url"] = question.url
    if question.source:
        shape["source"] = question.source
    if question.is_held_live:
        shape["heldLive"] = True
    return shape


def _label(name: str, schema: JsonObject) -> str:
    title = schema.get("title")
    text = f"{name}: {title}" if isinstance(title, str) and title else name
    description = schema.get("description")
    return f"{text} ({description})" if isinstance(description, str) and description else text


def _hint(schema: JsonObject) -> str:
    options = [label for _, label in choices(schema)]
    if options:
        several = "one or more of" if schema.get("type") == "array" else "one of"
        return f" — {several}: {', '.join(options)}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" — {low} to {high}"
    return " — yes or no" if schema.get("type") == "boolean" else ""


def choices(schema: JsonObject) -> list[tuple[Json, str]]:
    """The values a field may take and what a person calls them; empty for a free field."""
    items = schema.get("items")
    if isinstance(items, Mapping):
        return choices(items)
    values = schema.get("enum")
    if isinstance(values, list):
        return [(value, str(value)) for value in values]
    titled = schema.get("oneOf", schema.get("anyOf"))
    if not isinstance(titled, list):
        return []
    return [
        (option["const"], str(option.get("title", option["const"])))
        for option in titled
        if isinstance(option, Mapping) and "const" in option
    ]


def yes_or_no(text: str) -> bool | None:
    """A plain yes or no in a person's words; None for anything else."""
    return _YES_OR_NO.get(text.lower().strip(" .!"))


def dump(asks: Sequence[OpenAsk]) -> list[Json]:
    """Open questions as JSON, for the ledger."""
    return [
        {
            "key": ask.key,
            "questions": [{"name": each.name, **_shape(each)} for each in ask.questions],
            "responses": dump_responses(ask.responses),
        }
        for ask in asks
    ]


def load(saved: Sequence[JsonObject]) -> tuple[OpenAsk, ...]:
    """The reverse of `dump`; it reads only what `dump` wrote."""
    return tuple(
        OpenAsk(
            cast("str", ask["key"]),
            tuple(_question(each) for each in cast("list[JsonObject]", ask["questions"])),
            load_responses(cast("JsonObject", ask["responses"])),
        )
        for ask in saved
    )


def _question(saved: JsonObject) -> Question:
    return Question(
        name=cast("str", saved["name"]),
        message=cast("str", saved["message"]),
        schema=cast("JsonObject", saved.get("schema", {})),
        mode=cast("Mode", saved["mode"]),
        url=cast("str", saved.get("url", "")),
        source=cast("str", saved.get("source", "")),
        is_held_live=saved.get("heldLive") is True,
    )


def dump_responses(responses: Mapping[str, Response]) -> dict[str, Json]:
    """Answers as JSON: `{name: {"action": str, "content": {...}}}`."""
    return {name: dump_response(each) for name, each in responses.items()}


def dump_response(response: Response) -> dict[str, Json]:
    """One answer as JSON, which is also MCP's `ElicitResult`."""
    shape: dict[str, Json] = {"action": response.action}
    if response.content is not None:
        shape["content"] = response.content
    return shape


def load_responses(saved: JsonObject) -> dict[str, Response]:
    """The reverse of `dump_responses`."""
    shapes = cast("Mapping[str, JsonObject]", saved)
    return {name: load_response(shape) for name, shape in shapes.items()}


def load_response(saved: JsonObject) -> Response:
    """The reverse of `dump_response`."""
    content = cast("JsonObject | None", saved.get("content"))
    return Response(cast("Action", saved["action"]), content)
