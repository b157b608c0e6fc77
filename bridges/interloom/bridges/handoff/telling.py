"""Tells a task's caller how far a tool call is, not too often.

Source: DESIGN section 5 (`ours`): progress notifications and the status texts of MCP Tasks become
WORKING updates; basic/patterns/progress: both sides limit the rate.
"""

from __future__ import annotations

from typing import Final

import anyio

from interloom.bridges.handoff.pending import Made
from interloom.bridges.mcp.core.notices import LogLine, Notice, Progress
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import InterloomError
from interloom.runtime.telemetry.log import logger

EVERY_S: Final = 2.0
"""Seconds between two updates of one call; what comes between them is not told."""

log = logger("handoff")


class Telling:
    """What the caller hears of one call."""

    def __init__(self, task: TaskContext, made: Made, *, every_s: float = EVERY_S) -> None:
        self._task, self._made, self._every_s = task, made, every_s
        self._told_s: float | None = None
        self._last = ""

    async def heard(self, notice: Notice) -> None:
        """Pass on a notice of the server."""
        match notice:
            case Progress():
                await self.tell(_words(notice))
            case LogLine(level=level):
                log.debug("call.logged", server=self._made.server, level=level.value)

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
