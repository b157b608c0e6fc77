"""Elicitations as a task's questions, and a task's responses as elicitation results. No I/O.

Source: MCP 2026-07-28 client/elicitation (`ElicitRequest`, `ElicitResult`); the question's shape
is `interloom.runtime.core.questions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from interloom.bridges.mcp.core.asks import Elicit
from interloom.bridges.mcp.core.errors import BadResult
from interloom.runtime.core.forms import check_form
from interloom.runtime.core.questions import Question, Response, dump_response
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json


def questions(requests: Mapping[str, Elicit], *, server: str, method: str) -> list[Question]:
    """One question a request, in the server's order.

    Args:
        requests: By the server's own keys.
        server: Our name for the server; a person must see who asks.
        method: The method that was answered with questions, for errors.

    Raises:
        BadResult: A form's schema is more than the flat form of the protocol.
    """
    return [_question(key, elicit, server, method) for key, elicit in requests.items()]


def _question(key: str, elicit: Elicit, server: str, method: str) -> Question:
    is_held_live = elicit.is_held_live
    if elicit.mode == "url":
        return Question(
            key,
            elicit.message,
            mode="url",
            url=elicit.url or "",
            source=server,
            is_held_live=is_held_live,
        )
    schema = elicit.schema or {}
    try:
        check_form(schema)
    except LocalError as broken:
        rule = f"requestedSchema of {key[:60]!r}: {broken}"
        raise BadResult(server, method, rule) from None
    return Question(key, elicit.message, schema, source=server, is_held_live=is_held_live)


def results(keys: Iterable[str], responses: Sequence[Response]) -> dict[str, Json]:
    """`inputResponses` for the retry: each key asked for with its `ElicitResult`."""
    return {key: dump_response(response) for key, response in zip(keys, responses, strict=True)}
