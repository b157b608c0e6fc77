"""A process that serves the agents durability is measured with: STORE and LEASE are its arguments.

Orders come as JSON lines on stdin, each is answered by one on stdout, `{"ready": true}` before all.
Moments are those of the machine's clock, which all replicas of a run share.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import anyio
import orjson

from interloom.agents import Context, agent
from interloom.apps.stores import Place, opener
from interloom.bridges.handoff import Toolbox
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.operations import Operations
from interloom.runtime.model import (
    CancelTaskRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
)
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.serve.server import calm_collector
from interloom.runtime.values import JsonObject, RandomIds

Order: TypeAlias = Mapping[str, Any]
PATIENCE_S: Final = 60.0
TICK_S: Final = 0.01
AT_ONCE: Final = 64
"""Tasks that are begun at a time when many are wanted."""
_WORD: Final[JsonObject] = {"type": "string"}

_began, _stopped = anyio.Event(), anyio.Event()
_stopped_at: list[float] = []


@agent(name="stepper", description="Takes so many steps.")
async def stepper(ctx: Context) -> list[float]:
    """Milliseconds of each step."""

    async def nothing() -> int:
        return 1

    taken: list[float] = []
    for number in range(int(ctx.text)):
        began = time.perf_counter()
        await ctx.step(f"step-{number}", nothing)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


@agent(name="asker", description="Asks, and says when it went on.")
async def asker(ctx: Context) -> float:
    """The moment after the answer."""
    await ctx.ask("Well?", _WORD)
    return time.time()


@agent(name="ticker", description="Says what time it is, so many times.")
async def ticker(ctx: Context) -> str:
    """A chunk with the moment it was handed over, again and again."""
    for number in range(int(ctx.text)):
        await anyio.sleep(TICK_S)
        await ctx.artifact(str(time.time()), name="time", append=number > 0, last=False)
    return "done"


@agent(name="sitter", description="Works until it is stopped.")
async def sitter(ctx: Context) -> str:
    """Never ends; notes when it was stopped."""
    _began.set()
    try:
        await ctx.step("sit", anyio.sleep_forever)
    except anyio.get_cancelled_exc_class():
        _stopped_at.append(time.time())
        _stopped.set()
        raise
    return "never"


@agent(name="survivor", description="Says when it was begun the second time.")
async def survivor(ctx: Context) -> float:
    """Hangs in the process that is to be killed, whose id it is told."""

    async def work() -> float:
        if str(os.getpid()) == ctx.text:
            _began.set()
            await anyio.sleep_forever()
        return time.time()

    return float(str(await ctx.step("work", work)))


AGENTS: Final = (stepper, asker, ticker, sitter, survivor)


class Replica:
    """Carries out orders."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._ids = RandomIds()
        self.orders: Mapping[str, Callable[[Order], Awaitable[object]]] = {
            "send": self._send,
            "fill": self._fill,
            "ticks": self._ticks,
            "began": self._has_begun,
            "cancel": self._cancel,
            "stopped": self._has_stopped,
            "usage": self._usage,
        }

    async def _send(self, order: Order) -> object:
        """Send a message; the task's id, state and result."""
        message = Message(
            message_id=self._ids.fresh(),
            role=Role.USER,
            parts=(Part(text=order["text"]),),
            task_id=order.get("task", ""),
        )
        at_once = SendMessageConfiguration(return_immediately=order.get("at_once", False))
        request = SendMessageRequest(message=message, configuration=at_once)
        sent = time.time()
        caller = Caller("", order["agent"])
        task = orjson.loads(await self._operations.send_message(caller, request))["task"]
        parts = task.get("artifacts", [{}])[0].get("parts", [{}])
        return {"id": task["id"], "sent": sent, "result": parts[0].get("data")}

    async def _fill(self, order: Order) -> object:
        """Begin so many tasks that wait; their ids."""
        ids: list[str] = []
        left = int(order["tasks"])

        async def lane() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                begun: Any = await self._send({"agent": "asker", "text": "go"})
                ids.append(begun["id"])

        async with anyio.create_task_group() as lanes:
            for _ in range(AT_ONCE):
                lanes.start_soon(lane)
        return ids

    async def _ticks(self, order: Order) -> object:
        """Follow a ticker to its end; milliseconds from each tick to its arrival."""
        taken: list[float] = []
        wanted = SubscribeToTaskRequest(id=order["task"])
        async with self._operations.subscribe(Caller("", "ticker"), wanted) as stream:
            while not stream.follower.done:
                for event in await stream.follower.next(PATIENCE_S):
                    now, found = time.time(), orjson.loads(stream.follower.response(event))
                    if (update := found.get("artifactUpdate")) is None:
                        continue
                    said = [part.get("text", "done") for part in update["artifact"]["parts"]]
                    taken += [(now - float(text)) * 1e3 for text in said if text != "done"]
        return taken

    async def _has_begun(self, _: Order) -> object:
        global _began  # noqa: PLW0603 - the agents of this process are told apart by nothing else
        await _began.wait()
        _began = anyio.Event()
        return True

    async def _cancel(self, order: Order) -> object:
        """Cancel a task; the moment before."""
        at = time.time()
        wanted = CancelTaskRequest(id=order["task"])
        await self._operations.cancel_task(Caller("", "sitter"), wanted)
        return at

    async def _has_stopped(self, _: Order) -> object:
        """The moment the sitter was stopped."""
        global _stopped  # noqa: PLW0603 - as above
        await _stopped.wait()
        _stopped = anyio.Event()
        return _stopped_at[-1]

    async def _usage(self, order: Order) -> object:
        """Resident megabytes, and the share of a core over some seconds of doing nothing."""
        before, seconds = time.process_time(), float(order["seconds"])
        await anyio.sleep(seconds)
        share = (time.process_time() - before) / seconds
        statm = await anyio.Path("/proc/self/statm").read_text()
        return {"mb": int(statm.split()[1]) * resource.getpagesize() / 1e6, "share": share}


async def main(store: str, lease_s: float) -> None:
    """Serve, and obey until stdin ends."""
    bound = [each.bind(Toolbox({})) for each in AGENTS]
    runtime = Runtime(
        bound, opener(Place(store, lease_s=lease_s)), Settings(warm_s=0.0, grace_s=0.0)
    )
    async with runtime.open() as operations:
        calm_collector()
        replica = Replica(operations)
        _say({"ready": True})
        async for line in anyio.wrap_file(sys.stdin):
            order = orjson.loads(line)
            _say(await replica.orders[order["do"]](order))


def _say(answer: object) -> None:
    sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], float(sys.argv[2]))
