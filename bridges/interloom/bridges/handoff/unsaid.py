"""A server's words without what they repeat of a request; pure.

Source: `ours`, the rule of every log line here: no arguments, answers or `requestState` in it. MCP
2026-07-28, server/utilities/logging forbids servers to log credentials, but not what they were
sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from interloom.bridges.mcp.core.errors import clip
from interloom.runtime.values import Json, JsonObject

HIDDEN: Final = "[…]"
"""Stands for what was left out."""

LEAST_CHARS: Final = 3
"""What is shorter tells nothing, and would tear every other word apart; ours."""


def without(said: Json, sent: JsonObject) -> str:
    """One clipped line of what a server says, without what it repeats of a request.

    Args:
        said: Its words, any JSON.
        sent: Params of the request; every text and number in them is hidden but the tool's name.
            Names of fields are not.
    """
    line = said if isinstance(said, str) else orjson.dumps(said).decode()
    hidden = [value for key, value in sent.items() if key != "name"]
    found = {form for value in _leaves(hidden) for form in _forms(value)}
    for form in sorted(found, key=len, reverse=True):  # a whole before a part of it
        line = line.replace(form, HIDDEN)
    return clip(line)


def _leaves(value: Json) -> Iterator[str]:
    left: list[Json] = [value]
    while left:
        match left.pop():
            case str() as text:
                yield text
            case bool() | None:
                pass
            case int() | float() as number:
                yield str(number)
            case Mapping() as fields:
                left += fields.values()
            case items:
                left += items


def _forms(text: str) -> Iterator[str]:
    """A text as it is, and as it stands in JSON."""
    if len(text) >= LEAST_CHARS:
        yield text
        yield orjson.dumps(text).decode()[1:-1]
