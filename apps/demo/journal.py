"""What reached the tool server: one JSON line per HTTP request, refused ones included.

It listens beside the MCP SDK, not inside it, so that the count of calls is a count of what came
over the wire. Arguments, answers and `requestState` are never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Journal:
    """An ASGI application around another one, writing down what is exchanged.

    Attributes:
        questions: Names of the tool's questions in the order it asks them; the SDK ends the key
            of an input request with the name of the function that asks.
    """

    def __init__(self, app: ASGIApp, log: Path, *, questions: Sequence[str]) -> None:
        self._app = app
        self._log = log
        self.questions = tuple(questions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on unchanged; the line is on disk before the answer's last byte."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, answer = bytearray(), bytearray()

        async def hear() -> Message:
            message = await receive()
            request.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            answer.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._append(entry(bytes(request), bytes(answer), self.questions))
            await send(message)

        await self._app(scope, hear, say)

    def _append(self, line: dict[str, object]) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


def entry(request: bytes, answer: bytes, questions: Sequence[str]) -> dict[str, object]:
    """One line of the journal.

    Returns:
        `{"method": str | None, "tool": str | None, "round": int | None, "trace_id": str | None}`.
        `round` is n for a call that was answered with the n-th question, one more than there
        are questions for the call that was carried out, and None when nothing came of it.
    """
    message = _object(request)
    params = _member(message, "params")
    traceparent = _text(_member(params, "_meta"), "traceparent") or ""
    trace = _TRACEPARENT.fullmatch(traceparent)
    return {
        "method": _text(message, "method"),
        "tool": _text(params, "name"),
        "round": _round(_member(_object(answer), "result"), questions),
        "trace_id": trace[1] if trace else None,
    }


def _round(result: dict[str, object], questions: Sequence[str]) -> int | None:
    asked = tuple(_member(result, "inputRequests"))
    for number, question in enumerate(questions, start=1):
        if any(key.endswith(question) for key in asked):
            return number
    return len(questions) + 1 if "structuredContent" in result else None


def _object(text: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}  # JSON keys are text


def _member(value: dict[str, object], name: str) -> dict[str, object]:
    member = value.get(name)
    return cast("dict[str, object]", member) if isinstance(member, dict) else {}  # as above


def _text(value: dict[str, object], name: str) -> str | None:
    member = value.get(name)
    return member if isinstance(member, str) else None
