"""What A2A targets are asked, and what counts as an answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

TEXT: Final = ("A message of the size people send: a paragraph, not a book. " * 14)[:800]
"""The one text part of every message, 800 ASCII characters."""

EVENTS: Final = 4
"""Events of every stream: the task, WORKING, one artifact, COMPLETED."""

PAGE: Final = 50
"""Tasks on the page that is asked for."""

STOCK: Final = 100_000
"""Tasks in the store it is asked of."""

_HOLE: Final = "0" * 32


@dataclass(frozen=True, slots=True)
class Template:
    """An HTTP request with a hole of 32 characters where the message's id goes.

    The id must differ in every request: an agent may take a repeated `messageId` for a repeated
    message (A2A 1.0.1 section 3.3.1), and ours does. A fixed length keeps `Content-Length` right
    without building the request anew.

    Attributes:
        before: Request line, headers and body up to the id.
        after: The body from behind the id.
    """

    before: bytes
    after: bytes

    def fill(self, message_id: str) -> bytes:
        """The request for this id, which must be 32 ASCII characters."""
        return b"%b%b%b" % (self.before, message_id.encode("ascii"), self.after)


def send_message(*, port: int, path: str = "/", method: str = "SendMessage") -> Template:
    """A blocking SendMessage over JSON-RPC, or the same message to another method.

    Source: A2A 1.0.1 sections 3.2.1, 9.1 and 9.4.1.
    """
    message = {"messageId": _HOLE, "role": "ROLE_USER", "parts": [{"text": TEXT}]}
    params = {"message": message, "configuration": {"returnImmediately": False}}
    return _template({"id": 1, "method": method, "params": params}, port, path)


def list_tasks(*, port: int, path: str = "/") -> Template:
    """The first page of all tasks; the hole is the call's id.

    Source: A2A 1.0.1 sections 3.1.4 and 9.4.4.
    """
    return _template({"id": _HOLE, "method": "ListTasks", "params": {"pageSize": PAGE}}, port, path)


def _template(call: dict[str, object], port: int, path: str) -> Template:
    body = json.dumps({"jsonrpc": "2.0", **call}, separators=(",", ":"))
    head = (
        f"POST {path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Accept: application/json\r\n"
        "Content-Type: application/json\r\n"
        "A2A-Version: 1.0\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    before, after = (head + body).split(_HOLE)
    return Template(before.encode("ascii"), after.encode("ascii"))


def answer_of(reply: bytes) -> str | None:
    """The text a SendMessage reply carries, or None when it is not a finished answer.

    A message's only part, or the first artifact of a task that is COMPLETED.

    Source: A2A 1.0.1 sections 4.1.1, 4.1.4 and 9.4.1.
    """
    try:
        parsed = json.loads(reply)
    except ValueError:
        return None
    match parsed:
        case {"result": {"message": {"parts": [{"text": str(text)}]}}}:
            return text
        case {
            "result": {
                "task": {
                    "status": {"state": "TASK_STATE_COMPLETED"},
                    "artifacts": [{"parts": [{"text": str(text)}]}, *_],
                }
            }
        }:
            return text
        case _:
            return None


def streamed_answer_of(reply: bytes) -> str | None:
    """The text a whole stream carries, or None when it is not the four events that are due.

    Source: A2A 1.0.1 sections 3.1.2 and 9.4.2; the fields of an event are those of SSE.
    """
    lines = [line.removeprefix(b"data: ") for line in reply.splitlines() if line[:5] == b"data:"]
    try:
        results = [json.loads(line)["result"] for line in lines]
    except (ValueError, LookupError, TypeError):
        return None
    match results:
        case [
            {"task": {}},
            {"statusUpdate": {}},
            {"artifactUpdate": {"artifact": {"parts": [{"text": str(text)}]}}},
            {"statusUpdate": {"status": {"state": "TASK_STATE_COMPLETED"}}},
        ]:
            return text
        case _:
            return None


def page_of(reply: bytes) -> str | None:
    """How much a page of tasks holds and of how many, or None when it is no page.

    Source: A2A 1.0.1 section 3.1.4.
    """
    try:
        page = json.loads(reply)["result"]
        return _page_says(len(page["tasks"]), page["totalSize"])
    except (ValueError, LookupError, TypeError):
        return None


def _page_says(tasks: int, total: int) -> str:
    return f"{tasks} of {total}"


@dataclass(frozen=True, slots=True)
class Question:
    """What a target is asked again and again.

    Attributes:
        ask: Makes the request for a target's port and path.
        read: What a reply says, or None.
        answer: What it has to say.
        mark: Bytes that every reply must hold: looking for them is all that time allows.
    """

    ask: Callable[..., Template]
    read: Callable[[bytes], str | None]
    answer: str
    mark: bytes


def message_answered(answer: str) -> Question:
    """A message, answered with a text."""
    return Question(send_message, answer_of, answer, answer.encode())


def message_streamed(answer: str) -> Question:
    """A message, answered with a stream."""
    ask: Any = partial(send_message, method="SendStreamingMessage")
    return Question(ask, streamed_answer_of, answer, answer.encode())


def page_listed() -> Question:
    """A page of tasks."""
    return Question(list_tasks, page_of, _page_says(PAGE, STOCK), b'"totalSize":%d' % STOCK)
