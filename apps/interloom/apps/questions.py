"""Questions of a waiting task, read from its status; answers, written as a message's part.

The two shapes are those of `interloom.runtime.core.questions`:

    status.message, a data part:  {"questions": {name: {"message", "mode", "schema" | "url", ...}}}
    the reply, a data part:       {"answers": {name: {"action", "content"}}}

The shape comes from an agent, so what does not fit is passed over, never trusted.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import orjson

from interloom.runtime.core.asked import asked_in
from interloom.runtime.core.questions import (
    Question,
    Response,
    choices,
    dump_responses,
    fields,
    yes_or_no,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Message, Part, Task, TaskState
from interloom.runtime.values import Json, JsonObject


def text_parts(message: Message | None) -> str:
    """The text of a message, one part a line."""
    parts = message.parts if message is not None else ()
    return "\n".join(part.text for part in parts if part.text is not None)


def open_questions(task: Task) -> tuple[Question, ...]:
    """What the task waits for; empty when it asks in plain words, or not at all."""
    return asked_in(task.status.message)


def text_answer(text: str) -> Part:
    """An answer in plain words."""
    return Part(text=text)


def data_answer(responses: Mapping[str, Response]) -> Part:
    """Answers by question name."""
    return Part(data={"answers": dump_responses(responses)}, media_type="application/json")


def from_pairs(questions: Sequence[Question], pairs: Sequence[str]) -> dict[str, Response]:
    """Answers from `field=value` pairs; with several questions open, `question.field=value`.

    Raises:
        LocalError: A pair without `=`, or a field no open question has.
    """
    contents: dict[str, dict[str, Json]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise LocalError("--set takes field=value")
        question, field = _field(questions, name)
        schema = fields(question)[field]
        contents.setdefault(question.name, {})[field] = coerced(schema, value)
    return {name: Response("accept", content) for name, content in contents.items()}


def from_object(questions: Sequence[Question], value: JsonObject) -> dict[str, Response]:
    """Answers from a JSON object: `{question: {field: value}}`, or one question's `{field: value}`.

    Raises:
        LocalError: It names a question that is not open, or fills in one that has no fields.
    """
    by_name = {question.name: question for question in questions}
    if len(questions) == 1 and not by_name.keys() & value.keys():
        return {questions[0].name: _accepted(questions[0], value)}
    unknown = sorted(value.keys() - by_name.keys())
    if unknown:
        raise LocalError(f"no question {unknown[0]!r} is open; open: {', '.join(sorted(by_name))}")
    answers = {name: each for name, each in value.items() if isinstance(each, Mapping)}
    if len(answers) < len(value):
        raise LocalError("--json takes an object for every question: {question: {field: value}}")
    return {name: _accepted(by_name[name], each) for name, each in answers.items()}


def _accepted(question: Question, content: JsonObject) -> Response:
    if question.mode == "form":
        return Response("accept", content)
    if content:  # it may be meant as a no
        raise LocalError(f"{question.name} is a page to be opened: its --json is {{}}, once done")
    return Response("accept")


def coerced(schema: JsonObject, text: str) -> Json:
    """Text as the type a field's schema asks for; unchanged where it does not fit.

    Whether the value is a good answer is for the agent to say, which holds the whole schema.
    """
    kind = schema.get("type")
    if kind == "array":
        return [_choice(schema, piece.strip()) for piece in text.split(",") if piece.strip()]
    if choices(schema):
        return _choice(schema, text)
    if kind == "boolean":
        agreed = yes_or_no(text)
        return text if agreed is None else agreed
    if kind in {"integer", "number"}:
        return _number(text)
    return text


def answer_command(task: Task, options: Sequence[str]) -> str:
    """The command that answers, ready to be pasted; words in capitals are to be replaced."""
    questions = open_questions(task)
    words = shlex.join(["interloom", "tasks", "answer", *options, task.id])
    several = len(questions) > 1
    named = [
        f"--set {shlex.quote(f'{question.name}.{name}' if several else name)}=VALUE"
        for question in questions
        for name in fields(question)
    ]
    if named:
        return " ".join([words, *named])
    if several:
        done = orjson.dumps({question.name: {} for question in questions}).decode()
        return f"{words} --json {shlex.quote(done)}"
    if task.status.state is TaskState.AUTH_REQUIRED:
        return f"{words} done"
    return f"{words} yes" if questions else f"{words} TEXT"


def _field(questions: Sequence[Question], name: str) -> tuple[Question, str]:
    if len(questions) == 1 and name in fields(questions[0]):
        return questions[0], name
    for question in questions:
        field = name.removeprefix(f"{question.name}.")
        if field != name and field in fields(question):
            return question, field
    known = [name for question in questions for name in fields(question)]
    raise LocalError(f"the task asks for no field {name!r}; it asks for: {', '.join(known)}")


def _choice(schema: JsonObject, text: str) -> Json:
    for value, label in choices(schema):
        if text.casefold() in {label.casefold(), str(value).casefold()}:
            return value
    return text


def _number(text: str) -> Json:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text
