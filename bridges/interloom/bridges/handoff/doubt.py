"""What to do with a tool call nobody knows the outcome of. No I/O.

A request was intended, perhaps sent, and this process or the connection died before an answer
was stored. The tool may have run. Source: DESIGN section 4 (`ours`): never repeat silently,
unless the operator or the tool's owner said that repeating is safe; otherwise ask.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import Final

from interloom.runtime.core.questions import Question, Response
from interloom.runtime.values import Json


@unique
class Repeat(Enum):
    """An operator's word on repeating calls of a server whose outcome is unknown."""

    ASK = "ask"
    ALWAYS = "always"
    NEVER = "never"


@unique
class Verdict(Enum):
    """What the person who was asked decided."""

    RETRY = "retry"
    DONE = "done"
    FAIL = "fail"


RETRY: Final = "call it again"
DONE: Final = "it worked"
FAIL: Final = "give up"
_VERDICTS: Final = {RETRY: Verdict.RETRY, DONE: Verdict.DONE, FAIL: Verdict.FAIL}


def question(server: str, tool: str) -> Question:
    """Ask whether a call is to be repeated."""
    message = (
        f"The call to {tool} was interrupted before its answer arrived, so it may or may not have"
        " taken effect. What should happen?"
    )
    properties: dict[str, Json] = {
        "decision": {
            "type": "string",
            "oneOf": [{"const": word, "title": word} for word in (RETRY, DONE, FAIL)],
        },
        "result": {
            "type": "string",
            "description": "what the tool answered, if it worked and you know",
            "default": "",
        },
    }
    schema: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "required": ["decision"],
    }
    return Question(f"{tool}-interrupted", message, schema, source=server)


def verdict(response: Response) -> tuple[Verdict, str]:
    """The decision, and the result a person vouches for; a refusal to decide gives up."""
    content = response.content
    if response.action != "accept" or content is None:
        return Verdict.FAIL, ""
    return _VERDICTS[str(content["decision"])], str(content.get("result", ""))
