"""Completion of an argument that somebody is typing. No I/O.

Source: MCP 2026-07-28, server/utilities/completion; `CompleteRequest`, `CompleteResult` in
schema.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from interloom.bridges.mcp.core.errors import BadResult
from interloom.runtime.values import Json, JsonObject

METHOD: Final = "completion/complete"

MAX_VALUES: Final = 100
"""Values of one answer (schema.ts)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Whose argument is being typed.

    Attributes:
        kind: A prompt, or a resource.
        name: Name of the prompt; URI or URI template of the resource.
    """

    kind: Literal["prompt", "resource"]
    name: str

    def to_json(self) -> JsonObject:
        """`PromptReference` or `ResourceTemplateReference`."""
        key = "name" if self.kind == "prompt" else "uri"
        return {"type": f"ref/{self.kind}", key: self.name}


@dataclass(frozen=True, slots=True)
class Completion:
    """What could be meant.

    Attributes:
        values: Suggestions, best first.
        total: How many there are in all; None when the server does not say.
        has_more: There are more than these.
    """

    values: tuple[str, ...]
    total: int | None
    has_more: bool


def completion_params(
    of: Reference, argument: str, value: str, known: Mapping[str, str]
) -> JsonObject:
    """The params of a `completion/complete`.

    Args:
        of: Whose argument it is.
        argument: Its name.
        value: What was typed so far.
        known: Arguments that have their values already.
    """
    params: dict[str, Json] = {
        "ref": of.to_json(),
        "argument": {"name": argument, "value": value},
    }
    if known:
        params["context"] = {"arguments": dict(known)}
    return params


def read_completion(result: JsonObject, *, server: str) -> Completion:
    """Read a `CompleteResult`.

    Raises:
        BadResult: It has the wrong shape, or too many values.
    """
    found = result.get("completion")
    values = found.get("values") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(values, list):
        raise BadResult(server, METHOD, "completion.values must be an array")
    if len(values) > MAX_VALUES:
        raise BadResult(server, METHOD, f"completion.values holds more than {MAX_VALUES}")
    texts = tuple(value for value in values if isinstance(value, str))
    if len(texts) < len(values):
        raise BadResult(server, METHOD, "completion.values must hold strings")
    total = found.get("total")
    is_number = isinstance(total, int) and not isinstance(total, bool)
    return Completion(
        texts, total if is_number and isinstance(total, int) else None, found.get("hasMore") is True
    )
