"""What an older server logs, held against what single requests wish to hear.

Source: MCP 2025-11-25, server/utilities/logging: one level for a session. MCP 2026-07-28,
server/utilities/logging: one for each request. Each request drops what is below its own level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from interloom.bridges.mcp.core.notices import Level

_BY_GRAVITY: Final = tuple(Level)


class Levels:
    """The log level of one session after another."""

    def __init__(self) -> None:
        self._wished: Counter[Level] = Counter()
        self._set: Level | None = None

    @contextmanager
    def wishing(self, level: Level | None) -> Generator[None]:
        """Count a request's wish while the block runs; None for a request without one."""
        if level is not None:
            self._wished[level] += 1
        try:
            yield
        finally:
            if level is not None:
                self._wished[level] -= 1

    def due(self) -> Level | None:
        """The level to set: the least grave that is wished for; None when it is set."""
        least = next((level for level in _BY_GRAVITY if self._wished[level]), None)
        return None if least is self._set else least

    def told(self, level: Level | None) -> None:
        """The server was told a level; None when nobody knows, as in a new session."""
        self._set = level
