"""How a story of the demo ends: with an exit status, whatever happens, also on a signal."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar, cast

import anyio

INTERRUPTED = 130

Failed = TypeVar("Failed", bound=Exception)


class Unexpected(Exception):
    """A step went otherwise than told."""


async def played(story: Callable[[], Awaitable[int]]) -> int:
    """Play a story; a signal ends it early, and every process with it.

    Returns:
        The exit status: the story's, or that of an interruption.
    """
    status = INTERRUPTED
    async with anyio.create_task_group() as group:
        group.start_soon(_end_on_signal, group.cancel_scope)
        status = await story()
        group.cancel_scope.cancel()
    return status


def leaves(group: ExceptionGroup[Failed]) -> Iterator[Failed]:
    """The errors in a group and in the groups within it."""
    for each in group.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from leaves(cast("ExceptionGroup[Failed]", each))
        else:
            yield each


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()
