"""The request every A2A target is sent, and what counts as an answer to it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

TEXT: Final = ("A message of the size people send: a paragraph, not a book. " * 14)[:800]
"""The one text part of every message, 800 ASCII characters."""

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


def send_message(*, port: int, path: str = "/") -> Template:
    """A blocking SendMessage over JSON-RPC.

    Source: A2A 1.0.1 sections 3.2.1, 9.1 and 9.4.1.
    """
    message = {"messageId": _HOLE, "role": "ROLE_USER", "parts": [{"text": TEXT}]}
    params = {"message": message, "configuration": {"returnImmediately": False}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
    body = json.dumps(call, separators=(",", ":"))
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
