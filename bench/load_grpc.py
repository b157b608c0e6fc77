"""The closed loop that drives a gRPC target: N calls in flight on one channel."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, cast

import anyio
import grpc
from grpc import aio

from bench.figures import Load
from bench.load import BadReply, Effort
from bench.process import Running
from bench.request import TEXT
from interloom.protos.a2a_pb2 import Message, Role, SendMessageRequest, SendMessageResponse

METHOD: Final = "/lf.a2a.v1.A2AService/SendMessage"
_GRACE_S: Final = 15.0

_VERSION: Final = (("a2a-version", "1.0"),)

_Call: TypeAlias = Callable[..., Awaitable[bytes]]


def request(message_id: str) -> bytes:
    """A blocking SendMessage as protobuf, the message every target is sent."""
    message = Message(message_id=message_id, role=Role.ROLE_USER, parts=[{"text": TEXT}])
    return SendMessageRequest(message=message).SerializeToString()


def answer_of(reply: bytes) -> str | None:
    """The text of a finished task's artifact, or None when it is anything else."""
    task = SendMessageResponse.FromString(reply).task
    texts = [part.text for artifact in task.artifacts for part in artifact.parts]
    return texts[0] if len(texts) == 1 else None


async def call_grpc(target: Running, effort: Effort, *, answer: str) -> Load:
    """Send SendMessage calls in a closed loop.

    Args:
        target: Whom to send them.
        effort: How many and for how long.
        answer: The text every reply must carry; looked for in all, parsed in the last of each loop.

    Raises:
        BadReply: One was wrong, or the target fell silent.
    """
    async with aio.insecure_channel(f"127.0.0.1:{target.port}") as channel:
        loops = _Loops(cast("_Call", channel.unary_unary(METHOD)), answer)
        try:
            with anyio.fail_after(effort.seconds + _GRACE_S):
                await loops.run(effort.in_flight, 0.0)
                loops.latencies_s.clear()
                before, begun = target.cpu_s(), time.perf_counter()
                await loops.run(effort.in_flight, effort.seconds)
                seconds, cpu_s = time.perf_counter() - begun, target.cpu_s() - before
        except* (TimeoutError, grpc.RpcError, BadReply) as why:
            raise BadReply(f"{target.name}: {why.exceptions[0]!r}") from None
    return Load(cpu_s, seconds, loops.latencies_s)


class _Loops:
    """Calls under way, each followed by another until the time is over."""

    def __init__(self, call: _Call, answer: str) -> None:
        self.latencies_s: list[float] = []
        self._call = call
        self._answer = answer
        # The id is the only thing that differs, and of a fixed length.
        self._before, self._after = request("0" * 32).split(b"0" * 32)

    async def run(self, in_flight: int, seconds: float) -> None:
        """Keep so many under way for so long; no time means exactly one each."""
        until = time.perf_counter() + seconds
        async with anyio.create_task_group() as group:
            for _ in range(in_flight):
                group.start_soon(self._repeat, until)

    async def _repeat(self, until: float) -> None:
        mark, reply, now = self._answer.encode(), b"", time.perf_counter()
        while now < until or not reply:
            message_id = secrets.token_hex(16).encode()
            body = b"%b%b%b" % (self._before, message_id, self._after)
            reply = await self._call(body, metadata=_VERSION)
            if mark not in reply:
                break
            begun, now = now, time.perf_counter()
            self.latencies_s.append(now - begun)
        if answer_of(reply) != self._answer:
            raise BadReply("not the answer due")
