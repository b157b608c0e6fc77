"""A stream that goes on when it breaks: the task is subscribed to again, until it is over.

Source: A2A 1.0.1 section 3.1.6; WHATWG HTML 9.2 (`Last-Event-ID`). Ours: how long to pause, when to
give up, and that a task which ended meanwhile is fetched, so that its end is told in any case.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import anyio

from interloom.runtime.client.calls import Calls, Sending
from interloom.runtime.client.options import Resume
from interloom.runtime.client.seen import Seen
from interloom.runtime.errors import (
    InterloomError,
    PeerError,
    TransportError,
    Unavailable,
    UnsupportedOperation,
)
from interloom.runtime.model import (
    GetTaskRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
)

LINGER_S: Final = 1.0
"""Seconds an agent gets to end the stream of a task that is over."""
_PASSING: Final = (TransportError, Unavailable)
"""What may be otherwise in a moment."""


async def resumed(
    calls: Calls, sending: Sending, seen: Seen, manner: Resume
) -> AsyncGenerator[StreamResponse]:
    """The events of a stream, and of those that go on where it broke.

    Args:
        calls: Sends the requests.
        sending: The first of them.
        seen: What is known of the task; it says when the stream is over.
        manner: How often, and after which pauses.

    Raises:
        InterloomError: As for `Calls.events`; a break only before the task is known, after the time
            limit, or when nothing new came for as many streams as `manner` says.
    """
    pauses = manner.pauses()
    while True:
        broken: InterloomError | None = None
        try:
            async with aclosing(_told(calls, sending, seen)) as events:
                async for event in events:
                    pauses = manner.pauses()
                    yield event
        except _PASSING as error:
            broken = error
        if seen.is_settled or (broken is None and not manner.tries):
            return
        await _pause(next(pauses, None), broken, seen, sending)
        seen.broke()
        request = SubscribeToTaskRequest(id=seen.task_id)
        sending = replace(sending, name="SubscribeToTask", request=request, after=seen.last_id)


async def _told(calls: Calls, sending: Sending, seen: Seen) -> AsyncGenerator[StreamResponse]:
    """The news of one stream; of a task that is over, and so cannot be subscribed to, its end."""
    is_first = not seen.task_id
    try:
        async with aclosing(calls.events(sending)) as events:
            async for response, event_id in events:
                if seen.take(response, event_id):
                    yield response
                if seen.is_over:
                    break
            with anyio.move_on_after(LINGER_S):
                await anext(events, None)  # its end: the connection can be used again
    except UnsupportedOperation:
        if is_first:
            raise
        get = replace(sending, name="GetTask", request=GetTaskRequest(id=seen.task_id), after="")
        response = StreamResponse(task=await calls.answer(Task, get))
        if seen.take(response):
            yield response


async def _pause(
    pause_s: float | None, broken: InterloomError | None, seen: Seen, sending: Sending
) -> None:
    """Wait before the next stream; or raise, when there should be none."""
    if not seen.task_id or pause_s is None or anyio.current_time() >= sending.ends_at:
        raise broken or PeerError(_ended(seen))
    await anyio.sleep(min(pause_s, sending.ends_at - anyio.current_time()))


def _ended(seen: Seen) -> str:
    if not seen.task_id:
        return "the agent ended its stream without a task or a message"
    return "the agent keeps ending the stream of a task that is not over"
