"""A client that follows one task from process to process, by the numbers of its events.

It goes on with `Last-Event-ID` at whichever process answers, as `urn:interloom:stream:v1` promises,
and answers a doubt about an interrupted call when it is asked.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio
import orjson

from interloom.runtime.errors import InterloomError, PeerError, TransportError
from interloom.runtime.net.port import HttpPort, Limits
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.sse import Decoder

HEAD: Final = {"content-type": "application/json", "a2a-version": "1.0"}
PATIENT: Final = Limits(connect_s=2.0, total_s=None, idle_s=30.0)
QUICK: Final = Limits(connect_s=2.0, total_s=10.0, idle_s=10.0)
AGAIN_S: Final = 0.05
_OVER: Final = ("COMPLETED", "FAILED", "CANCELED", "REJECTED")


@dataclass(slots=True)
class Watched:
    """What one watcher saw.

    Attributes:
        name: What the task was told; names its effects, too.
        task_id: The task, once one process has taken the message.
        last: Number of the last event.
        state: The last state seen, without its prefix.
        gaps: Events that were missing.
        repeats: Events that came twice.
        allowed: Calls that may have been made twice, because we said so.
    """

    name: str
    task_id: str = ""
    last: int = 0
    state: str = ""
    gaps: int = 0
    repeats: int = 0
    allowed: int = 0


class Watcher:
    """One caller.

    Args:
        port: Sends its requests.
        place: Gives the URL of an agent at some process; another one each time.
        chance: Decides what is answered to a doubt.
    """

    def __init__(
        self, port: HttpPort, place: Callable[[], str], name: str, chance: random.Random
    ) -> None:
        self._port, self._place, self._chance = port, place, chance
        self.seen = Watched(name)

    async def run(self) -> None:
        """Begin a task and follow it to its end, whoever dies meanwhile."""
        while not self.seen.task_id:
            await self._try(self._begin)
        while self.seen.state not in _OVER:
            await self._try(self._follow)

    async def _try(self, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            await attempt()
        except InterloomError:
            await anyio.sleep(AGAIN_S)

    async def _begin(self) -> None:
        """Send the message; sent again, it has the same id and begins no second task."""
        result = await self._call(self._message(f"begin-{self.seen.name}", self.seen.name))
        self.seen.task_id = str(_inner(result, "task")["id"])

    def _message(self, message_id: str, text: str) -> JsonObject:
        message: JsonObject = {
            "messageId": message_id,
            "role": "ROLE_USER",
            "parts": [{"text": text}],
            "taskId": self.seen.task_id,
        }
        return {"message": message, "configuration": {"returnImmediately": True}}

    async def _call(self, params: JsonObject) -> JsonObject:
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
        async with self._port.send(
            "POST", self._place(), headers=HEAD, body=orjson.dumps(body), limits=QUICK
        ) as reply:
            answer = orjson.loads(await reply.read())
        if "result" not in answer:
            raise PeerError(str(answer.get("error")))
        found: JsonObject = answer["result"]
        return found

    async def _follow(self) -> None:
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "SubscribeToTask",
            "params": {"id": self.seen.task_id},
        }
        head = {**HEAD, "last-event-id": str(self.seen.last)}
        decoder = Decoder()
        async with self._port.send(
            "POST", self._place(), headers=head, body=orjson.dumps(body), limits=PATIENT
        ) as reply:
            if "event-stream" not in reply.headers.get("content-type", ""):
                raise TransportError("no stream", delivered=True)
            async for chunk in reply.chunks():
                for event in decoder.feed(chunk):
                    await self._take(event.id, orjson.loads(event.data))

    async def _take(self, number: str, frame: JsonObject) -> None:
        if "result" not in frame:
            raise TransportError("the stream ended with an error", delivered=True)
        seen, seq = self.seen, int(number)
        if seq <= seen.last:
            seen.repeats += 1
        elif seq != seen.last + 1:
            seen.gaps += seq - seen.last - 1
        seen.last = max(seq, seen.last)
        result = _inner(frame, "result")
        for kind in ("task", "statusUpdate"):
            if kind in result:
                status = _inner(_inner(result, kind), "status")
                seen.state = str(status["state"]).removeprefix("TASK_STATE_")
        if seen.state == "INPUT_REQUIRED":
            await self._answer(f"answer-{seen.name}-{seq}")

    async def _answer(self, message_id: str) -> None:
        """Say what is to become of an interrupted call, once for each time we are asked."""
        decision = self._chance.choice(["retry", "done: paid"])
        if decision == "retry":
            self.seen.allowed += 1
        while True:
            try:
                await self._call(self._message(message_id, decision))
            except TransportError:
                await anyio.sleep(AGAIN_S)
            else:
                return


def _inner(value: JsonObject, key: str) -> JsonObject:
    found = value[key]
    if not isinstance(found, dict):
        raise TransportError(f"{key} is no object", delivered=True)
    return found
