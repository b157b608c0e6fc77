"""A task's questions put to a person, field by field, on stderr."""

from __future__ import annotations

from collections.abc import Sequence

import click

from interloom.apps.questions import coerced, data_answer, open_questions, text_answer, text_parts
from interloom.apps.terminal import clean, say
from interloom.runtime.core.questions import Question, Response, fields, yes_or_no
from interloom.runtime.model import Part, Task
from interloom.runtime.values import Json

DECLINE = "/decline"
"""What a person types instead of an answer to refuse a question."""


def ask(task: Task) -> Part:
    """Show what the task asks and read the answer.

    Raises:
        Abort: The person left; the task keeps waiting.
    """
    questions = open_questions(task)
    say(text_parts(task.status.message) or "The task waits for an answer.")
    if not questions:
        return text_answer(_read("answer"))
    say(f"({DECLINE} refuses, Ctrl-C leaves the task waiting)")
    return data_answer({each.name: _answer(each, questions) for each in questions})


def _answer(question: Question, questions: Sequence[Question]) -> Response:
    if len(questions) > 1:
        say(question.message)
    if question.mode == "url":
        return _confirmed("done")
    if not fields(question):
        return _confirmed("yes")
    required = question.schema.get("required")
    content: dict[str, Json] = {}
    for name, schema in fields(question).items():
        needed = isinstance(required, list) and name in required and "default" not in schema
        text = _read(name, needed=needed)
        if text == DECLINE:
            return Response("decline")
        if text:
            content[name] = coerced(schema, text)
    return Response("accept", content)


def _confirmed(word: str) -> Response:
    text = _read(f"{word}, or {DECLINE}")
    is_agreed = yes_or_no(text) is True or text.lower().strip(" .!") == "done"
    return Response("accept", {}) if is_agreed else Response("decline")


def _read(label: str, *, needed: bool = True) -> str:
    default = None if needed else ""
    text: str = click.prompt(clean(label), default=default, show_default=False, err=True)
    return text
