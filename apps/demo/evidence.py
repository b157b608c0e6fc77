"""What the logs of the demo prove: pure functions from text to numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import orjson


def tool_calls(journal: str) -> tuple[str | None, ...]:
    """The trace id of each `tools/call` that reached the tool server, by its own journal."""
    return tuple(
        trace_id if isinstance(trace_id := line.get("trace_id"), str) else None
        for line in _lines(journal)
        if line.get("method") == "tools/call"
    )


def trace_ids(log: str) -> frozenset[str]:
    """Every trace id a log of JSON lines names; lines that are no JSON object name none."""
    return frozenset(
        trace_id
        for line in _lines(log)
        if isinstance(trace_id := line.get("trace_id"), str) and trace_id
    )


def _lines(log: str) -> Iterator[dict[str, object]]:
    for line in log.splitlines():
        try:
            value: object = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            yield cast("dict[str, object]", value)  # the keys of a JSON object are text
