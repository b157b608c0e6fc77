"""Tells a task's caller how far a tool call is, and our log what its server logs; not too often.

Source: DESIGN section 5 (`ours`): progress notifications and the status texts of MCP Tasks become
WORKING updates; basic/patterns/progress: both sides limit the rate. MCP 2026-07-28,
server/utilities/logging: a request may ask for the server's log about it.
"""

from __future__ import annotations

import logging
from typing import Final

import anyio

from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.unsaid import without
from interloom.bridges.mcp.core.notices import Level, LogLine, Notice, Progress
from interloom.bridges.mcp.wire import Wishes
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

EVERY_S: Final = 2.0
"""Seconds between two updates of one call; what comes between them is not told."""

LOG_LINES: Final = 100
"""Lines of a server's log about one request that are logged; ours, a flood must not become ours."""

log = logger("handoff")
_NOTHING: Final[JsonObject] = {}


def wishes() -> Wishes:
    """What a call would like to hear: progress, and the server's log where ours is at DEBUG.

    Nobody else would read it; and logging is deprecated, so no server is asked for it in vain.
    """
    return Wishes(progress=True, log=Level.DEBUG if log.isEnabledFor(logging.DEBUG) else None)


class Telling:
    """What the caller hears of one call, and our log of one request.

    Args:
        task: On whose behalf the call is.
        made: Which call it is.
        sent: Params of the request; what the server's log repeats of them is not logged.
        every_s: Seconds between two updates at least.
    """

    def __init__(
        self,
        task: TaskContext,
        made: Made,
        *,
        sent: JsonObject = _NOTHING,
        every_s: float = EVERY_S,
    ) -> None:
        self._task, self._made, self._sent, self._every_s = task, made, sent, every_s
        self._logged = 0
        self._told_s: float | None = None
        self._last = ""

    async def heard(self, notice: Notice) -> None:
        """Pass on a notice of the server."""
        match notice:
            case Progress():
                await self.tell(_words(notice))
            case LogLine():
                self._note(notice)

    def _note(self, line: LogLine) -> None:
        self._logged += 1
        if self._logged > LOG_LINES:
            return
        made = self._made
        log.debug(
            "call.logged",
            task_id=made.task_id,
            server=made.server,
            tool=made.tool,
            severity=line.level.value,
            part=line.logger,
            said=without(line.data, self._sent),
        )

    async def tell(self, text: str) -> bool:
        """Tell the caller, unless it knows that already or was told something just now."""
        now_s = anyio.current_time()
        is_soon = self._told_s is not None and now_s - self._told_s < self._every_s
        if not text or text == self._last or is_soon:
            return False
        self._told_s, self._last = now_s, text
        try:
            await self._task.report(f"{self._made.tool}: {text}", key=f"progress/{self._made.key}")
        except InterloomError as error:  # the call goes on, whatever becomes of the news
            log.debug("call.not_told", task_id=self._made.task_id, code=error.code)
        return True


def _words(progress: Progress) -> str:
    if progress.message:
        return progress.message
    of = "" if progress.total is None else f" of {progress.total:g}"
    return f"{progress.value:g}{of}"
