"""Work side by side whose one failure is raised as it was, and not in a group of one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def side_by_side() -> AsyncGenerator[TaskGroup]:
    """A task group; when one part fails, the others are cancelled.

    Ours: an author looks for the exception that was raised, not for how things were arranged.

    Raises:
        Exception: What the one that failed raised, as it was.
        ExceptionGroup: Several failed, because others raised while they were being cancelled;
            it holds what each of them raised.
    """
    failed: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            yield group
    except BaseExceptionGroup as several:
        failures = list(several.exceptions)
        if len(failures) > 1:
            raise
        failed = failures[0]
    if failed is not None:  # raised here, so that it keeps its own cause
        raise failed
