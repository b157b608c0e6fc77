"""Whether a message answers the questions a task waits on, and if not, why.

Source: DESIGN of this project (`ours`). Read in this order:

1. a data part `{"answers": {name: {"action": ..., "content": {...}}}}`, or the inner object
   alone, or, when one question is open, its `{"action": ..., "content": {...}}` or its content
   alone;
2. a text part that is JSON of one of those shapes;
3. plain text, when one question is open that has, or needs, one field: `yes`, `2`, `window`; a
   choice may carry what a text field beside it holds: `it worked: seat 4A`;
4. `/decline` and `/cancel`, and the bare words when they are no valid answer.

A choice may be named by its value or by its title.

An answer is checked against the question's JSON Schema before the task moves. What schemas there
may be is told by `forms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

import orjson

from interloom.runtime.core.forms import MAX_CHOICES, MAX_MATCHED_CHARS, validator
from interloom.runtime.core.questions import (
    Action,
    OpenAsk,
    Question,
    Response,
    choices,
    fields,
    unanswered,
    yes_or_no,
)
from interloom.runtime.errors import InterloomError
from interloom.runtime.model import UNSET, Message
from interloom.runtime.values import Json, JsonObject

ACTIONS: Final[tuple[Action, ...]] = ("accept", "decline", "cancel")
_NUMBERS: Final[dict[str, Callable[[str], int | float]]] = {"integer": int, "number": float}
_OF_RESPONSE: Final = frozenset({"action", "content"})
_LARGEST: Final = 2**63
"""Bound of a number in text: what every JSON reader and writer behind us takes."""
_SHOWN: Final = 60
"""Characters of a caller's own word that a reason repeats."""
_LONGEST: Final = 300
"""Characters of a validator's message that a reason repeats."""


class NotAnAnswer(InterloomError):
    """The message does not answer; the text is the reason, for the person who wrote it."""

    code = "NOT_AN_ANSWER"


def match(asks: Sequence[OpenAsk], message: Message) -> tuple[OpenAsk, ...]:
    """Put a message's answers where they belong.

    Returns:
        The asks with the new responses in; each is complete when `unanswered` is empty.

    Raises:
        NotAnAnswer: Nothing in it answers an open question, or an answer breaks its schema;
            then none of its answers counts.
    """
    questions = unanswered(asks)
    responses = _responses(questions, message)
    return tuple(
        replace(
            ask,
            responses={
                **ask.responses,
                **{q.name: responses[q.name] for q in ask.questions if q.name in responses},
            },
        )
        for ask in asks
    )


def _responses(questions: Sequence[Question], message: Message) -> dict[str, Response]:
    for value in _values(message):
        if isinstance(value, Mapping):
            return _from_object(questions, value)
    text = " ".join(part.text.strip() for part in message.parts if part.text is not None)
    if not text:
        raise NotAnAnswer("The reply has neither text nor a JSON object.")
    return _from_text(questions, text)


def _values(message: Message) -> Iterator[Json]:
    for part in message.parts:
        if part.data is not UNSET:
            yield part.data
    for part in message.parts:
        if part.text is not None and part.text.lstrip().startswith("{"):
            try:
                yield orjson.loads(part.text)
            except orjson.JSONDecodeError:
                continue


def _from_object(questions: Sequence[Question], value: JsonObject) -> dict[str, Response]:
    inner = value.get("answers", value)
    if not isinstance(inner, Mapping):
        raise NotAnAnswer("answers: must be an object, question name to answer.")
    answers: JsonObject = inner
    by_name = {question.name: question for question in questions}
    unknown = [name for name in answers if name not in by_name]
    if unknown and len(questions) == 1 and "answers" not in value:
        only = questions[0]
        if _is_response(only, answers):
            return {only.name: _response(only, answers)}
        if _is_content(only, answers):
            return {only.name: _response(only, {"content": answers})}
    if unknown:
        wrong, open_ones = unknown[0][:_SHOWN], ", ".join(by_name)
        raise NotAnAnswer(f"answers.{wrong}: no such question is open; open: {open_ones}.")
    if not answers:
        raise NotAnAnswer("The reply answers no question.")
    return {name: _response(by_name[name], answer) for name, answer in answers.items()}


def _is_response(question: Question, answer: JsonObject) -> bool:
    """Whether it is a whole response rather than a form's content: a no must not become a yes."""
    return "action" in answer and "action" not in fields(question)


def _is_content(question: Question, answer: JsonObject) -> bool:
    """Whether it fills in the form, rather than naming questions that are open no more."""
    named = fields(question)
    if question.mode == "url" or (question.name in answer and question.name not in named):
        return False
    return not named or not named.keys().isdisjoint(answer)


def _response(question: Question, answer: Json) -> Response:
    if not isinstance(answer, Mapping):
        answer = {"content": _single(question, answer)}
    shape: JsonObject = answer
    if "action" not in shape and "content" not in shape and question.mode == "form":
        shape = {"content": shape}
    action = shape.get("action", "accept")
    if action not in ACTIONS:
        raise NotAnAnswer(f"{question.name}: action must be accept, decline or cancel.")
    stray = [name for name in fields(question) if name in shape.keys() - _OF_RESPONSE]
    if stray:
        raise NotAnAnswer(f"{question.name}: {stray[0]} belongs inside content.")
    if action != "accept" or question.mode == "url":
        return Response(action)
    return _accepted(question, shape.get("content", {}))


def _single(question: Question, value: Json) -> dict[str, Json]:
    names = list(fields(question))
    if not names:
        raise NotAnAnswer(f"{question.name}: must be an object with an action.")
    if len(names) > 1:
        raise NotAnAnswer(f"{question.name}: must be an object with {', '.join(names)}.")
    return {names[0]: value}


