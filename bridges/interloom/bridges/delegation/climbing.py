"""Another agent's questions as ours, and our caller's answers as answers to them. No I/O.

Source: A2A 1.0.1 sections 4.1.3 and 7.6 (INPUT_REQUIRED, AUTH_REQUIRED); DESIGN section 5
(`ours`): questions climb to the root caller with their path, and the answer returns to the exact
waiting call.

An agent of this runtime asks in a data part, with schemas; that is passed up question by question.
Any other asks in words; that becomes one question in words, and so does what breaks a rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple, cast

from interloom.bridges.delegation.child import text_of
from interloom.runtime.core.asked import asked_in
from interloom.runtime.core.forms import check_form
from interloom.runtime.core.questions import (
    OpenAsk,
    Question,
    Response,
    dump,
    dump_response,
    load,
)
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Part, TaskState, TaskStatus
from interloom.runtime.values import Json, JsonObject

FIELD: Final = "answer"
"""Name of the one field of a question in words."""
MAX_QUESTIONS: Final = 50
"""Questions one agent may ask at a time (ours)."""
MAX_CHARS: Final = 10_000
"""Characters of a question in words (ours)."""
PATH: Final = " > "
"""Stands between the names of those who ask, the nearest first."""
_LINK: Final = re.compile(r"https?://[^\s<>\"']+")
_WORDS: Final = {"accept": "done", "decline": "decline", "cancel": "cancel"}


class Climbed(NamedTuple):
    """Questions of another agent, on their way to our caller.

    Attributes:
        questions: In its order, under its own names.
        is_plain: It asked in words, so it is answered in words.
    """

    questions: tuple[Question, ...]
    is_plain: bool = False

    def dump(self) -> JsonObject:
        """The questions as JSON; `load` gives them back."""
        return {"asked": dump([OpenAsk("", self.questions)]), "plain": self.is_plain}

    @classmethod
    def load(cls, saved: JsonObject) -> Climbed:
        """The questions that `dump` wrote."""
        (ask,) = load(cast("list[JsonObject]", saved["asked"]))
        return cls(ask.questions, saved["plain"] is True)

    def reply(self, responses: Sequence[Response]) -> Part:
        """The answers as the agent that asked takes them.

        Args:
            responses: One a question, in order.
        """
        if self.is_plain:
            return Part(text=_words(responses[0]))
        pairs = zip(self.questions, responses, strict=True)
        answers: dict[str, Json] = {asked.name: dump_response(said) for asked, said in pairs}
        return Part(data={"answers": answers}, media_type="application/json")


def climbed(status: TaskStatus, *, peer: str) -> Climbed:
    """What a waiting task asks, as our caller is asked.

    Args:
        status: INPUT_REQUIRED or AUTH_REQUIRED.
        peer: Our name for the agent; it goes before whoever the agent says has asked it.
    """
    asked = asked_in(status.message)
    if 0 < len(asked) <= MAX_QUESTIONS and all(map(_is_fit, asked)):
        return Climbed(tuple(replace(each, source=_path(peer, each.source)) for each in asked))
    return Climbed((_in_words(status, peer),), is_plain=True)


def _is_fit(question: Question) -> bool:
    """Whether answers can be held against it here, at a price that is known."""
    if question.mode == "url":
        return True
    try:
        check_form(question.schema)
    except LocalError:
        return False
    return True


def _in_words(status: TaskStatus, peer: str) -> Question:
    text = text_of(status.message)[:MAX_CHARS] or f"{peer} waits, and does not say for what."
    if status.state is TaskState.AUTH_REQUIRED:
        link = _LINK.search(text)
        url = "" if link is None else link.group().rstrip(".,;:!?)")
        return Question(peer, text, mode="url", url=url, source=peer)
    properties: JsonObject = {FIELD: {"type": "string"}}
    schema: JsonObject = {"type": "object", "properties": properties, "required": [FIELD]}
    return Question(peer, text, schema, source=peer)


def _path(peer: str, source: str) -> str:
    return f"{peer}{PATH}{source}" if source else peer


def _words(response: Response) -> str:
    if response.action == "accept" and response.content is not None and FIELD in response.content:
        return str(response.content[FIELD])
    return _WORDS[response.action]
