"""What a server says on the way to a result: progress, and its log. No I/O.

Source: MCP 2026-07-28, basic/patterns/progress; server/utilities/logging (RFC 5424 severities).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, TypeAlias

from interloom.bridges.mcp.core.errors import clip
from interloom.bridges.mcp.core.fields import as_text
from interloom.bridges.mcp.core.frames import PREFIX, Notification
from interloom.runtime.values import Json

LOG_LEVEL: Final = PREFIX + "logLevel"
"""`_meta` key that asks for log messages of one request."""
PROGRESS: Final = "progressToken"
"""`_meta` key that asks for progress of one request."""


@unique
class Level(Enum):
    """How grave a log message is, least first."""

    DEBUG = "debug"
    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
    ALERT = "alert"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request is.

    Attributes:
        value: So far; grows from one to the next.
        total: At the end; None when unknown.
        message: In words, one clipped line; empty when there are none.
    """

    value: float
    total: float | None
    message: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A message of a server's log about one request.

    Attributes:
        level: How grave it is.
        logger: Which part of the server says it; empty when it does not say.
        data: What it says, any JSON.
    """

    level: Level
    logger: str
    data: Json


Notice: TypeAlias = Progress | LogLine
"""What a request may hear before its result."""


class Listening:
    """Reads the notifications of one request in order, and passes over what breaks a rule.

    A notification out of place changes no result, so none of them ends the request: progress under
    another token, progress that does not grow (basic/patterns/progress), a log message that was
    not asked for or is below the level asked for.

    Args:
        token: The request's progress token; None when it asked for none.
        level: The least grave level it asked for; None when it asked for no log.
    """

    def __init__(self, token: str | None, level: Level | None) -> None:
        self._token = token
        self._least = None if level is None else _GRAVITY[level]
        self._reached = -math.inf

    def read(self, said: Notification) -> Notice | None:
        """The notice in a notification, None when there is none for this request."""
        match said.method:
            case "notifications/progress":
                return self._progress(said)
            case "notifications/message":
                return self._line(said)
            case _:
                return None

    def _progress(self, said: Notification) -> Progress | None:
        value = _number(said.params.get("progress"))
        if self._token is None or said.params.get(PROGRESS) != self._token:
            return None
        if value is None or value <= self._reached:
            return None
        self._reached = value
        message = clip(as_text(said.params.get("message")))
        return Progress(value, _number(said.params.get("total")), message)

    def _line(self, said: Notification) -> LogLine | None:
        level = _BY_NAME.get(as_text(said.params.get("level")))
        if level is None or self._least is None or _GRAVITY[level] < self._least:
            return None
        return LogLine(level, clip(as_text(said.params.get("logger"))), said.params.get("data"))


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


_BY_NAME: Final = {level.value: level for level in Level}
_GRAVITY: Final = {level: gravity for gravity, level in enumerate(Level)}