def _accepted(question: Question, content: Json) -> Response:
    if not isinstance(content, Mapping):
        raise NotAnAnswer(f"{question.name}: content must be an object.")
    filled: dict[str, Json] = {
        name: schema["default"] for name, schema in fields(question).items() if "default" in schema
    }
    filled.update(content)
    filled.update(_chosen(question, content))
    _check_sizes(question, filled)
    try:
        first = next(iter(validator(question.schema).iter_errors(filled)), None)
    except ValueError:
        raise NotAnAnswer(f"{question.name}: content is not plain JSON.") from None
    if first is not None:
        path = ".".join(str(step) for step in first.instance_path)[:_SHOWN]
        raise NotAnAnswer(f"{path or question.name}: {first.message[:_LONGEST]}.")
    return Response("accept", filled)


def _chosen(question: Question, content: JsonObject) -> dict[str, Json]:
    """The values of choices that were named by their titles."""
    found: dict[str, Json] = {}
    for name, schema in fields(question).items():
        said, options = content.get(name), choices(schema)
        if isinstance(said, str) and all(said != value for value, _ in options):
            found.update((name, value) for value in _named(options, said)[:1])
    return found


def _check_sizes(question: Question, filled: JsonObject) -> None:
    """Refuse what would take long to check, see `forms`."""
    for name, schema in fields(question).items():
        value = filled.get(name)
        if isinstance(value, list) and len(value) > MAX_CHOICES:
            raise NotAnAnswer(f"{name}: has more than {MAX_CHOICES} items.")
        if "pattern" in schema and isinstance(value, str) and len(value) > MAX_MATCHED_CHARS:
            raise NotAnAnswer(f"{name}: is longer than {MAX_MATCHED_CHARS} characters.")


def _from_text(questions: Sequence[Question], text: str) -> dict[str, Response]:
    word = text.lower().strip(" .!")
    forced = {"/decline": "decline", "/cancel": "cancel"}.get(word)
    if forced is not None:
        return {question.name: Response(cast("Action", forced)) for question in questions}
    if len(questions) != 1:
        names = ", ".join(question.name for question in questions)
        raise NotAnAnswer(f"Several questions are open; answer them by name: {names}.")
    question = questions[0]
    if question.mode == "url":
        return {question.name: _went(word)}
    try:
        return {question.name: _plain(question, text)}
    except NotAnAnswer:
        if word in {"decline", "cancel"}:
            return {question.name: Response(cast("Action", word))}
        raise


def _went(word: str) -> Response:
    """What a reply says of a page somebody was sent to; anything but a no is taken for done."""
    if word == "cancel":
        return Response("cancel")
    is_no = word == "decline" or yes_or_no(word) is False
    return Response("decline" if is_no else "accept")


def _plain(question: Question, text: str) -> Response:
    named = fields(question)
    if len(named) == 0:
        return _confirmation(question, text)
    if len(named) == 1:
        ((name, schema),) = named.items()
        return _accepted(question, {name: _coerce(name, schema, text)})
    required = question.schema.get("required")
    needed = required if isinstance(required, list) else []
    if len(needed) != 1 or not isinstance(needed[0], str):
        names = ", ".join(named)
        raise NotAnAnswer(f"{question.name}: has several fields, answer with JSON: {names}.")
    name, remark = needed[0], _remark(needed[0], named)
    word, colon, rest = text.partition(":")
    if not (remark and colon and _named(choices(named[name]), word)):
        return _accepted(question, {name: _coerce(name, named[name], text)})
    return _accepted(question, {name: _coerce(name, named[name], word), remark: rest.strip()})


def _remark(name: str, named: Mapping[str, JsonObject]) -> str:
    """The text field that stands alone beside a choice; empty when there is none."""
    others = {other: schema for other, schema in named.items() if other != name}
    if len(others) != 1 or not choices(named[name]):
        return ""
    ((other, schema),) = others.items()
    return other if schema.get("type") == "string" and not choices(schema) else ""


def _confirmation(question: Question, text: str) -> Response:
    agreed = yes_or_no(text)
    if agreed is None:
        raise NotAnAnswer(f"{question.name}: answer yes or no.")
    return Response("accept", {}) if agreed else Response("decline")


def _coerce(name: str, schema: JsonObject, text: str) -> Json:
    options = choices(schema)
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        each: JsonObject = items if isinstance(items, Mapping) else {}
        return [_coerce(name, each, piece.strip()) for piece in text.split(",")]
    if options:
        return _choice(name, options, text)
    if kind == "boolean":
        agreed = yes_or_no(text)
        if agreed is None:
            raise NotAnAnswer(f"{name}: answer yes or no.")
        return agreed
    if isinstance(kind, str) and kind in _NUMBERS:
        return _number(name, kind, text)
    return text


def _number(name: str, kind: str, text: str) -> int | float:
    article = "a whole number" if kind == "integer" else "a number"
    try:
        number = _NUMBERS[kind](text)
    except ValueError:
        raise NotAnAnswer(f"{name}: must be {article}.") from None
    if not -_LARGEST <= number < _LARGEST:  # nor is NaN, nor an infinity
        raise NotAnAnswer(f"{name}: must be {article} between -2^63 and 2^63.")
    return number


def _choice(name: str, options: Sequence[tuple[Json, str]], text: str) -> Json:
    for value in _named(options, text):
        return value
    raise NotAnAnswer(f"{name}: must be one of {', '.join(label for _, label in options)}.")


def _named(options: Sequence[tuple[Json, str]], text: str) -> list[Json]:
    """The values that a word names: by themselves or by their titles."""
    wanted = text.casefold().strip(" .!")
    return [v for v, label in options if wanted in {label.casefold(), str(v).casefold()}]
