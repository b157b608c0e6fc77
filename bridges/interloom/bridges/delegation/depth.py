"""How deep agents have called agents, carried in a message's metadata. No I/O.

Source: `ours` (DESIGN section 5, envelope extension); docs/delegation.md has the shape:

    metadata["urn:interloom:call:v1"] = {"path": ["concierge", "hotel"]}

Two agents that delegate to each other would go on for ever; each of their tasks would look sane.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from interloom.runtime.errors import LocalError
from interloom.runtime.model import Message
from interloom.runtime.values import Json, JsonObject

URI: Final = "urn:interloom:call:v1"
MAX_DEPTH: Final = 8
"""Agents one behind the other, the first one included (ours)."""
_NAME_CHARS: Final = 64


class TooDeep(LocalError):
    """One more agent would be one too many; the text names those that have called each other."""

    code = "TOO_DEEP"


def path_of(message: Message) -> tuple[str, ...]:
    """The agents that a message has come through, the first one first; empty for a person's.

    What is malformed counts as it can be counted: a peer gains nothing by it.
    """
    carried = (message.metadata or {}).get(URI)
    path = carried.get("path") if isinstance(carried, Mapping) else None
    if not isinstance(path, list):
        return ()
    return tuple(str(name)[:_NAME_CHARS] for name in path[: MAX_DEPTH + 1])


def further(message: Message, agent: str) -> tuple[str, ...]:
    """The path of what an agent sends on behalf of a message.

    Raises:
        TooDeep: The agent is the last that may work on it.
    """
    path = (*path_of(message), agent)
    if len(path) >= MAX_DEPTH:
        through = " > ".join(path)
        raise TooDeep(f"delegation is {len(path)} agents deep ({through}); no other is called")
    return path


def metadata(path: tuple[str, ...]) -> JsonObject:
    """What carries a path."""
    names: list[Json] = list(path)
    return {URI: {"path": names}}
