"""The question about a tool call nobody knows the outcome of, and what its answer says. No I/O.

A request was intended, perhaps sent, and this process or the connection died before an answer
was stored. The tool may have run. When `recovery` says so, the task's caller decides: call it
again, take it for done with a result the caller knows, or give up.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import Final, NamedTuple

from interloom.runtime.core.questions import Question, Response
from interloom.runtime.values import Json, JsonObject


@unique
class Verdict(Enum):
    """What the person who was asked decided."""

    RETRY = "retry"
    DONE = "done"
    FAIL = "fail"


class Decided(NamedTuple):
    """An answer to the question.

    Attributes:
        verdict: What is to be done.
        said: The result of the tool, for `DONE`: text, or JSON as text; may be empty.
    """

    verdict: Verdict
    said: str = ""


WORDS: Final = {
    Verdict.RETRY: "call it again",
    Verdict.DONE: "it worked",
    Verdict.FAIL: "give up",
}
"""The choices as a person reads them; either form answers."""


def question(server: str, tool: str, *, reason: str = "", is_refused: bool = False) -> Question:
    """Ask what is to become of a call.

    Args:
        server: Our name for its server.
        tool: Its tool.
        reason: Why the last answer was none, one sentence; empty at first.
        is_refused: The server does not take the answer to its own question.
    """
    what = f"The call to {tool} was interrupted before its answer arrived"
    if is_refused:
        what = f"The server does not go on with {tool}: its question has expired or was used up"
    message = f"{what}, so it may or may not have taken effect. What should happen?"
    choices: list[Json] = [{"const": each.value, "title": WORDS[each]} for each in Verdict]
    properties: dict[str, Json] = {
        "decision": {"type": "string", "oneOf": choices},
        "result": {
            "type": "string",
            "description": "what the tool answered, text or JSON, if it worked and you know",
            "default": "",
        },
    }
    schema: JsonObject = {"type": "object", "properties": properties, "required": ["decision"]}
    asked = f"{reason} {message}" if reason else message
    return Question(f"{tool}-interrupted", asked, schema, source=server)


def decided(response: Response) -> Decided:
    """The decision; a refusal to decide gives up."""
    content = response.content
    if response.action != "accept" or content is None:
        return Decided(Verdict.FAIL)
    return Decided(Verdict(content["decision"]), str(content.get("result", "")))
